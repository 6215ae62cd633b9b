/* Connecting to a host by SSH: TCP, handshake, and the judgement on its key. */
#include "environments/hosts/ssh_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "environments/hosts/known_hosts.h"
#include "environments/hosts/shell.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum { USER_TIMEOUT_MS = 10000, FREE_TRIES = 64, LOOK_MS = 250 };

void ssh_link_init(SshLink *link) {
  *link = (SshLink){.socket = -1};
  pthread_mutex_init(&link->lock, NULL);
}

void ssh_link_abort(SshLink *link) {
  pthread_mutex_lock(&link->lock);
  link->is_aborted = true;
  if (link->socket >= 0)
    shutdown(link->socket, SHUT_RDWR);
  pthread_mutex_unlock(&link->lock);
}

void ssh_link_free_session(SshLink *link) {
  if (link->socket >= 0)
    shutdown(link->socket, SHUT_RDWR); /* or session_free waits for the peer */
  if (link->session == NULL)
    return;
  libssh2_session_set_blocking(link->session, 0);
  for (guint i = 0; i < FREE_TRIES && libssh2_session_free(link->session) == LIBSSH2_ERROR_EAGAIN; i++)
    continue;
  link->session = NULL;
}

void ssh_link_clear(SshLink *link) {
  ssh_link_free_session(link);
  pthread_mutex_lock(&link->lock);
  if (link->socket >= 0)
    close(link->socket);
  link->socket = -1;
  pthread_mutex_unlock(&link->lock);
  g_clear_pointer(&link->proxy, ssh_proxy_end);
  g_clear_pointer(&link->passage, ssh_passage_close);
  ssh_gate_leave(&link->gate);
  g_clear_pointer(&link->address, g_free);
  pthread_mutex_destroy(&link->lock);
}

char *ssh_link_complaint(const SshLink *link) {
  char *message = NULL;
  libssh2_session_last_error(link->session, &message, NULL, 0);
  return text_printable(message == NULL ? "" : message, false);
}

/* --- TCP
 * ------------------------------------------------------------------------------------------------------ */

/* Makes the socket known to `abort`; false when that came first. */
static bool publish_socket(SshLink *link, int fd, GError **error) {
  pthread_mutex_lock(&link->lock);
  const bool is_aborted = link->is_aborted;
  if (!is_aborted)
    link->socket = fd;
  pthread_mutex_unlock(&link->lock);
  return !is_aborted || fail(error, SLIPWAY_ERROR_UNREADY, "aborted");
}

static void drop_socket(SshLink *link) {
  pthread_mutex_lock(&link->lock);
  close(link->socket);
  link->socket = -1;
  pthread_mutex_unlock(&link->lock);
}

/* 0, or why not. */
static int finish_connect(int fd, gint64 deadline) {
  for (;;) {
    const gint64 left = deadline - g_get_monotonic_time();
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    const int ready = left <= 0 ? 0 : poll(&polled, 1, (int)(left / 1000 + 1));
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready == 0)
      return ETIMEDOUT;
    int cause = 0;
    socklen_t length = sizeof cause;
    if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &length) != 0)
      return errno;
    if (cause == 0 && (polled.revents & POLLHUP) != 0)
      return ECONNABORTED; /* by ssh_link_abort */
    return cause;
  }
}

static void tune_socket(int fd) {
  const int on = 1;
  const unsigned int patience = USER_TIMEOUT_MS;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
}

/* One address; *cause says why not. */
static bool try_address(SshLink *link, const struct addrinfo *address, gint64 deadline, int *cause,
                        GError **error) {
  const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    *cause = errno;
    return false;
  }
  if (!publish_socket(link, fd, error)) {
    close(fd);
    return false;
  }
  tune_socket(fd);
  *cause = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
  if (*cause == EINPROGRESS)
    *cause = finish_connect(fd, deadline);
  if (*cause != 0) {
    drop_socket(link);
    return false;
  }
  char numeric[NI_MAXHOST] = "?";
  getnameinfo(address->ai_addr, address->ai_addrlen, numeric, sizeof numeric, NULL, 0, NI_NUMERICHOST);
  link->address = g_strdup(numeric);
  return true;
}

static bool connect_tcp(SshLink *link, const SshTarget *target, GError **error) {
  g_autofree char *port = g_strdup_printf("%u", target->port);
  const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *addresses = NULL;
  const int problem = getaddrinfo(target->hostname, port, &hints, &addresses);
  if (problem != 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot resolve %s: %s", target->hostname,
                gai_strerror(problem));
  const gint64 deadline = g_get_monotonic_time() + (gint64)target->connect_timeout_ms * 1000;
  bool is_connected = false;
  int cause = 0;
  GError *stopped = NULL;
  for (const struct addrinfo *one = addresses; one != NULL && !is_connected && stopped == NULL;
       one = one->ai_next)
    is_connected = try_address(link, one, deadline, &cause, &stopped);
  freeaddrinfo(addresses);
  if (stopped != NULL)
    g_propagate_error(error, stopped);
  else if (!is_connected)
    fail(error, SLIPWAY_ERROR_UNREADY, "cannot connect to %s port %u: %s", target->hostname, target->port,
         g_strerror(cause));
  return is_connected;
}

