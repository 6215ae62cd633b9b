/* `status`: what runs where, and what could go further. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deployer/commands/rows.h"
#include "deployer/output/columns.h"
#include "deployer/output/status_json.h"
#include "deployer/output/table.h"
#include "deployer/output/words.h"
#include "deployer/rollout/snapshot.h"
#include "pipelines/gates.h"
#include "pipelines/state.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment;
} Choices;

/* Everything that statuses are made from; the arrays own what the states borrow. */
typedef struct {
  GPtrArray *deployments; /* GPtrArray of Deployment, the newest, by environment */
  GPtrArray *states;      /* EnvironmentState, by environment */
  GPtrArray *holds;       /* Hold or NULL, by environment */
  gint64 now;
} Facts;

static void destroy_array(gpointer array) {
  g_ptr_array_unref(array);
}

static void destroy_state(gpointer state) {
  environment_state_free(state);
}

static void destroy_hold(gpointer hold) {
  hold_free(hold);
}

static void destroy_status(gpointer status) {
  environment_status_free(status);
}

static void facts_clear(Facts *facts) {
  g_clear_pointer(&facts->states, g_ptr_array_unref);
  g_clear_pointer(&facts->holds, g_ptr_array_unref);
  g_clear_pointer(&facts->deployments, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Facts, facts_clear)

static bool gather_one(History *history, const char *environment, Facts *facts, GError **error) {
  GPtrArray *deployments = NULL;
  EnvironmentState *state = NULL;
  Hold *hold = NULL;
  if (!history_get_hold(history, environment, &hold, error))
    return false;
  g_ptr_array_add(facts->holds, hold);
  if (!environment_state_read(history, environment, NULL, 0, &deployments, &state, error))
    return false;
  g_ptr_array_add(facts->deployments, deployments);
  g_ptr_array_add(facts->states, state);
  state->hold = hold;
  return true;
}

static const EnvironmentState *state_of(const Facts *facts, const char *name) {
  for (guint i = 0; i < facts->states->len; i++) {
    const EnvironmentState *state = facts->states->pdata[i];
    if (strcmp(state->environment, name) == 0)
      return state;
  }
  return NULL;
}

/* Recorded settings know one environment only, and yet it may require others. */
static bool gather_required(const Invocation *invocation, const Environment *environment, Facts *facts,
                            GError **error) {
  g_autoptr(GPtrArray) required = gates_required(invocation->config, environment);
  for (guint i = 0; i < required->len; i++)
    if (state_of(facts, required->pdata[i]) == NULL &&
        !gather_one(invocation->history, required->pdata[i], facts, error))
      return false;
  return true;
}

static bool gather(const Invocation *invocation, Facts *facts, GError **error) {
  const Config *config = invocation->config;
  facts->now = g_get_real_time();
  facts->holds = g_ptr_array_new_with_free_func(destroy_hold);
  facts->deployments = g_ptr_array_new_with_free_func(destroy_array);
  facts->states = g_ptr_array_new_with_free_func(destroy_state);
  for (guint i = 0; i < config->environments->len; i++) {
    const Environment *environment = config->environments->pdata[i];
    if (!gather_one(invocation->history, environment->name, facts, error))
      return false;
  }
  for (guint i = 0; i < config->environments->len; i++)
    if (!gather_required(invocation, config->environments->pdata[i], facts, error))
      return false;
  return true;
}

static const DeploymentHost *find_host(const Deployment *deployment, const char *name) {
  for (guint i = 0; deployment != NULL && i < deployment->hosts->len; i++) {
    const DeploymentHost *host = deployment->hosts->pdata[i];
    if (strcmp(host->name, name) == 0)
      return host;
  }
  return NULL;
}

/* Left out by what the environment runs, and not caught up since: a later attempt may have put it back, to
 * something older. */
static bool lags_behind(const EnvironmentState *state, const char *name) {
  const DeploymentHost *host = find_host(state->newest_counting, name);
  return host != NULL && host->status == HOST_SKIPPED && environment_current(state) != NULL;
}

/* Today's hosts as the last attempt left them; one that it did not know runs nothing of ours. */
static GPtrArray *hosts_of(const Environment *environment, const EnvironmentState *state,
                           const Deployment *last) {
  GPtrArray *hosts = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < environment->hosts->len; i++) {
    const HostConfig *config = environment->hosts->pdata[i];
    const DeploymentHost *known = find_host(last, config->name);
    DeploymentHost *host = g_new0(DeploymentHost, 1);
    *host = known != NULL ? *known : (DeploymentHost){.status = HOST_PENDING, .runs = (char *)""};
    if (lags_behind(state, config->name))
      host->status = HOST_SKIPPED;
    host->name = config->name;
    host->address = config->address;
    g_ptr_array_add(hosts, host);
  }
  return hosts;
}

