/* `completion`: scripts made from the rows; the one for bash is here. */
#include <stdio.h>
#include <string.h>

#include "deployer/commands/completion.h"
#include "deployer/commands/rows.h"
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

bool completion_takes_environment(const Command *command) {
  const Argument *first = command->arguments;
  return first != NULL && first->name != NULL && strcmp(first->name, "ENV") == 0;
}

/* The words that may follow the verb, as one case of the script. */
static void append_case(GString *script, const Command *command) {
  g_autoptr(GString) words = g_string_new(NULL);
  append_option_words(words, command->options);
  g_string_append_printf(script, "    '%s') options='%s'; environments=%s ;;\n", command->name, words->str,
                         completion_takes_environment(command) ? "yes" : "");
}

bool completion_begins_group(const Command *const *command) {
  gsize length = strcspn((*command)->name, " ");
  for (const Command *const *row = commands; row != command; row++)
    if (strcspn((*row)->name, " ") == length && strncmp((*row)->name, (*command)->name, length) == 0)
      return false;
  return true;
}

static void append_verbs(GString *script) {
  for (const Command *const *row = commands; *row != NULL; row++)
    if (completion_begins_group(row))
      g_string_append_printf(script, "%.*s ", (int)strcspn((*row)->name, " "), (*row)->name);
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
  g_autoptr(GString) verbs = g_string_new(NULL);
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

static const struct {
  const char *name;
  char *(*make)(void);
} shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

static bool run_completion(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  for (gsize i = 0; i < G_N_ELEMENTS(shells); i++) {
    if (strcmp(choices->what, shells[i].name) != 0)
      continue;
    g_autofree char *script = shells[i].make();
    (void)fputs(script, stdout);
    return true;
  }
  return fail(error, SLIPWAY_ERROR_USAGE, "there is completion for bash, zsh and fish, not for \"%s\"",
              choices->what);
}

static const Argument arguments[] = {
    {"SHELL", ARGUMENT_TEXT, false, offsetof(Choices, what), "bash, zsh or fish"},
    {0},
};
static const Example examples[] = {
    {"completion bash > ~/.local/share/bash-completion/completions/slipway",
     "complete commands, options and environments"},
    {"completion zsh > ~/.zfunc/_slipway", "in a folder of $fpath, set before compinit"},
    {"completion fish > ~/.config/fish/completions/slipway.fish", "the same for fish"},
    {0},
};
const Command command_completion = {.name = "completion",
                                    .summary = "print a completion script",
                                    .arguments = arguments,
                                    .choices_size = sizeof(Choices),
                                    .examples = examples,
                                    .run = run_completion};
