/* `prune ENV`: what phase_prune does after each deployment, by command, on locked hosts. */
#pragma once

#include "deployer/rollout/rollout.h"

/* What a host was rid of; with RolloutRequest.dry_run, what it would be. char * in the arrays. */
typedef struct HostPruned {
  char *host;
  char *problem;        /* why not, or not all of it; NULL */
  GPtrArray *releases;  /* "d3" */
  GPtrArray *files;     /* hashes: what only those mounted */
  GPtrArray *leftovers; /* of uploads that were killed */
  GPtrArray *images;    /* "repository@sha256:…" */
  gint64 bytes;         /* freed; with dry_run at most that, as images may share layers */
  gint64 inodes;        /* of folders and files: the engine does not tell those of images */
} HostPruned;
HostPruned *host_pruned_new(const char *host);
void host_pruned_free(HostPruned *pruned);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostPruned, host_pruned_free)

/* *hosts (HostPruned, in the order of the inventory, free function set) also when some host failed; NULL when
 * it did not come to that. Settles deployments whose slipway is gone. SLIPWAY_ERROR_UNREADY, REFUSED (a
 * lock), STORE. */
bool rollout_prune(const RolloutRequest *request, GPtrArray **hosts,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
