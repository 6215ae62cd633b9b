/* The row that drives the user's own ssh program: one connection a host, the shell on it being its first
 * command, the engine's socket and HTTP through forwarded sockets. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "environments/hosts/backend.h"
#include "environments/hosts/companion.h"
#include "environments/hosts/openssh_master.h"
#include "environments/hosts/shell.h"
#include "environments/hosts/ssh_gate.h"
#include "environments/hosts/unix_listener.h"
#include "support/errors.h"
#include "support/poison.h"

typedef struct {
  OpensshMaster *master;
  Shell shell;
  HttpClient *client;
  char *engine;         /* the socket that leads to the engine's; NULL until the first request */
  GHashTable *forwards; /* "HOST:PORT" -> the socket that leads there */
  gsize mark;           /* ssh's complaints up to here are old */

  pthread_t companion; /* beats, and puts docker's client behind each connection to `dialled` */
  bool has_companion;
  int wake;             /* eventfd: it is to end */
  UnixListener dialled; /* fd -1: the engine's socket is forwarded */
  char *dial_command;
} Openssh;

/* Adds what ssh has complained of meanwhile. */
static bool explain(Openssh *ssh, GError **error) {
  g_autofree char *complaint = openssh_master_complaint(ssh->master, ssh->mark);
  if (complaint != NULL)
    prefix(error, "ssh: %s: ", complaint);
  return false;
}

static bool begin(Openssh *ssh, GError **error) {
  ssh->mark = openssh_master_mark(ssh->master);
  return !openssh_master_is_aborted(ssh->master) || fail(error, SLIPWAY_ERROR_UNREADY, "aborted");
}

/* --- the companion thread
 * ------------------------------------------------------------------------------------- */

static void serve_dialled(Openssh *ssh) {
  const int fd = accept4(ssh->dialled.fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0)
    return;
  (void)!openssh_master_run(ssh->master, ssh->dial_command, fd, NULL); /* its connection ends */
  close(fd);
}

static void *accompany(void *data) {
  Openssh *ssh = data;
  gint64 next = g_get_monotonic_time();
  for (;;) {
    const gint64 left = next - g_get_monotonic_time();
    struct pollfd polled[] = {{.fd = ssh->wake, .events = POLLIN}, {.fd = ssh->dialled.fd, .events = POLLIN}};
    poll(polled, G_N_ELEMENTS(polled), left <= 0 ? 0 : (int)(left / 1000 + 1));
    if (polled[0].revents != 0)
      return NULL;
    if (polled[1].revents != 0)
      serve_dialled(ssh);
    if (g_get_monotonic_time() >= next) {
      shell_beat(&ssh->shell);
      openssh_master_tidy(ssh->master);
      next += (gint64)SHELL_BEAT_MS * 1000;
    }
  }
}

static bool start_companion(Openssh *ssh, GError **error) {
  const int problem = pthread_create(&ssh->companion, NULL, accompany, ssh);
  ssh->has_companion = problem == 0;
  return problem == 0 || fail(error, SLIPWAY_ERROR_UNREADY, "cannot start a thread: %s", g_strerror(problem));
}

static void end_companion(Openssh *ssh) {
  const guint64 one = 1;
  guint64 count = 0;
  if (!ssh->has_companion)
    return;
  (void)!write(ssh->wake, &one, sizeof one);
  pthread_join(ssh->companion, NULL);
  (void)!read(ssh->wake, &count, sizeof count);
  ssh->has_companion = false;
}

/* --- opening
 * -------------------------------------------------------------------------------------------------- */

static char *opening_command(const Openssh *ssh, const HostScript *opening) {
  g_auto(GStrv) argv = shell_argv(&ssh->shell, SHELL_IDLE_SECONDS, opening);
  return shell_command((const char *const *)argv);
}

static bool start_shell(Host *host, const SshTarget *target, const HostScript *opening, HostReply *reply,
                        GError **error) {
  Openssh *ssh = host->backend;
  g_autofree char *command = opening_command(ssh, opening);
  int own[3];
  int child[3];
  if (!companion_pipes(own, child, error))
    return false;
  const bool has_started = openssh_master_start(ssh->master, host->config, target, command, child, error);
  for (guint i = 0; i < 3; i++) {
    close(child[i]);
    if (!has_started)
      close(own[i]);
  }
  return has_started && (shell_start(&ssh->shell, own, opening, reply, error) || explain(ssh, error));
}

static bool is_aborted(gpointer master) {
  return openssh_master_is_aborted(master);
}

/* Each host has a connection of its own to the bastion here, to the first one above all: not too many at the
 * door at once. */
static bool enter_gate(Openssh *ssh, const SshTarget *target, SshGate **gate, GError **error) {
  const SshTarget *first = target;
  while (first->hop != NULL)
    first = first->hop;
  g_autofree char *door = first != target ? ssh_target_describe(first) : g_strdup(target->proxy_command);
  return door == NULL || ssh_gate_enter(door, is_aborted, ssh->master, gate, error);
}

static bool openssh_open(Host *host, const HostScript *opening, HostReply *reply, GError **error) {
  Openssh *ssh = host->backend;
  g_autoptr(SshTarget) target = NULL;
  SshGate *gate = NULL;
  if (!ssh_target_resolve(host->config, &target, error) || !enter_gate(ssh, target, &gate, error))
    return false;
  const bool is_open = start_shell(host, target, opening, reply, error);
  ssh_gate_leave(&gate);
  return is_open && start_companion(ssh, error);
}

