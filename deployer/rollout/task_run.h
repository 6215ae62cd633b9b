/* One run of a task, wherever it is run: its lines are told and kept, its end is judged. */
#pragma once

#include "deployer/rollout/controller_task.h"
#include "deployer/rollout/kept_output.h"
#include "deployer/rollout/one_off.h"

typedef struct TaskRun TaskRun;
/* `on_line` gets each line, printable and without secrets. Nothing but the task's own is copied. */
TaskRun *task_run_new(const TaskConfig *task, const char *directory,
                      void (*on_line)(const char *line, void *data), void *data);
void task_run_free(TaskRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TaskRun, task_run_free)
const KeptOutput *task_run_output(const TaskRun *run);
/* Of its command, once that has ended by itself; -1: it has not. */
int task_run_exit_code(const TaskRun *run);

/* Where a container task is run; all borrowed. */
typedef struct {
  Host *host;
  const HostFacts *facts;
  Engine *engine;
  const char *place;
  const char *uid;       /* of the release folder */
  const char *name;      /* of the container: one_off_name */
  const char *subfolder; /* artifacts go below it; NULL: below the folder of slipway.yml itself */
  /* Artifacts that are not there, and the like. With the run's data. */
  void (*on_problem)(const char *problem, void *data);
} TaskPlace;
/* SLIPWAY_ERROR_DEPLOY: it ended with a status that is not 0, or took too long; with its last 20 lines.
 * SLIPWAY_ERROR_INTERRUPTED: a signal asked slipway to stop, and the container was stopped first.
 * SLIPWAY_ERROR_UNREADY: host, engine or Compose failed. */
bool task_run_in_container(TaskRun *run, const TaskPlace *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* On the controller; as child_run. directory, is_cancelled, on_line, data and exit_code of `task` are filled
 * in here. */
bool task_run_on_controller(TaskRun *run, const ControllerTask *task,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
