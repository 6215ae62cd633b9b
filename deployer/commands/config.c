/* `config`: the effective configuration, or the list of its keys. */
#include <stdio.h>
#include <string.h>

#include "deployer/commands/rows.h"
#include "support/json.h"

#include "support/poison.h"

typedef struct {
  const char *environment;
  bool environments, keys;
} Choices;

static bool run_config(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  const Config *config = invocation->config;
  if (choices->keys) {
    g_autofree char *keys = config_describe_keys();
    (void)fputs(keys, stdout);
    return true;
  }
  if (!wants_words(invocation)) {
    g_autofree char *text = config_to_json(config, choices->environment);
    return json_parse(text, strlen(text), "the configuration", &invocation->document, error);
  }
  if (choices->environments) {
    for (guint i = 0; i < config->environments->len; i++)
      (void)printf("%s\n", ((const Environment *)config->environments->pdata[i])->name);
    return true;
  }
  g_autofree char *text = config_to_yaml(config, choices->environment);
  (void)fputs(text, stdout);
  return true;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, true, offsetof(Choices, environment), "only this environment"},
    {0},
};
static const Option options[] = {
    {0, OPTION_FLAG, "environments", NULL, offsetof(Choices, environments),
     "only the names of the environments, one a line"},
    {0, OPTION_LONE_FLAG, "keys", NULL, offsetof(Choices, keys),
     "every key that slipway.yml may have: type, default, meaning"},
    {0},
};
static const Example examples[] = {
    {"config prod", "what slipway.yml means for prod, with every default filled in"},
    {0},
};
const Command command_config = {
    .name = "config",
    .summary = "print the effective configuration",
    .description = "What is printed is a slipway.yml again, with the defaults filled in and each "
                   "environment complete in itself. All keys: man slipway.yml.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG,
    .examples = examples,
    .run = run_config};