static bool openssh_shell(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  Openssh *ssh = host->backend;
  if (!begin(ssh, error))
    return false;
  if (shell_run(&ssh->shell, script, reply, error))
    return true;
  explain(ssh, error);
  if (shell_is_lost(&ssh->shell))
    openssh_master_abort(ssh->master); /* what the script still does there has lost its connection */
  return false;
}

/* --- HTTP
 * ----------------------------------------------------------------------------------------------------- */

/* Docker's own client leads to the engine where sshd forbids to forward to its socket. */
static bool dial_engine(Openssh *ssh, const char *socket, GError **error) {
  g_autofree char *url = g_strconcat("unix://", socket, NULL);
  const char *argv[] = {"docker", "-H", url, "system", "dial-stdio", NULL};
  end_companion(ssh);
  ssh->dial_command = shell_command(argv);
  if (!unix_listener_open(&ssh->dialled, error) || !start_companion(ssh, error))
    return false;
  ssh->engine = g_strdup(ssh->dialled.path);
  return true;
}

/* A forwarded connection that sshd refuses only ends: whether it may be is found out by asking for nothing.
 */
static bool reach_engine(Host *host, GError **error) {
  Openssh *ssh = host->backend;
  if (ssh->engine != NULL)
    return true;
  const char *socket = NULL;
  g_autofree char *path = NULL;
  if (!host_engine_socket(host->config, &socket, error) ||
      !openssh_master_forward(ssh->master, socket, &path, error))
    return false;
  g_auto(HttpReply) reply = {0};
  const HttpRequest ping = {.url = "http://engine/_ping", .unix_socket = path};
  if (!http_perform(ssh->client, &ping, &reply, NULL))
    return dial_engine(ssh, socket, error);
  ssh->engine = g_steal_pointer(&path);
  return true;
}

static bool openssh_request(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Openssh *ssh = host->backend;
  if (!begin(ssh, error) || !reach_engine(host, error))
    return false;
  HttpRequest own = *request;
  own.unix_socket = ssh->engine;
  return http_perform(ssh->client, &own, reply, error) || explain(ssh, error);
}

static bool openssh_stream(Host *host, const HttpRequest *request, HttpStream **stream, GError **error) {
  Openssh *ssh = host->backend;
  if (!begin(ssh, error) || !reach_engine(host, error))
    return false;
  HttpRequest own = *request;
  own.unix_socket = ssh->engine;
  return http_stream_open(&own, stream, error) || explain(ssh, error);
}

static bool openssh_dial(Host *host, int *descriptor, GError **error) {
  Openssh *ssh = host->backend;
  return begin(ssh, error) && reach_engine(host, error) &&
         (unix_connect(ssh->engine, descriptor, error) || explain(ssh, error));
}

static void openssh_explain(Host *host, GError **error) {
  explain(host->backend, error);
}

/* Borrowed. */
static bool forward_to(Openssh *ssh, const char *name, guint port, const char **path, GError **error) {
  g_autofree char *to = strchr(name, ':') == NULL ? g_strdup_printf("%s:%u", name, port)
                                                  : g_strdup_printf("[%s]:%u", name, port);
  *path = g_hash_table_lookup(ssh->forwards, to);
  if (*path != NULL)
    return true;
  char *made = NULL;
  if (!openssh_master_forward(ssh->master, to, &made, error))
    return false;
  g_hash_table_insert(ssh->forwards, g_steal_pointer(&to), made);
  *path = made;
  return true;
}

static bool openssh_fetch(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Openssh *ssh = host->backend;
  g_autofree char *name = NULL;
  guint port = 0;
  HttpRequest own = *request;
  if (!begin(ssh, error) || !host_url_place(request->url, &name, &port, error) ||
      !forward_to(ssh, name, port, &own.unix_socket, error))
    return false;
  g_autoptr(HttpClient) client = http_client_new(); /* no connection is kept */
  return http_perform(client, &own, reply, error) || explain(ssh, error);
}

/* --- ending
 * --------------------------------------------------------------------------------------------------- */

static void openssh_abort(Host *host) {
  Openssh *ssh = host->backend;
  openssh_master_abort(ssh->master);
}

static void openssh_close(Host *host) {
  Openssh *ssh = host->backend;
  http_client_free(ssh->client);
  (void)shell_end(&ssh->shell);
  end_companion(ssh);
  openssh_master_free(ssh->master);
  shell_clear(&ssh->shell);
  unix_listener_clear(&ssh->dialled);
  close(ssh->wake);
  g_hash_table_unref(ssh->forwards);
  g_free(ssh->dial_command);
  g_free(ssh->engine);
  g_free(ssh);
  host->backend = NULL;
}

static void openssh_init(Host *host) {
  Openssh *ssh = g_new0(Openssh, 1);
  ssh->master = openssh_master_new();
  shell_init(&ssh->shell);
  ssh->client = http_client_new();
  ssh->forwards = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  ssh->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  ssh->dialled = (UnixListener){.fd = -1, .handle = -1};
  host->backend = ssh;
}

const HostBackend openssh_backend = {
    .ops = {.is_far = true,
            .name = "ssh",
            .open = openssh_open,
            .shell = openssh_shell,
            .write = host_write_through_shell,
            .request = openssh_request,
            .stream = openssh_stream,
            .dial = openssh_dial,
            .explain = openssh_explain,
            .fetch = openssh_fetch,
            .abort = openssh_abort,
            .close = openssh_close},
    .init = openssh_init,
};
