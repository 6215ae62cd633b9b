/* `diff`: two deployments, releases or environments compared. */
#include <stdio.h>

#include "deployer/commands/rows.h"
#include "deployer/output/changes.h"
#include "deployer/output/words.h"
#include "deployer/rollout/difference.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *from, *to;
} Choices;

/* "d31 (prod, r7, 2.0)" or "r7 (2.0)". Caller frees. */
static char *side_words(const DifferenceSide *side) {
  const char *version = side->release != NULL ? side->release->version : NULL;
  g_autofree char *release = side->release != NULL ? release_word(side->release->id) : NULL;
  if (side->deployment == NULL)
    return g_strdup_printf("%s (%s)", release != NULL ? release : "?", version != NULL ? version : "?");
  g_autofree char *deployment = deployment_word(side->deployment->id);
  return g_strdup_printf("%s (%s, %s%s%s)", deployment, side->deployment->environment,
                         release != NULL ? release : "no release", version != NULL ? ", " : "",
                         version != NULL ? version : "");
}

static void print_list(const char *title, GPtrArray *changes) {
  if (changes->len == 0)
    return;
  (void)printf("\n%s\n", title);
  changes_print(changes);
}

/* Those that are the same are no news. */
static void print_secrets(GPtrArray *secrets) {
  const char *title = "\nSECRETS\n";
  for (guint i = 0; i < secrets->len; i++) {
    const SecretDifference *secret = secrets->pdata[i];
    if (secret->state == SECRET_SAME)
      continue;
    (void)printf("%s%s  %s\n", title, secret->name, secret_state_name(secret->state));
    title = "";
  }
}

static cJSON *secrets_json(GPtrArray *secrets) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < secrets->len; i++) {
    const SecretDifference *secret = secrets->pdata[i];
    cJSON *json = cJSON_CreateObject();
    json_set_string(json, "name", secret->name);
    json_set_string(json, "state", secret_state_name(secret->state));
    cJSON_AddItemToArray(array, json);
  }
  return array;
}

static void print_difference(const Difference *difference) {
  g_autofree char *from = side_words(&difference->from), *to = side_words(&difference->to);
  g_autofree char *from_shown = text_printable(from, false), *to_shown = text_printable(to, false);
  (void)printf("%s -> %s\n", from_shown, to_shown);
  if (!difference_is_any(difference))
    (void)printf("No difference.\n");
  if (difference->images->len > 0) {
    g_autofree char *table = changes_table(
        difference->images, difference->from.deployment != NULL ? "SERVICE" : "IMAGE", "FROM", "TO");
    (void)printf("\n%s", table);
  }
  print_list("CONFIGURATION", difference->configuration);
  print_list("SETTINGS", difference->settings);
  print_secrets(difference->secrets);
}

static cJSON *side_json(const DifferenceSide *side) {
  cJSON *json = cJSON_CreateObject();
  g_autofree char *deployment = side->deployment != NULL ? deployment_word(side->deployment->id) : NULL;
  g_autofree char *release = side->release != NULL ? release_word(side->release->id) : NULL;
  json_set_string(json, "deployment", deployment);
  json_set_string(json, "environment", side->deployment != NULL ? side->deployment->environment : NULL);
  json_set_string(json, "release", release);
  json_set_string(json, "version", side->release != NULL ? side->release->version : NULL);
  return json;
}

static cJSON *difference_json(const Difference *difference) {
  cJSON *json = cJSON_CreateObject();
  json_set(json, "from", side_json(&difference->from));
  json_set(json, "to", side_json(&difference->to));
  json_set_boolean(json, "differs", difference_is_any(difference));
  json_set(json, "images", changes_json(difference->images));
  json_set(json, "configuration", changes_json(difference->configuration));
  json_set(json, "settings", changes_json(difference->settings));
  json_set(json, "secrets", secrets_json(difference->secrets));
  return json;
}

static bool run_diff(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  g_autoptr(Difference) difference = NULL;
  if (!rollout_difference(invocation->history, invocation->config, choices->from, choices->to, &difference,
                          error))
    return false;
  if (wants_words(invocation))
    print_difference(difference);
  else
    invocation->document = difference_json(difference);
  return true;
}

static const Argument arguments[] = {
    {"A", ARGUMENT_TEXT, false, offsetof(Choices, from),
     "a deployment (d31), an environment (what runs there), a release (r7, its version), or current or "
     "previous: of the environment that B names"},
    {"B", ARGUMENT_TEXT, false, offsetof(Choices, to), "likewise, with A"},
    {0},
};
static const Example examples[] = {
    {"diff previous prod", "what the last deployment of prod changed"},
    {"diff end2end prod", "images and configuration of two environments"},
    {"diff d28 d31", "two deployments"},
    {"diff r6 r7", "the images of two releases, and the digests that they keep for others"},
    {0},
};
const Command command_diff = {
    .name = "diff",
    .summary = "compare two deployments, releases or environments",
    .description =
        "Deployments: the digest of each service, the values of variables, Compose files and mounted files, "
        "and "
        "every key of slipway.yml, as they were recorded; no host is asked. A release beside a deployment is "
        "compared with the deployment's release. Of secrets it can tell whether their values are the same, "
        "but for those recorded with a key "
        "that is lost. Exit status 0 whether they differ or not; --json has "
        "\"differs\".",
    .arguments = arguments,
    .choices_size = sizeof(Choices),
    .needs = READS_HISTORY | MAY_USE_RECORDED_CONFIG,
    .examples = examples,
    .run = run_diff};
