/* What a host really runs, asked of Compose and the engine. */
#pragma once

#include "deployer/rollout/crew.h"

/* "SERVICE HASH" lines of Compose: service -> hash. */
GHashTable *compose_hashes(const char *text);
/* Whether the host's containers are exactly those of its release folder `uid`: every service has containers,
 * all with Compose's hash for it, and no other service has any. False as well when the folder is not there.
 */
bool worker_runs_release(Worker *worker, const char *uid, bool *runs,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
