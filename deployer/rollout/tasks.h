/* tasks.before, .verify and .after (design §6): in a one-off container of the new release, or on the
 * controller. Only where something new is brought: not for rollbacks, --as-is and restoring. Each run is a
 * step with its output. */
#pragma once

#include "deployer/rollout/crew.h"

/* Every program, service and file that the tasks name is there, and some host that takes part runs the
 * service. SLIPWAY_ERROR_CONFIG, SLIPWAY_ERROR_USAGE where --host leaves it out. */
bool tasks_check(const RolloutRequest *request, const Target *target,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Once it is known which hosts are skipped: some host that takes part runs the service of each task.
 * SLIPWAY_ERROR_UNREADY. */
bool tasks_require_hosts(const Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* First removes what the tasks of a killed deployment left behind. Where there are tasks, rollout->stage is
 * STAGE_BEFORE from here on. A failure of these is SLIPWAY_ERROR_DEPLOY (UNREADY when it is a host's), or
 * SLIPWAY_ERROR_INTERRUPTED. */
bool phase_before(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool phase_verify(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Failures are warnings. */
void phase_after(Rollout *rollout);

/* The task runs in this environment. */
bool task_is_for(const TaskConfig *task, const Environment *environment);
/* NULL: there is no such service. Borrowed. */
const ComposeService *project_find_service(const ComposeProject *project, const char *name);
