/* Files of NAME=VALUE lines, as dotenv programs and `sops` write them: "export " before it is skipped, "#"
 * begins a comment (on its own line, or behind a blank). A value is as it stands, without blanks around it;
 * within '…' anything goes, within "…" the escapes \n \r \t \" \\ \$ count; both may go over lines. Nothing
 * is interpolated. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "support/secret.h"

/* *values: name -> Secret, the last of each name; caller frees. SLIPWAY_ERROR_CONFIG with the line, and
 * nothing of what stands in it. */
bool secrets_parse_dotenv(const char *text, gsize length, GHashTable **values,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
