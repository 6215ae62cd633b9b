/* A Unix socket that only this process can connect to: bound in a private folder that is gone before anyone
 * looks, reached as /proc/self/fd/N. libcurl connects to it; the forwarder accepts. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  int fd;     /* non-blocking */
  int handle; /* O_PATH of the socket */
  char *path; /* "/proc/self/fd/…": valid while `handle` is open */
} UnixListener;

bool unix_listener_open(UnixListener *listener, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void unix_listener_clear(UnixListener *listener);
/* Connects to any Unix socket; the caller closes *descriptor. SLIPWAY_ERROR_UNREADY with the path. */
bool unix_connect(const char *path, int *descriptor, GError **error) G_GNUC_WARN_UNUSED_RESULT;
