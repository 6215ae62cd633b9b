/* The threads that hosts are worked on by, and what every step on a host has in common. */
#include "deployer/rollout/crew.h"

#include "deployer/rollout/ephemeral.h"
#include "deployer/rollout/room.h"
#include "deployer/rollout/secrets.h"
#include "environments/hosts/host_compose.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/parallel.h"

#include "support/poison.h"

enum { INTERRUPT_LOOK_US = 100000 };

static void worker_free(Worker *worker) {
  host_secrets_free(worker->secrets);
  g_clear_pointer(&worker->containers, g_ptr_array_unref);
  g_clear_pointer(&worker->images, g_hash_table_unref);
  health_watch_free(worker->watch);
  engine_free(worker->engine);
  host_facts_free(worker->facts);
  host_free(worker->host);
  g_clear_error(&worker->error);
  g_free(worker);
}

Rollout *rollout_new(const RolloutRequest *request, const Situation *situation, Target *target,
                     Deployment *deployment) {
  Rollout *rollout = g_new0(Rollout, 1);
  rollout->request = request;
  rollout->situation = situation;
  rollout->target = target;
  rollout->deployment = deployment;
  rollout->place = deployment_place(request->config, request->environment, deployment->uid);
  rollout->manifests = manifests_new(request->config->insecure_registries);
  rollout->bundles = bundle_shelf_new();
  g_mutex_init(&rollout->exchange);
  rollout->workers = g_ptr_array_new();
  const GPtrArray *hosts = request->environment->hosts;
  for (guint i = 0; i < hosts->len; i++) {
    Worker *worker = g_new0(Worker, 1);
    worker->rollout = rollout;
    worker->config = g_ptr_array_index(hosts, i);
    worker->record = g_ptr_array_index(deployment->hosts, i);
    worker->host = host_new(worker->config);
    g_ptr_array_add(rollout->workers, worker);
  }
  return rollout;
}

static void free_one(gpointer worker, gpointer unused) {
  (void)unused;
  worker_free(worker);
}

/* Each waits until its host's shell has ended: all at once. */
static void free_workers(GPtrArray *workers) {
  parallel_run(workers, CREW_THREADS, free_one, NULL);
  g_ptr_array_unref(workers);
}

void rollout_free(Rollout *rollout) {
  if (rollout == NULL)
    return;
  free_workers(rollout->workers);
  g_mutex_clear(&rollout->exchange);
  g_clear_pointer(&rollout->restore_settings, config_free);
  situation_free(rollout->fresh);
  manifests_free(rollout->manifests);
  bundle_shelf_free(rollout->bundles);
  g_clear_pointer(&rollout->snapshot, g_bytes_unref);
  g_free(rollout->place);
  g_free(rollout);
}

/* What the crew's threads and the one that waits for them share. */
typedef struct {
  WorkerTask task;
  GMutex mutex;
  GCond ended;
  guint left;
} Shift;

static void run_one(gpointer data, gpointer user_data) {
  Worker *worker = data;
  Shift *shift = user_data;
  GError *problem = NULL;
  if (!shift->task(worker, &problem))
    worker->error = problem;
  g_mutex_lock(&shift->mutex);
  shift->left--;
  g_cond_signal(&shift->ended);
  g_mutex_unlock(&shift->mutex);
}

/* Before a container is touched nothing is lost by cutting work short; later, only a second signal does. */
static bool shall_abort(const Rollout *rollout) {
  return rollout->stage == STAGE_READYING ? interrupt_requested() : interrupt_insisted();
}

static void abort_all(GPtrArray *workers) {
  for (guint i = 0; i < workers->len; i++) {
    Worker *worker = g_ptr_array_index(workers, i);
    g_mutex_lock(&worker->rollout->exchange);
    worker->host->ops->abort(worker->host);
    g_mutex_unlock(&worker->rollout->exchange);
  }
}

