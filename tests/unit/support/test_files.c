/* support/files: capped reading, atomic writing, paths. */
#include "support/files.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/errors.h"

static char *folder;

static void make_folder(void) {
  folder = g_dir_make_tmp("slipway-files-XXXXXX", NULL);
}

static void remove_folder(void) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_remove(path);
  }
  g_rmdir(folder);
  g_free(folder);
}

TestSuite(files, .init = make_folder, .fini = remove_folder);

static void assert_refused(const char *path, gsize cap, const char *fragment) {
  g_autoptr(GError) error = NULL;
  GBytes *bytes = NULL;
  cr_assert(!(file_read(path, cap, &bytes, &error)));
  cr_assert(error_is(error, SLIPWAY_ERROR_CONFIG));
  cr_assert(strstr(error->message, fragment), "%s", error->message);
  cr_assert_null(bytes);
}

Test(files, what_is_written_is_read_back_with_its_mode) {
  g_autofree char *path = g_build_filename(folder, "f", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = NULL;
  struct stat status;
  cr_assert(file_write(path, "old content", 11, 0644, &error), "%s", error ? error->message : "");
  cr_assert(file_write(path, "a\0b", 3, 0600, &error), "%s", error ? error->message : "");
  cr_assert(file_read(path, 3, &bytes, &error), "%s", error ? error->message : "");
  cr_assert_eq((long)g_bytes_get_size(bytes), 3);
  cr_assert_eq(memcmp(g_bytes_get_data(bytes, NULL), "a\0b", 3), 0);
  cr_assert_eq(stat(path, &status), 0);
  cr_assert_eq((int)(status.st_mode & 07777), 0600);
}

Test(files, nothing_is_left_behind_when_writing_fails) {
  g_autofree char *path = g_build_filename(folder, "taken", NULL);
  g_autoptr(GError) error = NULL;
  cr_assert_eq(g_mkdir(path, 0700), 0);
  cr_assert(!(file_write(path, "x", 1, 0600, &error)));
  cr_assert(error_is(error, SLIPWAY_ERROR_CONFIG));
  cr_assert(strstr(error->message, "taken: Is a directory"), "%s", error->message);
  cr_assert_eq(g_rmdir(path), 0);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  cr_assert_null(g_dir_read_name(dir));
}

Test(files, a_file_above_the_cap_is_refused) {
  g_autofree char *path = g_build_filename(folder, "f", NULL);
  g_autoptr(GError) error = NULL;
  cr_assert(file_write(path, "1234", 4, 0600, &error));
  assert_refused(path, 3, "larger than 3 bytes");
}

Test(files, folders_pipes_and_missing_files_are_refused_at_once, .timeout = 10) {
  g_autofree char *pipe = g_build_filename(folder, "pipe", NULL),
                  *missing = g_build_filename(folder, "none", NULL);
  cr_assert_eq(mkfifo(pipe, 0600), 0);
  assert_refused(folder, 100, "a folder, not a file");
  assert_refused(pipe, 100, "pipe or socket, not a file");
  assert_refused("/dev/zero", 100, "a device");
  assert_refused(missing, 100, "No such file");
}

Test(files, paths_start_at_home_or_the_folder) {
  g_autofree char *relative = path_resolve("/a", "b/c"), *absolute = path_resolve("/a", "/b");
  g_autofree char *home = path_resolve("/a", "~/x"),
                  *expected = g_build_filename(g_get_home_dir(), "x", NULL);
  g_autofree char *user = path_resolve("/a", "~b");
  cr_assert_str_eq(relative, "/a/b/c");
  cr_assert_str_eq(absolute, "/b");
  cr_assert_str_eq(home, expected);
  cr_assert_str_eq(user, "/a/~b");
}
