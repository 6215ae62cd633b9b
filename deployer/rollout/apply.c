/* Phase `apply`: containers change, wave by wave. Replacing a host's containers is worker_converge alone:
 * another strategy (the new beside the old, then a switch) would be another function of its shape. */
#include <string.h>

#include "deployer/rollout/host_tasks.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/services.h"
#include "deployer/rollout/waves.h"
#include "host_scripts.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/text.h"

#include "support/poison.h"

enum { UP_TIMEOUT_MS = 900000, TAIL_LINES = 20, PAUSE_LOOK_MS = 100 };

static bool has_same_containers(const GPtrArray *before, const GPtrArray *after) {
  g_autoptr(GHashTable) ids = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < before->len; i++)
    g_hash_table_add(ids, ((const EngineContainer *)g_ptr_array_index(before, i))->id);
  for (guint i = 0; i < after->len; i++)
    if (!g_hash_table_contains(ids, ((const EngineContainer *)g_ptr_array_index(after, i))->id))
      return false;
  return before->len == after->len;
}

/* The reason in one line of Compose's, or NULL: v1 says "ERROR: for NAME  REASON" (twice, by two names) and
 * "ERROR: REASON", v2 "Error response from daemon: REASON" (and "service web: Error …" in later versions). */
static const char *reason_in(const char *line) {
  if (g_str_has_prefix(line, "ERROR: for ")) {
    const char *gap = strstr(line, "  ");
    return gap != NULL ? gap + 2 : line;
  }
  if (g_str_has_prefix(line, "ERROR: "))
    return line + strlen("ERROR: ");
  return g_str_has_prefix(line, "Error") || g_str_has_prefix(line, "error") ? line : NULL;
}

char *compose_reason(const HostReply *reply) {
  const GString *said = reply->err->len > 0 ? reply->err : reply->out;
  g_autofree char *printable = text_printable(said->str, true);
  g_auto(GStrv) lines = g_strsplit(g_strstrip(printable), "\n", -1);
  g_autoptr(GPtrArray) reasons = g_ptr_array_new();
  for (guint i = 0; lines[i] != NULL; i++) {
    const char *reason = reason_in(lines[i]);
    if (reason != NULL && reasons->len < TAIL_LINES &&
        !g_ptr_array_find_with_equal_func(reasons, reason, g_str_equal, NULL))
      g_ptr_array_add(reasons, (gpointer)reason);
  }
  if (reasons->len > 0) {
    g_ptr_array_add(reasons, NULL);
    return g_strjoinv("\n  ", (char **)reasons->pdata);
  }
  guint count = g_strv_length(lines);
  return g_strjoinv("\n  ", lines + (count > TAIL_LINES ? count - TAIL_LINES : 0));
}

static bool compose_up(Worker *worker, const char *uid, GError **error) {
  g_auto(HostReply) reply = {0};
  if (!worker_compose(worker, worker->facts->folder, uid, "up", UP_TIMEOUT_MS, &reply, error))
    return false;
  if (reply.status == 0)
    return true;
  g_autofree char *reason = compose_reason(&reply);
  return fail(error, SLIPWAY_ERROR_DEPLOY, "compose up failed: %s", reason);
}

/* Without waiting; what there is is known from when the host was made ready, or is asked now. Whoever changes
 * containers in between, in spite of the lock, makes a host that is not touched look so. */
static bool begin_watch(Worker *worker, GError **error) {
  const char *project = worker->rollout->place;
  g_clear_pointer(&worker->watch, health_watch_free);
  return (worker->containers != NULL ||
          engine_list_containers(worker->engine, project, &worker->containers, error)) &&
         health_watch_begin(worker->engine, project, worker->containers, &worker->watch, error);
}

/* Sets is_touched before anything can change; takes it back when it turns out that no container did. */
static bool start_release(Worker *worker, const char *uid, GError **error) {
  g_autoptr(GPtrArray) before = g_steal_pointer(&worker->containers);
  g_autoptr(GPtrArray) after = NULL;
  if (!health_watch_begun(worker->watch, error))
    return false;
  bool was_touched = worker->is_touched;
  worker->is_touched = true;
  bool is_up = compose_up(worker, uid, error);
  if (!health_watch_look(worker->watch, &after, is_up ? error : NULL))
    return false;
  worker->is_touched = was_touched || !has_same_containers(before, after);
  return is_up && worker_remove_strays(worker, uid, after, error);
}

typedef struct {
  Worker *worker;
  bool is_cancellable;
} Watching;

