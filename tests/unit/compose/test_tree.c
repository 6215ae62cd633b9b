#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <utime.h>

#include "environments/compose/tree.h"
#include "fixture.h"
#include "support/errors.h"

static char *hash_of(Folder folder, const char *path) {
  g_autoptr(FileTree) tree = NULL;
  g_autoptr(GError) error = NULL;
  TreeBudget budget = {.root = folder};
  cr_assert(file_tree_read(&budget, path, &tree, &error), "%s", error == NULL ? "" : error->message);
  return g_strdup(tree->hash);
}

/* The hash after `change` differs from the one before. */
static bool changes(Folder folder, const char *const *change) {
  g_autofree char *before = hash_of(folder, "t");
  cr_assert_eq(run(change, NULL, NULL, NULL, NULL), 0);
  g_autofree char *after = hash_of(folder, "t");
  return !g_str_equal(before, after);
}

Test(tree, hash_counts_names_modes_and_contents_only) {
  g_auto(Folder) folder = folder_new();
  static const struct {
    const char *change;
    bool counts;
  } cases[] = {
      {"touch -d 2001-01-01 t/a t/sub", false},
      {"mv t/a t/tmp && touch t/new && rm t/new && mv t/tmp t/a", false},
      {"chmod 0700 t", false},
      {"chmod 0755 t/a", true},
      {"printf more >>t/a", true},
      {"mv t/a t/c", true},
      {"mkdir t/empty", true},
      {"rm -r t/sub", true},
  };
  folder_write(folder, "t/a", "1");
  folder_write(folder, "t/b", "2");
  folder_write(folder, "t/sub/x", "3");
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *script = g_strdup_printf("cd '%s' && %s", folder, cases[i].change);
    const char *const argv[] = {"sh", "-c", script, NULL};
    cr_expect_eq(changes(folder, argv), cases[i].counts, "%s", cases[i].change);
  }
}

Test(tree, hash_tells_apart_what_differs_only_in_its_borders) {
  g_auto(Folder) folder = folder_new();
  folder_write(folder, "one/ab", "c");
  folder_write(folder, "two/a", "bc");
  folder_write(folder, "three", "c");
  g_autofree char *one = hash_of(folder, "one"), *two = hash_of(folder, "two"),
                  *three = hash_of(folder, "three");
  cr_expect_str_neq(one, two);
  cr_expect_str_neq(one, three);
  cr_expect_eq(strlen(one), 64);
}

Test(tree, refuses_a_file_beyond_the_cap) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(FileTree) tree = NULL;
  g_autoptr(GError) error = NULL;
  TreeBudget budget = {.root = folder};
  g_autofree char *script = g_strdup_printf("mkdir '%s/t' && truncate -s 65M '%s/t/big'", folder, folder);
  const char *const argv[] = {"sh", "-c", script, NULL};
  cr_assert_eq(run(argv, NULL, NULL, NULL, NULL), 0);
  cr_expect_not(file_tree_read(&budget, "t", &tree, &error));
  cr_expect(error_is(error, SLIPWAY_ERROR_CONFIG));
  cr_expect_not_null(strstr(error->message, "t/big"), "%s", error->message);
}

Test(tree, refuses_more_than_the_total) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(FileTree) tree = NULL;
  g_autoptr(GError) error = NULL;
  TreeBudget budget = {.root = folder, .bytes = 512ULL << 20};
  folder_write(folder, "t", "one more");
  cr_expect_not(file_tree_read(&budget, "t", &tree, &error));
  cr_expect_not_null(strstr(error->message, "larger than 512 MiB"), "%s", error->message);
}
