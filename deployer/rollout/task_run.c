/* Lines out of bytes, a deadline, and what an exit code means. */
#include "deployer/rollout/task_run.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "environments/hosts/engine_frames.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/redact.h"
#include "support/text.h"

#include "support/poison.h"

enum { LONGEST_LINE = 1000, STREAMS = 2 };

struct TaskRun {
  const TaskConfig *task;
  const char *directory;
  void (*on_line)(const char *line, void *data);
  void *data;
  void (*on_problem)(const char *problem, void *data);
  KeptOutput *kept;
  RedactStream *redact[STREAMS]; /* stdout, stderr: before lines are cut */
  Lines lines[STREAMS];
  gint64 deadline; /* monotonic */
  bool is_late, is_interrupted;
  int exit_code; /* -1: not known */
};

static void take_line(const char *line, void *data) {
  TaskRun *run = data;
  g_autofree char *printable = text_printable(line, false);
  kept_output_add(run->kept, printable);
  run->on_line(printable, run->data);
}

static void take_raw_line(const char *line, void *data) {
  g_autofree char *text = g_strdup(line);
  take_line(g_strchomp(text), data); /* "\r" */
}

TaskRun *task_run_new(const TaskConfig *task, const char *directory,
                      void (*on_line)(const char *line, void *data), void *data) {
  TaskRun *run = g_new0(TaskRun, 1);
  run->task = task;
  run->directory = directory;
  run->on_line = on_line;
  run->data = data;
  run->kept = kept_output_new();
  run->exit_code = -1;
  for (guint i = 0; i < STREAMS; i++) {
    run->redact[i] = redact_stream_new();
    run->lines[i] =
        (Lines){.begun = g_string_new(NULL), .longest = LONGEST_LINE, .on_line = take_raw_line, .data = run};
  }
  return run;
}

/* The last line may lack its end. */
static void end_lines(TaskRun *run) {
  for (guint i = 0; i < STREAMS; i++) {
    g_autoptr(GString) held = g_string_new(NULL);
    if (run->lines[i].begun == NULL)
      continue;
    redact_stream_flush(run->redact[i], held);
    lines_add(&run->lines[i], held->str, held->len);
    lines_end(&run->lines[i]);
  }
}

void task_run_free(TaskRun *run) {
  if (run == NULL)
    return;
  for (guint i = 0; i < STREAMS; i++) {
    redact_stream_free(run->redact[i]);
    if (run->lines[i].begun != NULL)
      g_string_free(run->lines[i].begun, TRUE);
  }
  kept_output_free(run->kept);
  g_free(run);
}

const KeptOutput *task_run_output(const TaskRun *run) {
  return run->kept;
}

int task_run_exit_code(const TaskRun *run) {
  return run->exit_code;
}

static void take_output(const char *bytes, gsize length, bool is_stderr, void *data) {
  TaskRun *run = data;
  g_autoptr(GString) shown = g_string_new(NULL);
  redact_stream_add(run->redact[is_stderr ? 1 : 0], bytes, length, shown);
  lines_add(&run->lines[is_stderr ? 1 : 0], shown->str, shown->len);
}

static void take_problem(const char *problem, void *data) {
  const TaskRun *run = data;
  if (run->on_problem != NULL)
    run->on_problem(problem, run->data);
}

static bool is_cancelled(void *data) {
  TaskRun *run = data;
  run->is_interrupted = interrupt_requested();
  run->is_late = !run->is_interrupted && g_get_monotonic_time() >= run->deadline;
  return run->is_interrupted || run->is_late;
}

static bool open_input(const TaskRun *run, int *input, GError **error) {
  *input = -1;
  if (run->task->input == NULL)
    return true;
  g_autofree char *path = g_canonicalize_filename(run->task->input, run->directory);
  *input = open(path, O_RDONLY | O_CLOEXEC);
  return *input >= 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY, "stdin: cannot open %s: %s", path, g_strerror(errno));
}

static bool judge(const TaskRun *run, GError **error) {
  g_autofree char *tail = kept_output_tail(run->kept);
  g_autofree char *limit = duration_format(run->task->timeout_ms);
  if (run->is_interrupted)
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted, and stopped%s", tail);
  if (run->is_late)
    return fail(error, SLIPWAY_ERROR_DEPLOY, "it took longer than %s and was stopped%s", limit, tail);
  return run->exit_code == 0 || fail(error, SLIPWAY_ERROR_DEPLOY, "exit status %d%s", run->exit_code, tail);
}

bool task_run_in_container(TaskRun *run, const TaskPlace *place, GError **error) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_extend(argv, run->task->command, NULL, NULL);
  g_ptr_array_add(argv, NULL);
  g_autofree char *directory = g_build_filename(run->directory, place->subfolder, NULL);
  int input = -1;
  bool has_started = false;
  if (!open_input(run, &input, error))
    return false;
  run->deadline = g_get_monotonic_time() + run->task->timeout_ms * 1000;
  run->on_problem = place->on_problem;
  const OneOff one_off = {
      .host = place->host,
      .facts = place->facts,
      .engine = place->engine,
      .place = place->place,
      .uid = place->uid,
      .service = run->task->service,
      .name = place->name,
      .argv = (const char *const *)argv->pdata,
      .session = {.input = input, .on_output = take_output, .is_cancelled = is_cancelled, .data = run},
      .artifacts = run->task->artifacts,
      .directory = directory,
      .on_problem = take_problem};
  const bool is_run = one_off_run(&one_off, &has_started, &run->exit_code, error);
  if (input >= 0)
    close(input);
  end_lines(run);
  return is_run && judge(run, error);
}

bool task_run_on_controller(TaskRun *run, const ControllerTask *task, GError **error) {
  ControllerTask own = *task;
  own.config = run->task;
  own.directory = run->directory;
  own.is_cancelled = is_cancelled;
  own.on_line = take_line;
  own.data = run;
  own.exit_code = &run->exit_code;
  run->deadline = G_MAXINT64; /* child_run has its own */
  return controller_task_run(&own, error);
}
