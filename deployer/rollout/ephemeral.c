/* Ephemeral environments: a place per run, what is left behind, ports, logs, and the end. */
#include "deployer/rollout/ephemeral.h"

#include <string.h>

#include "deployer/rollout/kept_output.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/retention.h"
#include "environments/compose/ports.h"
#include "environments/hosts/engine_ports.h"
#include "host_scripts.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/text.h"

#include "support/poison.h"

enum { RUN_NAME = 10, DOWN_TIMEOUT_MS = 300000, LOG_LINES = 2000 };

char *environment_place(const Config *config, const Environment *environment) {
  return g_strdup_printf("%s--%s", config->app, environment->name);
}

/* The end of a uid is chance, its beginning the time. */
char *deployment_place(const Config *config, const Environment *environment, const char *uid) {
  g_autofree char *place = environment_place(config, environment);
  if (!environment->is_ephemeral || uid == NULL)
    return g_steal_pointer(&place);
  gsize length = strlen(uid);
  return g_strdup_printf("%s--%s", place, uid + (length > RUN_NAME ? length - RUN_NAME : 0));
}

static bool is_ephemeral(const Rollout *rollout) {
  return rollout->request->environment->is_ephemeral;
}

bool ephemeral_check(const RolloutRequest *request, GError **error) {
  const char *name = request->environment->name;
  if (!request->environment->is_ephemeral)
    return true;
  if (request->kind == KIND_ROLLBACK)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "%s is ephemeral: nothing runs there between deployments, so there is nothing to roll back; "
                "slipway deploy %s RELEASE runs a release there once more",
                name, name);
  if (request->kind == KIND_DOWN)
    return fail(
        error, SLIPWAY_ERROR_USAGE,
        "%s is ephemeral: each deployment takes down what it made, and what a killed one left is removed "
        "by the next, or by slipway prune %s",
        name, name);
  if (request->as_is)
    return fail(error, SLIPWAY_ERROR_USAGE, "%s is ephemeral: nothing runs there that --as-is could complete",
                name);
  return true;
}

/* ---- what a killed run left
 * ------------------------------------------------------------------------------- */

static bool run_script(Worker *worker, const char *text, const char *first, const char *second,
                       HostReply *reply, GError **error) {
  const char *argv[] = {first, second, NULL};
  const HostScript script = {.text = text, .argv = argv};
  return host_run(worker->host, &script, reply, error);
}

/* The folder last: as long as it is there, the next run tries again. */
static bool remove_leftover(Worker *worker, const char *place, GError **error) {
  g_autofree char *stays = NULL;
  g_auto(HostReply) reply = {0};
  return engine_remove_project(worker->engine, place, true, &stays, error) &&
         (stays == NULL || fail(error, SLIPWAY_ERROR_UNREADY, "%s", stays)) &&
         run_script(worker, host_script_remove_place, place, NULL, &reply, error);
}

static bool sweep_worker(Worker *worker, GError **error) {
  Reporter *reporter = worker->rollout->request->reporter;
  g_autofree char *place =
      environment_place(worker->rollout->request->config, worker->rollout->request->environment);
  g_auto(HostReply) reply = {0};
  if (worker->engine == NULL)
    return true;
  if (!run_script(worker, host_script_leftovers, place, NULL, &reply, error))
    return false;
  g_auto(GStrv) names = g_strsplit(g_strstrip(reply.out->str), "\n", -1);
  for (char **name = names; *name != NULL; name++) {
    if (!g_str_has_prefix(*name, place) || g_str_equal(*name, worker->rollout->place))
      continue;
    if (worker->pruned != NULL)
      g_ptr_array_add(worker->pruned->leftovers, g_strdup(*name));
    if (worker->rollout->request->dry_run)
      continue;
    if (!remove_leftover(worker, *name, error))
      return prefix(error, "%s: ", *name);
    reporter_note(reporter, "%s: removed %s, which a killed run had left", worker->config->name, *name);
  }
  return true;
}

