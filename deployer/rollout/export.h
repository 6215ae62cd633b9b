/* Bringing files back from a host's folder of an environment: what import.c rebuilds a snapshot from. */
#pragma once

#include "deployer/rollout/crew.h"

/* The content of one file, in the order of the paths; NULL: it is not there, is larger than `largest`, or the
 * host's answer made no sense. False ends it all. */
typedef bool (*ExportTake)(guint index, GBytes *bytes, void *data, GError **error);

/* `paths`: char *, below the worker's folder. Files come in pieces, so that no answer is too large; each is
 * held in memory once. SLIPWAY_ERROR_UNREADY: the host was lost; else what `take` says. */
bool worker_export(Worker *worker, const GPtrArray *paths, gint64 largest, ExportTake take, void *data,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
