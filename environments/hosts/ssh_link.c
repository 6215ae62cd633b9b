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

enum { USER_TIMEOUT_MS = 10000, FREE_TRIES = 64 };

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

static bool refuse_unknown(const SshTarget *target, const char *fingerprint, GError **error) {
  const char *file =
      target->user_known_hosts->len > 0 ? g_ptr_array_index(target->user_known_hosts, 0) : "known_hosts";
  return fail(
      error, SLIPWAY_ERROR_UNREADY,
      "host key of %s port %u is unknown (%s): compare that with the host's own (there: ssh-keygen -lf "
      "/etc/ssh/ssh_host_ed25519_key.pub), then ssh-keyscan -p %u %s >> %s; or set `ssh: {host_keys: "
      "accept-new}`",
      target->alias, target->port, fingerprint, target->port, target->hostname, file);
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
  return fail(error, SLIPWAY_ERROR_UNREADY, "SSH handshake with %s port %u failed: %s", target->hostname,
              target->port, complaint);
}

bool ssh_link_connect(SshLink *link, const SshTarget *target, GError **error) {
  g_autoptr(KnownHosts) known = NULL;
  if (!known_hosts_load((const char *const *)target->known_hosts->pdata, target->alias, target->alias_port,
                        &known, error) ||
      !connect_tcp(link, target, error))
    return false;
  link->session = libssh2_session_init();
  if (link->session == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "libssh2 has no memory for a session");
  return prefer_known_methods(link, known, error) && shake_hands(link, target, error) &&
         judge_host_key(link, target, known, error);
}
