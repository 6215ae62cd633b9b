/* rm -rf and cp -a without a process each: a torture test does both thousands of times. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/poison.h"

G_GNUC_NORETURN static void give_up(const char *path) {
  g_error("%s: %s", path, g_strerror(errno));
}

void tree_remove(const char *path) {
  if (unlink(path) == 0 || errno == ENOENT)
    return;
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  const char *name = NULL;
  while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
    g_autofree char *entry = g_build_filename(path, name, NULL);
    tree_remove(entry);
  }
  if (rmdir(path) != 0)
    give_up(path);
}

static void copy_file(const char *from, const char *to, mode_t mode) {
  char bytes[1 << 14];
  ssize_t count = 0;
  int in = open(from, O_RDONLY | O_CLOEXEC);
  int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (in < 0 || out < 0)
    give_up(from);
  while ((count = read(in, bytes, sizeof bytes)) > 0)
    if (write(out, bytes, (gsize)count) != count)
      give_up(to);
  (void)close(in);
  (void)close(out);
}

static void copy_folder(const char *from, const char *to, mode_t mode) {
  g_autoptr(GDir) folder = g_dir_open(from, 0, NULL);
  const char *name = NULL;
  if (folder == NULL || g_mkdir(to, mode) != 0)
    give_up(to);
  while ((name = g_dir_read_name(folder)) != NULL) {
    g_autofree char *entry = g_build_filename(from, name, NULL);
    g_autofree char *copy = g_build_filename(to, name, NULL);
    tree_copy(entry, copy);
  }
}

void tree_copy(const char *from, const char *to) {
  struct stat status;
  if (lstat(from, &status) != 0)
    give_up(from);
  if (S_ISLNK(status.st_mode)) {
    g_autofree char *target = g_file_read_link(from, NULL);
    if (target == NULL || symlink(target, to) != 0)
      give_up(to);
  } else if (S_ISDIR(status.st_mode)) {
    copy_folder(from, to, status.st_mode & 07777);
  } else {
    copy_file(from, to, status.st_mode & 07777);
  }
}
