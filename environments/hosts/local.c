/* The row for this machine: the engine's socket itself, and a child /bin/sh that stays open. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environments/hosts/backend.h"
#include "environments/hosts/companion.h"
#include "environments/hosts/shell.h"
#include "environments/hosts/unix_listener.h"
#include "support/errors.h"
#include "support/poison.h"

typedef struct {
  Shell shell;
  HttpClient *client;
  const char *engine;
  pthread_mutex_t lock; /* for what `abort` touches from another thread */
  pid_t child;          /* 0: none (any more); leads a process group of its own */
  bool is_aborted;
} Local;

static bool check_aborted(Local *local, GError **error) {
  pthread_mutex_lock(&local->lock);
  const bool is_aborted = local->is_aborted;
  pthread_mutex_unlock(&local->lock);
  return !is_aborted || fail(error, SLIPWAY_ERROR_UNREADY, "aborted");
}

static bool spawn_shell(Local *local, char **argv, const int child[3], GError **error) {
  pthread_mutex_lock(&local->lock);
  const bool has_started = companion_start((const char *const *)argv, child, 0, &local->child, error);
  pthread_mutex_unlock(&local->lock);
  return has_started;
}

static bool local_start_shell(Local *local, const HostScript *opening, HostReply *reply, GError **error) {
  int own[3];
  int child[3];
  if (!companion_pipes(own, child, error))
    return false;
  g_auto(GStrv) argv = shell_argv(&local->shell, 0, opening); /* a controller that goes closes the pipe */
  const bool has_started = spawn_shell(local, argv, child, error);
  for (guint i = 0; i < 3; i++) {
    close(child[i]);
    if (!has_started)
      close(own[i]);
  }
  return has_started && shell_start(&local->shell, own, opening, reply, error);
}

static bool local_open(Host *host, const HostScript *opening, HostReply *reply, GError **error) {
  g_assert(host->backend != NULL);
  Local *local = host->backend;
  return host_engine_socket(host->config, &local->engine, error) && check_aborted(local, error) &&
         local_start_shell(local, opening, reply, error);
}

static bool local_shell(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  Local *local = host->backend;
  return check_aborted(local, error) && shell_run(&local->shell, script, reply, error);
}

static bool local_request(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Local *local = host->backend;
  HttpRequest own = *request;
  own.unix_socket = local->engine;
  return check_aborted(local, error) && http_perform(local->client, &own, reply, error);
}

static bool local_stream(Host *host, const HttpRequest *request, HttpStream **stream, GError **error) {
  Local *local = host->backend;
  HttpRequest own = *request;
  own.unix_socket = local->engine;
  return check_aborted(local, error) && http_stream_open(&own, stream, error);
}

static bool local_dial(Host *host, int *descriptor, GError **error) {
  Local *local = host->backend;
  return check_aborted(local, error) && unix_connect(local->engine, descriptor, error);
}

static bool local_fetch(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Local *local = host->backend;
  return check_aborted(local, error) && http_perform(local->client, request, reply, error);
}

static void local_abort(Host *host) {
  Local *local = host->backend;
  pthread_mutex_lock(&local->lock);
  local->is_aborted = true;
  if (local->child > 0)
    kill(-local->child, SIGKILL);
  pthread_mutex_unlock(&local->lock);
}

static void local_close(Host *host) {
  Local *local = host->backend;
  http_client_free(local->client);
  const bool has_ended = shell_end(&local->shell);
  pthread_mutex_lock(&local->lock);
  if (local->child > 0) {
    if (!has_ended)
      kill(-local->child, SIGKILL);
    while (waitpid(local->child, NULL, 0) < 0 && errno == EINTR)
      continue;
    local->child = 0;
  }
  pthread_mutex_unlock(&local->lock);
  shell_clear(&local->shell);
  pthread_mutex_destroy(&local->lock);
  g_free(local);
  host->backend = NULL;
}

static void local_init(Host *host) {
  Local *local = g_new0(Local, 1);
  shell_init(&local->shell);
  pthread_mutex_init(&local->lock, NULL);
  local->client = http_client_new();
  host->backend = local;
}

const HostBackend local_backend = {
    .ops = {.name = "local",
            .open = local_open,
            .shell = local_shell,
            .write = host_write_through_shell,
            .request = local_request,
            .stream = local_stream,
            .dial = local_dial,
            .fetch = local_fetch,
            .abort = local_abort,
            .close = local_close},
    .init = local_init,
};
