/* slipway.yml's `ssh:` in the words of ssh_config(5). */
#include "environments/hosts/openssh_options.h"

#include "support/poison.h"

/* For every connection. What an older ssh does not know it ignores. */
static const char *const fixed_options[] = {
    "IgnoreUnknown=ForkAfterAuthentication,SessionType,StdinNull",
    "BatchMode=yes",
    "ControlMaster=yes",
    "ControlPersist=no",
    "ServerAliveCountMax=2",
    "RequestTTY=no",
    "RemoteCommand=none",
    "PermitLocalCommand=no",
    "ForkAfterAuthentication=no",
    "SessionType=default",
    "StdinNull=no",
    "ClearAllForwardings=yes",
    "StreamLocalBindUnlink=yes",
    "ForwardX11=no",
    "Tunnel=no",
    "LogLevel=INFO",
    "UpdateHostKeys=no",
};

char *openssh_quote(const char *word) {
  GString *quoted = g_string_new("\"");
  for (; *word != '\0'; word++) {
    if (*word == '"' || *word == '\\')
      g_string_append_c(quoted, '\\');
    if (*word == '%')
      g_string_append_c(quoted, '%');
    g_string_append_c(quoted, *word);
  }
  g_string_append_c(quoted, '"');
  return g_string_free(quoted, FALSE);
}

static void add_option(GPtrArray *argv, const char *keyword, const char *value) {
  g_ptr_array_add(argv, g_strdup("-o"));
  g_ptr_array_add(argv, g_strconcat(keyword, "=", value, NULL));
}

static void add_quoted(GPtrArray *argv, const char *keyword, const char *word) {
  g_autofree char *quoted = openssh_quote(word);
  add_option(argv, keyword, quoted);
}

static void add_seconds(GPtrArray *argv, const char *keyword, guint milliseconds) {
  g_autofree char *seconds = g_strdup_printf("%u", MAX((milliseconds + 999) / 1000, 1));
  add_option(argv, keyword, seconds);
}

static const char *strictness(const SshTarget *target) {
  return target->host_keys == HOST_KEYS_ACCEPT_NEW ? "accept-new" : "yes";
}

/* What slipway.yml says goes before what the user's configuration does. */
static void add_own(GPtrArray *argv, const HostConfig *config) {
  const SshSettings *own = &config->ssh;
  g_autofree char *port = g_strdup_printf("%u", own->port);
  if (own->user != NULL)
    add_quoted(argv, "User", own->user);
  if (own->port != 0)
    add_option(argv, "Port", port);
  for (guint i = 0; own->keys != NULL && i < own->keys->len; i++)
    add_quoted(argv, "IdentityFile", g_ptr_array_index(own->keys, i));
  if (!own->agent)
    add_option(argv, "IdentityAgent", "none");
  if (own->known_hosts != NULL) {
    add_quoted(argv, "UserKnownHostsFile", own->known_hosts);
    add_option(argv, "GlobalKnownHostsFile", "none");
  }
  if (config->id != NULL)
    add_quoted(argv, "HostKeyAlias", config->id);
  if (own->proxy_jump != NULL)
    add_option(argv, "ProxyJump", own->proxy_jump);
  if (own->proxy_command != NULL)
    add_option(argv, "ProxyCommand", own->proxy_command);
}

char **openssh_options(const HostConfig *config, const SshTarget *target, const char *folder) {
  GPtrArray *argv = g_ptr_array_new();
  g_autofree char *control = g_build_filename(folder, OPENSSH_CONTROL, NULL);
  g_ptr_array_add(argv, g_strdup("ssh"));
  g_ptr_array_add(argv, g_strdup("-E"));
  g_ptr_array_add(argv, g_build_filename(folder, OPENSSH_LOG, NULL));
  if (target->hop != NULL) {
    g_ptr_array_add(argv, g_strdup("-F"));
    g_ptr_array_add(argv, g_build_filename(folder, OPENSSH_CONFIGURATION, NULL));
  }
  for (guint i = 0; i < G_N_ELEMENTS(fixed_options); i++) {
    g_ptr_array_add(argv, g_strdup("-o"));
    g_ptr_array_add(argv, g_strdup(fixed_options[i]));
  }
  add_quoted(argv, "ControlPath", control);
  add_option(argv, "StrictHostKeyChecking", strictness(target));
  add_seconds(argv, "ConnectTimeout", target->connect_timeout_ms);
  add_seconds(argv, "ServerAliveInterval", target->keepalive_ms);
  add_own(argv, config);
  g_ptr_array_add(argv, NULL);
  return (char **)g_ptr_array_free(argv, FALSE);
}

/* --- hops
 * ----------------------------------------------------------------------------------------------------- */

static void add_line(GString *text, const char *keyword, const char *word) {
  g_autofree char *quoted = openssh_quote(word);
  g_string_append_printf(text, "%s %s\n", keyword, quoted);
}

/* Before what the user's configuration says, as the other row has it: "StrictHostKeyChecking no" lets no
 * changed key pass, and the user is found alike. A user in the jump itself comes first, as an argument. */
static void add_hops(GString *text, const SshTarget *hop) {
  for (; hop != NULL; hop = hop->hop) {
    g_string_append_printf(text, "Host \"%s\"\nStrictHostKeyChecking %s\n", hop->name, strictness(hop));
    add_line(text, "User", hop->user);
  }
  g_string_append(text, "Match all\n");
}

char *openssh_hop_configuration(const HostConfig *config, const SshTarget *target) {
  if (target->hop == NULL)
    return NULL;
  const SshSettings *own = &config->ssh;
  GString *text = g_string_new("# written by slipway\nBatchMode yes\n");
  add_hops(text, target->hop);
  add_line(text, "Include", ssh_user_configuration());
  add_line(text, "Include", "/etc/ssh/ssh_config");
  g_string_append_printf(text, "Match all\nConnectTimeout %u\nServerAliveInterval %u\n",
                         MAX((target->connect_timeout_ms + 999) / 1000, 1),
                         MAX((target->keepalive_ms + 999) / 1000, 1));
  for (guint i = 0; own->keys != NULL && i < own->keys->len; i++)
    add_line(text, "IdentityFile", g_ptr_array_index(own->keys, i));
  if (!own->agent)
    g_string_append(text, "IdentityAgent none\n");
  if (own->known_hosts != NULL) {
    g_autofree char *quoted = openssh_quote(own->known_hosts);
    g_string_append_printf(text, "UserKnownHostsFile %s ~/.ssh/known_hosts ~/.ssh/known_hosts2\n", quoted);
  }
  return g_string_free(text, FALSE);
}
