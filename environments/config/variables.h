/* What an environment's variables are for one deployment: the values of slipway.yml with the references in
 * them followed, and those of --set. Only "${" begins a reference (interpolate.h): ${NAME} is another of
 * these variables, in any order, or one of the builtins (SLIPWAY_APP …); ${env:NAME} is the controller's
 * environment; both with ":-default" and ":?message". */
#pragma once

#include "environments/config/config.h"

/* `builtins` and `set`: NamedValue; `set` may be NULL, its values are taken as they are. *variables:
 * NamedValue in the order of the file, then what only `set` has; caller frees. SLIPWAY_ERROR_CONFIG with all
 * problems, a line each: a reference to nothing, to a secret, in a circle, malformed; a `:?` that speaks. */
bool variables_resolve(const Environment *environment, const GPtrArray *builtins, const GPtrArray *set,
                       GPtrArray **variables, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The KEY=VALUE texts of --set as NamedValue; of a KEY given twice the last counts. `texts` may be NULL:
 * none. SLIPWAY_ERROR_USAGE: no such form, KEY is no name, begins with SLIPWAY_ or is a secret of the
 * environment. */
bool variables_parse_set(const Environment *environment, const GPtrArray *texts, GPtrArray **set,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
