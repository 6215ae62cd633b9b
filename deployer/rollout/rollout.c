/* A deployment from the request to its last word in the history. */
#include "deployer/rollout/rollout.h"

#include <string.h>
#include <unistd.h>

#include "deployer/output/exit_status.h"
#include "deployer/rollout/abandoned.h"
#include "deployer/rollout/adopt.h"
#include "deployer/rollout/controller.h"
#include "deployer/rollout/ephemeral.h"
#include "deployer/rollout/gate_command.h"
#include "deployer/rollout/host_tasks.h"
#include "deployer/rollout/import.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/runs.h"
#include "deployer/rollout/secrets.h"
#include "deployer/rollout/snapshot.h"
#include "deployer/rollout/tasks.h"
#include "deployer/rollout/unrecorded.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/text.h"

#include "support/poison.h"

/* "promote r7 (1.4.2) to prod", "roll back prod to r6 (1.4.1)". Caller frees. */
static char *describe_move(const RolloutRequest *request, const Target *target) {
  const Release *release = target->release;
  const char *environment = request->environment->name;
  if (request->kind == KIND_ROLLBACK)
    return g_strdup_printf("roll back %s to r%" G_GINT64_FORMAT " (%s)", environment, release->id,
                           release->version);
  return g_strdup_printf("%s r%" G_GINT64_FORMAT " (%s) to %s", deployment_kind_name(request->kind),
                         release->id, release->version, environment);
}

bool rollout_confirm(const RolloutRequest *request, const char *question, GError **error) {
  bool nobody = false;
  if (reporter_confirm(request->reporter, question, &nobody))
    return true;
  if (nobody)
    return fail(error, SLIPWAY_ERROR_REFUSED, "%s needs a yes, and nobody can answer here: add --yes.\n%s",
                request->environment->name, question);
  return fail(error, SLIPWAY_ERROR_REFUSED, "not confirmed; nothing was touched");
}

static bool confirm(const RolloutRequest *request, const Target *target, GError **error) {
  const char *environment = request->environment->name;
  bool is_repeated =
      request->kind == KIND_ROLLBACK && target->rollback.is_already_restored && request->to == NULL;
  if (!request->environment->is_protected && !is_repeated)
    return true;
  g_autoptr(GString) question = g_string_new(NULL);
  if (is_repeated)
    g_string_append_printf(
        question,
        "The last deployment of %s failed and its hosts were put back: %s runs r%" G_GINT64_FORMAT
        " (%s) already. Go back further, ",
        environment, environment, target->rollback.leaves->release, target->rollback.leaves->version);
  g_autofree char *what = describe_move(request, target);
  g_string_append_printf(question, "%s?", what);
  question->str[0] = g_ascii_toupper(question->str[0]);
  return rollout_confirm(request, question->str, error);
}

static void add_hosts(Deployment *deployment, const Environment *environment) {
  for (guint i = 0; i < environment->hosts->len; i++) {
    const HostConfig *config = g_ptr_array_index(environment->hosts, i);
    DeploymentHost *host = g_new0(DeploymentHost, 1);
    host->name = g_strdup(config->name);
    host->address = g_strdup(config->address);
    host->status = HOST_PENDING;
    g_ptr_array_add(deployment->hosts, host);
  }
}

static void note_rollback(Deployment *deployment, const Target *target) {
  const RollbackTarget *rollback = &target->rollback;
  deployment->restores = rollback->restores != NULL ? rollback->restores->id : 0;
  deployment->leaves = rollback->leaves != NULL ? rollback->leaves->id : 0;
  deployment->move = rollback->move;
}

Deployment *rollout_bare_record(const RolloutRequest *request) {
  Deployment *deployment = deployment_new();
  deployment->environment = g_strdup(request->environment->name);
  deployment->kind = request->kind;
  deployment->status = STATUS_RUNNING;
  deployment->exit_code = -1;
  deployment->actor = actor_name();
  deployment->reason = g_strdup(request->reason);
  deployment->forced = request->force;
  deployment->build_url = g_strdup(g_getenv("BUILD_URL"));
  deployment->controller = controller_name();
  add_hosts(deployment, request->environment);
  return deployment;
}

