/* `history import`: what the hosts of an environment, or an export of another history, know and this history
 * does not. */
#include <stdio.h>

#include "deployer/commands/deliver.h"
#include "deployer/commands/rows.h"
#include "deployer/output/deployment_json.h"
#include "deployer/output/release_json.h"
#include "deployer/output/words.h"
#include "deployer/rollout/import.h"
#include "deployer/rollout/travel.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *file;
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

/* ---- from a file ---- */

static void print_travelled(const TravelReport *report) {
  const Release *release = report->release;
  g_autofree char *version = text_printable(release->version, false);
  (void)printf("%s there is r%" G_GINT64_FORMAT " here (%s)\n", report->there, release->id, version);
  for (guint i = 0; i < report->deployments->len; i++) {
    const Deployment *deployment = report->deployments->pdata[i];
    g_autofree char *when = time_in_full(deployment->finished_at, g_get_real_time());
    (void)printf("  verified in %s, %s: d%" G_GINT64_FORMAT "\n", deployment->environment, when,
                 deployment->id);
  }
  if (report->known > 0)
    (void)printf("  %s known already\n",
                 report->known == 1 ? "1 deployment was" : "the other deployments were");
  if (report->approvals > 0) {
    g_autofree char *count = count_word(report->approvals, "approval", "approvals");
    (void)printf("  %s\n", count);
  }
}

static cJSON *travelled_json(const TravelReport *report) {
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "there", report->there);
  json_set(json, "release", release_json(report->release));
  cJSON *list = cJSON_AddArrayToObject(json, "imported");
  for (guint i = 0; i < report->deployments->len; i++)
    cJSON_AddItemToArray(list, deployment_json(report->deployments->pdata[i], NULL));
  json_set_integer(json, "known", report->known);
  json_set_integer(json, "approvals", report->approvals);
  return json;
}

static bool import_file(Invocation *invocation, const char *path, GError **error) {
  const RolloutRequest request = {.config = invocation->config,
                                  .history = invocation->history,
                                  .reporter = invocation->reporter,
                                  .command = invocation->line};
  g_auto(TravelReport) report = {0};
  if (!travel_import(&request, path, &report, error))
    return false;
  if (wants_words(invocation))
    print_travelled(&report);
  else
    invocation->document = travelled_json(&report);
  return true;
}

/* ---- from the hosts ---- */

static bool import_hosts(Invocation *invocation, GError **error) {
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

/* They are about hosts. */
static bool refuse_host_options(const Choices *choices, GError **error) {
  const bool is_given = choices->hosts.skip_unreachable || choices->force.force ||
                        choices->force.reason != NULL || choices->lock.wait_lock != NULL;
  return !is_given || fail(error, SLIPWAY_ERROR_USAGE,
                           "history import: no host is asked with --file, so --skip-unreachable, --force, "
                           "--reason and --wait-lock have no meaning there: leave them out");
}

static bool run_import(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  if ((choices->environment != NULL) == (choices->file != NULL))
    return fail(
        error, SLIPWAY_ERROR_USAGE,
        "history import: from where? ENV asks the hosts of an environment, --file FILE reads what `slipway "
        "history export` wrote; one of both");
  if (choices->file == NULL)
    return import_hosts(invocation, error);
  return refuse_host_options(choices, error) && import_file(invocation, choices->file, error);
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, true, offsetof(Choices, environment),
     "an environment of slipway.yml, whose hosts are asked"},
    {0},
};
static const Option options[] = {
    {0, OPTION_TEXT, "file", "FILE", offsetof(Choices, file),
     "an export of another history (slipway history export); no host is asked"},
    SKIP_OPTIONS(offsetof(Choices, hosts)),
    FORCE_OPTIONS(offsetof(Choices, force)),
    LOCK_OPTIONS(offsetof(Choices, lock)),
    {0},
};
static const Example examples[] = {
    {"history import prod", "after the history file was lost; then: slipway rollback prod"},
    {"history import --file r7.json", "what another agent verified may be promoted here"},
    {0},
};
const Command command_history_import = {
    .name = "history import",
    .summary = "take in the deployments that only the hosts, or another history, know",
    .description =
        "For a history that was lost, or when another machine deployed there too. Each host keeps a journal "
        "of its deployments, and of those that a rollback may return to the images, the configuration and "
        "the "
        "files: with "
        "these, rollback works as before. The hosts are locked meanwhile, no container is touched, and what "
        "is here already stays as it is. deploy, promote, rollback, down and prune do the same before they "
        "decide anything. What never touched a host, holds and approvals are not on the hosts.\n\n"
        "With --file, a release and where it was verified: its gates then let it in as they would there. "
        "What rollback "
        "means here does not change, for such deployments only vouch for their release, until a host tells "
        "of them "
        "too. A file that contradicts what is known is refused (exit status 3).",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | WRITES_HISTORY | NEEDS_HOSTS | HOSTS_OF_ENV_ONLY,
    .examples = examples,
    .run = run_import};
