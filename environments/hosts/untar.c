/* Header by header; file bytes go to the disk as they come. */
#include "environments/hosts/untar.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/poison.h"

enum { BLOCK = 512, NAME_CAP = 64 << 10, ENTRIES_CAP = 200 * 1000 };

/* Offsets and lengths of the header's fields (POSIX.1-1988, ustar). */
enum {
  NAME = 0,
  NAME_LENGTH = 100,
  MODE = 100,
  MODE_LENGTH = 8,
  SIZE = 124,
  SIZE_LENGTH = 12,
  SUM = 148,
  SUM_LENGTH = 8,
  TYPE = 156,
  MAGIC = 257,
  PREFIX = 345,
  PREFIX_LENGTH = 155
};

typedef enum { TAKE_NOTHING, TAKE_FILE, TAKE_NAME, TAKE_PAX } Take;

struct Untar {
  char *destination;
  gint64 cap;
  Take take;
  gint64 left;    /* bytes of the entry */
  guint padding;  /* behind them */
  int file;       /* -1 */
  GString *words; /* of a name or a pax record */
  char *name;     /* of the next entry, when an extension gave it */
  guint entries, left_out;
  bool is_complete;
};

Untar *untar_new(const char *destination, gint64 cap) {
  Untar *untar = g_new0(Untar, 1);
  untar->destination = g_strdup(destination);
  untar->cap = cap;
  untar->file = -1;
  untar->words = g_string_new(NULL);
  return untar;
}

void untar_free(Untar *untar) {
  if (untar == NULL)
    return;
  if (untar->file >= 0)
    close(untar->file);
  g_free(untar->destination);
  g_free(untar->name);
  g_string_free(untar->words, TRUE);
  g_free(untar);
}

bool untar_is_complete(const Untar *untar) {
  return untar->is_complete;
}

guint untar_left_out(const Untar *untar) {
  return untar->left_out;
}

static bool parse_octal(const guint8 *field, gsize length, gint64 *number) {
  g_autofree char *text = g_strndup((const char *)field, length);
  char *end = NULL;
  g_strstrip(text);
  *number = (gint64)g_ascii_strtoull(text, &end, 8);
  return *end == '\0' && *number >= 0;
}

static bool has_sum(const guint8 *header) {
  gint64 sum = 0, wanted = 0;
  for (guint i = 0; i < BLOCK; i++)
    sum += i >= SUM && i < SUM + SUM_LENGTH ? ' ' : header[i];
  return parse_octal(header + SUM, SUM_LENGTH, &wanted) && sum == wanted;
}

static char *name_in(const guint8 *header) {
  g_autofree char *name = g_strndup((const char *)header + NAME, NAME_LENGTH);
  g_autofree char *before = g_strndup((const char *)header + PREFIX, PREFIX_LENGTH);
  const bool has_prefix = memcmp(header + MAGIC, "ustar\0", 6) == 0 && *before != '\0';
  return has_prefix ? g_strconcat(before, "/", name, NULL) : g_steal_pointer(&name);
}

/* Where an entry goes: its topmost name is the destination itself. NULL: nowhere. */
static char *place_of(const Untar *untar, const char *name) {
  g_auto(GStrv) parts = g_strsplit(name, "/", -1);
  g_autoptr(GString) path = g_string_new(untar->destination);
  guint depth = 0;
  if (name[0] == '/')
    return NULL;
  for (char **part = parts; *part != NULL; part++) {
    if (g_str_equal(*part, "..") || strlen(*part) > NAME_MAX)
      return NULL;
    if (**part == '\0' || g_str_equal(*part, "."))
      continue;
    if (depth++ > 0)
      g_string_append_printf(path, "/%s", *part);
  }
  return g_string_free(g_steal_pointer(&path), FALSE);
}

static bool make_folder(const char *path, GError **error) {
  return g_mkdir_with_parents(path, 0755) == 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY, "cannot make %s: %s", path, g_strerror(errno));
}

static bool open_file(Untar *untar, const char *path, gint64 mode, GError **error) {
  g_autofree char *folder = g_path_get_dirname(path);
  if (!make_folder(folder, error))
    return false;
  untar->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600 | (mode & 0777));
  return untar->file >= 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY, "cannot write %s: %s", path, g_strerror(errno));
}

