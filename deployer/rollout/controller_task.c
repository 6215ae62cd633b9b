/* Programs of the user's own, and their SLIPWAY_ variables. */
#include "deployer/rollout/controller_task.h"

#include "support/child.h"
#include "support/errors.h"

#include "support/poison.h"

bool controller_tasks_check(const Config *config, const Environment *environment, const char *when,
                            const GPtrArray *tasks, GError **error) {
  for (guint i = 0; i < tasks->len; i++) {
    const TaskConfig *task = g_ptr_array_index(tasks, i);
    if (task->service == NULL &&
        !child_check_program(g_ptr_array_index(task->command, 0), config->directory, error))
      return prefix(error, "%s: tasks.%s: %s: ", environment->name, when, task->name);
  }
  return true;
}

/* Caller frees. */
static char **make_environment(const ControllerTask *task) {
  char **environment = g_get_environ();
  for (guint i = 0; i < task->builtins->len; i++) {
    const NamedValue *builtin = g_ptr_array_index(task->builtins, i);
    environment = g_environ_setenv(environment, builtin->name, builtin->value, TRUE);
  }
  const char *name = task->host != NULL ? task->host->name : NULL;
  const char *address = task->host != NULL && task->host->address != NULL ? task->host->address : "";
  const struct {
    const char *name, *value;
  } own[] = {
      {"SLIPWAY_HOST", name},
      {"SLIPWAY_ADDRESS", name != NULL ? address : NULL},
      {"SLIPWAY_KIND", task->kind},
      {"SLIPWAY_PHASE", task->phase},
  };
  for (guint i = 0; i < G_N_ELEMENTS(own); i++)
    environment = own[i].value != NULL ? g_environ_setenv(environment, own[i].name, own[i].value, TRUE)
                                       : g_environ_unsetenv(environment, own[i].name);
  return environment;
}

bool controller_task_run(const ControllerTask *task, GError **error) {
  g_auto(GStrv) environment = make_environment(task);
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_extend(argv, task->config->command, NULL, NULL);
  g_ptr_array_add(argv, NULL);
  const ChildOrder order = {.argv = (const char *const *)argv->pdata,
                            .environment = (const char *const *)environment,
                            .directory = task->directory,
                            .timeout_ms = task->config->timeout_ms,
                            .is_cancelled = task->is_cancelled,
                            .on_line = task->on_line,
                            .data = task->data,
                            .exit_code = task->exit_code};
  return child_run(&order, error);
}
