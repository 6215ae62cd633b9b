/* Deployments that another history made: found in the hosts' journals, described by their manifests and
 * snapshots, recorded here (design §2.5, §6). Hosts are believed about themselves only after a check: ids,
 * sizes, hashes. What cannot be read is left out, with a warning. */
#pragma once

#include "deployer/rollout/crew.h"

/* Every worker that is not skipped is connected and locked. Records each deployment of the journals that
 * `request->history` lacks, in the order in which they ended, and says so through the reporter. An imported
 * one without an outcome, of which nobody saw the end, is `running`: read the situation again, then
 * close_abandoned settles it. Nothing is asked of a host unless a deployment is missing. *imported: how many.
 * SLIPWAY_ERROR_STORE; SLIPWAY_ERROR_UNREADY when a host is lost meanwhile. */
bool import_foreign(Rollout *rollout, guint *imported, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Connects to the environment's hosts, locks them, imports, settles what was abandoned, and lets them go:
 * `history import`, and what `rollback` offers where the history is empty. Errors as phase_connect's. */
bool import_all(const RolloutRequest *request, guint *imported, GError **error) G_GNUC_WARN_UNUSED_RESULT;
