/* A task's program on the controller: what it is told by its environment, and how it is run. */
#pragma once

#include "environments/config/config.h"

typedef struct {
  const TaskConfig *config;
  const char *directory;     /* it runs there */
  const GPtrArray *builtins; /* NamedValue: SLIPWAY_APP … */
  const HostConfig *host;    /* SLIPWAY_HOST and _ADDRESS; NULL: it is about no host in particular */
  const char *kind, *phase;  /* SLIPWAY_KIND and _PHASE */
  bool (*is_cancelled)(void *data);
  void (*on_line)(const char *line, void *data); /* as child.h */
  void *data;
  int *exit_code; /* as child.h; NULL: not wanted */
} ControllerTask;

/* As child_run. */
bool controller_task_run(const ControllerTask *task, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Every program of `tasks` (TaskConfig; those in containers are passed over) can be found:
 * SLIPWAY_ERROR_CONFIG where not. `when`: "before_host". */
bool controller_tasks_check(const Config *config, const Environment *environment, const char *when,
                            const GPtrArray *tasks, GError **error) G_GNUC_WARN_UNUSED_RESULT;
