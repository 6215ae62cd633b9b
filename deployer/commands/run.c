/* `run`: a task by name, or a command in a one-off container of what is deployed. */
#include <stdio.h>
#include <string.h>

#include "deployer/commands/console.h"
#include "deployer/commands/locate.h"
#include "deployer/commands/rows.h"
#include "deployer/rollout/one_host.h"
#include "deployer/rollout/situation.h"
#include "deployer/rollout/task_run.h"
#include "deployer/rollout/tasks.h"
#include "support/errors.h"
#include "support/redact.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *name, *host;
  GPtrArray *words;
} Choices;

static void warn(const char *problem, void *data) {
  (void)data;
  g_autofree char *hidden = redact_text(problem);
  g_autofree char *printable = text_printable(hidden, true);
  (void)fprintf(stderr, "slipway: warning: %s%s", printable, console_newline());
}

static HostWish wish_for(const Invocation *invocation, const char *service) {
  const Choices *choices = invocation->choices;
  return (HostWish){.config = invocation->config,
                    .environment = invocation->environment,
                    .service = service,
                    .host = choices->host,
                    .on_problem = warn};
}

static bool require_current(const OneHost *host, GError **error) {
  return host->facts->current != NULL ||
         fail(error, SLIPWAY_ERROR_COMMAND, "%s: nothing is deployed there", host->config->name);
}

static char *new_name(const OneHost *host) {
  g_autofree char *id = unique_id();
  return one_off_name(host->place, "run", id);
}

/* --- a command ------------------------------------------------------------------------------------------ */

/* As docker run: 127 for a program that is not there, 126 for one that cannot be executed. Else 0. */
static int status_of_start(const GError *problem) {
  static const struct {
    const char *words;
    int status;
  } rows[] = {{"executable file not found", 127},
              {"no such file or directory", 127},
              {"permission denied", 126},
              {"is a directory", 126}};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    if (strstr(problem->message, "container process") != NULL &&
        strstr(problem->message, rows[i].words) != NULL)
      return rows[i].status;
  return 0;
}

static bool run_attached(Invocation *invocation, const OneHost *host, GError **error) {
  const Choices *choices = invocation->choices;
  g_autofree char *name = new_name(host);
  g_autoptr(GError) problem = NULL;
  bool has_started = false;
  g_auto(Console) console = {0};
  console_open(&console);
  const OneOff one_off = {.host = host->host,
                          .facts = host->facts,
                          .engine = host->engine,
                          .place = host->place,
                          .uid = host->facts->current,
                          .service = choices->name,
                          .name = name,
                          .argv = (const char *const *)choices->words->pdata,
                          .is_removed = true,
                          .session = console_session(&console),
                          .on_problem = warn};
  const bool is_run = one_off_run(&one_off, &has_started, &invocation->status, &problem);
  console_close(&console);
  if (!is_run && !has_started && status_of_start(problem) != 0) {
    invocation->status = status_of_start(problem);
    reporter_warn(invocation->reporter, "%s: %s", host->config->name, problem->message);
    return true;
  }
  if (!is_run) {
    g_propagate_prefixed_error(error, g_steal_pointer(&problem), "%s: ", host->config->name);
    return false;
  }
  return invocation->status >= 0 || fail(error, SLIPWAY_ERROR_INTERRUPTED,
                                         "interrupted; the command was stopped and its container removed");
}

static bool run_command(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  const HostWish wish = wish_for(invocation, choices->name);
  g_autoptr(OneHost) host = NULL;
  return one_host_find(&wish, &host, error) && require_current(host, error) &&
         run_attached(invocation, host, error);
}

/* --- a task --------------------------------------------------------------------------------------------- */

/* `data`: what stands before each line. */
static void print_line(const char *line, void *data) {
  (void)printf("%s%s\n", (const char *)data, line);
  (void)fflush(stdout);
}

/* One that ended by itself has said why. Of several, the first that failed counts. */
static bool is_answered(Invocation *invocation, const TaskRun *run) {
  const int exit_code = task_run_exit_code(run);
  if (exit_code > 0 && invocation->status == 0)
    invocation->status = exit_code;
  return exit_code > 0;
}

static bool run_on_host(Invocation *invocation, const TaskConfig *task, const OneHost *host, GError **error) {
  const bool is_one_of_many = task->on == TASK_ON_ALL;
  g_autofree char *name = new_name(host);
  g_autofree char *before = is_one_of_many ? g_strdup_printf("%s | ", host->config->name) : g_strdup("");
  const TaskPlace place = {.host = host->host,
                           .facts = host->facts,
                           .engine = host->engine,
                           .place = host->place,
                           .uid = host->facts->current,
                           .name = name,
                           .subfolder = is_one_of_many ? host->config->name : NULL,
                           .on_problem = warn};
  g_autoptr(TaskRun) run = task_run_new(task, invocation->config->directory, print_line, before);
  g_autoptr(GError) problem = NULL;
  if (!require_current(host, error))
    return false;
  if (task_run_in_container(run, &place, &problem) || is_answered(invocation, run))
    return true;
  g_propagate_prefixed_error(error, g_steal_pointer(&problem), "%s: ", host->config->name);
  return false;
}

