/* Unpacking an archive that somebody else made, as it comes: POSIX.1-1988 ustar with the pax and GNU
 * extensions for long names, which the engine's /containers/ID/archive sends. Files and folders only: links,
 * devices and the like are left out, and so is whatever would land outside the destination. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Untar Untar;
/* The archive's topmost name becomes `destination` (an absolute path), a file or a folder; folders above it
 * are made. At most `cap` bytes of files. */
Untar *untar_new(const char *destination, gint64 cap);
void untar_free(Untar *untar);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Untar, untar_free)

/* Takes what it can of `pending` and removes it. SLIPWAY_ERROR_UNREADY: no archive, too much, or a file that
 * cannot be written. */
bool untar_take(Untar *untar, GByteArray *pending, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The archive had its end; else it was cut off. */
bool untar_is_complete(const Untar *untar);
guint untar_left_out(const Untar *untar); /* entries */
