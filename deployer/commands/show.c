/* `show`: one deployment in full. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deployer/commands/rows.h"
#include "deployer/commands/show_config.h"
#include "deployer/commands/show_output.h"
#include "deployer/output/columns.h"
#include "deployer/output/deployment_json.h"
#include "deployer/output/table.h"
#include "deployer/output/words.h"
#include "deployer/rollout/snapshot.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *deployment;
  bool config;
} Choices;

static void print_fact(const char *name, const char *value) {
  if (value == NULL)
    return;
  g_autofree char *printable = text_printable(value, false);
  (void)printf("%-14s %s\n", name, printable);
}

/* ---- hosts
 * ------------------------------------------------------------------------------------------------------------
 */

static char *host_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const DeploymentHost *)item)->name);
}

static char *address_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const char *address = ((const DeploymentHost *)item)->address;
  return g_strdup(address != NULL ? address : "this machine");
}

static char *host_status_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(host_status_name(((const DeploymentHost *)item)->status));
}

/* `context`: GHashTable from uid to "d31". */
static char *runs_cell(gconstpointer item, gconstpointer context) {
  const char *uid = ((const DeploymentHost *)item)->runs;
  if (uid == NULL)
    return g_strdup("not known");
  if (uid[0] == '\0')
    return g_strdup("nothing");
  const char *word = g_hash_table_lookup((GHashTable *)context, uid);
  return g_strdup(word != NULL ? word : uid);
}

static char *host_error_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const DeploymentHost *)item)->error);
}

static const TableColumn host_columns[] = {
    {.title = "HOST", .cell = host_cell},
    {.title = "ADDRESS", .cell = address_cell},
    {.title = "ENDED AS", .cell = host_status_cell},
    {.title = "RUNS", .cell = runs_cell},
    {.title = "ERROR", .cell = host_error_cell},
    {0},
};

/* ---- steps
 * ------------------------------------------------------------------------------------------------------------
 */

static char *step_start_cell(gconstpointer item, gconstpointer context) {
  gint64 offset_ms = (((const DeploymentStep *)item)->started_at - *(const gint64 *)context) / 1000;
  g_autofree char *offset = duration_for_people(MAX(offset_ms, 0));
  return g_strdup_printf("+%s", offset);
}

static char *step_host_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const DeploymentStep *)item)->host);
}

static char *step_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const DeploymentStep *)item)->step);
}

static char *step_status_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const DeploymentStep *)item)->status);
}

static char *step_duration_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const DeploymentStep *step = item;
  return step->finished_at != 0 ? duration_for_people((step->finished_at - step->started_at) / 1000) : NULL;
}

static char *step_detail_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const DeploymentStep *)item)->detail);
}

static const TableColumn step_columns[] = {
    {.title = "STARTED", .cell = step_start_cell, .is_number = true},
    {.title = "HOST", .cell = step_host_cell},
    {.title = "STEP", .cell = step_cell},
    {.title = "STATUS", .cell = step_status_cell},
    {.title = "TOOK", .cell = step_duration_cell, .is_number = true},
    {.title = "DETAIL", .cell = step_detail_cell, .may_shrink = true},
    {0},
};

/* ---- the whole
 * -------------------------------------------------------------------------------------------------------- */

static void print_times(const Deployment *deployment) {
  gint64 now = g_get_real_time();
  g_autofree char *started = time_in_full(deployment->started_at, now);
  g_autofree char *finished = time_in_full(deployment->finished_at, now);
  g_autofree char *took = deployment->finished_at != 0
                              ? duration_for_people((deployment->finished_at - deployment->started_at) / 1000)
                              : NULL;
  print_fact("started", started);
  print_fact("finished", finished);
  print_fact("took", took);
}

static void print_facts(const Deployment *deployment) {
  g_autofree char *id = deployment_word(deployment->id);
  g_autofree char *release = release_word(deployment->release);
  g_autofree char *what =
      release != NULL
          ? g_strdup_printf("%s (%s)", release, deployment->version != NULL ? deployment->version : "?")
          : g_strdup("none");
  g_autofree char *status =
      deployment->exit_code >= 0
          ? g_strdup_printf("%s (exit status %d)", deployment_status_name(deployment->status),
                            deployment->exit_code)
          : g_strdup(deployment_status_name(deployment->status));
  g_autofree char *restores = deployment_word(deployment->restores);
  g_autofree char *revision =
      deployment->config_revision != NULL
          ? g_strdup_printf("%s%s", deployment->config_revision,
                            deployment->config_dirty ? " and uncommitted changes" : "")
          : NULL;
  print_fact("deployment", id);
  print_fact("environment", deployment->environment);
  print_fact("kind", deployment_kind_name(deployment->kind));
  print_fact("release", what);
  print_fact("status", status);
  print_fact("restores", restores);
  print_times(deployment);
  print_fact("by", deployment->actor);
  print_fact("forced", deployment->forced ? "yes" : NULL);
  print_fact("reason", deployment->reason);
  print_fact("build", deployment->build_url);
  print_fact("configuration", revision);
  print_fact("uid", deployment->uid);
}

static void print_message(const Deployment *deployment) {
  if (deployment->message == NULL)
    return;
  g_autofree char *message = text_printable(deployment->message, true);
  (void)printf("\n%s\n", message);
}

