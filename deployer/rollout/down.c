/* `down`: takes an environment down on all its hosts at once. Nothing is put back when a host fails: `down`
 * again, or `rollback`, goes on from there. */
#include <string.h>

#include "deployer/rollout/adopt.h"
#include "deployer/rollout/ephemeral.h"
#include "deployer/rollout/phases.h"
#include "host_scripts.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/text.h"

#include "support/poison.h"

enum { DOWN_TIMEOUT_MS = 900000 };

/* What Compose shall go by: what runs, or else what was brought here last (a first deployment that broke). */
static const char *release_to_go_by(const HostFacts *facts) {
  const char *newest = NULL;
  GHashTableIter iterator;
  gpointer uid = NULL;
  if (facts->current != NULL && g_hash_table_contains(facts->releases, facts->current))
    return facts->current;
  g_hash_table_iter_init(&iterator, facts->releases);
  while (g_hash_table_iter_next(&iterator, &uid, NULL))
    newest = newest == NULL || strcmp(uid, newest) > 0 ? uid : newest; /* uids sort by time */
  return newest;
}

/* Compose stops services in the order that they depend on each other. What it leaves, because it cannot or
 * because its files no longer name it, goes by label. */
static bool remove_all(Worker *worker, char **stays, GError **error) {
  const RolloutRequest *request = worker->rollout->request;
  const char *uid = release_to_go_by(worker->facts);
  g_auto(HostReply) reply = {0};
  if (uid != NULL &&
      !worker_compose(worker, worker->facts->folder, uid, request->volumes ? "down-volumes" : "down",
                      DOWN_TIMEOUT_MS, &reply, error))
    return false;
  return engine_remove_project(worker->engine, worker->rollout->place, request->volumes, stays, error);
}

static bool count_containers(Worker *worker, guint *count, GError **error) {
  return engine_count_project(worker->engine, worker->rollout->place, count, error);
}

/* is_touched from before the first container can stop; taken back when it turns out that all are there. */
static bool step_down(Worker *worker, char **detail, GError **error) {
  guint before = 0, after = 0;
  g_autofree char *stays = NULL;
  if (!count_containers(worker, &before, error) || !worker_note(worker, host_script_journal, "intent", error))
    return false;
  worker->is_touched = before > 0;
  if (!remove_all(worker, &stays, error)) {
    worker->is_touched = before > 0 && (!count_containers(worker, &after, NULL) || after != before);
    return false;
  }
  g_autofree char *removed =
      before > 0 ? g_strdup_printf("%u container%s removed", before, before == 1 ? "" : "s") : NULL;
  *detail = g_strdup_printf("%s%s%s%s", before > 0 ? removed : "nothing ran",
                            worker->rollout->request->volumes ? ", volumes too" : "",
                            stays != NULL ? "; stays: " : "", stays != NULL ? stays : "");
  return true;
}

/* A deployment that fails from now on has nothing to go back to. */
static bool step_commit(Worker *worker, char **detail, GError **error) {
  (void)detail;
  return worker_note(worker, host_script_taken_down, "succeeded", error);
}

static bool take_down(Worker *worker, GError **error) {
  const Rollout *rollout = worker->rollout;
  if (interrupt_requested())
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted before anything was done here");
  if (!worker_step(worker, "down", step_down, error) || !worker_step(worker, "commit", step_commit, error)) {
    reporter_host_done(rollout->request->reporter, worker->config->name, false, "failed");
    return false;
  }
  reporter_host_done(rollout->request->reporter, worker->config->name, true,
                     worker->is_touched ? "down" : "nothing ran");
  return worker_record(worker, worker->is_touched ? HOST_CHANGED : HOST_UNCHANGED, "", NULL, error);
}

static bool run_phases(Rollout *rollout, GError **error) {
  const RolloutRequest *request = rollout->request;
  g_autofree char *holder = g_strdup_printf("%s: %s", rollout->deployment->actor, request->command);
  if (!phase_ready(rollout, holder, error) || !refuse_foreign(rollout, error))
    return false;
  if (interrupt_requested())
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
  rollout->stage = STAGE_APPLYING;
  reporter_phase(request->reporter, "down");
  return crew_run_all(rollout, take_down, error);
}

/* NULL: not known. */
static const char *what_runs(Worker *worker) {
  guint count = 0;
  if (worker->facts == NULL || worker->engine == NULL)
    return NULL;
  if (worker->is_touched)
    return count_containers(worker, &count, NULL) && count == 0 ? "" : NULL;
  const char *current = worker->facts->current != NULL ? worker->facts->current : "";
  return worker_has_strayed(worker) ? NULL : current;
}

/* What a host is left with that this command did not get done with. */
static void settle_record(Worker *worker) {
  DeploymentHost *record = worker->record;
  bool was_begun = worker->error != NULL && !error_is(worker->error, SLIPWAY_ERROR_INTERRUPTED);
  if (worker->is_skipped || record->status == HOST_CHANGED || record->status == HOST_UNCHANGED)
    return;
  record->runs = g_strdup(what_runs(worker));
  record->status = worker->is_touched && record->runs == NULL ? HOST_UNKNOWN
                   : was_begun                                ? HOST_FAILED
                                                              : HOST_UNCHANGED;
  if (worker->error != NULL)
    record->error = g_strdup(worker->error->message);
}

/* Turns the failure on some host into that of the whole. Always false. */
static bool conclude_failure(Rollout *rollout, const GError *cause, GError **error) {
  for (guint i = 0; i < rollout->workers->len; i++)
    settle_record(g_ptr_array_index(rollout->workers, i));
  if (rollout_has_touched(rollout)) {
    g_autofree char *way_out = describe_way_out(rollout);
    return fail(error, SLIPWAY_ERROR_BROKEN, "%s\nnothing was put back\n%s", cause->message, way_out);
  }
  if (interrupt_requested())
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted; no container was changed");
  if (error != NULL)
    *error = g_error_copy(cause);
  if (rollout->stage == STAGE_APPLYING && error_is(cause, SLIPWAY_ERROR_UNREADY))
    recast(error, SLIPWAY_ERROR_DEPLOY);
  return false;
}

static bool confirm(const RolloutRequest *request, GError **error) {
  if (!request->environment->is_protected)
    return true;
  g_autofree char *question =
      g_strdup_printf("Take down %s%s? Nothing of it will run.", request->environment->name,
                      request->volumes ? " and delete its volumes" : "");
  return rollout_confirm(request, question, error);
}

bool rollout_down(const RolloutRequest *request, Deployment **deployment, GError **error) {
  g_autoptr(Situation) situation = NULL;
  g_autofree char *move = g_strdup_printf("take down %s%s", request->environment->name,
                                          request->volumes ? " and delete its volumes" : "");
  *deployment = NULL;
  if (!ephemeral_check(request, error) || !confirm(request, error) ||
      !situation_read(request->history, request->config, request->environment->name, 0, &situation, error))
    return false;
  Deployment *record = rollout_bare_record(request);
  *deployment = record;
  if (!rollout_begin(request, move, record, error))
    return false;
  g_autoptr(Rollout) rollout = rollout_new(request, situation, NULL, record);
  g_autoptr(GError) cause = NULL;
  g_autoptr(GError) problem = NULL;
  if (!run_phases(rollout, &cause) && conclude_failure(rollout, cause, &problem))
    g_assert_not_reached();
  return rollout_conclude(rollout, g_steal_pointer(&problem), error);
}