static void show_health(const char *service, const char *state, void *data) {
  const Watching *watching = data;
  reporter_health(watching->worker->rollout->request->reporter, watching->worker->config->name, service,
                  state);
}

static bool is_cancelled(void *data) {
  const Watching *watching = data;
  return watching->is_cancellable && interrupt_requested();
}

static bool await_health(Worker *worker, const HealthConfig *health, bool is_cancellable, GError **error) {
  Watching watching = {.worker = worker, .is_cancellable = is_cancellable};
  HealthHooks hooks = {.on_state = show_health, .is_cancelled = is_cancelled, .data = &watching};
  bool ok = health_wait(worker->watch, health, &hooks, error);
  g_clear_pointer(&worker->watch, health_watch_free);
  return ok;
}

bool worker_converge(Worker *worker, const char *uid, const HealthConfig *health, bool is_cancellable,
                     GError **error) {
  g_clear_pointer(&worker->containers, g_ptr_array_unref); /* of before */
  return begin_watch(worker, error) && start_release(worker, uid, error) &&
         await_health(worker, health, is_cancellable, error);
}

static bool step_up(Worker *worker, char **detail, GError **error) {
  if (!begin_watch(worker, error) || !worker_note(worker, host_script_journal, "intent", error) ||
      !start_release(worker, worker->rollout->deployment->uid, error))
    return false;
  *detail = g_strdup(worker->is_touched ? NULL : "nothing changed");
  return true;
}

static bool step_health(Worker *worker, char **detail, GError **error) {
  (void)detail;
  return await_health(worker, worker->rollout->target->health, true, error);
}

/* What keeps the reason beside the host's name, whatever becomes of the host. The history may be what broke:
 * the step's failure counts. */
static bool fail_worker(Worker *worker, const char *runs, GError *problem, GError **error) {
  if (!worker_record(worker, HOST_FAILED, runs, problem->message, NULL))
    reporter_warn(worker->rollout->request->reporter, "%s: its failure could not be recorded",
                  worker->config->name);
  reporter_host_done(worker->rollout->request->reporter, worker->config->name, false, "failed");
  g_propagate_error(error, problem);
  return false;
}

static bool apply_worker(Worker *worker, GError **error) {
  const char *uid = worker->rollout->deployment->uid;
  GError *problem = NULL;
  if (!worker_take_out(worker, &problem) || !worker_step(worker, "up", step_up, &problem) ||
      !worker_step(worker, "health", step_health, &problem))
    return fail_worker(worker, NULL, problem, error);
  if (!worker_put_in(worker, &problem))
    return fail_worker(worker, uid, problem, error);
  reporter_host_done(worker->rollout->request->reporter, worker->config->name, true,
                     worker->is_touched ? "healthy" : "unchanged");
  return worker_record(worker, worker->is_touched ? HOST_CHANGED : HOST_UNCHANGED,
                       worker->rollout->deployment->uid, NULL, error);
}

/* All at once for a rollback: it is an incident. */
static GPtrArray *workers_of_wave(const Rollout *rollout, guint wave) {
  bool is_all_at_once = rollout->deployment->kind == KIND_ROLLBACK;
  g_autoptr(GPtrArray) active = rollout_active(rollout);
  GPtrArray *workers = g_ptr_array_new();
  for (guint i = 0; i < active->len; i++)
    if (wave == (is_all_at_once ? 1 : wave_of(&rollout->request->environment->rollout, i, active->len)))
      g_ptr_array_add(workers, g_ptr_array_index(active, i));
  return workers;
}

/* Between waves: for what only time shows. */
static void pause_rollout(const Rollout *rollout) {
  gint64 pause_ms = rollout->request->environment->rollout.pause_ms;
  gint64 end = g_get_monotonic_time() + pause_ms * 1000;
  g_autofree char *words = duration_for_people(pause_ms);
  if (pause_ms > 0)
    reporter_note(rollout->request->reporter, "pausing for %s", words);
  while (g_get_monotonic_time() < end && !interrupt_requested())
    g_usleep(PAUSE_LOOK_MS * 1000);
}

bool phase_apply(Rollout *rollout, GError **error) {
  for (guint wave = 1;; wave++) {
    g_autoptr(GPtrArray) workers = workers_of_wave(rollout, wave);
    if (workers->len == 0)
      return true;
    if (wave > 1)
      pause_rollout(rollout);
    if (interrupt_requested())
      return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
    if (!crew_run(workers, apply_worker, error))
      return false;
  }
}
