/* How to reach one host by SSH: what `ssh -G` says (the user's and the system's configuration), slipway.yml's
 * keys on top. */
#pragma once

#include "environments/config/config.h"

typedef struct {
  char *hostname;   /* what is connected to */
  char *alias;      /* what known_hosts calls it */
  guint alias_port; /* 22 for a HostKeyAlias, else the port */
  char *user;
  guint port;
  GPtrArray *keys;     /* char *: private key files, in the order they are tried; those that exist */
  bool has_chosen_key; /* slipway.yml names the key: a missing or unusable one is worth an error of its own */
  char *agent;         /* the agent's socket; NULL: no agent */
  bool is_identities_only;     /* of the agent, only the keys that `keys` name */
  GPtrArray *user_known_hosts; /* char *: paths; the first one is added to */
  GPtrArray *known_hosts;      /* char *: all paths, NULL-terminated */
  HostKeyPolicy host_keys;
  guint connect_timeout_ms;
  guint keepalive_ms;
} SshTarget;

/* SLIPWAY_ERROR_UNREADY; also where a proxy is needed, which is not supported yet. */
bool ssh_target_resolve(const HostConfig *config, SshTarget **target,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same from what `ssh -G` printed; "" when it was not asked. */
bool ssh_target_combine(const HostConfig *config, const char *said, SshTarget **target,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ssh_target_free(SshTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SshTarget, ssh_target_free)

/* Whether a file of ssh_config(5) says anything that could matter here; files that it includes, too. For
 * tests. */
bool ssh_configuration_matters(const char *path, const char *system_folder);
