/* Which tasks run when and where, and what their failure means. */
#include "deployer/rollout/tasks.h"

#include <string.h>
#include <unistd.h>

#include "deployer/rollout/task_run.h"
#include "support/errors.h"
#include "support/interrupt.h"

#include "support/poison.h"

enum { BEFORE, VERIFY, AFTER };
static const struct {
  const char *name; /* the phase's, the key's of `tasks`, and SLIPWAY_PHASE */
  gsize offset;     /* of its list in TasksConfig */
} task_phases[] = {
    [BEFORE] = {"before", offsetof(TasksConfig, before)},
    [VERIFY] = {"verify", offsetof(TasksConfig, verify)},
    [AFTER] = {"after", offsetof(TasksConfig, after)},
};

struct RolloutTask {
  const TaskConfig *config;
  const char *phase;
  const char *step; /* "before: migrate" */
  guint number;     /* of the deployment */
};

static GPtrArray *tasks_of(const Environment *environment, guint phase) {
  return *(GPtrArray *const *)(const void *)((const char *)&environment->tasks + task_phases[phase].offset);
}

bool task_is_for(const TaskConfig *task, const Environment *environment) {
  return task->environments->len == 0 ||
         g_ptr_array_find_with_equal_func(task->environments, environment->name, g_str_equal, NULL);
}

const ComposeService *project_find_service(const ComposeProject *project, const char *name) {
  for (guint i = 0; i < project->services->len; i++) {
    const ComposeService *service = g_ptr_array_index(project->services, i);
    if (g_str_equal(service->name, name))
      return service;
  }
  return NULL;
}

/* Nothing new comes otherwise. */
static bool runs_tasks(const RolloutRequest *request) {
  return (request->kind == KIND_DEPLOY || request->kind == KIND_PROMOTE) && !request->as_is;
}

/* --- before anything is touched ------------------------------------------------------------------------- */

static bool check_input(const RolloutRequest *request, const TaskConfig *task, GError **error) {
  if (task->input == NULL)
    return true;
  g_autofree char *path = g_canonicalize_filename(task->input, request->config->directory);
  return access(path, R_OK) == 0 ||
         fail(error, SLIPWAY_ERROR_CONFIG, "stdin: %s cannot be read: is it there?", path);
}

static bool check_service(const RolloutRequest *request, const ComposeProject *project,
                          const TaskConfig *task, GError **error) {
  const ComposeService *service = project_find_service(project, task->service);
  const GPtrArray *hosts = request->environment->hosts;
  bool runs_somewhere = false;
  if (service == NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "the Compose files have no service %s", task->service);
  for (guint i = 0; i < hosts->len; i++) {
    const HostConfig *host = g_ptr_array_index(hosts, i);
    if (!compose_service_runs(service, host->profiles))
      continue;
    if (request_takes_host(request, host))
      return true;
    runs_somewhere = true;
  }
  if (runs_somewhere)
    return fail(error, SLIPWAY_ERROR_USAGE, "--host leaves out every host that runs %s", task->service);
  return fail(error, SLIPWAY_ERROR_CONFIG, "no host runs %s: none has one of its profiles", task->service);
}

static bool check_task(const RolloutRequest *request, const Target *target, const TaskConfig *task,
                       GError **error) {
  return !task_is_for(task, request->environment) || task->service == NULL ||
         (check_service(request, target->project, task, error) && check_input(request, task, error));
}

bool tasks_check(const RolloutRequest *request, const Target *target, GError **error) {
  for (guint phase = 0; runs_tasks(request) && phase < G_N_ELEMENTS(task_phases); phase++) {
    const GPtrArray *tasks = tasks_of(request->environment, phase);
    const char *name = task_phases[phase].name;
    if (!controller_tasks_check(request->config, request->environment, name, tasks, error))
      return false;
    for (guint i = 0; i < tasks->len; i++) {
      const TaskConfig *task = g_ptr_array_index(tasks, i);
      if (!check_task(request, target, task, error))
        return prefix(error, "%s: tasks.%s: %s: ", request->environment->name, name, task->name);
    }
  }
  return true;
}

/* --- one task ------------------------------------------------------------------------------------------- */

/* Who runs it, for the lines that it writes. */
typedef struct {
  const Rollout *rollout;
  const char *host; /* NULL: the controller */
} Teller;