Deployment *rollout_make_record(const RolloutRequest *request, const Target *target) {
  Deployment *deployment = rollout_bare_record(request);
  deployment->release = target->release->id;
  deployment->version = g_strdup(target->release->version);
  if (request->kind == KIND_ROLLBACK)
    note_rollback(deployment, target);
  if (target->origin != NULL) {
    deployment->config_revision = g_strdup(target->origin->config_revision);
    deployment->config_dirty = target->origin->config_dirty;
  } else {
    gint64 committed_at = 0; /* of the configuration: nobody asks */
    repository_state(request->config->directory, &deployment->config_revision, &deployment->config_dirty,
                     &committed_at);
  }
  return deployment;
}

/* A promotion is verified with one configuration and may run with another: worth a word. */
static void warn_of_other_configuration(const Rollout *rollout) {
  const Deployment *deployment = rollout->deployment;
  const EnvironmentState *before = rollout->situation->before;
  const Deployment *verified = deployment->kind == KIND_PROMOTE && before != NULL
                                   ? environment_verified_by(before, deployment->release)
                                   : NULL;
  if (verified == NULL || verified->config_revision == NULL || deployment->config_revision == NULL ||
      g_str_equal(verified->config_revision, deployment->config_revision))
    return;
  reporter_warn(rollout->request->reporter, "%s was verified in %s with configuration %.10s; this is %.10s",
                deployment->version, before->environment, verified->config_revision,
                deployment->config_revision);
}

/* Pins and snapshot: known before any host is asked, so that the history can explain what a host is about to
 * run. */
static bool record_target(Rollout *rollout, GError **error) {
  const RolloutRequest *request = rollout->request;
  Deployment *deployment = rollout->deployment;
  if (!target_pin(request, rollout->target, error) || !target_keep_pins(request, rollout->target, error))
    return false;
  if (!snapshot_write(request->history, request, rollout->target, &deployment->snapshot, &deployment->content,
                      error))
    return false;
  deployment->images = target_images_json(rollout->target);
  return history_update_deployment(request->history, deployment, error);
}

/* Before the gate's command is shown what changes: what was a variable may be a secret by now. */
static bool ask_gate_command(const RolloutRequest *request, const Situation *situation, Target *target,
                             GPtrArray *gates, GError **error) {
  const bool is_there = request->environment->gates.command->len > 0;
  return (!is_there || target_ask_secrets(request, target, true, error)) &&
         gate_command_require(request, situation, target, gates, error);
}

static bool check_interrupt(GError **error) {
  return !interrupt_requested() || fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
}

static bool means_the_same(const Rollout *rollout, const Target *target) {
  const Target *decided = rollout->target;
  return target->release->id == decided->release->id &&
         (decided->origin == NULL || target->origin->id == decided->origin->id);
}

/* Another slipway may have worked here between the decision and the locks: would the decision still be the
 * same? */
static bool decide_again(Rollout *rollout, GError **error) {
  g_autoptr(Target) target = NULL;
  g_autofree char *note = NULL;
  RolloutRequest again = *rollout->request;
  g_autofree char *release = g_strdup_printf("r%" G_GINT64_FORMAT, rollout->target->release->id);
  if (again.create != NULL || again.kind == KIND_PROMOTE) {
    again.create = NULL;
    again.release = release;
  }
  g_autoptr(GPtrArray) gates = NULL;
  if (!target_resolve(&again, rollout->situation, false, &gates, &target, &note, error) ||
      (target != NULL && !gate_command_require(&again, rollout->situation, target, gates, error)))
    return prefix(error, "things have changed meanwhile: ");
  if (target != NULL && means_the_same(rollout, target)) {
    rollout->target->rollback = target->rollback;
    rollout->target->origin = target->origin;
    note_rollback(rollout->deployment, rollout->target);
    return history_update_deployment(rollout->request->history, rollout->deployment, error);
  }
  g_autofree char *now = target != NULL ? describe_move(rollout->request, target) : g_strdup(note);
  return fail(
      error, SLIPWAY_ERROR_REFUSED,
      "another deployment ended meanwhile, and now this command means something else: %s; nothing was "
      "touched. See slipway history %s, and run it again if that is what you want",
      now, rollout->request->environment->name);
}