/* As what it runs was deployed there; NULL: not known. */
static const char *recorded_id(const Config *recorded, const char *environment, const char *name) {
  const Environment *then = recorded != NULL ? config_find_environment(recorded, environment) : NULL;
  const HostConfig *host = then != NULL ? environment_find_host(then, name) : NULL;
  return host != NULL ? host->id : NULL;
}

/* A machine of another id is another host, whatever it is called. */
static bool has_joined(const EnvironmentState *state, const HostConfig *host, const Config *recorded) {
  const DeploymentHost *last = find_host(state->last, host->name);
  const char *id = recorded_id(recorded, state->environment, host->name);
  if (id != NULL && host->id != NULL && strcmp(id, host->id) != 0)
    return true;
  return find_host(state->newest_counting, host->name) == NULL &&
         (last == NULL || last->runs == NULL || *last->runs == '\0');
}

/* Since the deployment that brought what the environment runs. Nobody knows while its inventory cannot be
 * asked. */
static void compare_hosts(const Invocation *invocation, const Environment *environment,
                          const EnvironmentState *state, EnvironmentStatus *status) {
  g_autoptr(Config) recorded = NULL;
  const Deployment *newest = state->newest_counting;
  bool lacks_hosts =
      invocation->lacking != NULL && g_hash_table_contains(invocation->lacking, environment->name);
  if (environment_current(state) == NULL || newest == NULL || lacks_hosts)
    return;
  /* Without its settings, names have to do. */
  if (!snapshot_read_settings(invocation->history, newest, &recorded, NULL))
    recorded = NULL;
  for (guint i = 0; i < environment->hosts->len; i++) {
    const HostConfig *host = environment->hosts->pdata[i];
    if (has_joined(state, host, recorded))
      g_ptr_array_add(status->joined, host->name);
  }
  for (guint i = 0; i < newest->hosts->len; i++) {
    const DeploymentHost *host = newest->hosts->pdata[i];
    if (environment_find_host(environment, host->name) == NULL)
      g_ptr_array_add(status->left, host->name);
  }
}

static gint compare_words(gconstpointer a, gconstpointer b) {
  const char *left = *(char *const *)a, *right = *(char *const *)b;
  gsize left_length = strlen(left), right_length = strlen(right);
  if (left_length != right_length)
    return left_length < right_length ? -1 : 1;
  return strcmp(left, right);
}

static GPtrArray *bad_of(const EnvironmentState *state) {
  GPtrArray *bad = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GArray) releases = environment_bad_releases(state);
  for (guint i = 0; i < releases->len; i++)
    g_ptr_array_add(bad, release_word(g_array_index(releases, gint64, i)));
  g_ptr_array_sort(bad, compare_words);
  return bad;
}

static void note_choice(const Environment *environment, const PromoteChoice *choice,
                        EnvironmentStatus *status) {
  if (choice->outcome == PROMOTE_NOTHING_NEWER)
    return;
  char *release = choice->release != NULL ? release_word(choice->release->id) : NULL;
  if (choice->outcome == PROMOTE_RELEASE) {
    status->promotable = release;
    status->asks_command = environment->gates.command->len > 0;
  } else {
    status->waiting = release;
    status->waiting_for = g_strdup(choice->brief);
    status->waiting_until = choice->until;
  }
}

