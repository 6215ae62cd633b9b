/* Tables for people. A column is one row: its title and the function that makes its cell.
 *
 *   static const TableColumn columns[] = {
 *       {.title = "ID", .cell = id_cell},
 *       {.title = "REASON", .cell = reason_cell, .may_shrink = true},
 *       {0},
 *   };
 *   g_autofree char *text = table_render(columns, deployments, NULL, window_size(STDOUT_FILENO).width);
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  const char *title;
  char *(*cell)(gconstpointer item, gconstpointer context); /* caller frees; NULL is an empty cell */
  bool is_number;                                           /* aligned right */
  bool may_shrink; /* is cut when the table is wider than the window */
} TableColumn;

/* A line per item under a line of titles; columns without any content are left out. `width` 0: as wide as it
 * gets. Cells are made printable. Caller frees. */
char *table_render(const TableColumn *columns, GPtrArray *items, gconstpointer context, guint width);
