/* What the rows of HostOps (local.c, ssh.c, openssh.c, ssh_auto.c) share with host.c. */
#pragma once

#include "environments/hosts/host.h"

typedef struct {
  HostOps ops;
  void (*init)(Host *host); /* makes host->backend, so that `abort` may come before `open` is done */
} HostBackend;
extern const HostBackend local_backend;
extern const HostBackend ssh_backend;      /* libssh2 */
extern const HostBackend openssh_backend;  /* the user's own ssh program */
extern const HostBackend ssh_auto_backend; /* one of these two */

/* Of a host of ssh_backend that was not opened: the ssh program could have used a key that libssh2 cannot. */
bool ssh_is_beyond_libssh2(const Host *host);
/* Is there an ssh program? Known after host_global_init. */
bool ssh_program_exists(void);

/* `ssh -G` is asked only where its configuration files could say anything (ssh_settings.c); once, before any
 * thread. */
void ssh_settings_global_init(void);

/* The engine's socket on the host: what the configuration says, for `local` $DOCKER_HOST, else the default.
 * Borrowed. SLIPWAY_ERROR_UNREADY where $DOCKER_HOST names no socket. */
bool host_engine_socket(const HostConfig *config, const char **path,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where a URL leads: its host's name, and its port, or that of its scheme. Caller frees. */
bool host_url_place(const char *url, char **name, guint *port, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* HostOps.write for every row that has a shell. */
bool host_write_through_shell(Host *host, const char *path, guint mode, const void *bytes, gsize length,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
