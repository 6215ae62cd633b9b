/* Phase `ready` of the commands that have no target: down, prune. */
#include "deployer/rollout/abandoned.h"
#include "deployer/rollout/import.h"
#include "deployer/rollout/phases.h"

#include "support/poison.h"

bool phase_ready(Rollout *rollout, const char *holder, GError **error) {
  const RolloutRequest *request = rollout->request;
  guint imported = 0;
  reporter_phase(request->reporter, "ready");
  if (!phase_connect(rollout, holder, error) || !import_foreign(rollout, &imported, error) ||
      !situation_read_locked(request->history, request->config, request->environment->name,
                             rollout->deployment->id, &rollout->fresh, error))
    return false;
  rollout->situation = rollout->fresh;
  return close_abandoned(rollout, error);
}
