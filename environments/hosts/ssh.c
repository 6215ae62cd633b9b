/* The row for a host reached by SSH: one connection, a shell on it, the engine's socket and HTTP through its
 * channels. */
#include <string.h>

#include "environments/hosts/backend.h"
#include "environments/hosts/shell.h"
#include "environments/hosts/ssh_forwarder.h"
#include "support/errors.h"
#include "support/poison.h"

typedef struct {
  SshLink link;
  Forwarder *forwarder; /* NULL until connected */
  Shell shell;
  HttpClient *client;
  ForwarderListener *engine;
} Ssh;

static void beat_shell(gpointer shell) {
  shell_beat(shell);
}

/* Adds what is known of the reason, and the bastion or proxy command on the way. */
static bool explain_by(Ssh *ssh, const char *problem, GError **error) {
  if (problem != NULL)
    prefix(error, "%s: ", problem);
  g_autofree char *way = forwarder_is_lost(ssh->forwarder) ? ssh_link_way_problem(&ssh->link) : NULL;
  if (way != NULL)
    prefix(error, "%s: ", way);
  return false;
}

static bool explain(Ssh *ssh, GError **error) {
  g_autofree char *problem = forwarder_problem(ssh->forwarder);
  return explain_by(ssh, problem, error);
}

/* --- opening
 * -------------------------------------------------------------------------------------------------- */

static char *opening_command(const Ssh *ssh, const HostScript *opening) {
  g_auto(GStrv) argv = shell_argv(&ssh->shell, SHELL_IDLE_SECONDS, opening);
  return shell_command((const char *const *)argv);
}

/* Its channel is open already, or nearly. */
static bool start_shell(Ssh *ssh, const HostScript *opening, HostReply *reply, GError **error) {
  g_autofree char *command = opening_command(ssh, opening);
  int io = -1;
  int err = -1;
  forwarder_exec(ssh->forwarder, command, &io, &err);
  if (shell_start(&ssh->shell, (const int[3]){io, io, err}, opening, reply, error))
    return true;
  g_autofree char *problem = forwarder_exec_problem(ssh->forwarder);
  return explain_by(ssh, problem, error);
}

/* The engine's socket; where sshd forbids to forward to it, docker's own client leads there. */
static bool listen_for_engine(Host *host, GError **error) {
  Ssh *ssh = host->backend;
  if (ssh->engine != NULL)
    return true;
  const char *socket = NULL;
  if (!host_engine_socket(host->config, &socket, error))
    return false;
  g_autofree char *url = g_strconcat("unix://", socket, NULL);
  g_autofree char *otherwise =
      shell_command((const char *const[]){"docker", "-H", url, "system", "dial-stdio", NULL});
  g_autoptr(Route) route = route_new(ROUTE_SOCKET, socket, 0, otherwise);
  return forwarder_listen(ssh->forwarder, route, true, &ssh->engine, error);
}

/* What channels will be wanted first is opened meanwhile. */
static bool ssh_connect(Host *host, GError **error) {
  Ssh *ssh = host->backend;
  g_autoptr(SshTarget) target = NULL;
  if (!ssh_target_resolve(host->config, &target, error) || !ssh_link_connect(&ssh->link, target, error) ||
      !ssh_link_authenticate(&ssh->link, target, error) ||
      !forwarder_start(&ssh->link, target->keepalive_ms, beat_shell, &ssh->shell, &ssh->forwarder, error) ||
      !forwarder_exec_ahead(ssh->forwarder, error) || !listen_for_engine(host, error))
    return false;
  host->is_reached = true;
  return true;
}

static bool ssh_open(Host *host, const HostScript *opening, HostReply *reply, GError **error) {
  return host_connect(host, error) && start_shell(host->backend, opening, reply, error);
}

