#include <criterion/criterion.h>
#include <glib/gstdio.h>

#include "support/text_diff.h"

static const struct {
  const char *from, *to, *diff;
} cases[] = {
    {"a\nb\n", "a\nb\n", NULL},
    {"", "a\n", "@@ -0,0 +1,1 @@\n+a\n"},
    {"a\n", "", "@@ -1,1 +0,0 @@\n-a\n"},
    {"1\n2\n3\n4\n5\n", "1\n2\nx\n4\n5\n", "@@ -2,3 +2,3 @@\n 2\n-3\n+x\n 4\n"},
    {"a", "a\n", "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n"},
    {"a\n1\n2\n3\nb\n", "A\n1\n2\n3\nB\n", "@@ -1,2 +1,2 @@\n-a\n+A\n 1\n@@ -4,2 +4,2 @@\n 3\n-b\n+B\n"},
    {"a\n1\n2\nb\n", "A\n1\n2\nB\n", "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n-b\n+B\n"},
};

Test(text_diff, shows_hunks_with_their_context) {
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *diff = text_diff(cases[i].from, cases[i].to, 1, 100);
    if (cases[i].diff == NULL)
      cr_expect_null(diff);
    else
      cr_expect_str_eq(diff, cases[i].diff);
  }
}

Test(text_diff, says_how_much_is_left_out) {
  g_autofree char *diff = text_diff("1\n2\n3\n", "a\nb\nc\n", 3, 3);
  cr_expect_str_eq(diff, "@@ -1,3 +1,3 @@\n-1\n-2\n… 4 more lines\n");
  g_autofree char *one = text_diff("1\n", "2\n", 3, 2);
  cr_expect_str_eq(one, "@@ -1,1 +1,1 @@\n-1\n… 1 more line\n");
}

static char *random_text(GRand *rand, guint lines, guint words) {
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < lines; i++)
    g_string_append_printf(text, "%d%s", g_rand_int_range(rand, 0, (gint)words),
                           i + 1 == lines && g_rand_boolean(rand) ? "" : "\n");
  return g_string_free(text, FALSE);
}

static void write_text(const char *folder, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  cr_assert(g_file_set_contents(path, text, -1, NULL));
}

/* patch(1) is the judge. */
Test(text_diff, of_any_two_texts_makes_the_second_of_the_first) {
  g_autofree char *patch = g_find_program_in_path("patch");
  if (patch == NULL)
    cr_skip("patch is not installed here");
  g_autofree char *folder = g_dir_make_tmp("slipway-diff-XXXXXX", NULL);
  g_autofree char *file = g_build_filename(folder, "file", NULL),
                  *delta = g_build_filename(folder, "delta", NULL);
  g_autoptr(GRand) rand = g_rand_new_with_seed(7);
  char *argv[] = {patch, (char *)"-s", file, delta, NULL};
  for (guint i = 0; i < 60; i++) {
    guint lines = i < 58 ? 1 + i / 3 : 3000, words = i % 2 == 0 ? 4 : 2000;
    g_autofree char *from = random_text(rand, lines, words), *to = random_text(rand, lines + i % 5, words);
    g_autofree char *diff = text_diff(from, to, i % 4, G_MAXUINT), *made = NULL;
    int status = 0;
    if (diff == NULL)
      continue;
    write_text(folder, "file", from);
    write_text(folder, "delta", diff);
    cr_assert(g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, NULL));
    cr_expect_eq(status, 0, "patch refuses:\n%s", diff);
    cr_assert(g_file_get_contents(file, &made, NULL, NULL));
    cr_expect_str_eq(made, to);
  }
  (void)g_unlink(file);
  (void)g_unlink(delta);
  (void)g_rmdir(folder);
}

Test(text_diff, is_for_texts) {
  cr_expect(text_is_diffable("", 0));
  cr_expect(text_is_diffable("größer\n", 9));
  cr_expect_not(text_is_diffable("a\0b", 3));
  cr_expect_not(text_is_diffable("\xff\xfe", 2));
}
