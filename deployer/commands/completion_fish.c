/* `completion fish`: a `complete` line for each word (fish's complete(1)). */
#include <string.h>

#include "deployer/commands/completion.h"

#include "support/poison.h"

/* In single quotes only \ and ' are not themselves. */
static char *quote(const char *text) {
  g_autoptr(GString) quoted = g_string_new(text);
  g_string_replace(quoted, "\\", "\\\\", 0);
  g_string_replace(quoted, "'", "\\'", 0);
  return g_strdup_printf("'%s'", quoted->str);
}

/* `verb`: after which it is offered; NULL: anywhere. */
static void append_condition(GString *script, const char *verb, gsize length) {
  g_string_append(script, "complete -c slipway");
  if (verb != NULL)
    g_string_append_printf(script, " -n \"__slipway_is '%.*s'\"", (int)length, verb);
}

static void append_word(GString *script, const char *verb, gsize verb_length, const char *word, gsize length,
                        const char *description) {
  g_autofree char *quoted = quote(description);
  append_condition(script, verb, verb_length);
  g_string_append_printf(script, " -f -a '%.*s' -d %s\n", (int)length, word, quoted);
}

static void append_options(GString *script, const char *verb, const Option *rows) {
  for (const Option *row = rows; row != NULL && row->name != NULL; row++) {
    if (row->help == NULL)
      continue;
    g_autofree char *quoted = quote(row->help);
    append_condition(script, verb, verb != NULL ? strlen(verb) : 0);
    if (row->letter != '\0')
      g_string_append_printf(script, " -s %c", row->letter);
    g_string_append_printf(script, " -l %s%s -d %s\n", row->name, row->value != NULL ? " -r" : "", quoted);
  }
}

static void append_command(GString *script, const Command *const *row) {
  const char *name = (*row)->name, *space = strchr(name, ' ');
  if (completion_begins_group(row))
    append_word(script, "", 0, name, strcspn(name, " "), (*row)->summary);
  if (space != NULL)
    append_word(script, name, (gsize)(space - name), space + 1, strlen(space + 1), (*row)->summary);
  if (completion_takes_environment(*row)) {
    append_condition(script, name, strlen(name));
    g_string_append(script, " -f -a '(slipway config --environments 2>/dev/null)' -d environment\n");
  }
  append_options(script, name, (*row)->options);
}

static void append_longer_verbs(GString *script) {
  for (const Command *const *row = commands; *row != NULL; row++)
    if (strchr((*row)->name, ' ') != NULL)
      g_string_append_printf(script, " '%s'", (*row)->name);
}

char *completion_fish(void) {
  GString *script = g_string_new("# Completion of slipway for fish, made by: slipway completion fish\n"
                                 "function __slipway_verb\n"
                                 "  set -l found\n"
                                 "  set -l is_value no\n"
                                 "  for word in (commandline -opc)[2..-1]\n"
                                 "    if test $is_value = yes\n"
                                 "      set is_value no\n"
                                 "      continue\n"
                                 "    end\n"
                                 "    switch $word\n"
                                 "      case -c --config --history\n"
                                 "        set is_value yes\n"
                                 "      case '-*'\n"
                                 "      case '*'\n"
                                 "        set -a found $word\n"
                                 "    end\n"
                                 "  end\n"
                                 "  switch \"$found[1] $found[2]\"\n"
                                 "    case");
  append_longer_verbs(script);
  g_string_append(script, "\n"
                          "      echo \"$found[1] $found[2]\"\n"
                          "    case '*'\n"
                          "      echo \"$found[1]\"\n"
                          "  end\n"
                          "end\n"
                          "function __slipway_is\n"
                          "  set -l verb (__slipway_verb)\n"
                          "  test \"$verb\" = \"$argv[1]\"\n"
                          "end\n");
  append_options(script, NULL, global_options);
  for (const Command *const *row = commands; *row != NULL; row++)
    append_command(script, row);
  return g_string_free(script, FALSE);
}
