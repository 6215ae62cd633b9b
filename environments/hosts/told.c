/* The words of opening.sh and unlock.sh, taken apart. */
#include "environments/hosts/told.h"

#include <string.h>

#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum { NAMES_CAP = 100000 };

void told_clear(Told *told) {
  g_clear_pointer(&told->values, g_hash_table_unref);
  g_clear_pointer(&told->releases, g_hash_table_unref);
  g_clear_pointer(&told->files, g_hash_table_unref);
  g_clear_pointer(&told->secrets, g_hash_table_unref);
}

static void free_string(gpointer text) {
  g_string_free(text, TRUE);
}

static void told_init(Told *told) {
  told->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_string);
  told->releases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  told->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  told->secrets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void told_add(Told *told, const char *name, const char *value, gsize length) {
  GHashTable *lists[] = {told->releases, told->files, told->secrets};
  const char *list_names[] = {"releases", "files", "secrets"};
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
    if (strcmp(name, list_names[i]) != 0)
      continue;
    if (g_hash_table_size(lists[i]) < NAMES_CAP)
      g_hash_table_add(lists[i], g_strndup(value, length));
    return;
  }
  g_hash_table_replace(told->values, g_strdup(name), g_string_new_len(value, (gssize)length));
}

/* One word at `text`, of at most `left` bytes; its whole length, or 0 when it is malformed. */
static gsize told_take(Told *told, const char *text, gsize left) {
  const char *end = memchr(text, '\0', left);
  const gsize name_length = strcspn(text, " :");
  if (end == NULL || text[name_length] == '\0')
    return 0;
  g_autofree char *name = g_strndup(text, name_length);
  const char *value = text + name_length + 1;
  if (text[name_length] == ' ') {
    told_add(told, name, value, (gsize)(end - value));
    return (gsize)(end + 1 - text);
  }
  const char *bytes = end + 1;
  const gsize room = left - (gsize)(bytes - text);
  gint64 length = 0;
  if (!number_parse(value, 0, G_MAXINT32, &length) || (gsize)length + 1 > room || bytes[length] != '\0')
    return 0;
  told_add(told, name, bytes, (gsize)length);
  return (gsize)(bytes + length + 1 - text);
}

bool told_parse(Told *told, const GString *out, GError **error) {
  told_init(told);
  for (gsize at = 0; at < out->len;) {
    const gsize length = told_take(told, out->str + at, out->len - at);
    if (length == 0)
      return fail(error, SLIPWAY_ERROR_UNREADY, "the script's answer is malformed");
    at += length;
  }
  return true;
}

const GString *told_bytes(const Told *told, const char *name) {
  return g_hash_table_lookup(told->values, name);
}

const char *told_text(const Told *told, const char *name) {
  const GString *value = told_bytes(told, name);
  return value == NULL ? "" : value->str;
}
