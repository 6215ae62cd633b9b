/* A Host: choosing its row, and what is the same for every row. */
#include "environments/hosts/host.h"

#include <libssh2.h>
#include <string.h>

#include <host_scripts.h>

#include "environments/hosts/backend.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

#define DEFAULT_ENGINE_SOCKET "/var/run/docker.sock"

void host_global_init(void) {
  if (libssh2_init(0) != 0)
    g_error("libssh2 cannot be initialised");
  ssh_settings_global_init();
}

static HostFactory own_factory;

void host_set_factory(HostFactory factory) {
  own_factory = factory;
}

static const HostBackend *choose_backend(const HostConfig *config) {
  static const HostBackend *const clients[] = {[SSH_CLIENT_AUTO] = &ssh_auto_backend,
                                               [SSH_CLIENT_LIBSSH2] = &ssh_backend,
                                               [SSH_CLIENT_OPENSSH] = &openssh_backend};
  return config->address == NULL ? &local_backend : clients[config->ssh.client];
}

Host *host_new(const HostConfig *config) {
  if (own_factory != NULL)
    return own_factory(config);
  Host *host = g_new0(Host, 1);
  const HostBackend *backend = choose_backend(config);
  host->ops = &backend->ops;
  host->config = config;
  backend->init(host);
  return host;
}

void host_free(Host *host) {
  if (host == NULL)
    return;
  host->ops->close(host);
  g_free(host->note);
  g_free(host);
}

void host_reply_clear(HostReply *reply) {
  if (reply->out != NULL)
    g_string_free(reply->out, TRUE);
  if (reply->err != NULL)
    g_string_free(reply->err, TRUE);
  *reply = (HostReply){0};
}

bool host_connect(Host *host, GError **error) {
  return host->is_reached || host->ops->connect == NULL || host->ops->connect(host, error);
}

bool host_explain(Host *host, GError **error) {
  if (host->ops->explain != NULL)
    host->ops->explain(host, error);
  return false;
}

bool host_shell(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  return host->ops->shell(host, script, reply, error);
}

bool host_run(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  g_auto(HostReply) received = {0};
  if (!host_shell(host, script, &received, error))
    return false;
  if (received.status != 0) {
    g_autofree char *complaint = text_printable(g_strstrip(received.err->str), true);
    return fail(error, SLIPWAY_ERROR_UNREADY, "exit status %d%s%s", received.status,
                *complaint == '\0' ? "" : ": ", complaint);
  }
  *reply = received;
  received = (HostReply){0};
  return true;
}

bool host_write(Host *host, const char *path, guint mode, const void *bytes, gsize length, GError **error) {
  return host->ops->write(host, path, mode, bytes, length, error);
}

bool host_write_through_shell(Host *host, const char *path, guint mode, const void *bytes, gsize length,
                              GError **error) {
  g_autofree char *octal = g_strdup_printf("%04o", mode);
  g_autofree char *count = g_strdup_printf("%zu", (size_t)length);
  const char *argv[] = {path, octal, count, NULL};
  const HostScript script = {
      .text = host_script_write_file, .argv = argv, .input = bytes, .input_length = length};
  g_auto(HostReply) reply = {0};
  return host_run(host, &script, &reply, error) || prefix(error, "cannot write %s: ", path);
}

bool host_url_place(const char *url, char **name, guint *port, GError **error) {
  g_autofree char *scheme = NULL;
  g_autofree char *host = NULL;
  int said = -1;
  g_autoptr(GError) cause = NULL;
  if (!g_uri_split_network(url, G_URI_FLAGS_NONE, &scheme, &host, &said, &cause))
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: %s", url, cause->message);
  const guint usual = strcmp(scheme, "https") == 0 ? 443 : 80;
  *port = said > 0 ? (guint)said : usual;
  *name = g_steal_pointer(&host);
  return true;
}

bool host_engine_socket(const HostConfig *config, const char **path, GError **error) {
  const char *docker_host = config->address == NULL ? g_getenv("DOCKER_HOST") : NULL;
  if (config->engine != NULL) {
    *path = config->engine;
  } else if (docker_host == NULL || *docker_host == '\0') {
    *path = DEFAULT_ENGINE_SOCKET;
  } else if (g_str_has_prefix(docker_host, "unix:///")) {
    *path = docker_host + strlen("unix://");
  } else {
    return fail(
        error, SLIPWAY_ERROR_UNREADY,
        "DOCKER_HOST is %s, but `local` means an engine on this machine, by its socket: unset DOCKER_HOST, "
        "or give the socket's path as `engine:`",
        docker_host);
  }
  return true;
}
