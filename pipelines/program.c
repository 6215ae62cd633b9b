/* Asking a local program: spawn, read its stdout until a deadline, reap it. */
#include "pipelines/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/poison.h"

enum { INPUT_CAP = 4096, OUTPUT_CAP = 64 << 10 };

/* A descriptor that closes itself. */
typedef int Descriptor;
static void descriptor_close(Descriptor *descriptor) {
  if (*descriptor >= 0)
    close(*descriptor);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Descriptor, descriptor_close)

void program_reply_clear(ProgramReply *reply) {
  if (reply->output == NULL)
    return;
  explicit_bzero(reply->output->str, reply->output->allocated_len);
  g_string_free(g_steal_pointer(&reply->output), TRUE);
}

/* All of `input` in a pipe before the program runs: a program that does not read it cannot hurt us with
 * SIGPIPE. */
static bool fill_pipe(const char *input, Descriptor *reading, GError **error) {
  gsize length = input == NULL ? 0 : strlen(input);
  int ends[2] = {-1, -1};
  if (length > INPUT_CAP)
    return fail(error, SLIPWAY_ERROR_UNREADY, "its input is longer than %d bytes", INPUT_CAP);
  if (pipe2(ends, O_CLOEXEC) != 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "pipe: %s", g_strerror(errno));
  *reading = ends[0];
  g_auto(Descriptor) writing = ends[1];
  if (length > 0 && write(writing, input, length) != (gssize)length)
    return fail(error, SLIPWAY_ERROR_UNREADY, "pipe: %s", g_strerror(errno));
  return true;
}

/* True when `descriptor` has something to tell before the deadline. */
static bool wait_for(int descriptor, gint64 deadline) {
  struct pollfd question = {.fd = descriptor, .events = POLLIN};
  for (;;) {
    gint64 left = (deadline - g_get_monotonic_time()) / 1000;
    int answer = left <= 0 ? 0 : poll(&question, 1, (int)MIN(left, G_MAXINT));
    if (answer >= 0 || errno != EINTR)
      return answer > 0;
  }
}

static bool read_output(int descriptor, gint64 deadline, GString *output, GError **error) {
  while (wait_for(descriptor, deadline)) {
    gsize room = OUTPUT_CAP - output->len;
    if (room == 0)
      return fail(error, SLIPWAY_ERROR_UNREADY, "it says more than %d KiB", OUTPUT_CAP >> 10);
    gssize got = read(descriptor, output->str + output->len, room);
    if (got < 0 && errno != EINTR)
      return fail(error, SLIPWAY_ERROR_UNREADY, "its output cannot be read: %s", g_strerror(errno));
    if (got == 0)
      return true;
    g_string_set_size(output, output->len + (gsize)MAX(got, 0));
  }
  return fail(error, SLIPWAY_ERROR_UNREADY, "it did not finish in time");
}

/* Waits for the end of a program that closed its stdout; kills it at the deadline. */
static int reap(GPid pid, gint64 deadline) {
  g_auto(Descriptor) process = pidfd_open(pid, 0);
  if (deadline == 0 || (process >= 0 && !wait_for(process, deadline)))
    kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  g_spawn_close_pid(pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool start(const char *const *argv, const char *input, GPid *pid, Descriptor *reading,
                  GError **error) {
  g_auto(Descriptor) stdin_end = -1;
  if (!fill_pipe(input, &stdin_end, error))
    return false;
  GSpawnFlags flags =
      G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_CLOEXEC_PIPES;
  if (g_spawn_async_with_pipes_and_fds(NULL, argv, NULL, flags, NULL, NULL, stdin_end, -1, -1, NULL, NULL, 0,
                                       pid, NULL, reading, NULL, error))
    return true;
  return recast(error, SLIPWAY_ERROR_UNREADY);
}

bool program_ask(const char *const *argv, const char *input, guint timeout_ms, ProgramReply *reply,
                 GError **error) {
  gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
  GPid pid = 0;
  g_auto(Descriptor) reading = -1;
  if (!start(argv, input, &pid, &reading, error))
    return prefix(error, "%s: ", argv[0]);
  /* The whole cap at once: growing would leave copies of a secret behind. */
  g_auto(ProgramReply) answer = {.output = g_string_sized_new(OUTPUT_CAP)};
  bool is_read = read_output(reading, deadline, answer.output, error);
  answer.exit_code = reap(pid, is_read ? deadline : 0);
  if (!is_read)
    return prefix(error, "%s: ", argv[0]);
  *reply = answer;
  answer.output = NULL;
  return true;
}
