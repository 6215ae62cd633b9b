/* A child process: spawned into its own group, heard, waited for, and ended when it has to be. */
#include "support/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/redact.h"
#include "support/spawn.h"
#include "support/text.h"

#include "support/poison.h"

enum { LOOK_MS = 100, GRACE_MS = 5000, LONGEST_LINE = 1000, TAIL_LINES = 20, READ_BYTES = 4096 };

/* A descriptor that closes itself. */
typedef int Descriptor;
static void descriptor_close(Descriptor *descriptor) {
  if (*descriptor >= 0)
    close(*descriptor);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Descriptor, descriptor_close)

typedef struct {
  const ChildOrder *order;
  pid_t pid;   /* not reaped before the end: so its number, the group's too, stays its own */
  int process; /* pidfd */
  int output;  /* of lines; -1: nobody writes to it any more */
  int answer;  /* of order->output, likewise */
  bool is_too_much;
  RedactStream *redact; /* before lines are cut */
  GString *line;        /* begun */
  GQueue tail;          /* char *: the last lines */
} Child;

static void child_clear(Child *child) {
  if (child->process >= 0)
    close(child->process);
  if (child->output >= 0)
    close(child->output);
  if (child->answer >= 0)
    close(child->answer);
  redact_stream_free(child->redact);
  g_string_free(child->line, TRUE);
  g_queue_clear_full(&child->tail, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Child, child_clear)

bool child_check_program(const char *name, const char *directory, GError **error) {
  g_autofree char *found =
      strchr(name, '/') == NULL ? g_find_program_in_path(name) : g_canonicalize_filename(name, directory);
  if (found == NULL || !g_file_test(found, G_FILE_TEST_IS_REGULAR))
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: not found %s", name,
                found == NULL ? "in $PATH" : "(a path is relative to slipway.yml)");
  return access(found, X_OK) == 0 ||
         fail(error, SLIPWAY_ERROR_CONFIG, "%s: %s; is it executable?", name, g_strerror(errno));
}

static bool open_pipe(int *reading, Descriptor *writing) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0)
    return false;
  *reading = ends[0];
  *writing = ends[1];
  return fcntl(*reading, F_SETFL, O_NONBLOCK) == 0;
}

/* Kept in memory as a file: nobody has to feed it, or to mind that it is not read. -1: errno says why. */
static int open_input(const char *text) {
  if (text == NULL)
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
  gsize length = strlen(text), written = 0;
  g_auto(Descriptor) file = memfd_create("input", MFD_CLOEXEC);
  while (file >= 0 && written < length) {
    gssize count = write(file, text + written, length - written);
    if (count < 0 && errno != EINTR)
      return -1;
    written += count > 0 ? (gsize)count : 0;
  }
  if (file < 0 || lseek(file, 0, SEEK_SET) != 0)
    return -1;
  return g_steal_fd(&file);
}

static bool start(Child *child, GError **error) {
  const bool is_apart = child->order->output != NULL;
  g_auto(Descriptor) input = open_input(child->order->input);
  g_auto(Descriptor) writing = -1;
  g_auto(Descriptor) answering = -1;
  if (input < 0 || !open_pipe(&child->output, &writing) ||
      (is_apart && !open_pipe(&child->answer, &answering)))
    return fail(error, SLIPWAY_ERROR_DEPLOY, "cannot be started: %s", g_strerror(errno));
  const int streams[] = {input, is_apart ? answering : writing, writing};
  const SpawnOrder order = {.argv = child->order->argv,
                            .environment = child->order->environment,
                            .directory = child->order->directory,
                            .streams = streams};
  int cause = spawn_in_group(&order, &child->pid);
  if (cause != 0)
    return fail(error, SLIPWAY_ERROR_DEPLOY, "%s cannot be started: %s", child->order->argv[0],
                g_strerror(cause));
  child->process = pidfd_open(child->pid, 0);
  return true;
}

static void end_line(Child *child) {
  g_autofree char *line = text_printable(g_strchomp(child->line->str), false);
  if (child->order->on_line != NULL)
    child->order->on_line(line, child->order->data);
  g_queue_push_tail(&child->tail, g_steal_pointer(&line));
  if (child->tail.length > TAIL_LINES)
    g_free(g_queue_pop_head(&child->tail));
  g_string_truncate(child->line, 0);
}

static void split_lines(Child *child, const GString *text) {
  for (gsize i = 0; i < text->len; i++) {
    if (text->str[i] != '\n')
      g_string_append_c(child->line, text->str[i] != '\0' ? text->str[i] : '?');
    if (text->str[i] == '\n' || child->line->len >= LONGEST_LINE)
      end_line(child);
  }
}

static void hear(Child *child, const char *bytes, gsize length) {
  g_autoptr(GString) text = g_string_new(NULL);
  redact_stream_add(child->redact, bytes, length, text);
  split_lines(child, text);
}

