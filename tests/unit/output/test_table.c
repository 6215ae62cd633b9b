/* output/table and output/columns: widths of what terminals show. */
#include "deployer/output/table.h"

#include <criterion/criterion.h>
#include <string.h>

#include "deployer/output/columns.h"

typedef struct {
  const char *name, *size, *note;
} Item;

static char *name_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Item *)item)->name);
}

static char *size_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Item *)item)->size);
}

static char *note_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Item *)item)->note);
}

static const TableColumn columns[] = {
    {.title = "NAME", .cell = name_cell},
    {.title = "SIZE", .cell = size_cell, .is_number = true},
    {.title = "NOTE", .cell = note_cell, .may_shrink = true},
    {0},
};

static char *render(const Item *items, guint count, guint width) {
  g_autoptr(GPtrArray) array = g_ptr_array_new();
  for (guint i = 0; i < count; i++)
    g_ptr_array_add(array, (gpointer)&items[i]);
  return table_render(columns, array, NULL, width);
}

Test(table, aligns_columns_and_puts_numbers_right) {
  static const Item items[] = {{"web", "7", "fine"}, {"queue1", "1000", NULL}};
  g_autofree char *text = render(items, 2, 0);
  cr_assert_str_eq(text, "NAME    SIZE  NOTE\n"
                         "web        7  fine\n"
                         "queue1  1000\n");
}

Test(table, leaves_out_a_column_without_content) {
  static const Item items[] = {{"web", NULL, "fine"}};
  g_autofree char *text = render(items, 1, 0);
  cr_assert_str_eq(text, "NAME  NOTE\nweb   fine\n");
}

Test(table, counts_columns_not_bytes) {
  static const Item items[] = {{"größe", "1", NULL}, {"日本", "2", NULL}};
  g_autofree char *text = render(items, 2, 0);
  cr_assert_str_eq(text, "NAME   SIZE\ngröße     1\n日本      2\n");
}

Test(table, cuts_what_may_shrink_to_the_window) {
  static const Item items[] = {{"web", "7", "a long story about a host"}};
  g_autofree char *text = render(items, 1, 25);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  cr_assert_leq(columns_of(lines[1]), 25, "%s", lines[1]);
  cr_assert(g_str_has_suffix(lines[1], "…"), "%s", lines[1]);
  cr_assert(strstr(lines[1], "web") != NULL);
}

Test(table, control_characters_of_others_do_not_reach_the_terminal) {
  static const Item items[] = {{"w\033[2Jb", "7", "line\nbreak"}};
  g_autofree char *text = render(items, 1, 0);
  cr_assert(strchr(text, '\033') == NULL);
  cr_assert(strstr(text, "line …\n") != NULL && strstr(text, "break") == NULL, "%s", text);
}

Test(columns, cuts_between_characters) {
  g_autofree char *cut = columns_cut("日本語", 4);
  cr_assert_str_eq(cut, "日…");
  g_autofree char *whole = columns_cut("日本語", 6);
  cr_assert_str_eq(whole, "日本語");
  g_autofree char *none = columns_cut("abc", 0);
  cr_assert_str_eq(none, "");
}
