/* The secrets that a host keeps of releases: in their env files, and in FOLDER/secrets. */
#pragma once

#include "deployer/rollout/crew.h"

/* *values: release -> (name -> Secret), of all releases that are there: what an attempt left runs although it
 * is not `current`. All are registered for redaction; where a manifest does not tell which variables are
 * secrets, all of its release's. What cannot be read is left out. One round trip, none where no release is;
 * 64 MiB at most. SLIPWAY_ERROR_UNREADY: the host was lost. */
bool worker_read_kept_secrets(Worker *worker, GHashTable **values, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Only so that they are not shown, for commands that pass on what containers write: here what cannot be read
 * is SLIPWAY_ERROR_UNREADY, too. The worker is connected. */
bool worker_learn_secrets(Worker *worker, GError **error) G_GNUC_WARN_UNUSED_RESULT;
