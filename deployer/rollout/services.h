/* Which of a release's services a host runs: those without Compose profiles, and those of the host's own. */
#pragma once

#include "deployer/rollout/crew.h"

/* Of release `uid`, which is this deployment's or what was current when the host was opened: a set of names,
 * owned by it. NULL when the host does not say (an older slipway deployed it). Caller frees. */
GHashTable *worker_services(const Worker *worker, const char *uid);

/* What hosts can run at all, before any is touched: Compose 1.29 does not know `include`, and there has to be
 * a service for each host. SLIPWAY_ERROR_UNREADY naming the hosts. */
bool require_runnable(const Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Compose's word on which services it would run there, held against slipway's: `effective` is what `config`
 * printed for this deployment's release, which is on the host with its images. */
bool worker_check_services(Worker *worker, const HostReply *effective,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes those of `containers` (EngineContainer) whose service does not run there in release `uid`: for
 * Compose, a service of another profile is no orphan. Sets worker->is_touched before the first. */
bool worker_remove_strays(Worker *worker, const char *uid, const GPtrArray *containers,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
