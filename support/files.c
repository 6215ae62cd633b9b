/* Whole files: read up to a cap, written completely or not at all. */
#include "support/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/poison.h"

static void close_descriptor(int *descriptor) {
  if (*descriptor >= 0)
    close(*descriptor);
}

#define autoclose __attribute__((cleanup(close_descriptor))) int

/* Reads to the end of the file or one byte beyond the cap, whichever is first. */
static bool read_capped(int descriptor, gsize cap, GByteArray *content) {
  guint8 buffer[64 << 10];
  while (content->len <= cap) {
    ssize_t count = read(descriptor, buffer, MIN(sizeof buffer, cap + 1 - content->len));
    if (count == 0)
      return true;
    if (count < 0 && errno != EINTR)
      return false;
    if (count > 0)
      g_byte_array_append(content, buffer, (guint)count);
  }
  return true;
}

bool file_read(const char *path, gsize cap, GBytes **bytes, GError **error) {
  struct stat status;
  g_assert(cap < G_MAXUINT);
  /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
  autoclose descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0 || fstat(descriptor, &status) != 0)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: %s", path, g_strerror(errno));
  if (!S_ISREG(status.st_mode))
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: %s, not a file", path,
                S_ISDIR(status.st_mode) ? "a folder" : "a device, pipe or socket");
  g_autoptr(GByteArray) content = g_byte_array_new();
  if (!read_capped(descriptor, cap, content))
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: %s", path, g_strerror(errno));
  if (content->len > cap)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: larger than %" G_GSIZE_FORMAT " bytes", path, cap);
  *bytes = g_byte_array_free_to_bytes(g_steal_pointer(&content));
  return true;
}

static bool write_all(int descriptor, const guint8 *bytes, gsize length) {
  while (length > 0) {
    ssize_t count = write(descriptor, bytes, length);
    if (count < 0 && errno != EINTR)
      return false;
    if (count > 0) {
      bytes += count;
      length -= (gsize)count;
    }
  }
  return true;
}

/* Makes a rename in `folder` survive a power cut. File systems that cannot (EINVAL) have done what they can.
 */
static bool sync_folder(const char *folder) {
  autoclose descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return descriptor >= 0 && (fsync(descriptor) == 0 || errno == EINVAL);
}

static bool write_and_rename(const char *temporary, int descriptor, const char *path, const void *bytes,
                             gsize length, int mode) {
  g_autofree char *folder = g_path_get_dirname(path);
  return fchmod(descriptor, (mode_t)mode) == 0 && write_all(descriptor, bytes, length) &&
         fsync(descriptor) == 0 && rename(temporary, path) == 0 && sync_folder(folder);
}

bool file_write(const char *path, const void *bytes, gsize length, int mode, GError **error) {
  g_autofree char *temporary = g_strconcat(path, ".XXXXXX", NULL);
  autoclose descriptor = mkostemp(temporary, O_CLOEXEC);
  if (descriptor < 0)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: %s", path, g_strerror(errno));
  if (!write_and_rename(temporary, descriptor, path, bytes, length, mode)) {
    int cause = errno;
    unlink(temporary);
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: %s", path, g_strerror(cause));
  }
  return true;
}

char *path_resolve(const char *folder, const char *path) {
  if (path[0] == '~' && (path[1] == '\0' || path[1] == '/'))
    return g_build_filename(g_get_home_dir(), path + 1, NULL);
  return g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(folder, path, NULL);
}
