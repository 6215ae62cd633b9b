/* The row for `ssh: {client: auto}`: libssh2, and the user's own ssh program where libssh2 cannot use the
 * keys that there are. Everything is passed on to the row that was chosen. */
#include <libssh2.h>
#include <pthread.h>

#include "environments/hosts/backend.h"
#include "environments/hosts/ssh_key.h"
#include "environments/hosts/ssh_settings.h"
#include "support/poison.h"

typedef struct {
  Host inner; /* `lock` while it changes rows: abort comes from other threads */
  pthread_mutex_t lock;
  bool is_aborted;
} Auto;

static Host *inner_of(const Host *host) {
  return &((Auto *)host->backend)->inner;
}

/* --- choosing
 * ------------------------------------------------------------------------------------------------- */

/* Why libssh2 need not even try, or NULL. An agent may have other keys than the files; a server is not
 * bothered with keys that it refuses. Caller frees. */
static char *why_not_libssh2(const SshTarget *target) {
  g_autofree char *why = NULL;
  if (target->passes_descriptor && target->proxy_command != NULL)
    return g_strdup("ProxyUseFdpass is beyond libssh2");
  for (guint i = 0; i < target->keys->len; i++) {
    const char *path = g_ptr_array_index(target->keys, i);
    g_auto(SshKeyFile) key = {0};
    if (!ssh_key_file_read(path, &key, NULL))
      continue;
    if (!ssh_key_is_beyond_libssh2(key.type))
      return NULL;
    if (why == NULL)
      why = g_strdup_printf("the key %s (%s) is beyond libssh2 %s", path, key.type, libssh2_version(0));
  }
  return target->agent != NULL && !target->has_chosen_key ? NULL : g_steal_pointer(&why);
}

/* The first one of this process says so. */
static void note_change(Host *host, const char *why) {
  static gint has_said = 0;
  if (g_atomic_int_compare_and_exchange(&has_said, 0, 1))
    host->note = g_strdup_printf(
        "%s: the ssh program is used instead, from here on as `ssh: {client: openssh}` does", why);
}

static void change_to_openssh(Host *host, const char *why) {
  Auto *own = host->backend;
  note_change(host, why);
  pthread_mutex_lock(&own->lock);
  own->inner.ops->close(&own->inner);
  own->inner.ops = &openssh_backend.ops;
  openssh_backend.init(&own->inner);
  if (own->is_aborted)
    own->inner.ops->abort(&own->inner);
  pthread_mutex_unlock(&own->lock);
}

/* By libssh2, or it is left to the ssh program to connect when it opens. */
static bool auto_connect(Host *host, GError **error) {
  Host *inner = inner_of(host);
  g_autoptr(SshTarget) target = NULL;
  if (inner->ops == &openssh_backend.ops)
    return true;
  if (!ssh_target_resolve(host->config, &target, error))
    return false;
  g_autofree char *why = ssh_program_exists() ? why_not_libssh2(target) : NULL;
  if (why != NULL) {
    change_to_openssh(host, why);
    return true;
  }
  g_autoptr(GError) problem = NULL;
  if (host_connect(inner, &problem)) {
    host->is_reached = inner->is_reached;
    return true;
  }
  if (!ssh_is_beyond_libssh2(inner) || !ssh_program_exists()) {
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  change_to_openssh(host, problem->message);
  return true;
}

static bool auto_open(Host *host, const HostScript *opening, HostReply *reply, GError **error) {
  Host *inner = inner_of(host);
  return host_connect(host, error) && inner->ops->open(inner, opening, reply, error);
}

/* --- passing on
 * ----------------------------------------------------------------------------------------------- */

static bool auto_shell(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  Host *inner = inner_of(host);
  return inner->ops->shell(inner, script, reply, error);
}

static bool auto_request(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Host *inner = inner_of(host);
  return inner->ops->request(inner, request, reply, error);
}

static bool auto_stream(Host *host, const HttpRequest *request, HttpStream **stream, GError **error) {
  Host *inner = inner_of(host);
  return inner->ops->stream(inner, request, stream, error);
}

static bool auto_dial(Host *host, int *descriptor, GError **error) {
  Host *inner = inner_of(host);
  return inner->ops->dial(inner, descriptor, error);
}

static void auto_explain(Host *host, GError **error) {
  host_explain(inner_of(host), error);
}

static bool auto_fetch(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Host *inner = inner_of(host);
  return inner->ops->fetch(inner, request, reply, error);
}

static void auto_abort(Host *host) {
  Auto *own = host->backend;
  pthread_mutex_lock(&own->lock);
  own->is_aborted = true;
  own->inner.ops->abort(&own->inner);
  pthread_mutex_unlock(&own->lock);
}

static void auto_close(Host *host) {
  Auto *own = host->backend;
  own->inner.ops->close(&own->inner);
  pthread_mutex_destroy(&own->lock);
  g_free(own);
  host->backend = NULL;
}

static void auto_init(Host *host) {
  Auto *own = g_new0(Auto, 1);
  pthread_mutex_init(&own->lock, NULL);
  own->inner = (Host){.ops = &ssh_backend.ops, .config = host->config};
  ssh_backend.init(&own->inner);
  host->backend = own;
}

const HostBackend ssh_auto_backend = {
    .ops = {.name = "ssh",
            .is_far = true,
            .connect = auto_connect,
            .open = auto_open,
            .shell = auto_shell,
            .write = host_write_through_shell,
            .request = auto_request,
            .stream = auto_stream,
            .dial = auto_dial,
            .explain = auto_explain,
            .fetch = auto_fetch,
            .abort = auto_abort,
            .close = auto_close},
    .init = auto_init,
};
