/* What the user's own ssh program is told besides its own configuration: options, and a configuration for the
 * hops on the way. */
#pragma once

#include "environments/hosts/ssh_settings.h"

/* For the connection that is kept open: the program and its options, up to the host's name, which comes
 * behind them (and "--"). `folder` is private; the control socket in it is OPENSSH_CONTROL, ssh's complaints
 * are appended to OPENSSH_LOG, OPENSSH_CONFIGURATION is to be written when openssh_hop_configuration has one.
 * NULL-terminated; g_strfreev. */
#define OPENSSH_CONTROL       "c"
#define OPENSSH_LOG           "log"
#define OPENSSH_CONFIGURATION "config"
char **openssh_options(const HostConfig *config, const SshTarget *target, const char *folder);

/* Whom each hop is trusted as, then the user's and the system's configuration, and below them for the hops
 * what slipway.yml says for the host (see ssh_target_resolve): ssh passes none of its options on to them.
 * NULL: there are no hops. Caller frees. */
char *openssh_hop_configuration(const HostConfig *config, const SshTarget *target);

/* A word for ssh_config(5): in quotes, and "%" no token. Caller frees. */
char *openssh_quote(const char *word);
