/* What the two rows of HostOps (ssh.c, local.c) share with host.c. */
#pragma once

#include "environments/hosts/host.h"

typedef struct {
  HostOps ops;
  void (*init)(Host *host); /* makes host->backend, so that `abort` may come before `open` is done */
} HostBackend;
extern const HostBackend ssh_backend;
extern const HostBackend local_backend;

/* `ssh -G` is asked only where its configuration files could say anything (ssh_settings.c); once, before any
 * thread. */
void ssh_settings_global_init(void);

/* The engine's socket on the host: what the configuration says, for `local` $DOCKER_HOST, else the default.
 * Borrowed. SLIPWAY_ERROR_UNREADY where $DOCKER_HOST names no socket. */
bool host_engine_socket(const HostConfig *config, const char **path,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* HostOps.write for every row that has a shell. */
bool host_write_through_shell(Host *host, const char *path, guint mode, const void *bytes, gsize length,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