static void tell_line(const char *line, void *data) {
  const Teller *teller = data;
  reporter_task(teller->rollout->request->reporter, teller->host, teller->rollout->task->step, line);
}

static void tell_problem(const char *problem, void *data) {
  const Teller *teller = data;
  reporter_warn(teller->rollout->request->reporter, "%s: %s: %s", teller->host, teller->rollout->task->step,
                problem);
}

static void keep_output(const Rollout *rollout, const TaskRun *run, gint64 step) {
  g_autoptr(GError) problem = NULL;
  gint64 lost = 0;
  g_autofree char *text = kept_output_text(task_run_output(run), &lost);
  if (step == 0 || *text == '\0' || history_set_output(rollout->request->history, step, text, lost, &problem))
    return;
  reporter_warn(rollout->request->reporter, "%s: its output is not recorded: %s", rollout->task->step,
                problem->message);
}

static bool step_container(Worker *worker, char **detail, GError **error) {
  const Rollout *rollout = worker->rollout;
  const struct RolloutTask *task = rollout->task;
  Teller teller = {.rollout = rollout, .host = worker->config->name};
  (void)detail;
  g_autofree char *id = g_strdup_printf("%s-%u", rollout->deployment->uid, task->number);
  g_autofree char *name = one_off_name(rollout->place, "task", id);
  const TaskPlace place = {.host = worker->host,
                           .facts = worker->facts,
                           .engine = worker->engine,
                           .place = rollout->place,
                           .uid = rollout->deployment->uid,
                           .name = name,
                           .subfolder = task->config->on == TASK_ON_ALL ? worker->config->name : NULL,
                           .on_problem = tell_problem};
  g_autoptr(TaskRun) run =
      task_run_new(task->config, rollout->request->config->directory, tell_line, &teller);
  const bool is_well = task_run_in_container(run, &place, error);
  keep_output(rollout, run, worker->step);
  return is_well;
}

static bool run_container(Worker *worker, GError **error) {
  return worker_step(worker, worker->rollout->task->step, step_container, error);
}

static bool step_controller(Rollout *rollout, gint64 step, GError **error) {
  Teller teller = {.rollout = rollout};
  const ControllerTask task = {.builtins = rollout->target->builtins,
                               .kind = deployment_kind_name(rollout->deployment->kind),
                               .phase = rollout->task->phase};
  g_autoptr(TaskRun) run =
      task_run_new(rollout->task->config, rollout->request->config->directory, tell_line, &teller);
  const bool is_well = task_run_on_controller(run, &task, error);
  keep_output(rollout, run, step);
  return is_well;
}

/* The hosts that take part and run the service: the first of them, or all. */
static GPtrArray *workers_for(const Rollout *rollout, const TaskConfig *task) {
  g_autoptr(GPtrArray) active = rollout_active(rollout);
  GPtrArray *workers = g_ptr_array_new();
  const ComposeService *service = project_find_service(rollout->target->project, task->service);
  for (guint i = 0; service != NULL && i < active->len; i++) {
    const Worker *worker = g_ptr_array_index(active, i);
    if (compose_service_runs(service, worker->config->profiles) &&
        (workers->len == 0 || task->on == TASK_ON_ALL))
      g_ptr_array_add(workers, (gpointer)worker);
  }
  return workers;
}

bool tasks_require_hosts(const Rollout *rollout, GError **error) {
  const Environment *environment = rollout->request->environment;
  for (guint phase = 0; runs_tasks(rollout->request) && phase < G_N_ELEMENTS(task_phases); phase++) {
    const GPtrArray *tasks = tasks_of(environment, phase);
    for (guint i = 0; i < tasks->len; i++) {
      const TaskConfig *task = g_ptr_array_index(tasks, i);
      if (!task_is_for(task, environment) || task->service == NULL)
        continue;
      g_autoptr(GPtrArray) workers = workers_for(rollout, task);
      if (workers->len == 0)
        return fail(error, SLIPWAY_ERROR_UNREADY, "tasks.%s: %s: every host that runs %s is skipped",
                    task_phases[phase].name, task->name, task->service);
    }
  }
  return true;
}

