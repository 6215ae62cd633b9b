/* POSIX ustar (IEEE 1003.1, pax, "ustar Interchange Format"). A path that does not fit name and prefix goes
 * in front as a GNU "L" entry rather than a pax header: GNU tar and libarchive read both, busybox only skips
 * pax headers. */
#include "environments/compose/archive.h"

#include <string.h>

#include "support/secret.h"

#include "support/poison.h"

enum { BLOCK = 512, FOLDER_MODE = 0755 };

typedef struct {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
  char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], padding[12];
} Header;
G_STATIC_ASSERT(sizeof(Header) == BLOCK);

struct Archive {
  SecretText *bytes;   /* an env file may be in it */
  GHashTable *folders; /* set of paths */
};

Archive *archive_new(void) {
  Archive *archive = g_new0(Archive, 1);
  archive->bytes = secret_text_new();
  archive->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  return archive;
}

/* Octal digits and the NUL that ends them. */
static void set_number(char *field, gsize size, gsize number) {
  g_snprintf(field, size, "%0*zo", (int)size - 1, number);
}

/* Into name, or prefix and name, without an end mark when full. False when it does not fit. */
static gboolean set_path(Header *header, const char *path) {
  gsize length = strlen(path);
  if (length <= sizeof header->name) {
    memcpy(header->name, path, length);
    return TRUE;
  }
  for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    gsize before = (gsize)(slash - path), after = length - before - 1;
    if (before > sizeof header->prefix)
      return FALSE;
    if (before > 0 && after > 0 && after <= sizeof header->name) {
      memcpy(header->prefix, path, before);
      memcpy(header->name, slash + 1, after);
      return TRUE;
    }
  }
  return FALSE;
}

static void append_padded(SecretText **bytes, const void *data, gsize length) {
  static const char zeros[BLOCK];
  if (length > 0)
    secret_text_append(bytes, data, length);
  secret_text_append(bytes, zeros, (BLOCK - length % BLOCK) % BLOCK);
}

static void append_entry(SecretText **bytes, const char *path, char type, guint mode, const void *data,
                         gsize length) {
  Header header = {.type = type, .magic = "ustar", .version = {'0', '0'}};
  if (!set_path(&header, path)) {
    append_entry(bytes, "././@LongLink", 'L', 0, path, strlen(path) + 1);
    memcpy(header.name, path, sizeof header.name);
  }
  set_number(header.mode, sizeof header.mode, mode);
  set_number(header.uid, sizeof header.uid, 0);
  set_number(header.gid, sizeof header.gid, 0);
  set_number(header.size, sizeof header.size, length);
  set_number(header.mtime, sizeof header.mtime, 0);
  /* The sum over the header with spaces in its own place. */
  memset(header.checksum, ' ', sizeof header.checksum);
  gsize sum = 0;
  for (gsize i = 0; i < sizeof header; i++)
    sum += ((const guint8 *)&header)[i];
  set_number(header.checksum, sizeof header.checksum - 1, sum);
  append_padded(bytes, &header, sizeof header);
  append_padded(bytes, data, length);
}

static void add_folder(Archive *archive, const char *path, guint mode) {
  if (!g_hash_table_add(archive->folders, g_strdup(path)))
    return;
  g_autofree char *with_slash = g_strconcat(path, "/", NULL);
  append_entry(&archive->bytes, with_slash, '5', mode, NULL, 0);
}

void archive_add(Archive *archive, const char *path, guint mode, GBytes *bytes) {
  for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    g_autofree char *folder = g_strndup(path, (gsize)(slash - path));
    add_folder(archive, folder, FOLDER_MODE);
  }
  if (bytes == NULL) {
    add_folder(archive, path, mode);
    return;
  }
  gsize length = 0;
  const void *data = g_bytes_get_data(bytes, &length);
  append_entry(&archive->bytes, path, '0', mode, data, length);
}

void archive_assume(Archive *archive, const char *path) {
  g_hash_table_add(archive->folders, g_strdup(path));
}

GBytes *archive_pause(Archive *archive) {
  GBytes *bytes = secret_text_to_bytes(archive->bytes);
  g_hash_table_unref(archive->folders);
  g_free(archive);
  return bytes;
}

GBytes *archive_finish(Archive *archive) {
  static const char end[2 * BLOCK];
  secret_text_append(&archive->bytes, end, sizeof end);
  return archive_pause(archive);
}