/* A window may have closed while others had the locks. */
static bool is_still_let_in(const Rollout *rollout) {
  const RolloutRequest *request = rollout->request;
  const GateFacts facts = situation_gate_facts(rollout->situation, request->environment);
  g_autoptr(GPtrArray) answers = NULL;
  return rollout->target->origin != NULL || request->force ||
         (gates_ask(&facts, rollout->target->release, &answers) && situation_check(rollout->situation, NULL));
}

static bool look_again(Rollout *rollout, GError **error) {
  const RolloutRequest *request = rollout->request;
  guint imported = 0;
  const Situation *before = rollout->situation;
  if (!import_foreign(rollout, &imported, error) ||
      !situation_read_locked(request->history, request->config, request->environment->name,
                             rollout->deployment->id, &rollout->fresh, error))
    return false;
  rollout->situation = rollout->fresh;
  return (situation_is_same(before, rollout->situation) && is_still_let_in(rollout)) ||
         decide_again(rollout, error);
}

static bool make_ready(Rollout *rollout, const char *holder, GError **error) {
  const RolloutRequest *request = rollout->request;
  reporter_phase(request->reporter, "ready");
  if (!target_ask_secrets(request, rollout->target, false, error) || !record_target(rollout, error) ||
      !phase_connect(rollout, holder, error))
    return false;
  ephemeral_sweep(rollout);
  if (!look_again(rollout, error) || !close_abandoned(rollout, error) || !skip_unchosen(rollout, error) ||
      !tasks_require_hosts(rollout, error) || !refuse_foreign(rollout, error))
    return false;
  warn_of_other_configuration(rollout);
  return situation_check(rollout->situation, error);
}

static bool prepare(Rollout *rollout, GError **error) {
  reporter_phase(rollout->request->reporter, "prepare");
  return check_interrupt(error) && phase_secrets(rollout, error) && phase_prepare(rollout, error) &&
         check_interrupt(error) && phase_before(rollout, error) && check_interrupt(error);
}

static bool run_phases(Rollout *rollout, GError **error) {
  const RolloutRequest *request = rollout->request;
  g_autofree char *holder = g_strdup_printf("%s: %s", rollout->deployment->actor, request->command);
  if (!make_ready(rollout, holder, error) || !prepare(rollout, error))
    return false;
  rollout->stage = STAGE_APPLYING;
  reporter_phase(request->reporter, "apply");
  if (!phase_apply(rollout, error) || !phase_verify(rollout, error))
    return false;
  if (request->environment->is_ephemeral) /* nothing stays that could be committed */
    return true;
  rollout->stage = STAGE_COMMITTING;
  reporter_phase(request->reporter, "commit");
  return phase_commit(rollout, error);
}

static DeploymentStatus status_for(const GError *problem) {
  if (problem == NULL)
    return STATUS_SUCCEEDED;
  if (error_is(problem, SLIPWAY_ERROR_BROKEN))
    return STATUS_BROKEN;
  return error_is(problem, SLIPWAY_ERROR_INTERRUPTED) ? STATUS_INTERRUPTED : STATUS_FAILED;
}

static bool finish(Rollout *rollout, const GError *problem, GError **error) {
  Deployment *deployment = rollout->deployment;
  deployment->status = status_for(problem);
  deployment->exit_code = problem != NULL ? exit_status_of(problem)->status : 0;
  deployment->message = problem != NULL ? g_strdup(problem->message) : NULL;
  deployment->finished_at = g_get_real_time();
  deployment->touched = rollout_has_touched(rollout);
  return history_finish_deployment(rollout->request->history, deployment, error);
}

