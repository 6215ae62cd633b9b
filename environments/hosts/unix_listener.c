/* The in-process listening socket behind which the forwarder puts a channel. */
#include "environments/hosts/unix_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/poison.h"

enum { BACKLOG = 64 };

/* Binds in the folder, by a path that is short however deep the folder is. */
static bool bind_in(UnixListener *listener, int folder) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/s", folder);
  listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener->fd < 0 || bind(listener->fd, (const struct sockaddr *)&address, sizeof address) != 0)
    return false;
  listener->handle = openat(folder, "s", O_PATH | O_CLOEXEC);
  unlinkat(folder, "s", 0);
  return listener->handle >= 0 && listen(listener->fd, BACKLOG) == 0;
}

bool unix_listener_open(UnixListener *listener, GError **error) {
  *listener = (UnixListener){.fd = -1, .handle = -1};
  g_autofree char *folder = g_build_filename(g_get_tmp_dir(), "slipway-XXXXXX", NULL);
  if (g_mkdtemp(folder) == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot make a folder in %s: %s", g_get_tmp_dir(),
                g_strerror(errno));
  const int opened = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  const bool is_bound = opened >= 0 && bind_in(listener, opened);
  const int cause = errno;
  rmdir(folder);
  if (opened >= 0)
    close(opened);
  if (!is_bound) {
    unix_listener_clear(listener);
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot listen in %s: %s", g_get_tmp_dir(), g_strerror(cause));
  }
  listener->path = g_strdup_printf("/proc/self/fd/%d", listener->handle);
  return true;
}

void unix_listener_clear(UnixListener *listener) {
  if (listener->fd >= 0)
    close(listener->fd);
  if (listener->handle >= 0)
    close(listener->handle);
  g_free(listener->path);
  *listener = (UnixListener){.fd = -1, .handle = -1};
}

bool unix_connect(const char *path, int *descriptor, GError **error) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: too long for the path of a socket", path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
    const int cause = errno;
    if (fd >= 0)
      close(fd);
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot connect to %s: %s", path, g_strerror(cause));
  }
  *descriptor = fd;
  return true;
}