static bool ssh_shell(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  Ssh *ssh = host->backend;
  if (shell_run(&ssh->shell, script, reply, error))
    return true;
  explain(ssh, error);
  if (shell_is_lost(&ssh->shell))
    ssh_link_abort(&ssh->link); /* what the script still does there has lost its connection */
  return false;
}

/* --- HTTP
 * ----------------------------------------------------------------------------------------------------- */

static bool ssh_request(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Ssh *ssh = host->backend;
  if (!listen_for_engine(host, error))
    return false;
  HttpRequest own = *request;
  own.unix_socket = forwarder_listener_path(ssh->engine);
  forwarder_forget(ssh->forwarder);
  return http_perform(ssh->client, &own, reply, error) || explain(ssh, error);
}

static bool ssh_stream(Host *host, const HttpRequest *request, HttpStream **stream, GError **error) {
  Ssh *ssh = host->backend;
  if (!listen_for_engine(host, error))
    return false;
  HttpRequest own = *request;
  own.unix_socket = forwarder_listener_path(ssh->engine);
  forwarder_forget(ssh->forwarder);
  return http_stream_open(&own, stream, error) || explain(ssh, error);
}

static bool ssh_dial(Host *host, int *descriptor, GError **error) {
  Ssh *ssh = host->backend;
  if (!listen_for_engine(host, error))
    return false;
  forwarder_forget(ssh->forwarder);
  return unix_connect(forwarder_listener_path(ssh->engine), descriptor, error) || explain(ssh, error);
}

static void ssh_explain(Host *host, GError **error) {
  explain(host->backend, error);
}

static bool fetch_from(Ssh *ssh, const HttpRequest *request, const char *name, guint port, HttpReply *reply,
                       GError **error) {
  g_autoptr(Route) route = route_new(ROUTE_TCP, name, port, NULL);
  ForwarderListener *listener = NULL;
  if (!forwarder_listen(ssh->forwarder, route, false, &listener, error))
    return false;
  HttpRequest own = *request;
  own.unix_socket = forwarder_listener_path(listener);
  /* A client of its own: a kept connection would be found again by a path that means another listener then.
   */
  g_autoptr(HttpClient) client = http_client_new();
  forwarder_forget(ssh->forwarder);
  const bool is_well = http_perform(client, &own, reply, error) || explain(ssh, error);
  forwarder_unlisten(ssh->forwarder, listener);
  return is_well;
}

static bool ssh_fetch(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  g_autofree char *name = NULL;
  guint port = 0;
  return host_url_place(request->url, &name, &port, error) &&
         fetch_from(host->backend, request, name, port, reply, error);
}

/* --- ending
 * --------------------------------------------------------------------------------------------------- */

static void ssh_abort(Host *host) {
  Ssh *ssh = host->backend;
  ssh_link_abort(&ssh->link);
}

static void ssh_close(Host *host) {
  Ssh *ssh = host->backend;
  http_client_free(ssh->client);
  (void)shell_end(&ssh->shell);
  forwarder_free(ssh->forwarder);
  shell_clear(&ssh->shell);
  ssh_link_clear(&ssh->link);
  g_free(ssh);
  host->backend = NULL;
}

bool ssh_is_beyond_libssh2(const Host *host) {
  const Ssh *ssh = host->backend;
  return ssh->link.is_beyond_libssh2;
}

static void ssh_init(Host *host) {
  Ssh *ssh = g_new0(Ssh, 1);
  ssh_link_init(&ssh->link);
  shell_init(&ssh->shell);
  ssh->client = http_client_new();
  host->backend = ssh;
}

const HostBackend ssh_backend = {
    .ops = {.name = "ssh",
            .is_far = true,
            .connect = ssh_connect,
            .open = ssh_open,
            .shell = ssh_shell,
            .write = host_write_through_shell,
            .request = ssh_request,
            .stream = ssh_stream,
            .dial = ssh_dial,
            .explain = ssh_explain,
            .fetch = ssh_fetch,
            .abort = ssh_abort,
            .close = ssh_close},
    .init = ssh_init,
};
