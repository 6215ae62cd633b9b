/* The secrets that a host keeps of a release: in its env file, and in FOLDER/secrets. */
#pragma once

#include "deployer/rollout/crew.h"

/* *values: name -> Secret; empty where the release is not there, or has none. All are registered for
 * redaction. One round trip where the manifest is known (the current release's) and says that there are
 * secrets, none where it says that there are not. SLIPWAY_ERROR_UNREADY: the host was lost. */
bool worker_read_kept_secrets(Worker *worker, const char *uid, GHashTable **values,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of what runs there, only so that it is not shown: for commands that pass on what containers write. The
 * worker is connected. */
bool worker_learn_secrets(Worker *worker, GError **error) G_GNUC_WARN_UNUSED_RESULT;
