/* The key of the hashes of secrets: beside the history, made once. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

TestSuite(key, .init = folder_make, .fini = folder_remove);

Test(key, is_made_once_and_for_the_owner_alone) {
  struct stat about;
  History *history = open_history(HISTORY_WRITE);
  g_autoptr(GBytes) key = history_secret_key(history);
  history_free(history);
  history = open_history(HISTORY_READ);
  g_autoptr(GBytes) again = history_secret_key(history);
  history_free(history);
  g_autofree char *file = g_strconcat(path, ".key", NULL);
  cr_assert_not_null(key);
  cr_assert_eq(g_bytes_get_size(key), 32);
  cr_assert(g_bytes_equal(key, again));
  cr_assert_eq(stat(file, &about), 0);
  cr_assert_eq(about.st_mode & 07777, 0600);
}

Test(key, that_is_lost_is_another_one) {
  History *history = open_history(HISTORY_WRITE);
  g_autoptr(GBytes) key = history_secret_key(history);
  g_autofree char *file = g_strconcat(path, ".key", NULL);
  cr_assert_eq(g_unlink(file), 0);
  g_autoptr(GBytes) other = history_secret_key(history);
  cr_assert_not_null(other);
  cr_assert(!g_bytes_equal(key, other));
  history_free(history);
}

Test(key, that_cannot_be_had_is_none_and_no_failure) {
  History *history = open_history(HISTORY_WRITE);
  history_free(history);
  history = open_history(HISTORY_READ);
  cr_assert_null(history_secret_key(history)); /* a reader makes none */
  history_free(history);
  g_autofree char *file = g_strconcat(path, ".key", NULL);
  cr_assert(g_file_set_contents(file, "damaged", -1, NULL));
  history = open_history(HISTORY_WRITE);
  cr_assert_null(history_secret_key(history));
  history_free(history);
}
