/* A proxy command (ProxyCommand in ssh_config(5)): a child of /bin/sh whose stdin and stdout are the
 * connection to a host. */
#pragma once

#include "environments/hosts/ssh_settings.h"

typedef struct SshProxy SshProxy;

/* Starts target->proxy_command; *socket is the connection, for the caller to close.
 * SLIPWAY_ERROR_UNREADY: an unknown "%", or a name that the shell would take for more than a word. */
bool ssh_proxy_start(const SshTarget *target, int *socket, SshProxy **proxy,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The end of what it wrote to stderr, printable; NULL: nothing. Caller frees. */
char *ssh_proxy_last_words(const SshProxy *proxy);
/* Ends the command and all that it has started. */
void ssh_proxy_end(SshProxy *proxy);

/* %h (host), %n (as slipway.yml calls it), %p (port), %r (user), %% replaced. For tests. */
bool ssh_proxy_expand(const SshTarget *target, char **command, GError **error) G_GNUC_WARN_UNUSED_RESULT;
