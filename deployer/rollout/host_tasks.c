/* Running the tasks around a host, each as a recorded step. */
#include "deployer/rollout/host_tasks.h"

#include "support/child.h"
#include "support/errors.h"
#include "support/interrupt.h"

#include "support/poison.h"

struct HostTask {
  const TaskConfig *config;
  const char *step; /* "before_host: drain" */
};

static bool check_programs(const RolloutRequest *request, const char *when, const GPtrArray *tasks,
                           GError **error) {
  for (guint i = 0; i < tasks->len; i++) {
    const TaskConfig *task = g_ptr_array_index(tasks, i);
    if (!child_check_program(g_ptr_array_index(task->command, 0), request->config->directory, error))
      return prefix(error, "%s: tasks.%s: %s: ", request->environment->name, when, task->name);
  }
  return true;
}

bool host_tasks_check(const RolloutRequest *request, GError **error) {
  const TasksConfig *tasks = &request->environment->tasks;
  return check_programs(request, "before_host", tasks->before_host, error) &&
         check_programs(request, "after_host", tasks->after_host, error);
}

/* Caller frees. */
static char **make_environment(const Worker *worker) {
  const Rollout *rollout = worker->rollout;
  const char *address = worker->config->address;
  char **environment = g_get_environ();
  for (guint i = 0; i < rollout->target->builtins->len; i++) {
    const NamedValue *builtin = g_ptr_array_index(rollout->target->builtins, i);
    environment = g_environ_setenv(environment, builtin->name, builtin->value, TRUE);
  }
  const NamedValue own[] = {
      {(char *)"SLIPWAY_HOST", worker->config->name},
      {(char *)"SLIPWAY_ADDRESS", address != NULL ? (char *)address : (char *)""},
      {(char *)"SLIPWAY_KIND", (char *)deployment_kind_name(rollout->deployment->kind)},
      {(char *)"SLIPWAY_PHASE", (char *)(rollout->stage == STAGE_RESTORING ? "restore" : "apply")},
  };
  for (guint i = 0; i < G_N_ELEMENTS(own); i++)
    environment = g_environ_setenv(environment, own[i].name, own[i].value, TRUE);
  return environment;
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
  g_auto(GStrv) environment = make_environment(worker);
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_extend(argv, task->command, NULL, NULL);
  g_ptr_array_add(argv, NULL);
  ChildOrder order = {.argv = (const char *const *)argv->pdata,
                      .environment = (const char *const *)environment,
                      .directory = worker->rollout->request->config->directory,
                      .timeout_ms = task->timeout_ms,
                      .is_cancelled = is_cancelled,
                      .on_line = show_line,
                      .data = worker};
  worker->is_out = true;
  return child_run(&order, error);
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
