/* Files of NAME=VALUE lines, as dotenv programs, Compose and `sops` have them: "export " before it is
 * skipped,
 * "#" begins a comment (on its own line, or behind a blank). A value is as it stands, without blanks around
 * it; within '…' anything goes, within "…" the escapes \n \r \t \" \\ \$ count; both may go over lines.
 * Nothing is interpolated. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "support/secret.h"

/* `value` is the parser's, and zeroed afterwards. */
typedef void (*DotenvTake)(const char *name, const SecretText *value, void *data);
/* In the order of the file: of a name that is there twice, the later counts. SLIPWAY_ERROR_CONFIG with the
 * line, and nothing of what stands in it; then what came before has been taken. */
bool dotenv_parse(const char *text, gsize length, DotenvTake take, void *data,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
