/* `completion zsh`: words with their descriptions, for _describe of zsh's completion system (zshcompsys(1)).
 */
#include <string.h>

#include "deployer/commands/completion.h"

#include "support/poison.h"

/* 'WORD:DESCRIPTION', in single quotes; a word has no colon. */
static void append_choice(GString *script, const char *dashes, const char *word, gsize length,
                          const char *description) {
  g_auto(GStrv) parts = g_strsplit(description, "'", -1);
  g_autofree char *quoted = g_strjoinv("'\\''", parts);
  g_string_append_printf(script, " '%s%.*s:%s'", dashes, (int)length, word, quoted);
}

static void append_options(GString *script, const Option *rows) {
  for (const Option *row = rows; row != NULL && row->name != NULL; row++)
    if (row->help != NULL)
      append_choice(script, "--", row->name, strlen(row->name), row->help);
}

static void append_verbs(GString *script) {
  for (const Command *const *row = commands; *row != NULL; row++)
    if (completion_begins_group(row))
      append_choice(script, "", (*row)->name, strcspn((*row)->name, " "), (*row)->summary);
}

static void append_second_words(GString *script) {
  for (const Command *const *row = commands; *row != NULL; row++) {
    const char *space = strchr((*row)->name, ' ');
    if (space == NULL)
      continue;
    g_string_append_printf(script, "  [[ $verb == '%.*s' ]] && choices+=(", (int)(space - (*row)->name),
                           (*row)->name);
    append_choice(script, "", space + 1, strlen(space + 1), (*row)->summary);
    g_string_append(script, ")\n");
  }
}

static void append_cases(GString *script) {
  for (const Command *const *row = commands; *row != NULL; row++) {
    g_string_append_printf(script, "    ('%s') environments=%s; options+=(", (*row)->name,
                           completion_takes_environment(*row) ? "yes" : "");
    append_options(script, (*row)->options);
    g_string_append(script, ") ;;\n");
  }
}

static void append_longer_verbs(GString *script) {
  for (const Command *const *row = commands; *row != NULL; row++)
    if (strchr((*row)->name, ' ') != NULL)
      g_string_append_printf(script, "      ('%s') verb='%s' ;;\n", (*row)->name, (*row)->name);
}

char *completion_zsh(void) {
  GString *script = g_string_new("#compdef slipway\n"
                                 "# Completion of slipway for zsh, made by: slipway completion zsh\n"
                                 "_slipway() {\n"
                                 "  local verb='' environments='' i\n"
                                 "  local -a choices options\n"
                                 "  for ((i = 2; i < CURRENT; i++)); do\n"
                                 "    [[ ${words[i]} == -* ]] && continue\n"
                                 "    [[ ${words[i-1]} == (-c|--config|--history) ]] && continue\n"
                                 "    verb=${words[i]}\n"
                                 "    ((i + 1 < CURRENT)) && case \"$verb ${words[i+1]}\" in\n");
  append_longer_verbs(script);
  g_string_append(script, "    esac\n"
                          "    break\n"
                          "  done\n"
                          "  [[ -z $verb ]] && choices+=(");
  append_verbs(script);
  g_string_append(script, ")\n");
  append_second_words(script);
  g_string_append(script, "  options=(");
  append_options(script, global_options);
  g_string_append(script, ")\n  case $verb in\n");
  append_cases(script);
  g_string_append(
      script,
      "  esac\n"
      "  if [[ $PREFIX == -* ]]; then\n"
      "    _describe -o option options\n"
      "    return\n"
      "  fi\n"
      "  [[ -n $environments ]] &&"
      " choices+=(${(f)\"$(${words[1]} config --environments 2>/dev/null)\"})\n"
      "  if (($#choices)); then _describe word choices; else _files; fi\n"
      "}\n"
      "if [[ ${funcstack[1]} == _slipway ]]; then _slipway \"$@\"; else compdef _slipway slipway; fi\n");
  return g_string_free(script, FALSE);
}