static bool run_in_containers(Invocation *invocation, const TaskConfig *task, GError **error) {
  const HostWish wish = wish_for(invocation, task->service);
  g_autoptr(GPtrArray) hosts = NULL;
  g_autoptr(OneHost) host = NULL;
  const bool is_found =
      task->on == TASK_ON_ALL ? one_host_find_all(&wish, &hosts, error) : one_host_find(&wish, &host, error);
  if (!is_found)
    return false;
  if (host != NULL)
    return run_on_host(invocation, task, host, error);
  for (guint i = 0; hosts != NULL && i < hosts->len; i++)
    if (!run_on_host(invocation, task, g_ptr_array_index(hosts, i), error))
      return false;
  return true;
}

/* What the environment runs; NULL: nothing. */
static bool find_release(const Invocation *invocation, Release **release, GError **error) {
  const char *path = locate_history(invocation->global);
  g_autoptr(History) history = NULL;
  g_autoptr(Situation) situation = NULL;
  if (!history_open(path != NULL ? path : invocation->config->history, HISTORY_READ, &history, error) ||
      !situation_read(history, invocation->config, invocation->environment->name, 0, &situation, error))
    return false;
  const Deployment *current = environment_current(situation->state);
  return current == NULL || history_get_release(history, current->release, release, error);
}

static bool run_on_controller(Invocation *invocation, const TaskConfig *task, GError **error) {
  g_autoptr(Release) release = NULL;
  g_autoptr(GError) problem = NULL;
  if (!find_release(invocation, &release, &problem)) /* such a task may be what an incident needs */
    reporter_warn(invocation->reporter, "%s; SLIPWAY_RELEASE and SLIPWAY_VERSION are not set",
                  problem->message);
  g_clear_error(&problem);
  g_autofree char *id = release != NULL ? g_strdup_printf("r%" G_GINT64_FORMAT, release->id) : NULL;
  const NamedValue known[] = {{(char *)"SLIPWAY_APP", invocation->config->app},
                              {(char *)"SLIPWAY_ENVIRONMENT", invocation->environment->name},
                              {(char *)"SLIPWAY_RELEASE", id},
                              {(char *)"SLIPWAY_VERSION", release != NULL ? release->version : NULL}};
  g_autoptr(GPtrArray) builtins = g_ptr_array_new();
  for (guint i = 0; i < G_N_ELEMENTS(known); i++)
    if (known[i].value != NULL)
      g_ptr_array_add(builtins, (gpointer)&known[i]);
  const ControllerTask controller = {.builtins = builtins, .kind = "run", .phase = "run"};
  g_autoptr(TaskRun) run = task_run_new(task, invocation->config->directory, print_line, (char *)"");
  if (task_run_on_controller(run, &controller, &problem) || is_answered(invocation, run))
    return true;
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

/* By name: those that are made for it first. */
static const TaskConfig *find_task(const Environment *environment, const char *name) {
  const TasksConfig *tasks = &environment->tasks;
  const GPtrArray *const lists[] = {tasks->run, tasks->before, tasks->verify, tasks->after};
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    for (guint j = 0; j < lists[i]->len; j++) {
      const TaskConfig *task = g_ptr_array_index(lists[i], j);
      if (g_str_equal(task->name, name) && task_is_for(task, environment))
        return task;
    }
  return NULL;
}

static bool run_task(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  const TaskConfig *task = find_task(invocation->environment, choices->name);
  if (task == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "%s has no task %s; a command in a container of a service is: slipway run %s %s -- CMD…",
                invocation->environment->name, choices->name, invocation->environment->name, choices->name);
  if (task->service == NULL)
    return run_on_controller(invocation, task, error);
  return run_in_containers(invocation, task, error);
}

static bool run_run(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  if (!wants_words(invocation))
    return fail(error, SLIPWAY_ERROR_USAGE, "run writes what the command writes: there is no --json");
  return (choices->words != NULL ? run_command(invocation, error) : run_task(invocation, error)) ||
         one_host_fail_command(error);
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {"NAME", ARGUMENT_TEXT, false, offsetof(Choices, name), "a task of it, or, with a command, a service"},
    {"CMD", ARGUMENT_WORDS, true, offsetof(Choices, words), "the command and its arguments"},
    {0},
};
static const Option options[] = {
    {0, OPTION_TEXT, "host", "NAME", offsetof(Choices, host),
     "there; default: the first host that has the service, for a task with `on: all` each of them"},
    {0},
};
static const Example examples[] = {
    {"run prod reindex", "the task of that name in slipway.yml"},
    {"run prod fpm -- bin/console doctrine:migrations:status", "a command in a container of its own"},
    {"run prod fpm --host web2 -- sh", "a shell, in a terminal"},
    {0},
};
const Command command_run_task = {
    .name = "run",
    .summary = "run a task, or a command in a container of its own",
    .description =
        "The container is like the service's as it is deployed there (image, variables, mounts, "
        "networks; no ports, no "
        "health check) and gone afterwards. With a terminal a command has one too, and Ctrl-C "
        "goes to it; otherwise stdin "
        "is passed on to its end. slipway ends with the command's own exit status; 125: it could "
        "not be run, or a task took too long; 126 and 127: "
        "the image cannot execute or has no such program. Before it comes to that: 2, slipway.yml "
        "or the command line is wrong; 4, an inventory cannot be asked. Nothing is locked or recorded.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | NEEDS_HOSTS,
    .examples = examples,
    .run = run_run};