static bool begin_entry(Untar *untar, const guint8 *header, GError **error) {
  g_autofree char *name = untar->name != NULL ? g_steal_pointer(&untar->name) : name_in(header);
  g_autofree char *path = place_of(untar, name);
  const char type = (char)header[TYPE];
  gint64 mode = 0;
  untar->take = TAKE_NOTHING;
  if (path != NULL && type == '5')
    return make_folder(path, error);
  if (path == NULL || (type != '0' && type != '\0') || !parse_octal(header + MODE, MODE_LENGTH, &mode)) {
    untar->left_out++;
    return true;
  }
  untar->cap -= untar->left;
  if (untar->cap < 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "it is too large: %s was not copied", name);
  untar->take = TAKE_FILE;
  return open_file(untar, path, mode, error);
}

static bool fail_archive(GError **error) {
  return fail(error, SLIPWAY_ERROR_UNREADY, "the engine sent something that is no archive");
}

static bool begin_block(Untar *untar, const guint8 *header, GError **error) {
  static const guint8 zeros[BLOCK];
  if (memcmp(header, zeros, BLOCK) == 0) {
    untar->is_complete = true;
    return true;
  }
  const char type = (char)header[TYPE];
  if (!has_sum(header) || !parse_octal(header + SIZE, SIZE_LENGTH, &untar->left) ||
      ++untar->entries > ENTRIES_CAP)
    return fail_archive(error);
  untar->padding = (guint)((BLOCK - untar->left % BLOCK) % BLOCK);
  g_string_truncate(untar->words, 0);
  const bool has_words = type == 'x' || type == 'L';
  if (has_words || type == 'g' || type == 'K') {
    untar->take = type == 'x' ? TAKE_PAX : type == 'L' ? TAKE_NAME : TAKE_NOTHING;
    return !has_words || untar->left <= NAME_CAP || fail_archive(error);
  }
  return begin_entry(untar, header, error);
}

/* "LENGTH KEY=VALUE\n" (POSIX.1-2001, pax): only the path matters. */
static void read_pax(Untar *untar) {
  const GString *words = untar->words;
  gsize at = 0;
  while (at < words->len) {
    char *end = NULL;
    const guint64 length = g_ascii_strtoull(words->str + at, &end, 10);
    if (end == NULL || *end != ' ' || length < 3 || length > words->len - at ||
        (gsize)(end - words->str) >= at + length)
      return;
    const char *record = end + 1;
    if (g_str_has_prefix(record, "path=")) {
      const char *value = record + strlen("path=");
      g_free(untar->name);
      untar->name = g_strndup(value, (gsize)(words->str + at + length - 1 - value));
    }
    at += length;
  }
}

static bool end_entry(Untar *untar, GError **error) {
  const int file = untar->file;
  untar->file = -1;
  if (untar->take == TAKE_PAX)
    read_pax(untar);
  if (untar->take == TAKE_NAME) {
    g_free(untar->name);
    untar->name = g_strdup(untar->words->str);
  }
  untar->take = TAKE_NOTHING;
  return file < 0 || close(file) == 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY, "a file could not be written: %s", g_strerror(errno));
}

static bool take_bytes(Untar *untar, const guint8 *bytes, guint count, GError **error) {
  if (untar->take == TAKE_NAME || untar->take == TAKE_PAX)
    g_string_append_len(untar->words, (const char *)bytes, count);
  for (guint done = 0; untar->take == TAKE_FILE && done < count;) {
    const ssize_t written = write(untar->file, bytes + done, count - done);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return fail(error, SLIPWAY_ERROR_UNREADY, "a file could not be written: %s", g_strerror(errno));
    done += (guint)written;
  }
  untar->left -= count;
  return untar->left > 0 || end_entry(untar, error);
}

bool untar_take(Untar *untar, GByteArray *pending, GError **error) {
  while (pending->len > 0) {
    guint count = 0;
    if (untar->is_complete) {
      count = pending->len; /* a second block of zeros, and padding */
    } else if (untar->left > 0) {
      count = (guint)MIN(untar->left, pending->len);
      if (!take_bytes(untar, pending->data, count, error))
        return false;
    } else if (untar->padding > 0) {
      count = MIN(untar->padding, pending->len);
      untar->padding -= count;
    } else if (pending->len < BLOCK) {
      return true;
    } else {
      count = BLOCK;
      if (!begin_block(untar, pending->data, error) || (untar->left == 0 && !end_entry(untar, error)))
        return false;
    }
    g_byte_array_remove_range(pending, 0, count);
  }
  return true;
}
