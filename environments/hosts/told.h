/* What scripts/opening.sh and unlock.sh tell, parsed: `name value` or `name:length` and so many bytes, each
 * ended by NUL. Only for the files beside this one. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  GHashTable *values; /* name -> the last value told: GString, NUL-terminated beyond its length */
  GHashTable *releases, *files, *secrets; /* sets of the names told under these */
} Told;
void told_clear(Told *told);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Told, told_clear)

/* SLIPWAY_ERROR_UNREADY: malformed. `told` may be cleared in any case. */
bool told_parse(Told *told, const GString *out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* NULL when it was not told. */
const GString *told_bytes(const Told *told, const char *name);
/* "" when it was not told. */
const char *told_text(const Told *told, const char *name);
