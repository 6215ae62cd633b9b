/* A folder for one test, a history in it, and small deployments. */
#pragma once

#include "pipelines/history/history.h"
#include "support/errors.h"

#include <criterion/criterion.h>

extern char *folder, *path; /* path: folder/journal.db, not made yet */
void folder_make(void);
void folder_remove(void);

History *open_history(HistoryMode mode);
/* r(N): version, image web at a digest of its own. */
gint64 add_release(History *history, const char *version, const char *revision);
Deployment *begin(History *history, const char *environment, gint64 release);
void finish(History *history, Deployment *deployment, DeploymentStatus status, int exit_code);
/* The kind, and a fragment of the message. Clears the error. */
void assert_error(GError **error, SlipwayErrorKind kind, const char *fragment);
#define assert_works(call) cr_assert(call, "%s", error == NULL ? "" : error->message)
