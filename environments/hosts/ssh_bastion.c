/* The table of bastions, the thread that connects to one, and the ways through them. */
#include "environments/hosts/ssh_bastion.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "environments/hosts/ssh_forwarder.h"
#include "support/errors.h"
#include "support/poison.h"

enum { STUCK_US = 2 * G_USEC_PER_SEC };

typedef struct {
  char *key;
  char *name;     /* for people */
  guint users;    /* under the table's lock, as is the next */
  bool is_listed; /* whoever comes next may share it */
  SshTarget *target;
  SshLink link;
  pthread_t thread; /* connects, and ends */

  pthread_mutex_t lock; /* for the next group */
  GPtrArray *waiting;   /* Caller; NULL once there is a forwarder, or a failure */
  Forwarder *forwarder;
  char *failure;
} Bastion;

struct SshPassage {
  Bastion *bastion;
  Route *route;
};

/* Who came before the bastion was there. */
typedef struct {
  Route *route;
  int fd;
} Caller;

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *table; /* key -> Bastion that is listed */

/* --- connecting
 * ----------------------------------------------------------------------------------------------- */

static void append_paths(GString *key, const GPtrArray *paths) {
  for (guint i = 0; i < paths->len; i++)
    if (g_ptr_array_index(paths, i) != NULL)
      g_string_append_printf(key, " %s", (const char *)g_ptr_array_index(paths, i));
  g_string_append_c(key, '\n');
}

/* All that decides whom one talks to as whom: hosts that trust differently do not share a connection. */
static void append_key(GString *key, const SshTarget *target) {
  g_string_append_printf(key, "%s@%s:%u as %s:%u, %d, %s, %d, %u, %u, %s\n", target->user, target->hostname,
                         target->port, target->alias, target->alias_port, target->host_keys,
                         target->agent == NULL ? "" : target->agent, target->is_identities_only,
                         target->connect_timeout_ms, target->keepalive_ms,
                         target->proxy_command == NULL ? "" : target->proxy_command);
  append_paths(key, target->keys);
  append_paths(key, target->known_hosts);
  if (target->hop != NULL)
    append_key(key, target->hop);
}

/* Under the bastion's lock. */
static void serve_caller(Bastion *bastion, Route *route, int fd) {
  if (bastion->forwarder == NULL)
    close(fd);
  else
    (void)!forwarder_connect(bastion->forwarder, route, fd, NULL); /* forwarder_route_problem tells */
}

static void serve_waiting(Bastion *bastion) {
  for (guint i = 0; i < bastion->waiting->len; i++) {
    Caller *caller = g_ptr_array_index(bastion->waiting, i);
    serve_caller(bastion, caller->route, caller->fd);
    route_unref(caller->route);
    g_free(caller);
  }
  g_clear_pointer(&bastion->waiting, g_ptr_array_unref);
}

static void *connect_bastion(void *data) {
  Bastion *bastion = data;
  Forwarder *forwarder = NULL;
  g_autoptr(GError) error = NULL;
  const bool is_well =
      ssh_link_connect(&bastion->link, bastion->target, &error) &&
      ssh_link_authenticate(&bastion->link, bastion->target, &error) &&
      forwarder_start(&bastion->link, bastion->target->keepalive_ms, NULL, NULL, &forwarder, &error);
  pthread_mutex_lock(&bastion->lock);
  bastion->forwarder = forwarder;
  if (!is_well)
    bastion->failure = g_strdup(error->message);
  serve_waiting(bastion);
  pthread_mutex_unlock(&bastion->lock);
  return NULL;
}

/* --- the table
 * ------------------------------------------------------------------------------------------------ */

/* Its thread has ended. */
static void bastion_free(Bastion *bastion) {
  forwarder_free(bastion->forwarder);
  ssh_link_clear(&bastion->link);
  pthread_mutex_destroy(&bastion->lock);
  ssh_target_unref(bastion->target);
  g_free(bastion->failure);
  g_free(bastion->name);
  g_free(bastion->key);
  g_free(bastion);
}

/* Under the table's lock. Those that use it go on. */
static void unlist(Bastion *bastion) {
  if (bastion->is_listed)
    g_hash_table_remove(table, bastion->key);
  bastion->is_listed = false;
}

static bool is_useless(Bastion *bastion) {
  pthread_mutex_lock(&bastion->lock);
  const bool is_useless =
      bastion->failure != NULL || (bastion->forwarder != NULL && forwarder_is_lost(bastion->forwarder));
  pthread_mutex_unlock(&bastion->lock);
  return is_useless;
}

