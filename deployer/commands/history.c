/* `history`: the deployments, newest first, and below them the holds. */
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

static char *held_environment_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Hold *)item)->environment);
}

static char *held_cell(gconstpointer item, gconstpointer context) {
  return time_ago(((const Hold *)item)->since, *(const gint64 *)context);
}

static char *holder_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Hold *)item)->actor);
}

static char *lifted_cell(gconstpointer item, gconstpointer context) {
  const Hold *hold = item;
  return hold->lifted_at != 0 ? time_ago(hold->lifted_at, *(const gint64 *)context) : g_strdup("not yet");
}

static char *lifter_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Hold *)item)->lifted_by);
}

static char *held_reason_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Hold *)item)->reason);
}

static const TableColumn hold_columns[] = {
    {.title = "HELD", .cell = held_cell},
    {.title = "ENVIRONMENT", .cell = held_environment_cell},
    {.title = "BY", .cell = holder_cell, .may_shrink = true},
    {.title = "LIFTED", .cell = lifted_cell},
    {.title = "BY", .cell = lifter_cell, .may_shrink = true},
    {.title = "REASON", .cell = held_reason_cell, .may_shrink = true},
    {0},
};

static void print_history(GPtrArray *deployments, GPtrArray *holds) {
  gint64 now = g_get_real_time();
  guint width = window_size(STDOUT_FILENO).width;
  g_autofree char *table = table_render(columns, deployments, &now, width);
  (void)fputs(deployments->len > 0 ? table : "There is no deployment yet.\n", stdout);
  if (holds->len == 0)
    return;
  g_autofree char *hold_table = table_render(hold_columns, holds, &now, width);
  (void)printf("\n%s", hold_table);
}

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
  g_autoptr(GPtrArray) holds = NULL;
  if (!history_list_deployments(invocation->history, choices->environment, choices->limit, &deployments,
                                error) ||
      !history_list_holds(invocation->history, choices->environment, choices->limit, &holds, error) ||
      !check_name(invocation, choices->environment, deployments, error))
    return false;
  if (!wants_words(invocation)) {
    invocation->document = cJSON_CreateArray();
    for (guint i = 0; i < deployments->len; i++)
      cJSON_AddItemToArray(invocation->document, deployment_json(deployments->pdata[i], NULL));
    return true;
  }
  print_history(deployments, holds);
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
    {"history prod -n 5", "the last five deployments of prod, and its last five holds"},
    {0},
};
const Command command_history = {.name = "history",
                                 .summary = "list the deployments, newest first",
                                 .description =
                                     "Holds stand below them. With --json: the deployments. A history that "
                                     "was lost, or made elsewhere: slipway history import ENV.",
                                 .arguments = arguments,
                                 .options = options,
                                 .choices_size = sizeof(Choices),
                                 .needs = READS_HISTORY | MAY_USE_RECORDED_CONFIG,
                                 .examples = examples,
                                 .run = run_history};