void ephemeral_sweep(Rollout *rollout) {
  g_autoptr(GError) problem = NULL;
  if (is_ephemeral(rollout) && !crew_run_all(rollout, sweep_worker, &problem))
    reporter_warn(rollout->request->reporter, "what a killed run left could not be removed: %s",
                  problem->message);
}

static bool prune_worker(Worker *worker, GError **error) {
  g_auto(HostReply) reply = {0};
  return sweep_worker(worker, error) &&
         run_script(worker, host_script_remove_place, worker->rollout->place, "own", &reply, error);
}

bool ephemeral_prune(Rollout *rollout, GError **error) {
  return crew_run_all(rollout, prune_worker, error);
}

/* ---- ports
 * ------------------------------------------------------------------------------------------------ */

static bool is_every_address(const char *address) {
  return *address == '\0' || g_str_equal(address, "0.0.0.0") || g_str_equal(address, "::");
}

static const TakenPort *find_taken(const GPtrArray *taken, const PublishedPort *wanted) {
  for (guint i = 0; i < taken->len; i++) {
    const TakenPort *port = g_ptr_array_index(taken, i);
    if (port->port == wanted->port && port->is_udp == wanted->is_udp &&
        (is_every_address(wanted->address) || is_every_address(port->address) ||
         g_str_equal(wanted->address, port->address)))
      return port;
  }
  return NULL;
}

static bool refuse_taken(const GPtrArray *wanted, const GPtrArray *containers, const GPtrArray *listeners,
                         GError **error) {
  g_autoptr(GString) problems = g_string_new(NULL);
  for (guint i = 0; i < wanted->len; i++) {
    const PublishedPort *port = g_ptr_array_index(wanted, i);
    const TakenPort *container = find_taken(containers, port);
    if (container == NULL && find_taken(listeners, port) == NULL)
      continue;
    g_string_append_printf(problems, "%sport %u%s of service %s is taken by %s",
                           problems->len > 0 ? "; " : "", port->port, port->is_udp ? "/udp" : "",
                           port->service, container != NULL ? container->holder : "another program");
  }
  return problems->len == 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY,
              "%s. An ephemeral environment need not publish a fixed port: leave it out, or let the engine "
              "choose one (\"80\" instead of \"8080:80\")",
              problems->str);
}

bool ephemeral_require_ports(Worker *worker, const char *effective, gsize length, GError **error) {
  g_autoptr(GPtrArray) wanted = NULL;
  g_autoptr(GPtrArray) containers = NULL;
  g_autoptr(GPtrArray) listeners = NULL;
  if (!is_ephemeral(worker->rollout))
    return true;
  if (!compose_published_ports(effective, length, &wanted, error))
    return false;
  return wanted->len == 0 || (engine_list_ports(worker->engine, &containers, error) &&
                              host_list_listeners(worker->host, &listeners, error) &&
                              refuse_taken(wanted, containers, listeners, error));
}

/* ---- logs
 * -------------------------------------------------------------------------------------------------
 */

static void keep_log(KeptOutput *logs, const EngineContainer *container, const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_autofree char *printable = text_printable(*line, false);
    g_autofree char *whole = g_strdup_printf("%s | %s", container->service, printable);
    if (**line != '\0')
      kept_output_add(logs, whole);
  }
}

static bool step_logs(Worker *worker, char **detail, GError **error) {
  g_autoptr(GPtrArray) containers = NULL;
  if (!engine_list_containers(worker->engine, worker->rollout->place, &containers, error))
    return false;
  g_autoptr(KeptOutput) logs = kept_output_new();
  gint64 lost = 0;
  for (guint i = 0; i < containers->len; i++) {
    const EngineContainer *container = g_ptr_array_index(containers, i);
    g_autofree char *text = NULL;
    g_autoptr(GError) problem = NULL;
    bool is_read = engine_log_tail(worker->engine, container->id, LOG_LINES, &text, &problem);
    keep_log(logs, container, is_read ? text : problem->message);
  }
  g_autofree char *text = kept_output_text(logs, &lost);
  *detail = g_strdup_printf("of %u containers", containers->len);
  return worker->step == 0 ||
         history_set_output(worker->rollout->request->history, worker->step, text, lost, error);
}

