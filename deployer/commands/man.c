/* The generated parts of the manual pages, in roff (man(7)). */
#include <string.h>

#include "deployer/commands/usage.h"
#include "deployer/output/exit_status.h"

#include "support/poison.h"

/* Text that roff prints as it is: its escape character, and the dot or quote that would begin a request. */
static char *roff(const char *text) {
  GString *escaped = g_string_new(NULL);
  if (text[0] == '.' || text[0] == '\'')
    g_string_append(escaped, "\\&");
  for (const char *at = text; *at != '\0'; at++) {
    if (*at == '\\')
      g_string_append(escaped, "\\e");
    else if (*at == '"')
      g_string_append(escaped, "\\(dq");
    else if (*at == '-')
      g_string_append(escaped, "\\-");
    else
      g_string_append_c(escaped, *at);
  }
  return g_string_free(escaped, FALSE);
}

static void append_tagged(GString *page, const char *tag, const char *text) {
  g_autofree char *safe_tag = roff(tag);
  g_autofree char *safe = roff(text);
  g_string_append_printf(page, ".TP\n.B %s\n%s\n", safe_tag, safe);
}

static void append_options(GString *page, const Option *rows) {
  for (const Option *row = rows; row != NULL && row->name != NULL; row++) {
    if (row->help == NULL)
      continue;
    g_autofree char *letter = row->letter != '\0' ? g_strdup_printf("-%c, ", row->letter) : g_strdup("");
    g_autofree char *tag = g_strdup_printf("%s--%s%s%s", letter, row->name, row->value != NULL ? " " : "",
                                           row->value != NULL ? row->value : "");
    append_tagged(page, tag, row->help);
  }
}

static void append_arguments(GString *page, const Argument *rows) {
  for (const Argument *row = rows; row != NULL && row->name != NULL; row++)
    append_tagged(page, row->name, row->help);
}

static void append_examples(GString *page, const Example *rows) {
  for (const Example *row = rows; row != NULL && row->line != NULL; row++) {
    g_autofree char *line = roff(row->line);
    g_autofree char *help = roff(row->help);
    g_string_append_printf(page, ".PP\n.B slipway %s\n.br\n%s\n", line, help);
  }
}

static void append_command(GString *page, const Command *command) {
  g_autofree char *synopsis = usage_synopsis(command);
  g_autofree char *title = roff(synopsis);
  g_autofree char *sentence = usage_sentence(command);
  g_autofree char *summary = roff(sentence);
  g_string_append_printf(page, ".SS slipway %s\n%s\n", title, summary);
  if (command->description != NULL) {
    g_autofree char *description = roff(command->description);
    g_string_append_printf(page, ".PP\n%s\n", description);
  }
  append_arguments(page, command->arguments);
  append_options(page, command->options);
  append_examples(page, command->examples);
}

static void append_exit_statuses(GString *page) {
  append_tagged(page, "0", "done");
  for (const ExitStatus *row = exit_statuses; row->name != NULL; row++) {
    g_autofree char *tag = g_strdup_printf("%d (%s)", row->status, row->name);
    append_tagged(page, tag, row->meaning);
  }
}

char *usage_man(void) {
  GString *page = g_string_new(".SH COMMANDS\n");
  for (const Command *const *row = commands; *row != NULL; row++)
    append_command(page, *row);
  g_string_append(page, ".SH OPTIONS OF EVERY COMMAND\n");
  append_options(page, global_options);
  g_string_append(page, ".SH EXIT STATUS\n");
  append_exit_statuses(page);
  return g_string_free(page, FALSE);
}

char *usage_man_keys(void) {
  g_autofree char *keys = config_describe_keys();
  g_auto(GStrv) lines = g_strsplit(keys, "\n", -1);
  GString *page = g_string_new(".SH KEYS\n.nf\n");
  for (guint i = 0; lines[i] != NULL; i++) {
    g_autofree char *line = roff(lines[i]);
    if (line[0] != '\0')
      g_string_append_printf(page, "%s\n", line);
  }
  g_string_append(page, ".fi\n");
  return g_string_free(page, FALSE);
}