/* --- proxies and bastions
 * ------------------------------------------------------------------------------------- */

static bool is_aborted(gpointer data) {
  SshLink *link = data;
  pthread_mutex_lock(&link->lock);
  const bool is_aborted = link->is_aborted;
  pthread_mutex_unlock(&link->lock);
  return is_aborted;
}

char *ssh_link_way_problem(SshLink *link) {
  if (link->passage != NULL)
    return ssh_passage_problem(link->passage);
  g_autofree char *words = link->proxy == NULL ? NULL : ssh_proxy_last_words(link->proxy);
  return words == NULL ? NULL : g_strconcat("the proxy command says: ", words, NULL);
}

static bool fail_on_the_way(SshLink *link, const SshTarget *target, const char *otherwise, GError **error) {
  g_autofree char *problem = ssh_link_way_problem(link);
  return fail(error, SLIPWAY_ERROR_UNREADY, "cannot connect to %s port %u %s: %s", target->hostname,
              target->port, link->address, problem == NULL ? otherwise : problem);
}

typedef enum { WAY_IS_OPEN, WAY_HAS_ENDED, WAY_IS_SLOW, WAY_IS_STUCK } Way;

/* Waits for the first words of the host's sshd, which speaks unasked. A passage's time counts from when the
 * bastion turns to this host; until then the bastion has time limits of its own. */
static Way wait_for_greeting(const SshLink *link, const SshTarget *target) {
  gint64 start = link->passage == NULL ? g_get_monotonic_time() : 0;
  for (;;) {
    struct pollfd polled = {.fd = link->socket, .events = POLLIN};
    if (poll(&polled, 1, LOOK_MS) > 0) {
      char first = '\0';
      return recv(link->socket, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0 ? WAY_IS_OPEN : WAY_HAS_ENDED;
    }
    if (link->passage != NULL)
      start = ssh_passage_begun(link->passage);
    if (start != 0 && g_get_monotonic_time() - start > (gint64)target->connect_timeout_ms * 1000)
      return WAY_IS_SLOW;
    if (link->passage != NULL && ssh_passage_is_stuck(link->passage))
      return WAY_IS_STUCK;
  }
}

static bool judge_way(SshLink *link, const SshTarget *target, Way way, GError **error) {
  link->is_beyond_libssh2 = link->passage != NULL && ssh_passage_is_beyond_libssh2(link->passage);
  switch (way) {
  case WAY_IS_OPEN:
    return true;
  case WAY_IS_SLOW:
    return fail_on_the_way(link, target, "no answer in time", error);
  case WAY_HAS_ENDED:
  case WAY_IS_STUCK:
  default:
    return fail_on_the_way(link, target, "the connection was closed before an SSH server answered", error);
  }
}

static bool connect_by_command(SshLink *link, const SshTarget *target, GError **error) {
  int fd = -1;
  if (!ssh_gate_enter(target->proxy_command, is_aborted, link, &link->gate, error) ||
      !ssh_proxy_start(target, &fd, &link->proxy, error))
    return false;
  link->address = g_strdup("by its proxy command");
  if (!publish_socket(link, fd, error)) {
    close(fd);
    return false;
  }
  return judge_way(link, target, wait_for_greeting(link, target), error);
}

/* A host that does not answer keeps those behind it waiting: they leave for another connection. */
static bool connect_by_jump(SshLink *link, const SshTarget *target, GError **error) {
  g_autofree char *bastion = ssh_target_describe(target->hop);
  link->address = g_strdup_printf("through %s", bastion);
  Way way = WAY_IS_STUCK;
  while (way == WAY_IS_STUCK) {
    SshPassage *left = g_steal_pointer(&link->passage);
    int fd = -1;
    const bool is_open = ssh_passage_open(target, &fd, &link->passage, error);
    if (left != NULL)
      drop_socket(link);
    ssh_passage_close(left);
    if (!is_open)
      return false;
    if (!publish_socket(link, fd, error)) {
      close(fd);
      return false;
    }
    way = wait_for_greeting(link, target);
  }
  return judge_way(link, target, way, error);
}

static bool connect_somehow(SshLink *link, const SshTarget *target, GError **error) {
  if (target->passes_descriptor && target->proxy_command != NULL)
    return fail(
        error, SLIPWAY_ERROR_UNREADY,
        "the SSH configuration says ProxyUseFdpass, which only the ssh program can do: `ssh: {client: "
        "openssh}`");
  if (target->proxy_command != NULL)
    return connect_by_command(link, target, error);
  return target->hop != NULL ? connect_by_jump(link, target, error) : connect_tcp(link, target, error);
}

/* --- the host's key
 * ------------------------------------------------------------------------------------------- */

static bool prefer_known_methods(SshLink *link, const KnownHosts *known, GError **error) {
  const char **names = NULL;
  const int count = libssh2_session_supported_algs(link->session, LIBSSH2_METHOD_HOSTKEY, &names);
  if (count <= 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "libssh2 names no host key methods");
  g_autoptr(GString) supported = g_string_new(names[0]);
  for (int i = 1; i < count; i++)
    g_string_append_printf(supported, ",%s", names[i]);
  libssh2_free(link->session, (void *)names);
  g_autofree char *ordered = known_hosts_order_methods(known, supported->str);
  return libssh2_session_method_pref(link->session, LIBSSH2_METHOD_HOSTKEY, ordered) == 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY, "libssh2 refused the host key methods %s", ordered);
}