/* Takes the key. */
static Bastion *bastion_new(SshTarget *target, char *key, GError **error) {
  Bastion *bastion = g_new0(Bastion, 1);
  bastion->key = key;
  bastion->name = ssh_target_describe(target);
  bastion->target = ssh_target_ref(target);
  bastion->waiting = g_ptr_array_new();
  pthread_mutex_init(&bastion->lock, NULL);
  ssh_link_init(&bastion->link);
  const int problem = pthread_create(&bastion->thread, NULL, connect_bastion, bastion);
  if (problem == 0)
    return bastion;
  fail(error, SLIPWAY_ERROR_UNREADY, "cannot start a thread: %s", g_strerror(problem));
  g_ptr_array_unref(bastion->waiting);
  bastion_free(bastion);
  return NULL;
}

/* The one that is listed, or a new one; NULL: *error. */
static Bastion *join_bastion(SshTarget *target, GError **error) {
  GString *key = g_string_new(NULL);
  append_key(key, target);
  pthread_mutex_lock(&table_lock);
  if (table == NULL)
    table = g_hash_table_new(g_str_hash, g_str_equal);
  Bastion *bastion = g_hash_table_lookup(table, key->str);
  if (bastion != NULL && is_useless(bastion)) {
    unlist(bastion);
    bastion = NULL;
  }
  if (bastion != NULL) {
    g_string_free(key, TRUE);
  } else {
    bastion = bastion_new(target, g_string_free(key, FALSE), error);
    if (bastion != NULL)
      g_hash_table_insert(table, bastion->key, bastion);
  }
  if (bastion != NULL) {
    bastion->is_listed = true;
    bastion->users++;
  }
  pthread_mutex_unlock(&table_lock);
  return bastion;
}

static void leave_bastion(Bastion *bastion) {
  pthread_mutex_lock(&table_lock);
  const bool is_last = --bastion->users == 0;
  if (is_last)
    unlist(bastion);
  pthread_mutex_unlock(&table_lock);
  if (!is_last)
    return;
  ssh_link_abort(&bastion->link);
  pthread_join(bastion->thread, NULL);
  bastion_free(bastion);
}

/* --- passages
 * ------------------------------------------------------------------------------------------------- */

static void call(Bastion *bastion, Route *route, int fd) {
  pthread_mutex_lock(&bastion->lock);
  if (bastion->waiting == NULL) {
    serve_caller(bastion, route, fd);
  } else {
    Caller *caller = g_new0(Caller, 1);
    *caller = (Caller){.route = route_ref(route), .fd = fd};
    g_ptr_array_add(bastion->waiting, caller);
  }
  pthread_mutex_unlock(&bastion->lock);
}

bool ssh_passage_open(const SshTarget *target, int *socket, SshPassage **passage, GError **error) {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot make a socket pair: %s", g_strerror(errno));
  Bastion *bastion = join_bastion(target->hop, error);
  if (bastion == NULL) {
    close(ends[0]);
    close(ends[1]);
    return false;
  }
  SshPassage *opened = g_new0(SshPassage, 1);
  opened->bastion = bastion;
  opened->route = route_new(ROUTE_TCP, target->hostname, target->port, NULL);
  call(bastion, opened->route, ends[1]);
  *socket = ends[0];
  *passage = opened;
  return true;
}

void ssh_passage_close(SshPassage *passage) {
  if (passage == NULL)
    return;
  leave_bastion(passage->bastion);
  route_unref(passage->route);
  g_free(passage);
}

char *ssh_passage_problem(SshPassage *passage) {
  Bastion *bastion = passage->bastion;
  g_autofree char *problem = NULL;
  pthread_mutex_lock(&bastion->lock);
  if (bastion->failure != NULL)
    problem = g_strdup(bastion->failure);
  else if (bastion->forwarder != NULL)
    problem = forwarder_route_problem(bastion->forwarder, passage->route);
  pthread_mutex_unlock(&bastion->lock);
  return problem == NULL ? NULL : g_strdup_printf("bastion %s: %s", bastion->name, problem);
}

gint64 ssh_passage_begun(SshPassage *passage) {
  return passage->route->begun;
}

bool ssh_passage_is_stuck(SshPassage *passage) {
  Bastion *bastion = passage->bastion;
  pthread_mutex_lock(&bastion->lock);
  const bool is_stuck = bastion->forwarder != NULL && passage->route->begun == 0 &&
                        forwarder_opening_for(bastion->forwarder) > STUCK_US;
  pthread_mutex_unlock(&bastion->lock);
  if (is_stuck) {
    pthread_mutex_lock(&table_lock);
    unlist(bastion);
    pthread_mutex_unlock(&table_lock);
  }
  return is_stuck;
}

bool ssh_passage_is_beyond_libssh2(SshPassage *passage) {
  Bastion *bastion = passage->bastion;
  pthread_mutex_lock(&bastion->lock);
  const bool is_known = bastion->waiting == NULL; /* its thread is done with the link */
  const bool is_beyond = is_known && bastion->link.is_beyond_libssh2;
  pthread_mutex_unlock(&bastion->lock);
  return is_beyond;
}
