/* Environments that live for one deployment (`ephemeral: true`): each has a place of its own on its hosts, so
 * that two builds on one machine do not meet, and is removed whatever happens; what a killed one left is
 * removed by the next. */
#pragma once

#include "deployer/rollout/crew.h"

/* "APP--ENV": the name of the Compose project and of the folder on the hosts. Caller frees. */
char *environment_place(const Config *config, const Environment *environment);
/* The same for one deployment: of an ephemeral environment "APP--ENV--" and the end of its uid; a uid of NULL
 * (a plan) says nothing. Caller frees. */
char *deployment_place(const Config *config, const Environment *environment, const char *uid);

/* What has no meaning there: rollback, down, --as-is. SLIPWAY_ERROR_USAGE. */
bool ephemeral_check(const RolloutRequest *request, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The following do nothing for other environments. */

/* Removes what runs left behind whose slipway is gone, on the hosts that are connected. Failures are
 * warnings.
 */
void ephemeral_sweep(Rollout *rollout);
/* The same by command (`prune`), in an ephemeral environment's own short-lived place; notes it in
 * worker->pruned, and with dry_run does no more. */
bool ephemeral_prune(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* No port that Compose's effective configuration publishes is taken on the host. SLIPWAY_ERROR_UNREADY naming
 * each, and who has it. */
bool ephemeral_require_ports(Worker *worker, const char *effective, gsize length,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The failure of a phase: keeps the logs of all services, then as rollout_fail, without putting back: what
 * there is will be removed. Always false. */
bool ephemeral_fail(Rollout *rollout, const GError *cause, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Containers, networks, volumes, folder. A failure is a warning: the next deployment tries again. */
void ephemeral_tear_down(Rollout *rollout);
