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
/* Runs `work` in a process of its own; true when it exits with 0. A failing assert_works ends it with 1:
 * Criterion's own assertions belong to the test's process. */
bool works_in_child(void (*work)(void));
/* The same without waiting. */
pid_t start_child(void (*work)(void));
bool child_worked(pid_t child);
extern bool is_child;
void end_child(const GError *error) G_GNUC_NORETURN;

#define assert_works(call)                                                                                   \
  do {                                                                                                       \
    bool works = (call);                                                                                     \
    if (!works && is_child)                                                                                  \
      end_child(error);                                                                                      \
    cr_assert(works, "%s", error == NULL ? "" : error->message);                                             \
  } while (0)