bool rollout_conclude(Rollout *rollout, GError *cause, GError **error) {
  g_autoptr(GError) problem = cause;
  g_autoptr(GError) store = NULL;
  if (!finish(rollout, problem, &store))
    return fail_unrecorded(rollout, problem, store, error);
  if (problem == NULL)
    return true;
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

static bool carry_out(Rollout *rollout, GError **error) {
  g_autoptr(GError) cause = NULL;
  g_autoptr(GError) problem = NULL;
  const bool is_ephemeral = rollout->request->environment->is_ephemeral;
  const bool is_done = run_phases(rollout, &cause);
  if (!is_done && rollout_fail(rollout, cause, &problem))
    g_assert_not_reached();
  if (is_done && is_ephemeral) /* as long as there is something */
    phase_after(rollout);
  ephemeral_tear_down(rollout);
  if (!rollout_conclude(rollout, g_steal_pointer(&problem), error))
    return false;
  if (is_ephemeral)
    return true;
  phase_after(rollout);
  phase_prune(rollout);
  return true;
}

static GPtrArray *host_names(const Environment *environment) {
  GPtrArray *names = g_ptr_array_new();
  for (guint i = 0; i < environment->hosts->len; i++)
    g_ptr_array_add(names, ((HostConfig *)g_ptr_array_index(environment->hosts, i))->name);
  return names;
}

/* Said before anything happens: a rollback is asked for in a hurry. */
static void announce_rollback(const RolloutRequest *request, const Target *target) {
  const Deployment *restores = target->rollback.restores;
  if (request->kind != KIND_ROLLBACK)
    return;
  g_autofree char *when = time_format(restores->finished_at);
  reporter_note(request->reporter,
                "putting back d%" G_GINT64_FORMAT ": r%" G_GINT64_FORMAT
                " (%s) with its images, Compose files, files and variables, as deployed %s by %s",
                restores->id, restores->release, restores->version, when,
                restores->actor != NULL ? restores->actor : "?");
}

bool rollout_begin(const RolloutRequest *request, const char *move, Deployment *deployment, GError **error) {
  if (!history_begin_deployment(request->history, deployment, error))
    return false;
  g_autoptr(GPtrArray) names = host_names(request->environment);
  g_autofree char *title = g_strdup_printf("d%" G_GINT64_FORMAT ": %s", deployment->id, move);
  reporter_start(request->reporter, title, names);
  return true;
}

/* An incident on a new machine, or after the history was lost: the hosts know what ran. */
static bool offer_import(const RolloutRequest *request, Situation **situation, GError **error) {
  const char *environment = request->environment->name;
  bool nobody = false;
  guint imported = 0;
  if (request->kind != KIND_ROLLBACK || (*situation)->deployments->len > 0)
    return true;
  g_autofree char *question = g_strdup_printf(
      "This history knows no deployment of %s. Import what its hosts know, then roll back?", environment);
  if (!reporter_confirm(request->reporter, question, &nobody))
    return fail(error, SLIPWAY_ERROR_REFUSED,
                nobody ? "this history knows no deployment of %s: import what its hosts know with `slipway "
                         "history import %s`, or add --yes to do that now"
                       : "not confirmed; nothing was touched. `slipway history import %s` asks its hosts "
                         "without a rollback",
                environment, environment);
  g_autoptr(Situation) fresh = NULL;
  if (!import_all(request, &imported, error) ||
      !situation_read(request->history, request->config, environment, 0, &fresh, error))
    return false;
  situation_free(*situation);
  *situation = g_steal_pointer(&fresh);
  return true;
}

bool rollout_run(const RolloutRequest *request, Deployment **deployment, GError **error) {
  g_autoptr(Situation) situation = NULL;
  g_autoptr(Target) target = NULL;
  g_autoptr(GPtrArray) gates = NULL;
  g_autofree char *note = NULL;
  *deployment = NULL;
  if (!ephemeral_check(request, error) ||
      !situation_read(request->history, request->config, request->environment->name, 0, &situation, error) ||
      !offer_import(request, &situation, error) ||
      !target_resolve(request, situation, false, &gates, &target, &note, error))
    return false;
  if (target == NULL) {
    reporter_note(request->reporter, "%s", note);
    return true;
  }
  if (!host_tasks_check(request, error) || !tasks_check(request, target, error) ||
      !ask_gate_command(request, situation, target, gates, error) || !confirm(request, target, error))
    return false;
  Deployment *record = rollout_make_record(request, target);
  *deployment = record;
  g_autofree char *move = describe_move(request, target);
  if (!rollout_begin(request, move, record, error))
    return false;
  announce_rollback(request, target);
  g_autoptr(Rollout) rollout = rollout_new(request, situation, target, record);
  return carry_out(rollout, error);
}
