/* Starting child processes, and ending them with what they have started. */
#include "environments/hosts/companion.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/spawn.h"

#include "support/poison.h"

enum { KINDNESS_MS = 1000 };

bool companion_pipes(int own[3], int child[3], GError **error) {
  int ends[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
  const bool is_well = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[0]) == 0 &&
                       pipe2(ends[1], O_CLOEXEC) == 0 && pipe2(ends[2], O_CLOEXEC) == 0;
  const int cause = errno;
  for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
    own[i] = ends[i][0];
    child[i] = ends[i][1];
    if (!is_well && own[i] >= 0) {
      close(own[i]);
      close(child[i]);
    }
  }
  return is_well || fail(error, SLIPWAY_ERROR_UNREADY, "cannot make a pipe: %s", g_strerror(cause));
}

bool companion_start(const char *const *argv, const int descriptors[3], pid_t group, pid_t *child,
                     GError **error) {
  const SpawnOrder order = {.argv = argv, .streams = descriptors, .group = group};
  pid_t started = 0;
  const int cause = spawn_in_group(&order, &started);
  if (cause != 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot start %s: %s", argv[0], g_strerror(cause));
  *child = started;
  return true;
}

static void reap(pid_t child, int *status) {
  while (waitpid(child, status, 0) < 0 && errno == EINTR)
    continue;
}

/* It is not reaped yet: so its number, the group's too, stays its own. */
static bool ends_in_time(pid_t child, guint timeout_ms) {
  const gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
  const int handle = pidfd_open(child, 0);
  int ready = -1;
  do {
    const gint64 left = MAX(deadline - g_get_monotonic_time(), 0);
    struct pollfd polled = {.fd = handle, .events = POLLIN};
    ready = handle < 0 ? 1 : poll(&polled, 1, (int)(left / 1000));
  } while (ready < 0 && errno == EINTR);
  if (handle >= 0)
    close(handle);
  return ready != 0;
}

bool companion_wait(pid_t child, guint timeout_ms, int *status) {
  if (!ends_in_time(child, timeout_ms))
    return false;
  reap(child, status);
  return true;
}

void companion_end(pid_t child) {
  kill(-child, SIGTERM);
  (void)ends_in_time(child, KINDNESS_MS);
  kill(-child, SIGKILL); /* the leader may end before what it started */
  reap(child, NULL);
}