static void print_images(const Deployment *deployment) {
  g_autoptr(cJSON) images = NULL;
  if (deployment->images == NULL ||
      !json_parse(deployment->images, strlen(deployment->images), "the images", &images, NULL))
    return;
  (void)printf("\nIMAGES\n");
  const cJSON *image = NULL;
  guint width = 0;
  cJSON_ArrayForEach(image, images) width = MAX(width, columns_of(image->string));
  cJSON_ArrayForEach(image, images) {
    g_autofree char *service = columns_pad(image->string, width);
    g_autofree char *reference = text_printable(cJSON_IsString(image) ? image->valuestring : "?", false);
    (void)printf("%s  %s\n", service, reference);
  }
}

/* What --set said; NULL: the snapshot is not there. */
static GHashTable *read_set(History *history, const Deployment *deployment) {
  GHashTable *set = NULL;
  return snapshot_read_set(history, deployment, &set, NULL) ? set : NULL;
}

static void print_set(GHashTable *set) {
  g_autoptr(GList) names = set != NULL ? g_hash_table_get_keys(set) : NULL;
  names = g_list_sort(names, (GCompareFunc)strcmp);
  for (const GList *name = names; name != NULL; name = name->next) {
    const char *value = g_hash_table_lookup(set, name->data);
    g_autofree char *text = g_strdup_printf("%s=%s", (const char *)name->data, value);
    print_fact("set", text);
  }
}

static cJSON *set_json(GHashTable *set) {
  cJSON *json = cJSON_CreateObject();
  GHashTableIter iterator;
  gpointer name = NULL, value = NULL;
  if (set == NULL)
    return json;
  g_hash_table_iter_init(&iterator, set);
  while (g_hash_table_iter_next(&iterator, &name, &value))
    json_set_string(json, name, value);
  return json;
}

/* uid -> "d31" of the environment's deployments: hosts remember uids, people do not. */
static bool name_uids(History *history, const char *environment, GHashTable **names, GError **error) {
  g_autoptr(GPtrArray) deployments = NULL;
  if (!history_list_deployments(history, environment, 0, &deployments, error))
    return false;
  *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; i < deployments->len; i++) {
    const Deployment *deployment = deployments->pdata[i];
    g_hash_table_insert(*names, g_strdup(deployment->uid), deployment_word(deployment->id));
  }
  return true;
}

static void print_deployment(const Deployment *deployment, GPtrArray *steps, GHashTable *names,
                             GHashTable *set) {
  print_facts(deployment);
  print_set(set);
  print_message(deployment);
  print_images(deployment);
  g_autofree char *hosts = table_render(host_columns, deployment->hosts, names, 0);
  (void)printf("\n%s", hosts);
  if (steps->len == 0)
    return;
  g_autofree char *text =
      table_render(step_columns, steps, &deployment->started_at, window_size(STDOUT_FILENO).width);
  (void)printf("\n%s", text);
}

static bool find_deployment(History *history, const char *name, Deployment **deployment, GError **error) {
  gint64 id = deployment_number(name);
  if (id == 0)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "show: \"%s\" is no deployment: they are named d1, d2, …; see: slipway history", name);
  if (!history_get_deployment(history, id, deployment, error))
    return false;
  return *deployment != NULL ||
         fail(error, SLIPWAY_ERROR_USAGE, "show: there is no deployment %s; see: slipway history", name);
}

static bool run_show(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  History *history = invocation->history;
  g_autoptr(Deployment) deployment = NULL;
  g_autoptr(GPtrArray) steps = NULL;
  g_autoptr(GHashTable) names = NULL;
  if (!find_deployment(history, choices->deployment, &deployment, error))
    return false;
  if (choices->config)
    return show_config(invocation, deployment, error);
  if (!history_list_steps(history, deployment->id, &steps, error) ||
      !name_uids(history, deployment->environment, &names, error))
    return false;
  g_autoptr(GHashTable) set = read_set(history, deployment);
  if (wants_words(invocation)) {
    print_deployment(deployment, steps, names, set);
    print_outputs(steps, invocation->global->verbose);
    return true;
  }
  invocation->document = deployment_json(deployment, steps);
  json_set(invocation->document, "set", set_json(set));
  return true;
}

static const Argument arguments[] = {
    {"DEPLOYMENT", ARGUMENT_TEXT, false, offsetof(Choices, deployment), "d31"},
    {0},
};
static const Option options[] = {
    {0, OPTION_FLAG, "config", NULL, offsetof(Choices, config),
     "what it ran with: the settings of slipway.yml, the values of the variables, the files; slipway.yml "
     "itself is named with -c here"},
    {0},
};
static const Example examples[] = {
    {"show d31", "what it deployed, by whom, every host, every step with its duration"},
    {"show d31 --config", "its configuration, as recorded"},
    {0},
};
const Command command_show = {.name = "show",
                              .summary = "show one deployment in full",
                              .arguments = arguments,
                              .options = options,
                              .choices_size = sizeof(Choices),
                              .needs = READS_HISTORY | MAY_USE_RECORDED_CONFIG,
                              .examples = examples,
                              .run = run_show};
