/* Runs a rollout; words or JSON for its end. */
#include "deployer/commands/deliver.h"

#include <stdio.h>

#include "deployer/output/deployment_json.h"
#include "deployer/output/table.h"
#include "deployer/output/words.h"
#include "environments/config/variables.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

bool force_choices_apply(const ForceChoices *choices, RolloutRequest *request, GError **error) {
  request->force = choices->force;
  request->reason = choices->reason;
  return !choices->force || choices->reason != NULL ||
         fail(error, SLIPWAY_ERROR_USAGE, "--force wants --reason TEXT: both are recorded");
}

bool gate_choices_apply(const GateChoices *choices, RolloutRequest *request, GError **error) {
  const ForceChoices force = {.force = choices->force, .reason = choices->reason};
  request->repin = choices->repin;
  return force_choices_apply(&force, request, error);
}

bool host_choices_apply(const HostChoices *choices, const Environment *environment, RolloutRequest *request,
                        GError **error) {
  for (guint i = 0; choices->only != NULL && i < choices->only->len; i++)
    if (!environment_require_host(environment, choices->only->pdata[i], error))
      return false;
  request->skip_unreachable = choices->skip_unreachable;
  request->only = choices->only;
  request->adopt = choices->adopt;
  return true;
}

bool set_choices_apply(const SetChoices *choices, const Environment *environment, RolloutRequest *request,
                       GPtrArray **set, GError **error) {
  if (!variables_parse_set(environment, choices->texts, set, error))
    return false;
  request->set = *set;
  return true;
}

bool lock_choices_apply(const LockChoices *choices, RolloutRequest *request, GError **error) {
  return choices->wait_lock == NULL || duration_parse(choices->wait_lock, &request->wait_lock_ms) ||
         fail(error, SLIPWAY_ERROR_USAGE, "--wait-lock: expected a duration such as 90s or 10m, not \"%s\"",
              choices->wait_lock);
}

static char *name_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const DeploymentHost *)item)->name);
}

static char *status_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(host_status_name(((const DeploymentHost *)item)->status));
}

static char *error_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const DeploymentHost *)item)->error);
}

static const TableColumn host_columns[] = {
    {.title = "HOST", .cell = name_cell},
    {.title = "ENDED AS", .cell = status_cell},
    {.title = "WHY", .cell = error_cell},
    {0},
};

static char *duration_of(const Deployment *deployment) {
  return duration_for_people((deployment->finished_at - deployment->started_at) / 1000);
}

static guint count_hosts(const Deployment *deployment, HostStatus status) {
  guint count = 0;
  for (guint i = 0; i < deployment->hosts->len; i++)
    count += ((const DeploymentHost *)deployment->hosts->pdata[i])->status == status ? 1 : 0;
  return count;
}

/* "3 hosts changed" / "2 hosts changed, 1 as it was, 1 skipped" / "nothing had to change" */
static char *change_words(const Deployment *deployment) {
  guint changed = count_hosts(deployment, HOST_CHANGED);
  guint unchanged = count_hosts(deployment, HOST_UNCHANGED);
  guint skipped = count_hosts(deployment, HOST_SKIPPED);
  g_autofree char *hosts = count_word(changed, "host", "hosts");
  GString *words = g_string_new(NULL);
  if (changed == 0)
    g_string_append(words, "nothing had to change");
  else
    g_string_append_printf(words, "%s changed", hosts);
  if (changed > 0 && unchanged > 0)
    g_string_append_printf(words, ", %u as it was", unchanged);
  if (skipped > 0)
    g_string_append_printf(words, ", %u skipped", skipped);
  return g_string_free(words, FALSE);
}

static void say_down(const Deployment *deployment) {
  g_autofree char *changes = change_words(deployment);
  g_autofree char *duration = duration_of(deployment);
  (void)printf("%s runs nothing%s: d%" G_GINT64_FORMAT ", %s, in %s\n", deployment->environment,
               count_hosts(deployment, HOST_SKIPPED) > 0 ? " on the hosts that were reached" : "",
               deployment->id, changes, duration);
}

static void say_success(const Deployment *deployment) {
  g_autofree char *release = release_word(deployment->release);
  g_autofree char *restores = deployment_word(deployment->restores);
  g_autofree char *changes = change_words(deployment);
  g_autofree char *duration = duration_of(deployment);
  g_autofree char *version = text_printable(deployment->version != NULL ? deployment->version : "?", false);
  g_autofree char *back = restores != NULL ? g_strdup_printf(", what %s deployed", restores) : g_strdup("");
  (void)printf("%s runs %s (%s)%s: d%" G_GINT64_FORMAT ", %s, in %s\n", deployment->environment,
               release != NULL ? release : "no release", version, back, deployment->id, changes, duration);
}

/* Of an ephemeral environment: what counts is what it was for. */
static void say_verified(const Deployment *deployment) {
  g_autofree char *duration = duration_of(deployment);
  g_autofree char *version = text_printable(deployment->version != NULL ? deployment->version : "?", false);
  (void)printf("r%" G_GINT64_FORMAT " (%s) is verified in %s: d%" G_GINT64_FORMAT
               ", started, found well and removed in %s\n",
               deployment->release, version, deployment->environment, deployment->id, duration);
}

static void say_failure(const Deployment *deployment) {
  g_autofree char *hosts = table_render(host_columns, deployment->hosts, NULL, 0);
  (void)fprintf(stderr, "%s\nall of it: slipway show d%" G_GINT64_FORMAT "\n", hosts, deployment->id);
}

/* What --json says when there was nothing newer to promote. */
static cJSON *nothing_json(const RolloutRequest *request) {
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "id", NULL);
  json_set_string(json, "environment", request->environment->name);
  json_set_string(json, "kind", deployment_kind_name(request->kind));
  json_set_string(json, "status", NULL);
  json_set_integer(json, "exit_code", 0);
  return json;
}

static void tell(Invocation *invocation, const RolloutRequest *request, const Deployment *deployment,
                 bool ok) {
  if (!wants_words(invocation)) {
    if (deployment != NULL)
      invocation->document = deployment_json(deployment, NULL);
    else if (ok)
      invocation->document = nothing_json(request);
    return;
  }
  if (ok && deployment != NULL && deployment->kind == KIND_DOWN)
    say_down(deployment);
  else if (ok && deployment != NULL && request->environment->is_ephemeral)
    say_verified(deployment);
  else if (ok && deployment != NULL)
    say_success(deployment);
  else if (ok)
    (void)printf("%s: there is nothing newer to promote\n", request->environment->name);
  else if (deployment != NULL)
    say_failure(deployment);
}

bool deliver(Invocation *invocation, RolloutRequest *request, GError **error) {
  request->config = invocation->config;
  request->environment = invocation->environment;
  request->history = invocation->history;
  request->reporter = invocation->reporter;
  request->command = invocation->line;
  g_autoptr(Deployment) deployment = NULL;
  bool ok = request->kind == KIND_DOWN ? rollout_down(request, &deployment, error)
                                       : rollout_run(request, &deployment, error);
  reporter_finish(invocation->reporter);
  tell(invocation, request, deployment, ok);
  return ok;
}