static void await(Shift *shift, GPtrArray *workers) {
  bool is_aborted = false;
  g_mutex_lock(&shift->mutex);
  while (shift->left > 0) {
    g_cond_wait_until(&shift->ended, &shift->mutex, g_get_monotonic_time() + INTERRUPT_LOOK_US);
    if (is_aborted || !shall_abort(((const Worker *)g_ptr_array_index(workers, 0))->rollout))
      continue;
    is_aborted = true;
    abort_all(workers);
  }
  g_mutex_unlock(&shift->mutex);
}

bool crew_succeeded(GPtrArray *workers, GError **error) {
  const Worker *first = NULL;
  guint failures = 0;
  for (guint i = 0; i < workers->len; i++) {
    const Worker *worker = g_ptr_array_index(workers, i);
    if (worker->error == NULL)
      continue;
    first = first == NULL ? worker : first;
    failures++;
  }
  if (first == NULL)
    return true;
  if (error != NULL) {
    *error = g_error_copy(first->error);
    prefix(error, "%s: ", first->config->name);
    if (failures > 1) {
      g_autofree char *message =
          g_strdup_printf("%s\n(%u of %u hosts failed)", (*error)->message, failures, workers->len);
      g_free((*error)->message);
      (*error)->message = g_steal_pointer(&message);
    }
  }
  return false;
}

bool crew_run(GPtrArray *workers, WorkerTask task, GError **error) {
  Shift shift = {.task = task, .left = workers->len};
  g_mutex_init(&shift.mutex);
  g_cond_init(&shift.ended);
  for (guint i = 0; i < workers->len; i++)
    g_clear_error(&((Worker *)g_ptr_array_index(workers, i))->error);
  Parallel *parallel = parallel_start(workers, CREW_THREADS, run_one, &shift);
  await(&shift, workers);
  parallel_join(parallel);
  g_cond_clear(&shift.ended);
  g_mutex_clear(&shift.mutex);
  return crew_succeeded(workers, error);
}

bool request_takes_host(const RolloutRequest *request, const HostConfig *host) {
  for (guint i = 0; request->only != NULL && i < request->only->len; i++)
    if (g_str_equal(request->only->pdata[i], host->name))
      return true;
  return request->only == NULL;
}

GPtrArray *rollout_active(const Rollout *rollout) {
  GPtrArray *active = g_ptr_array_new();
  for (guint i = 0; i < rollout->workers->len; i++) {
    Worker *worker = g_ptr_array_index(rollout->workers, i);
    if (!worker->is_skipped)
      g_ptr_array_add(active, worker);
  }
  return active;
}

bool crew_run_all(Rollout *rollout, WorkerTask task, GError **error) {
  g_autoptr(GPtrArray) active = rollout_active(rollout);
  return crew_run(active, task, error);
}

bool rollout_may_go_back(const Rollout *rollout) {
  return rollout->deployment->kind != KIND_ROLLBACK &&
         rollout->request->environment->rollout.on_failure == ON_FAILURE_RESTORE;
}

/* A history that cannot be written stops what is not begun, never what has to be ended: putting back, a
 * commit, and what would not be put back. */
static bool needs_history(const Rollout *rollout) {
  return rollout->stage < STAGE_APPLYING ||
         (rollout->stage == STAGE_APPLYING && rollout_may_go_back(rollout));
}

/* `what` is not recorded. Takes `problem`. `host` NULL: the deployment as a whole. */
static bool note_store_problem(const Rollout *rollout, const char *host, const char *what, GError *problem,
                               GError **error) {
  if (needs_history(rollout)) {
    g_propagate_error(error, problem);
    return false;
  }
  reporter_warn(rollout->request->reporter, "%s%s%s is not recorded: %s", host != NULL ? host : "",
                host != NULL ? ": " : "", what, problem->message);
  g_error_free(problem);
  return true;
}