/* The failure is the task's, not one of the hosts. */
static bool run_in_containers(const Rollout *rollout, GError **error) {
  const TaskConfig *task = rollout->task->config;
  g_autoptr(GPtrArray) workers = workers_for(rollout, task);
  if (workers->len == 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "every host that runs %s is skipped", task->service);
  const bool is_well = crew_run(workers, run_container, error);
  for (guint i = 0; i < workers->len; i++)
    g_clear_error(&((Worker *)g_ptr_array_index(workers, i))->error);
  return is_well;
}

static bool run_task(Rollout *rollout, guint phase, guint index, GError **error) {
  const TaskConfig *config = g_ptr_array_index(tasks_of(rollout->request->environment, phase), index);
  g_autofree char *step = g_strdup_printf("%s: %s", task_phases[phase].name, config->name);
  const struct RolloutTask task = {.config = config,
                                   .phase = task_phases[phase].name,
                                   .step = step,
                                   .number = phase * 1000 + index}; /* as yet there are fewer in a list */
  if (interrupt_requested())
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted; %s was not begun", step);
  rollout->task = &task;
  const bool is_well = config->service != NULL ? run_in_containers(rollout, error)
                                               : rollout_step(rollout, step, step_controller, error);
  rollout->task = NULL;
  return is_well || prefix(error, "%s: ", step);
}

/* --- the phases ----------------------------------------------------------------------------------------- */

static bool has_tasks(const Rollout *rollout, guint phase) {
  const RolloutRequest *request = rollout->request;
  const GPtrArray *tasks = tasks_of(request->environment, phase);
  for (guint i = 0; runs_tasks(request) && i < tasks->len; i++)
    if (task_is_for(g_ptr_array_index(tasks, i), request->environment))
      return true;
  return false;
}

/* Until one fails. */
static bool run_tasks(Rollout *rollout, guint phase, GError **error) {
  const Environment *environment = rollout->request->environment;
  const GPtrArray *tasks = tasks_of(environment, phase);
  if (!has_tasks(rollout, phase))
    return true;
  reporter_phase(rollout->request->reporter, task_phases[phase].name);
  for (guint i = 0; i < tasks->len; i++)
    if (task_is_for(g_ptr_array_index(tasks, i), environment) && !run_task(rollout, phase, i, error))
      return false;
  return true;
}

static bool has_container_tasks(const Environment *environment) {
  for (guint phase = 0; phase < G_N_ELEMENTS(task_phases); phase++) {
    const GPtrArray *tasks = tasks_of(environment, phase);
    for (guint i = 0; i < tasks->len; i++)
      if (((const TaskConfig *)g_ptr_array_index(tasks, i))->service != NULL)
        return true;
  }
  return false;
}

/* A migration of a slipway that was killed may still be at work. */
static bool clear_leftovers(Worker *worker, GError **error) {
  guint count = 0;
  if (!one_off_remove_leftovers(worker->engine, worker->rollout->place, &count, error))
    return prefix(error, "cannot remove what a task left behind: ");
  if (count > 0)
    reporter_note(worker->rollout->request->reporter,
                  "%s: removed %u container%s that earlier tasks left behind", worker->config->name, count,
                  count == 1 ? "" : "s");
  return true;
}

bool phase_before(Rollout *rollout, GError **error) {
  if (has_container_tasks(rollout->request->environment) && !crew_run_all(rollout, clear_leftovers, error))
    return false;
  if (!has_tasks(rollout, BEFORE))
    return true;
  rollout->stage = STAGE_BEFORE;
  if (run_tasks(rollout, BEFORE, error))
    return true;
  if (error != NULL) {
    g_autofree char *said = (*error)->message;
    (*error)->message = g_strconcat(said, "\nNo container was changed; databases may have been.", NULL);
  }
  return false;
}

bool phase_verify(Rollout *rollout, GError **error) {
  return run_tasks(rollout, VERIFY, error);
}

void phase_after(Rollout *rollout) {
  const Environment *environment = rollout->request->environment;
  const GPtrArray *tasks = tasks_of(environment, AFTER);
  if (!has_tasks(rollout, AFTER))
    return;
  reporter_phase(rollout->request->reporter, task_phases[AFTER].name);
  for (guint i = 0; i < tasks->len; i++) {
    g_autoptr(GError) problem = NULL;
    if (task_is_for(g_ptr_array_index(tasks, i), environment) && !run_task(rollout, AFTER, i, &problem))
      reporter_warn(rollout->request->reporter, "%s", problem->message);
  }
}
