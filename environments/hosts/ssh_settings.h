/* How to reach one host by SSH: what `ssh -G` says (the user's and the system's configuration), slipway.yml's
 * keys on top. */
#pragma once

#include "environments/config/config.h"

typedef struct SshTarget SshTarget;
struct SshTarget {
  char *name;     /* what slipway.yml, or a jump, calls it */
  char *hostname; /* what is connected to */
  char *alias;    /* what known_hosts calls it */
  char *user;
  GPtrArray *keys;             /* char *: private key files, in the order they are tried; those that exist */
  char *agent;                 /* the agent's socket; NULL: no agent */
  GPtrArray *user_known_hosts; /* char *: paths; the first one is added to */
  GPtrArray *known_hosts;      /* char *: all paths, NULL-terminated */
  char *proxy_jump;            /* hops, the first one first, with commas: "[user@]host[:port]"; NULL: none */
  SshTarget *hop;              /* the last of them, with those before it as its own; NULL: none */
  char *proxy_command;         /* not expanded yet (ssh_proxy.h); NULL: none. Never beside proxy_jump */
  guint port;
  guint alias_port; /* 22 for a HostKeyAlias or HostConfig.id, else the port */
  HostKeyPolicy host_keys;
  guint connect_timeout_ms;
  guint keepalive_ms;
  bool has_chosen_key; /* slipway.yml names the key: a missing or unusable one is worth an error of its own */
  bool is_identities_only; /* of the agent, only the keys that `keys` name */
  bool has_certificate;    /* `ssh -G` names one, which libssh2 cannot show */
  bool passes_descriptor;  /* ProxyUseFdpass: the proxy command makes a connection instead of being it */
};

/* With its hops. What `ssh -G` says of a hop comes first, slipway.yml's `ssh:` for the host is what counts
 * beyond that: its user where neither names one, its keys and known_hosts besides the hop's own.
 * SLIPWAY_ERROR_UNREADY; SLIPWAY_ERROR_INTERRUPTED while ssh is asked. */
bool ssh_target_resolve(const HostConfig *config, SshTarget **target,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same from what `ssh -G` printed; "" when it was not asked. Without hops. */
SshTarget *ssh_target_combine(const HostConfig *config, const char *said);
/* It does not change any more, and several threads may have it. */
SshTarget *ssh_target_ref(SshTarget *target);
void ssh_target_unref(SshTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SshTarget, ssh_target_unref)

/* "user@host", "user@host:2222". Caller frees. */
char *ssh_target_describe(const SshTarget *target);

/* ~/.ssh/config, whether it is there or not. Known after host_global_init. */
const char *ssh_user_configuration(void);
/* Whether a file of ssh_config(5) says anything that could matter here; files that it includes, too. For
 * tests. */
bool ssh_configuration_matters(const char *path, const char *system_folder);