typedef struct {
  const Rollout *rollout;
  const char *host; /* NULL: the deployment as a whole */
  const char *name;
  gint64 id;      /* 0: not in the history */
  gint64 started; /* monotonic */
} Step;

static bool begin_step(Step *step, GError **error) {
  const Rollout *rollout = step->rollout;
  GError *problem = NULL;
  step->started = g_get_monotonic_time();
  reporter_step_begin(rollout->request->reporter, step->host, step->name);
  if (rollout->deployment->id == 0 || history_begin_step(rollout->request->history, rollout->deployment->id,
                                                         step->host, step->name, &step->id, &problem))
    return true;
  return note_store_problem(rollout, step->host, step->name, problem, error);
}

/* Takes `problem`; NULL: the step succeeded, and `detail` says more. */
static bool finish_step(const Step *step, const char *detail, GError *problem, GError **error) {
  const Rollout *rollout = step->rollout;
  GError *store = NULL;
  const char *said = problem == NULL ? detail : problem->message;
  reporter_step_end(rollout->request->reporter, step->host, step->name, problem == NULL, said,
                    (g_get_monotonic_time() - step->started) / 1000);
  bool is_recorded =
      step->id == 0 ||
      history_finish_step(rollout->request->history, step->id, problem == NULL ? "ok" : "failed", said,
                          &store) ||
      note_store_problem(rollout, step->host, step->name, store, problem == NULL ? error : NULL);
  if (problem == NULL)
    return is_recorded;
  g_propagate_error(error, problem);
  return false;
}

bool worker_step_begin(Worker *worker, const char *name, GError **error) {
  Step step = {.rollout = worker->rollout, .host = worker->config->name, .name = name};
  if (!begin_step(&step, error))
    return false;
  worker->step_name = name;
  worker->step_started = step.started;
  worker->step = step.id;
  return true;
}

bool worker_step_end(Worker *worker, const char *detail, GError *problem, GError **error) {
  const Step step = {.rollout = worker->rollout,
                     .host = worker->config->name,
                     .name = worker->step_name,
                     .started = worker->step_started,
                     .id = worker->step};
  worker->step_name = NULL;
  return finish_step(&step, detail, problem, error);
}

bool worker_step(Worker *worker, const char *name, WorkerStep run, GError **error) {
  if (!worker_step_begin(worker, name, error))
    return false;
  g_autofree char *detail = NULL;
  GError *problem = NULL;
  if (run(worker, &detail, &problem))
    g_assert(problem == NULL);
  return worker_step_end(worker, detail, problem, error);
}

bool rollout_step(Rollout *rollout, const char *name, RolloutStep run, GError **error) {
  Step step = {.rollout = rollout, .name = name};
  if (!begin_step(&step, error))
    return false;
  GError *problem = NULL;
  if (run(rollout, step.id, &problem))
    g_assert(problem == NULL);
  return finish_step(&step, NULL, problem, error);
}

bool worker_record(Worker *worker, HostStatus status, const char *runs, const char *problem, GError **error) {
  DeploymentHost *record = worker->record;
  record->status = status;
  g_free(record->runs);
  record->runs = g_strdup(runs);
  g_free(record->error);
  record->error = g_strdup(problem);
  GError *failure = NULL;
  gint64 id = worker->rollout->deployment->id;
  return id == 0 || history_set_host(worker->rollout->request->history, id, record, &failure) ||
         note_store_problem(worker->rollout, worker->config->name, "what became of it", failure, error);
}

bool worker_compose(Worker *worker, const char *folder, const char *uid, const char *action, guint timeout_ms,
                    HostReply *reply, GError **error) {
  const char *words[] = {action, NULL};
  const ComposeCall call = {.folder = folder,
                            .uid = uid,
                            .project = worker->rollout->place,
                            .words = words,
                            .timeout_ms = timeout_ms};
  return host_compose(worker->host, worker->facts, &call, reply, error);
}
