/* A host as the scripts of environments/hosts/scripts make it, without a shell: the same files, the same
 * lock, the same answers, some 50 processes less per deployment and host. What it does not know runs in
 * /bin/sh. Whether it still agrees with the scripts is asked by model_check. */
#pragma once

#include "environments/hosts/host.h"

/* config->engine is the engine's socket; `home` stays the caller's. */
Host *model_host_new(const HostConfig *config, const char *home);

/* Does opening.sh tell the same of this host as the model does? NULL when it does; else what differs, which
 * the caller frees. */
char *model_check(const char *home, const char *place, const char *engine);
