/* `history`: the deployments, newest first. */
#include <stdio.h>
#include <unistd.h>

#include "deployer/commands/rows.h"
#include "deployer/output/columns.h"
#include "deployer/output/deployment_json.h"
#include "deployer/output/table.h"
#include "deployer/output/words.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment;
  guint limit;
} Choices;

static char *id_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return deployment_word(((const Deployment *)item)->id);
}

static char *when_cell(gconstpointer item, gconstpointer context) {
  return time_ago(((const Deployment *)item)->started_at, *(const gint64 *)context);
}

static char *kind_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const Deployment *deployment = item;
  const char *kind = deployment_kind_name(deployment->kind);
  if (deployment->restores == 0)
    return g_strdup_printf("%s%s", kind, deployment->forced ? " (forced)" : "");
  return g_strdup_printf("%s to d%" G_GINT64_FORMAT, kind, deployment->restores);
}

static char *release_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return release_word(((const Deployment *)item)->release);
}

static char *version_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Deployment *)item)->version);
}

static char *environment_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Deployment *)item)->environment);
}

static char *status_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(deployment_status_name(((const Deployment *)item)->status));
}

static char *duration_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const Deployment *deployment = item;
  if (deployment->finished_at == 0)
    return NULL;
  return duration_for_people((deployment->finished_at - deployment->started_at) / 1000);
}

static char *actor_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Deployment *)item)->actor);
}

static char *reason_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Deployment *)item)->reason);
}

static const TableColumn columns[] = {
    {.title = "ID", .cell = id_cell},
    {.title = "WHEN", .cell = when_cell},
    {.title = "ENVIRONMENT", .cell = environment_cell},
    {.title = "KIND", .cell = kind_cell},
    {.title = "RELEASE", .cell = release_cell},
    {.title = "VERSION", .cell = version_cell, .may_shrink = true},
    {.title = "STATUS", .cell = status_cell},
    {.title = "TOOK", .cell = duration_cell, .is_number = true},
    {.title = "BY", .cell = actor_cell, .may_shrink = true},
    {.title = "REASON", .cell = reason_cell, .may_shrink = true},
    {0},
};

/* Nothing under a name that slipway.yml does not have either is a typo rather than an empty history. */
static bool check_name(const Invocation *invocation, const char *name, GPtrArray *deployments,
                       GError **error) {
  Environment *ignored = NULL;
  if (name == NULL || deployments->len > 0 || invocation->config == NULL)
    return true;
  return config_require_environment(invocation->config, name, &ignored, error);
}

static bool run_history(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  g_autoptr(GPtrArray) deployments = NULL;
  if (!history_list_deployments(invocation->history, choices->environment, choices->limit, &deployments,
                                error) ||
      !check_name(invocation, choices->environment, deployments, error))
    return false;
  if (!wants_words(invocation)) {
    invocation->document = cJSON_CreateArray();
    for (guint i = 0; i < deployments->len; i++)
      cJSON_AddItemToArray(invocation->document, deployment_json(deployments->pdata[i], NULL));
    return true;
  }
  if (deployments->len == 0) {
    (void)printf("There is no deployment yet.\n");
    return true;
  }
  gint64 now = g_get_real_time();
  g_autofree char *text = table_render(columns, deployments, &now, window_size(STDOUT_FILENO).width);
  (void)fputs(text, stdout);
  return true;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_TEXT, true, offsetof(Choices, environment),
     "only this environment, also one that slipway.yml no longer has"},
    {0},
};
static const Option options[] = {
    {'n', OPTION_NUMBER, "limit", "N", offsetof(Choices, limit), "only the newest N"},
    {0},
};
static const Example examples[] = {
    {"history prod -n 5", "the last five deployments of prod"},
    {0},
};
const Command command_history = {.name = "history",
                                 .summary = "list the deployments, newest first",
                                 .arguments = arguments,
                                 .options = options,
                                 .choices_size = sizeof(Choices),
                                 .needs = READS_HISTORY,
                                 .examples = examples,
                                 .run = run_history};
