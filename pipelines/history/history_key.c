/* The key of the hashes that secrets go by in the history: random, in a file of its own beside it, so that
 * who has only the history cannot try values. */
#include "pipelines/history/history_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "support/files.h"
#include "support/poison.h"

enum { KEY_BYTES = 32 };

/* Complete under its name, or not there; another process may have been first. */
static bool write_key(const char *path, const guint8 *key) {
  g_autofree char *temporary = g_strconcat(path, ".XXXXXX", NULL);
  int descriptor = mkostemp(temporary, O_CLOEXEC); /* 0600 */
  if (descriptor < 0)
    return false;
  bool is_written = write(descriptor, key, KEY_BYTES) == KEY_BYTES && fsync(descriptor) == 0;
  bool is_there = is_written && link(temporary, path) == 0;
  close(descriptor);
  unlink(temporary);
  return is_there;
}

static GBytes *read_key(const char *path) {
  GBytes *key = NULL;
  if (file_read(path, KEY_BYTES, &key, NULL) && g_bytes_get_size(key) == KEY_BYTES)
    return key;
  g_clear_pointer(&key, g_bytes_unref);
  return NULL;
}

GBytes *history_secret_key(History *history) {
  g_autofree char *path = g_strconcat(history->file, ".key", NULL);
  guint8 key[KEY_BYTES];
  GBytes *found = read_key(path);
  if (found != NULL || !history->is_known || g_file_test(path, G_FILE_TEST_EXISTS) ||
      getrandom(key, sizeof key, 0) != sizeof key)
    return found;
  (void)write_key(path, key); /* where it is not there then, there is none */
  explicit_bzero(key, sizeof key);
  return read_key(path);
}
