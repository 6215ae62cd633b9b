/* Running the tasks around a host, each as a recorded step. */
#include "deployer/rollout/host_tasks.h"

#include "deployer/rollout/controller_task.h"
#include "support/errors.h"
#include "support/interrupt.h"

#include "support/poison.h"

struct HostTask {
  const TaskConfig *config;
  const char *step; /* "before_host: drain" */
};

bool host_tasks_check(const RolloutRequest *request, GError **error) {
  const TasksConfig *tasks = &request->environment->tasks;
  return controller_tasks_check(request->config, request->environment, "before_host", tasks->before_host,
                                error) &&
         controller_tasks_check(request->config, request->environment, "after_host", tasks->after_host,
                                error);
}

/* Going back is what the first signal asks for. */
static bool is_cancelled(void *data) {
  const Worker *worker = data;
  return worker->rollout->stage == STAGE_RESTORING ? interrupt_insisted() : interrupt_requested();
}

static void show_line(const char *line, void *data) {
  const Worker *worker = data;
  reporter_task(worker->rollout->request->reporter, worker->config->name, worker->task->step, line);
}

static bool step_task(Worker *worker, char **detail, GError **error) {
  const TaskConfig *task = worker->task->config;
  (void)detail;
  if (is_cancelled(worker))
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted, and not begun");
  const Rollout *rollout = worker->rollout;
  const ControllerTask run = {.config = task,
                              .directory = rollout->request->config->directory,
                              .builtins = rollout->target->builtins,
                              .host = worker->config,
                              .kind = deployment_kind_name(rollout->deployment->kind),
                              .phase = rollout->stage == STAGE_RESTORING ? "restore" : "apply",
                              .is_cancelled = is_cancelled,
                              .on_line = show_line,
                              .data = worker};
  worker->is_out = true;
  return controller_task_run(&run, error);
}

static bool run_tasks(Worker *worker, const char *when, const GPtrArray *tasks, GError **error) {
  for (guint i = 0; i < tasks->len; i++) {
    const TaskConfig *config = g_ptr_array_index(tasks, i);
    g_autofree char *step = g_strdup_printf("%s: %s", when, config->name);
    const struct HostTask task = {.config = config, .step = step};
    worker->task = &task;
    bool ok = worker_step(worker, step, step_task, error);
    worker->task = NULL;
    if (!ok)
      return prefix(error, "%s: ", step);
  }
  return true;
}

bool worker_take_out(Worker *worker, GError **error) {
  return run_tasks(worker, "before_host", worker->rollout->request->environment->tasks.before_host, error);
}

bool worker_put_in(Worker *worker, GError **error) {
  if (!run_tasks(worker, "after_host", worker->rollout->request->environment->tasks.after_host, error))
    return false;
  worker->is_out = false;
  return true;
}