static bool keep_logs(Worker *worker, GError **error) {
  return worker->engine == NULL || !worker->is_touched || worker_step(worker, "logs", step_logs, error);
}

/* ---- the end
 * ---------------------------------------------------------------------------------------------- */

static bool step_remove(Worker *worker, char **detail, GError **error) {
  const Rollout *rollout = worker->rollout;
  g_autofree char *stays = NULL;
  g_auto(HostReply) down = {0};
  g_auto(HostReply) reply = {0};
  (void)detail;
  /* Compose stops them in order and all at once; what it does not know of, or could not do, comes after. */
  if (worker->is_touched && !worker_compose(worker, worker->facts->folder, rollout->deployment->uid,
                                            "down-volumes", DOWN_TIMEOUT_MS, &down, error))
    return false;
  return engine_remove_project(worker->engine, rollout->place, true, &stays, error) &&
         (stays == NULL || fail(error, SLIPWAY_ERROR_DEPLOY, "%s", stays)) &&
         run_script(worker, host_script_remove_place, rollout->place, "own", &reply, error);
}

/* What the record says of a host on which nothing is left. */
static HostStatus status_after(const Worker *worker) {
  const HostStatus status = worker->record->status;
  return status == HOST_PENDING || status == HOST_UNKNOWN ? HOST_RESTORED : status;
}

static bool tear_down(Worker *worker, GError **error) {
  if (worker->facts == NULL || worker->engine == NULL)
    return true;
  g_autofree char *why = g_strdup(worker->record->error);
  return worker_step(worker, "remove", step_remove, error) &&
         worker_record(worker, status_after(worker), "", why, error);
}

void ephemeral_tear_down(Rollout *rollout) {
  g_autoptr(GError) problem = NULL;
  if (!is_ephemeral(rollout))
    return;
  rollout->deployment->touched = rollout_has_touched(rollout);
  rollout->stage = STAGE_RESTORING;
  reporter_phase(rollout->request->reporter, "remove");
  if (!crew_run_all(rollout, tear_down, &problem))
    reporter_warn(rollout->request->reporter,
                  "not all of it could be removed, the next deployment will try again: %s", problem->message);
}

static SlipwayErrorKind kind_of_failure(const Rollout *rollout, const GError *cause) {
  if (interrupt_requested())
    return SLIPWAY_ERROR_INTERRUPTED;
  const bool is_about_readiness = rollout->stage == STAGE_READYING;
  return error_is(cause, SLIPWAY_ERROR_STORE) || is_about_readiness ? (SlipwayErrorKind)cause->code
                                                                    : SLIPWAY_ERROR_DEPLOY;
}

bool ephemeral_fail(Rollout *rollout, const GError *cause, GError **error) {
  g_autoptr(GError) ignored = NULL;
  const bool has_touched = rollout_has_touched(rollout);
  const SlipwayErrorKind kind = kind_of_failure(rollout, cause);
  for (guint i = 0; i < rollout->workers->len; i++) {
    Worker *worker = g_ptr_array_index(rollout->workers, i);
    if (worker->error == NULL || worker->record->error != NULL)
      continue;
    worker->record->status = HOST_FAILED;
    worker->record->error = g_strdup(worker->error->message);
  }
  rollout->stage = STAGE_RESTORING;
  if (has_touched && !crew_run_all(rollout, keep_logs, &ignored))
    reporter_warn(rollout->request->reporter, "the logs could not be kept: %s", ignored->message);
  return fail(error, kind, "%s%s", cause->message,
              has_touched ? "\nAll that it started is removed; the logs of its services are in the history"
                          : "");
}
