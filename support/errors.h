/* The one error vocabulary. A function that can fail returns bool (true is success) and takes `GError
 * **error` last:
 *
 *   if (access(path, R_OK) != 0)
 *     return fail(error, SLIPWAY_ERROR_CONFIG, "%s: %s", path, g_strerror(errno));
 *   if (!host_open(host, error))
 *     return prefix(error, "%s: ", host->name);        // context, once per layer; the cause stays
 *
 * Only main prints an error and chooses an exit code from its kind (deployer/main.c). */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define SLIPWAY_ERROR (slipway_error_quark())
GQuark slipway_error_quark(void);

/* What each means for the exit status is one table: deployer/output/exit_status.c. */
typedef enum {
  SLIPWAY_ERROR_USAGE,       /* the command line is wrong; nothing was touched */
  SLIPWAY_ERROR_CONFIG,      /* slipway.yml or a Compose file is wrong; nothing was touched */
  SLIPWAY_ERROR_REFUSED,     /* a gate, lock, confirmation, a bad release; nothing was touched */
  SLIPWAY_ERROR_UNREADY,     /* host, registry or secret could not be made ready; no container was changed */
  SLIPWAY_ERROR_DEPLOY,      /* failed; every host is known to run what it ran before */
  SLIPWAY_ERROR_BROKEN,      /* failed; at least one host is not known to be on a good deployment */
  SLIPWAY_ERROR_STORE,       /* the history could not be read or written */
  SLIPWAY_ERROR_INTERRUPTED, /* interrupted; hosts were put back first */
  SLIPWAY_ERROR_COMMAND,     /* `run`, `exec`: the command of the user's could not be run */
} SlipwayErrorKind;

/* Sets *error (when error is not NULL) and returns false. */
bool fail(GError **error, SlipwayErrorKind kind, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Puts the formatted text before *error's message and returns false; the kind stays. */
bool prefix(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

#ifdef __clang_analyzer__ /* it does not look into other files: both always return false */
#define fail(...)   ((void)(fail)(__VA_ARGS__), false)
#define prefix(...) ((void)(prefix)(__VA_ARGS__), false)
#endif

/* Gives *error another kind, the message stays; returns false. For a layer that knows better what a failure
 * means. */
bool recast(GError **error, SlipwayErrorKind kind);

bool error_is(const GError *error, SlipwayErrorKind kind);
