/* `completion bash`: a script made from the rows; names of environments come from the slipway.yml at hand. */
#include <stdio.h>
#include <string.h>

#include "deployer/commands/rows.h"
#include "deployer/commands/usage.h"
#include "support/errors.h"

#include "support/poison.h"

typedef struct {
  const char *what;
} Choices;

static void append_option_words(GString *words, const Option *rows) {
  for (const Option *row = rows; row != NULL && row->name != NULL; row++)
    if (row->help != NULL)
      g_string_append_printf(words, " --%s", row->name);
}

static bool takes_environment(const Command *command) {
  const Argument *first = command->arguments;
  return first != NULL && first->name != NULL && strcmp(first->name, "ENV") == 0;
}

/* The words that may follow the verb, as one case of the script. */
static void append_case(GString *script, const Command *command) {
  g_autoptr(GString) words = g_string_new(NULL);
  append_option_words(words, command->options);
  g_string_append_printf(script, "    '%s') options='%s'; environments=%s ;;\n", command->name, words->str,
                         takes_environment(command) ? "yes" : "");
}

static void append_verbs(GString *script) {
  for (const Command *const *row = commands; *row != NULL; row++) {
    g_autofree char *word = g_strndup((*row)->name, strcspn((*row)->name, " "));
    g_autofree char *pattern = g_strdup_printf(" %s ", word);
    if (strstr(script->str, pattern) == NULL)
      g_string_append_printf(script, "%s ", word);
  }
}

static void append_second_words(GString *script) {
  for (const Command *const *row = commands; *row != NULL; row++) {
    const char *space = strchr((*row)->name, ' ');
    if (space != NULL)
      g_string_append_printf(script, "    '%.*s') words+=' %s' ;;&\n", (int)(space - (*row)->name),
                             (*row)->name, space + 1);
  }
}

static void append_longer_verbs(GString *script) {
  for (const Command *const *row = commands; *row != NULL; row++)
    if (strchr((*row)->name, ' ') != NULL)
      g_string_append_printf(script, "      '%s') verb='%s' ;;\n", (*row)->name, (*row)->name);
}

char *completion_bash(void) {
  GString *script =
      g_string_new("# Completion of slipway for bash, made by: slipway completion bash\n"
                   "_slipway() {\n"
                   "  local current=${COMP_WORDS[COMP_CWORD]} verb='' words='' options='' environments='' i\n"
                   "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                   "    case ${COMP_WORDS[i]} in -*) continue ;; esac\n"
                   "    case ${COMP_WORDS[i - 1]} in -c | --config | --history) continue ;; esac\n"
                   "    verb=${COMP_WORDS[i]}\n"
                   "    [ $((i + 1)) -ge \"$COMP_CWORD\" ] ||"
                   " case \"$verb ${COMP_WORDS[i + 1]}\" in\n");
  append_longer_verbs(script);
  g_string_append(script, "    esac\n"
                          "    break\n"
                          "  done\n"
                          "  case $verb in\n");
  g_autoptr(GString) verbs = g_string_new(" ");
  append_verbs(verbs);
  g_string_append_printf(script, "    '') words='%s' ;;\n", g_strstrip(verbs->str));
  append_second_words(script);
  for (const Command *const *row = commands; *row != NULL; row++)
    append_case(script, *row);
  g_autoptr(GString) global = g_string_new(NULL);
  append_option_words(global, global_options);
  g_string_append_printf(script,
                         "  esac\n"
                         "  case $current in -*) words+=\"$options%s\" ;; esac\n"
                         "  [ -z \"$environments\" ] ||"
                         " words+=\" $(\"${COMP_WORDS[0]}\" config --environments 2>/dev/null)\"\n"
                         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                         "}\n"
                         "complete -o default -F _slipway slipway\n",
                         global->str);
  return g_string_free(script, FALSE);
}

static bool run_completion(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  if (strcmp(choices->what, "bash") == 0) {
    g_autofree char *script = completion_bash();
    (void)fputs(script, stdout);
    return true;
  }
  return fail(error, SLIPWAY_ERROR_USAGE, "there is completion for bash only, not for \"%s\"", choices->what);
}

static const Argument arguments[] = {
    {"SHELL", ARGUMENT_TEXT, false, offsetof(Choices, what), "bash"},
    {0},
};
static const Example examples[] = {
    {"completion bash > ~/.local/share/bash-completion/completions/slipway",
     "complete commands, options and environments"},
    {0},
};
const Command command_completion = {.name = "completion",
                                    .summary = "print a completion script",
                                    .arguments = arguments,
                                    .choices_size = sizeof(Choices),
                                    .examples = examples,
                                    .run = run_completion};
