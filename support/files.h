/* Files, whole: capped reading, and writing that is there completely or not at all. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Reads at most `cap` bytes; a larger file, a folder or a special file fails. Kind: SLIPWAY_ERROR_CONFIG. */
bool file_read(const char *path, gsize cap, GBytes **bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Temporary name, fsync, rename(2), fsync of the folder. Kind: SLIPWAY_ERROR_CONFIG (recast where another
 * fits). */
bool file_write(const char *path, const void *bytes, gsize length, int mode,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* "~" and "~/…" by $HOME; relative ones against `folder`. Caller frees. */
char *path_resolve(const char *folder, const char *path);
