/* Programs that an inventory asks: the command of slipway.yml, a profile's credential_process. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "support/secret.h"

/* What it wrote to stdout. `directory` NULL: it runs in the current one. SLIPWAY_ERROR_UNREADY: it cannot be
 * started, fails (with the last lines of its stderr), takes longer than timeout_ms or says more than `cap`
 * bytes; SLIPWAY_ERROR_INTERRUPTED. */
bool ask_program(const char *const *argv, const char *directory, gint64 timeout_ms, gsize cap,
                 SecretText **said, GError **error) G_GNUC_WARN_UNUSED_RESULT;
