/* `history import`: what the hosts of an environment know and this history does not. */
#include <stdio.h>

#include "deployer/commands/deliver.h"
#include "deployer/commands/rows.h"
#include "deployer/output/deployment_json.h"
#include "deployer/output/words.h"
#include "deployer/rollout/import.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment;
  HostChoices hosts;
  ForceChoices force;
  LockChoices lock;
} Choices;

static bool find_newest_id(History *history, gint64 *id, GError **error) {
  g_autoptr(GPtrArray) deployments = NULL;
  if (!history_list_deployments(history, NULL, 0, &deployments, error))
    return false;
  *id = 0;
  for (guint i = 0; i < deployments->len; i++)
    *id = MAX(*id, ((const Deployment *)deployments->pdata[i])->id);
  return true;
}

/* Borrowed from `deployments`, oldest first. Imported ones have the ids that were free, and no controller. */
static GPtrArray *find_imported(GPtrArray *deployments, gint64 newest_before) {
  GPtrArray *imported = g_ptr_array_new();
  for (guint i = deployments->len; i > 0; i--) {
    const Deployment *deployment = deployments->pdata[i - 1];
    if (deployment->id > newest_before && deployment->controller == NULL)
      g_ptr_array_add(imported, deployments->pdata[i - 1]);
  }
  return imported;
}

static void print_imported(const char *environment, const GPtrArray *imported) {
  g_autofree char *count = count_word(imported->len, "deployment", "deployments");
  if (imported->len == 0) {
    (void)printf("%s: its hosts know of no deployment that is missing here\n", environment);
    return;
  }
  (void)printf("%s: imported %s\n", environment, count);
  for (guint i = 0; i < imported->len; i++) {
    const Deployment *deployment = imported->pdata[i];
    g_autofree char *version =
        deployment->version != NULL ? text_printable(deployment->version, false) : g_strdup("");
    g_autofree char *when = time_in_full(deployment->started_at, g_get_real_time());
    (void)printf("  d%" G_GINT64_FORMAT ": %s%s%s, %s, %s\n", deployment->id,
                 deployment_kind_name(deployment->kind), *version != '\0' ? " " : "", version,
                 deployment_status_name(deployment->status), when);
  }
}

static cJSON *imported_json(const char *environment, const GPtrArray *imported) {
  cJSON *json = cJSON_CreateObject();
  cJSON *list = cJSON_CreateArray();
  json_set_string(json, "environment", environment);
  for (guint i = 0; i < imported->len; i++)
    cJSON_AddItemToArray(list, deployment_json(imported->pdata[i], NULL));
  json_set(json, "imported", list);
  return json;
}

static bool tell(Invocation *invocation, gint64 newest_before, GError **error) {
  const char *environment = invocation->environment->name;
  g_autoptr(GPtrArray) deployments = NULL;
  if (!history_list_deployments(invocation->history, environment, 0, &deployments, error))
    return false;
  g_autoptr(GPtrArray) imported = find_imported(deployments, newest_before);
  reporter_finish(invocation->reporter);
  if (wants_words(invocation))
    print_imported(environment, imported);
  else
    invocation->document = imported_json(environment, imported);
  return true;
}

static bool run_import(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  RolloutRequest request = {.config = invocation->config,
                            .environment = invocation->environment,
                            .history = invocation->history,
                            .reporter = invocation->reporter,
                            .command = invocation->line};
  gint64 newest_before = 0;
  guint imported = 0;
  return force_choices_apply(&choices->force, &request, error) &&
         host_choices_apply(&choices->hosts, invocation->environment, &request, error) &&
         lock_choices_apply(&choices->lock, &request, error) &&
         find_newest_id(invocation->history, &newest_before, error) &&
         import_all(&request, &imported, error) && tell(invocation, newest_before, error);
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {0},
};
static const Option options[] = {
    SKIP_OPTIONS(offsetof(Choices, hosts)),
    FORCE_OPTIONS(offsetof(Choices, force)),
    LOCK_OPTIONS(offsetof(Choices, lock)),
    {0},
};
static const Example examples[] = {
    {"history import prod", "after the history file was lost; then: slipway rollback prod"},
    {0},
};
const Command command_history_import = {
    .name = "history import",
    .summary = "take in the deployments that only the hosts know",
    .description =
        "For a history that was lost, or when another machine deployed there too. Each host keeps a journal "
        "of its deployments, and of those that a rollback may return to the images, the configuration and "
        "the "
        "files: with "
        "these, rollback works as before. The hosts are locked meanwhile, no container is touched, and what "
        "is here already stays as it is. deploy, promote, rollback, down and prune do the same before they "
        "decide anything. What never touched a host, and holds, are not on the hosts.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | WRITES_HISTORY | NEEDS_HOSTS,
    .examples = examples,
    .run = run_import};
