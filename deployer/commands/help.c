/* `help` and `version`; the hidden options of `help` make the generated parts of the manual pages. */
#include <stdio.h>
#include <string.h>

#include "deployer/commands/rows.h"
#include "deployer/commands/usage.h"
#include "support/errors.h"

#include "support/poison.h"

typedef struct {
  const char *verb, *second;
  bool man, man_keys;
} Choices;

static const Command *find(const char *name) {
  for (const Command *const *row = commands; *row != NULL; row++)
    if (strcmp((*row)->name, name) == 0)
      return *row;
  return NULL;
}

static char *text_for(const Choices *choices) {
  if (choices->man)
    return usage_man();
  if (choices->man_keys)
    return usage_man_keys();
  if (choices->verb == NULL)
    return usage_overview(NULL);
  g_autofree char *name = choices->second != NULL ? g_strdup_printf("%s %s", choices->verb, choices->second)
                                                  : g_strdup(choices->verb);
  const Command *command = find(name);
  if (command != NULL)
    return usage_of_command(command);
  g_autofree char *start = g_strdup_printf("%s ", name);
  for (const Command *const *row = commands; *row != NULL; row++)
    if (g_str_has_prefix((*row)->name, start))
      return usage_overview(name);
  return NULL;
}

static bool run_help(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  g_autofree char *text = text_for(choices);
  if (text == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "help: there is no command \"%s%s%s\"\nhelp: slipway --help",
                choices->verb, choices->second != NULL ? " " : "",
                choices->second != NULL ? choices->second : "");
  (void)fputs(text, stdout);
  return true;
}

static const Argument arguments[] = {
    {"COMMAND", ARGUMENT_TEXT, true, offsetof(Choices, verb), "the command to explain"},
    {"SUBCOMMAND", ARGUMENT_TEXT, true, offsetof(Choices, second), "its second word: help release create"},
    {0},
};
static const Option options[] = {
    {0, OPTION_FLAG, "man", NULL, offsetof(Choices, man), NULL},
    {0, OPTION_FLAG, "man-keys", NULL, offsetof(Choices, man_keys), NULL},
    {0},
};
const Command command_help = {.name = "help",
                              .summary = "explain a command",
                              .arguments = arguments,
                              .options = options,
                              .choices_size = sizeof(Choices),
                              .run = run_help};

static bool run_version(Invocation *invocation, GError **error) {
  (void)error;
  if (wants_words(invocation)) {
    (void)printf("slipway %s\n", SLIPWAY_VERSION);
  } else {
    invocation->document = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(invocation->document, "version", SLIPWAY_VERSION);
  }
  return true;
}

const Command command_version = {
    .name = "version", .summary = "print the program's version", .run = run_version};