static bool refuse_changed(const SshTarget *target, const char *fingerprint, const char *place,
                           GError **error) {
  g_autofree char *name = known_hosts_name(target->alias, target->alias_port);
  g_autofree char *quoted = shell_quote(name);
  g_autofree char *file = g_strndup(place, (gsize)(strrchr(place, ':') - place));
  g_autofree char *quoted_file = shell_quote(file);
  return fail(
      error, SLIPWAY_ERROR_UNREADY,
      "host key changed (%s; another is at %s): somebody may be listening in; if the change is expected: "
      "ssh-keygen -f %s -R %s",
      fingerprint, place, quoted_file, quoted);
}

/* A key under another name than the host's (its id, a HostKeyAlias) is not what ssh-keyscan writes. */
static bool refuse_unknown(const SshTarget *target, const char *fingerprint, GError **error) {
  const char *file =
      target->user_known_hosts->len > 0 ? g_ptr_array_index(target->user_known_hosts, 0) : "known_hosts";
  g_autofree char *rename = strcmp(target->alias, target->hostname) == 0
                                ? g_strdup("")
                                : g_strdup_printf(" | sed 's/^[^ ]*/%s/'", target->alias);
  return fail(
      error, SLIPWAY_ERROR_UNREADY,
      "host key of %s port %u is unknown (%s): compare that with the host's own (there: ssh-keygen -lf "
      "/etc/ssh/ssh_host_ed25519_key.pub), then ssh-keyscan -p %u %s%s >> %s; or set `ssh: {host_keys: "
      "accept-new}`",
      target->alias, target->port, fingerprint, target->port, target->hostname, rename, file);
}

static bool judge_host_key(const SshLink *link, const SshTarget *target, const KnownHosts *known,
                           GError **error) {
  size_t length = 0;
  const char *key = libssh2_session_hostkey(link->session, &length, NULL);
  if (key == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "the host showed no key");
  g_autofree char *digest = host_key_fingerprint(key, length);
  g_autofree char *type = host_key_type(key, length);
  g_autofree char *fingerprint = g_strdup_printf("%s %s", type, digest);
  const char *place = NULL;
  switch (known_hosts_judge(known, key, length, &place)) {
  case HOST_KEY_KNOWN:
    return true;
  case HOST_KEY_REVOKED:
    return fail(error, SLIPWAY_ERROR_UNREADY, "host key is revoked (%s, at %s)", fingerprint, place);
  case HOST_KEY_CHANGED:
    return refuse_changed(target, fingerprint, place, error);
  case HOST_KEY_UNKNOWN:
  default:
    break;
  }
  if (target->host_keys != HOST_KEYS_ACCEPT_NEW || target->user_known_hosts->len == 0)
    return refuse_unknown(target, fingerprint, error);
  return known_hosts_append(g_ptr_array_index(target->user_known_hosts, 0), target->alias, target->alias_port,
                            key, length, error);
}

/* --- all of it
 * ------------------------------------------------------------------------------------------------ */

static bool shake_hands(SshLink *link, const SshTarget *target, GError **error) {
  libssh2_session_set_timeout(link->session, (long)target->connect_timeout_ms);
  const int problem = libssh2_session_handshake(link->session, link->socket);
  if (problem == 0)
    return true;
  if (problem == LIBSSH2_ERROR_TIMEOUT)
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "%s port %u accepted the connection, but did not answer as an SSH server", target->hostname,
                target->port);
  g_autofree char *complaint = ssh_link_complaint(link);
  g_autofree char *way = ssh_link_way_problem(link);
  return fail(error, SLIPWAY_ERROR_UNREADY, "SSH handshake with %s port %u failed: %s%s%s", target->hostname,
              target->port, complaint, way == NULL ? "" : "; ", way == NULL ? "" : way);
}

static bool connect_and_judge(SshLink *link, const SshTarget *target, GError **error) {
  g_autoptr(KnownHosts) known = NULL;
  if (!known_hosts_load((const char *const *)target->known_hosts->pdata, target->alias, target->alias_port,
                        &known, error) ||
      !connect_somehow(link, target, error))
    return false;
  link->session = libssh2_session_init();
  if (link->session == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "libssh2 has no memory for a session");
  return prefer_known_methods(link, known, error) && shake_hands(link, target, error) &&
         judge_host_key(link, target, known, error);
}

bool ssh_link_connect(SshLink *link, const SshTarget *target, GError **error) {
  if (connect_and_judge(link, target, error))
    return true;
  /* Its host may be kept for long: nothing of it is to stand at the door. */
  g_clear_pointer(&link->proxy, ssh_proxy_end);
  ssh_gate_leave(&link->gate);
  return false;
}
