/* Help for people, from the rows. */
#include "deployer/commands/usage.h"

#include <string.h>

#include "deployer/output/columns.h"
#include "deployer/output/exit_status.h"

#include "support/poison.h"

enum { WIDTH = 80, WIDEST_LEFT = 28 };

char *usage_synopsis(const Command *command) {
  GString *text = g_string_new(command->name);
  for (const Argument *row = command->arguments; row != NULL && row->name != NULL; row++)
    if (row->type != ARGUMENT_WORDS)
      g_string_append_printf(text, row->is_optional ? " [%s]" : " %s", row->name);
  if (command->options != NULL)
    g_string_append(text, " [OPTION…]");
  for (const Argument *row = command->arguments; row != NULL && row->name != NULL; row++)
    if (row->type == ARGUMENT_WORDS)
      g_string_append_printf(text, row->is_optional ? " [-- %s…]" : " -- %s…", row->name);
  return g_string_free(text, FALSE);
}

char *usage_sentence(const Command *command) {
  return g_strdup_printf("%c%s.", g_ascii_toupper(command->summary[0]), command->summary + 1);
}

/* Appends `words` broken at spaces, every line after the first indented. */
static void append_wrapped(GString *text, const char *words, guint indent) {
  g_auto(GStrv) list = g_strsplit(words, " ", -1);
  guint column = indent;
  for (guint i = 0; list[i] != NULL; i++) {
    guint columns = columns_of(list[i]);
    if (i > 0 && column + 1 + columns > WIDTH) {
      g_string_append_printf(text, "\n%*s", (int)indent, "");
      column = indent;
    } else if (i > 0) {
      g_string_append_c(text, ' ');
      column++;
    }
    g_string_append(text, list[i]);
    column += columns;
  }
  g_string_append_c(text, '\n');
}

/* "  left   what it is" */
static void append_row(GString *text, const char *left, guint width, const char *help) {
  guint indent = 2 + width + 2;
  guint columns = columns_of(left);
  g_string_append_printf(text, "  %s", left);
  if (columns > width)
    g_string_append_printf(text, "\n%*s", (int)indent, "");
  else
    g_string_append_printf(text, "%*s", (int)(width - columns + 2), "");
  append_wrapped(text, help, indent);
}

static char *option_left(const Option *row) {
  g_autofree char *letter = row->letter != '\0' ? g_strdup_printf("-%c, ", row->letter) : g_strdup("    ");
  return g_strdup_printf("%s--%s%s%s", letter, row->name, row->value != NULL ? " " : "",
                         row->value != NULL ? row->value : "");
}

static void append_options(GString *text, const char *title, const Option *rows) {
  if (rows == NULL)
    return;
  guint width = 0;
  for (const Option *row = rows; row->name != NULL; row++) {
    g_autofree char *left = option_left(row);
    width = MAX(width, columns_of(left));
  }
  g_string_append_printf(text, "\n%s\n", title);
  for (const Option *row = rows; row->name != NULL; row++) {
    g_autofree char *left = option_left(row);
    if (row->help != NULL)
      append_row(text, left, MIN(width, WIDEST_LEFT), row->help);
  }
}

static void append_arguments(GString *text, const Argument *rows) {
  if (rows == NULL || rows->name == NULL)
    return;
  guint width = 0;
  for (const Argument *row = rows; row->name != NULL; row++)
    width = MAX(width, columns_of(row->name));
  g_string_append(text, "\nArguments:\n");
  for (const Argument *row = rows; row->name != NULL; row++)
    append_row(text, row->name, width, row->help);
}

static void append_examples(GString *text, const Example *rows) {
  if (rows == NULL)
    return;
  g_string_append(text, "\nExamples:\n");
  for (const Example *row = rows; row->line != NULL; row++)
    g_string_append_printf(text, "  slipway %s\n      %s\n", row->line, row->help);
}

static bool is_shown(const Command *command, const char *group) {
  if (group == NULL)
    return true;
  gsize length = strlen(group);
  return strncmp(command->name, group, length) == 0 && command->name[length] == ' ';
}

static void append_commands(GString *text, const char *group) {
  for (const Command *const *row = commands; *row != NULL; row++)
    if (is_shown(*row, group)) {
      g_autofree char *synopsis = usage_synopsis(*row);
      char *options = strstr(synopsis, " [OPTION…]");
      if (options != NULL)
        *options = '\0';
      append_row(text, synopsis, WIDEST_LEFT - 4, (*row)->summary);
    }
}

static void append_exit_statuses(GString *text) {
  g_string_append(text, "\nExit status:\n    0  done\n");
  for (const ExitStatus *row = exit_statuses; row->name != NULL; row++)
    g_string_append_printf(text, "  %3d  %s\n", row->status, row->meaning);
}

char *usage_overview(const char *group) {
  GString *text = g_string_new("usage: slipway ");
  g_string_append_printf(text, "%s%sCOMMAND …\n\n", group != NULL ? group : "", group != NULL ? " " : "");
  if (group == NULL)
    g_string_append(text, "slipway promotes container images to plain VMs, by digest.\n"
                          "Build once, never rebuild, move the same bytes.\n\n");
  append_commands(text, group);
  append_options(text, "Options of every command:", global_options);
  append_exit_statuses(text);
  g_string_append(text, "\nMore about one: slipway COMMAND --help. The whole: man slipway.\n");
  return g_string_free(text, FALSE);
}

char *usage_of_command(const Command *command) {
  g_autofree char *synopsis = usage_synopsis(command);
  GString *text = g_string_new(NULL);
  g_string_append_printf(text, "usage: slipway %s\n\n", synopsis);
  g_autofree char *sentence = usage_sentence(command);
  append_wrapped(text, sentence, 0);
  if (command->description != NULL) {
    g_string_append_c(text, '\n');
    append_wrapped(text, command->description, 0);
  }
  append_arguments(text, command->arguments);
  append_options(text, "Options:", command->options);
  append_options(text, "Options of every command:", global_options);
  append_examples(text, command->examples);
  return g_string_free(text, FALSE);
}
