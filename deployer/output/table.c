/* Lays cells out in columns. */
#include "deployer/output/table.h"

#include <string.h>

#include "deployer/output/columns.h"
#include "support/redact.h"
#include "support/text.h"

#include "support/poison.h"

enum { GAP = 2, NARROWEST = 8 };

typedef struct {
  const TableColumn *row;
  GPtrArray *cells; /* char *, the title first */
  guint width;      /* 0: left out */
} Column;

static void column_clear(gpointer data) {
  Column *column = data;
  g_ptr_array_unref(column->cells);
}

/* A cell is one line: of a longer text the first. It may be of what others said: no secrets. */
static char *make_cell(const TableColumn *row, gconstpointer item, gconstpointer context) {
  g_autofree char *told = row->cell(item, context);
  g_autofree char *raw = redact_text(told);
  char *end = raw != NULL ? strchr(raw, '\n') : NULL;
  if (end == NULL)
    return text_printable(raw != NULL ? raw : "", false);
  *end = '\0';
  g_autofree char *first = text_printable(raw, false);
  return g_strconcat(first, " …", NULL);
}

static Column measure(const TableColumn *row, GPtrArray *items, gconstpointer context) {
  Column column = {.row = row, .cells = g_ptr_array_new_with_free_func(g_free)};
  g_ptr_array_add(column.cells, g_strdup(row->title));
  for (guint i = 0; i < items->len; i++) {
    char *cell = make_cell(row, items->pdata[i], context);
    g_ptr_array_add(column.cells, cell);
    column.width = MAX(column.width, columns_of(cell));
  }
  if (column.width > 0)
    column.width = MAX(column.width, columns_of(row->title));
  return column;
}

static guint total_width(GArray *columns) {
  guint total = 0;
  for (guint i = 0; i < columns->len; i++) {
    guint width = g_array_index(columns, Column, i).width;
    total += width > 0 ? width + GAP : 0;
  }
  return total > 0 ? total - GAP : 0;
}

/* Takes what is too much from the columns that allow it, the last one first. */
static void shrink(GArray *columns, guint width) {
  guint total = total_width(columns);
  for (guint i = columns->len; i > 0 && total > width; i--) {
    Column *column = &g_array_index(columns, Column, i - 1);
    if (!column->row->may_shrink || column->width <= NARROWEST)
      continue;
    guint cut = MIN(total - width, column->width - NARROWEST);
    column->width -= cut;
    total -= cut;
  }
}

static void append_cell(GString *line, const Column *column, const char *cell) {
  if (line->len > 0)
    g_string_append_printf(line, "%*s", GAP, "");
  g_autofree char *cut = columns_cut(cell, column->width);
  guint space = column->width - columns_of(cut);
  if (column->row->is_number)
    g_string_append_printf(line, "%*s", (int)space, "");
  g_string_append(line, cut);
  if (!column->row->is_number)
    g_string_append_printf(line, "%*s", (int)space, "");
}

static void append_line(GString *text, GArray *columns, guint index) {
  g_autoptr(GString) line = g_string_new(NULL);
  for (guint i = 0; i < columns->len; i++) {
    const Column *column = &g_array_index(columns, Column, i);
    if (column->width > 0)
      append_cell(line, column, column->cells->pdata[index]);
  }
  g_strchomp(line->str);
  g_string_append_printf(text, "%s\n", line->str);
}

char *table_render(const TableColumn *columns, GPtrArray *items, gconstpointer context, guint width) {
  g_autoptr(GArray) measured = g_array_new(FALSE, FALSE, sizeof(Column));
  g_array_set_clear_func(measured, column_clear);
  for (const TableColumn *row = columns; row->title != NULL; row++) {
    Column column = measure(row, items, context);
    g_array_append_val(measured, column);
  }
  if (width > 0)
    shrink(measured, width);
  GString *text = g_string_new(NULL);
  for (guint i = 0; i <= items->len; i++)
    append_line(text, measured, i);
  return g_string_free(text, FALSE);
}