static void take_answer(Child *child, const char *bytes, gsize length) {
  const ChildOrder *order = child->order;
  child->is_too_much = child->is_too_much || length > order->output_cap - (*order->output)->len;
  if (!child->is_too_much)
    secret_text_append(order->output, bytes, length);
}

/* What is there now, at most one buffer of it. False: nothing was. */
static bool read_from(Child *child, int *source, void (*take)(Child *, const char *, gsize)) {
  char bytes[READ_BYTES];
  gssize got = *source < 0 ? -1 : read(*source, bytes, sizeof bytes);
  if (got > 0)
    take(child, bytes, (gsize)got);
  if (got == 0) {
    close(*source);
    *source = -1;
  }
  explicit_bzero(bytes, (gsize)MAX(got, 0));
  return got > 0;
}

static bool read_some(Child *child) {
  bool is_answered = read_from(child, &child->answer, take_answer);
  return read_from(child, &child->output, hear) || is_answered;
}

static bool has_ended(const Child *child) {
  siginfo_t info = {0};
  return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* Waits for output, the end (if that is still to come), or the next look. */
static void listen_to(Child *child) {
  struct pollfd sources[] = {{.fd = has_ended(child) ? -1 : child->process, .events = POLLIN},
                             {.fd = child->output, .events = POLLIN},
                             {.fd = child->answer, .events = POLLIN}};
  (void)poll(sources, G_N_ELEMENTS(sources), LOOK_MS);
  (void)read_some(child);
}

typedef enum { ENDED, CANCELLED, TOO_LONG, TOO_MUCH } Ending;

static Ending await(Child *child) {
  const ChildOrder *order = child->order;
  gint64 deadline = g_get_monotonic_time() + order->timeout_ms * 1000;
  while (!has_ended(child)) {
    if (order->is_cancelled != NULL && order->is_cancelled(order->data))
      return CANCELLED;
    if (g_get_monotonic_time() >= deadline)
      return TOO_LONG;
    if (child->is_too_much)
      return TOO_MUCH;
    listen_to(child);
  }
  return ENDED;
}

/* The leader may end before what it started: those that still hold its output get the same time. */
static void end_group(Child *child) {
  gint64 deadline = g_get_monotonic_time() + GRACE_MS * 1000;
  kill(-child->pid, SIGTERM);
  while ((!has_ended(child) || child->output >= 0 || child->answer >= 0) && g_get_monotonic_time() < deadline)
    listen_to(child);
  kill(-child->pid, SIGKILL);
}

/* What was written before the end, and no more: something in the background may write for ever. */
static void hear_the_rest(Child *child) {
  for (guint i = 0; i < 64 && read_some(child); i++)
    continue;
  g_autoptr(GString) held = g_string_new(NULL);
  redact_stream_flush(child->redact, held);
  split_lines(child, held);
  if (child->line->len > 0)
    end_line(child);
}

static int reap(const Child *child) {
  int status = 0;
  while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
    continue;
  return status;
}

/* ":\n  line\n  line", or "" when it said nothing. Caller frees. */
static char *describe_tail(const Child *child) {
  GString *text = g_string_new(child->tail.length > 0 ? ":" : "");
  for (const GList *line = child->tail.head; line != NULL; line = line->next)
    g_string_append_printf(text, "\n  %s", (const char *)line->data);
  return g_string_free(text, FALSE);
}

static int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool judge(const Child *child, Ending ending, int status, GError **error) {
  g_autofree char *tail = describe_tail(child);
  g_autofree char *limit = duration_format(child->order->timeout_ms);
  if (ending == CANCELLED)
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted, and ended%s", tail);
  if (ending == TOO_LONG)
    return fail(error, SLIPWAY_ERROR_DEPLOY, "it took longer than %s and was ended%s", limit, tail);
  if (child->is_too_much)
    return fail(error, SLIPWAY_ERROR_DEPLOY, "it wrote more than %" G_GSIZE_FORMAT " bytes%s",
                child->order->output_cap, tail);
  if (WIFSIGNALED(status))
    return fail(error, SLIPWAY_ERROR_DEPLOY, "ended by signal %d (%s)%s", WTERMSIG(status),
                g_strsignal(WTERMSIG(status)), tail);
  return WEXITSTATUS(status) == 0 ||
         fail(error, SLIPWAY_ERROR_DEPLOY, "exit status %d%s", WEXITSTATUS(status), tail);
}

bool child_run(const ChildOrder *order, GError **error) {
  g_auto(Child) child = {.order = order,
                         .process = -1,
                         .output = -1,
                         .answer = -1,
                         .redact = redact_stream_new(),
                         .line = g_string_new(NULL)};
  g_queue_init(&child.tail);
  if (!start(&child, error))
    return false;
  Ending ending = await(&child);
  if (ending != ENDED)
    end_group(&child);
  hear_the_rest(&child);
  const int status = reap(&child);
  if (ending == ENDED && order->exit_code != NULL)
    *order->exit_code = exit_code_of(status);
  return judge(&child, ending, status, error);
}