/* Nothing older than what it runs is asked about. */
static bool ask_promotion(const Invocation *invocation, const Facts *facts, const Environment *environment,
                          const EnvironmentState *state, EnvironmentStatus *status, GError **error) {
  if (!config_is_in_pipeline(invocation->config, status->name))
    return true;
  const Deployment *current = environment_current(state);
  const gint64 oldest = current != NULL ? current->release : 0;
  g_auto(PromoteChoice) choice = {0};
  g_autoptr(GPtrArray) releases = NULL;
  g_autoptr(GPtrArray) approvals = NULL;
  g_autoptr(GPtrArray) names = gates_required(invocation->config, environment);
  g_autoptr(GPtrArray) required = g_ptr_array_new();
  if (!history_list_releases_since(invocation->history, oldest, &releases, error) ||
      !history_list_approvals_since(invocation->history, status->name, oldest, &approvals, error))
    return false;
  environment_state_expect(state, releases);
  for (guint i = 0; i < names->len; i++) {
    const EnvironmentState *other = state_of(facts, names->pdata[i]);
    environment_state_expect(other, releases);
    g_ptr_array_add(required, (gpointer)other);
  }
  const GateFacts asked = {.gates = &environment->gates,
                           .state = state,
                           .required = required,
                           .approvals = approvals,
                           .now = facts->now};
  promote_choose(&asked, releases, &choice);
  note_choice(environment, &choice, status);
  return true;
}

/* The deployment that brought what runs: after a rollback that is the rollback, not the one it put back;
 * after `down`, that. */
static const Deployment *bringer_of(const EnvironmentState *state, GPtrArray *deployments) {
  const Deployment *current = environment_current(state);
  if (state->down != NULL)
    return state->down;
  for (guint i = 0; current != NULL && i < deployments->len; i++) {
    const Deployment *deployment = deployments->pdata[i];
    if (deployment == current || (deployment->restores == current->id && deployment_counts(deployment)))
      return deployment;
  }
  return current;
}

static bool add_status(const Invocation *invocation, const Facts *facts, guint index, GPtrArray *statuses,
                       GError **error) {
  const Config *config = invocation->config;
  const Environment *environment = config->environments->pdata[index];
  const EnvironmentState *state = facts->states->pdata[index];
  EnvironmentStatus *status = g_new0(EnvironmentStatus, 1);
  g_ptr_array_add(statuses, status);
  status->name = environment->name;
  status->is_ephemeral = environment->is_ephemeral;
  status->current = bringer_of(state, facts->deployments->pdata[index]);
  if (state->running != NULL)
    status->last = state->running;
  else if (environment_is_unsettled(state))
    status->last = state->last;
  status->hosts = hosts_of(environment, state, state->last != NULL ? state->last : status->current);
  status->joined = g_ptr_array_new();
  status->left = g_ptr_array_new();
  if (!environment->is_ephemeral)
    compare_hosts(invocation, environment, state, status);
  status->hold = state->hold;
  status->bad = bad_of(state);
  return ask_promotion(invocation, facts, environment, state, status, error);
}

/* What they were asked may have needed more of the history than could be read. */
static bool check_states(const Facts *facts, GError **error) {
  for (guint i = 0; i < facts->states->len; i++)
    if (!environment_state_check(facts->states->pdata[i], error))
      return false;
  return true;
}

/* ---- words
 * ------------------------------------------------------------------------------------------------------------
 */

static char *name_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const EnvironmentStatus *)item)->name);
}

static char *release_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const EnvironmentStatus *status = item;
  return status->current != NULL ? release_word(status->current->release) : g_strdup("-");
}

static char *version_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const EnvironmentStatus *status = item;
  return status->current != NULL ? g_strdup(status->current->version) : NULL;
}

static char *deployment_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const EnvironmentStatus *status = item;
  return status->current != NULL ? deployment_word(status->current->id) : NULL;
}

static char *since_cell(gconstpointer item, gconstpointer context) {
  const EnvironmentStatus *status = item;
  return status->current != NULL ? time_ago(status->current->finished_at, *(const gint64 *)context) : NULL;
}

static char *hosts_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup_printf("%u", ((const EnvironmentStatus *)item)->hosts->len);
}

/* "web3, web4"; NULL: none. */
static char *skipped_hosts(const EnvironmentStatus *status) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < status->hosts->len; i++) {
    const DeploymentHost *host = status->hosts->pdata[i];
    if (host->status == HOST_SKIPPED)
      g_ptr_array_add(names, host->name);
  }
  return words_joined(names);
}

