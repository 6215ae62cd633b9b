/* Phase `commit`: from here on a host's own word (`current`, journal) is the new deployment. */
#include <string.h>

#include "deployer/rollout/phases.h"
#include "host_scripts.h"
#include "support/errors.h"

#include "support/poison.h"

static bool step_commit(Worker *worker, char **detail, GError **error) {
  (void)detail;
  return worker_note(worker, host_script_commit, "succeeded", error);
}

static bool commit_worker(Worker *worker, GError **error) {
  return worker_step(worker, "commit", step_commit, error);
}

bool phase_commit(Rollout *rollout, GError **error) {
  return crew_run_all(rollout, commit_worker, error);
}