static char *marks_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const EnvironmentStatus *status = item;
  g_autofree char *bad = words_joined(status->bad);
  g_autoptr(GString) marks = g_string_new(status->hold != NULL ? "HELD" : NULL);
  if (status->is_ephemeral)
    g_string_append_printf(marks, "%sephemeral", marks->len > 0 ? "; " : "");
  if (status->last != NULL)
    g_string_append_printf(marks, "%sd%" G_GINT64_FORMAT " %s", marks->len > 0 ? "; " : "", status->last->id,
                           deployment_status_name(status->last->status));
  g_autofree char *skipped = skipped_hosts(status);
  if (skipped != NULL)
    g_string_append_printf(marks, "%sskipped: %s", marks->len > 0 ? "; " : "", skipped);
  g_autofree char *joined = words_joined(status->joined);
  g_autofree char *left = words_joined(status->left);
  if (joined != NULL)
    g_string_append_printf(marks, "%sjoined: %s", marks->len > 0 ? "; " : "", joined);
  if (left != NULL)
    g_string_append_printf(marks, "%sleft: %s", marks->len > 0 ? "; " : "", left);
  if (bad != NULL)
    g_string_append_printf(marks, "%sbad: %s", marks->len > 0 ? "; " : "", bad);
  return g_strdup(marks->str);
}

static bool is_down(const EnvironmentStatus *status) {
  return status->current != NULL && status->current->kind == KIND_DOWN;
}

static char *next_cell(gconstpointer item, gconstpointer context) {
  const EnvironmentStatus *status = item;
  const Hold *hold = status->hold;
  if (hold != NULL) {
    g_autofree char *since = time_ago(hold->since, *(const gint64 *)context);
    return g_strdup_printf("held by %s %s: %s", hold->actor, since, hold->reason);
  }
  g_autofree char *skipped = skipped_hosts(status);
  if (skipped != NULL)
    return g_strdup_printf(is_down(status) ? "slipway down %s catches up %s"
                                           : "slipway deploy %s --as-is catches up %s",
                           status->name, skipped);
  g_autofree char *joined = words_joined(status->joined);
  if (joined != NULL)
    return g_strdup_printf("slipway deploy %s --as-is brings %s along", status->name, joined);
  if (status->promotable != NULL)
    return g_strdup_printf(status->asks_command ? "%s can be promoted, if the gate's command agrees"
                                                : "%s can be promoted",
                           status->promotable);
  return g_strdup(status->waiting_for);
}

static const TableColumn columns[] = {
    {.title = "ENVIRONMENT", .cell = name_cell},
    {.title = "RELEASE", .cell = release_cell},
    {.title = "VERSION", .cell = version_cell, .may_shrink = true},
    {.title = "DEPLOYMENT", .cell = deployment_cell},
    {.title = "SINCE", .cell = since_cell},
    {.title = "HOSTS", .cell = hosts_cell, .is_number = true},
    {.title = "MARKS", .cell = marks_cell},
    {.title = "NEXT", .cell = next_cell, .may_shrink = true},
    {0},
};

static bool run_status(Invocation *invocation, GError **error) {
  const Config *config = invocation->config;
  g_auto(Facts) facts = {0};
  if (!gather(invocation, &facts, error))
    return false;
  g_autoptr(GPtrArray) statuses = g_ptr_array_new_with_free_func(destroy_status);
  for (guint i = 0; i < config->environments->len; i++)
    if ((invocation->environment == NULL || invocation->environment == config->environments->pdata[i]) &&
        !add_status(invocation, &facts, i, statuses, error))
      return false;
  if (!check_states(&facts, error))
    return false;
  if (wants_words(invocation)) {
    gint64 now = g_get_real_time();
    g_autofree char *text = table_render(columns, statuses, &now, window_size(STDOUT_FILENO).width);
    (void)fputs(text, stdout);
  } else {
    invocation->document = status_json(config->app, statuses);
  }
  return true;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, true, offsetof(Choices, environment), "only this environment"},
    {0},
};
static const Example examples[] = {
    {"status", "every environment: its release, since when, what could be promoted"},
    {0},
};
const Command command_status = {
    .name = "status",
    .summary = "say what runs where, since when, and what could be promoted",
    .description =
        "From the history; no host is asked (inventories are: which hosts there are), and what "
        "another machine deployed is not in it until `slipway history import ENV`. MARKS: a hold, a "
        "last attempt that ended badly, skipped hosts, those that joined or left since it was "
        "deployed, bad releases; NEXT: what could be promoted, or what it waits for.",
    .arguments = arguments,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | MAY_USE_RECORDED_CONFIG | READS_HISTORY | NEEDS_HOSTS | MAY_USE_RECORDED_HOSTS |
             MAY_LACK_HOSTS | INVENTORIES_ONLY,
    .examples = examples,
    .run = run_status};
