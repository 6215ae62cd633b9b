/* What speaking SSH to many hosts costs at least: libssh2 alone, blocking, a few threads, `true` on each
 * host. bench_bare_libssh2 THREADS USER KEY < ADDRESSES Algorithms are those that libssh2 and sshd agree on
 * by themselves (curve25519, ed25519). Unlike slipway it does not judge the host's key. */
#include <arpa/inet.h>
#include <libssh2.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES_MAX = 10000, THREADS_MAX = 1000, PORT = 22 };

static char addresses[ADDRESSES_MAX][INET_ADDRSTRLEN + 2];
static unsigned count;
static atomic_uint next, failures;
static const char *user, *key;

static int connect_to(const char *address) {
  const int on = 1;
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  if (inet_pton(AF_INET, address, &there.sin_addr) == 1 &&
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
      connect(fd, (const struct sockaddr *)&there, sizeof there) == 0)
    return fd;
  close(fd);
  return -1;
}

/* The exit status of `true` there, or -1. */
static int run_true(LIBSSH2_SESSION *session) {
  char rest[256];
  int status = -1;
  LIBSSH2_CHANNEL *channel = libssh2_channel_open_session(session);
  if (channel == NULL)
    return -1;
  if (libssh2_channel_exec(channel, "true") == 0) {
    while (libssh2_channel_read(channel, rest, sizeof rest) > 0)
      continue;
    if (libssh2_channel_close(channel) == 0 && libssh2_channel_wait_closed(channel) == 0)
      status = libssh2_channel_get_exit_status(channel);
  }
  libssh2_channel_free(channel);
  return status;
}

static int ask(const char *address) {
  int status = -1;
  const int fd = connect_to(address);
  if (fd < 0)
    return -1;
  LIBSSH2_SESSION *session = libssh2_session_init();
  if (session != NULL) {
    if (libssh2_session_handshake(session, fd) == 0 &&
        libssh2_userauth_publickey_fromfile(session, user, NULL, key, NULL) == 0)
      status = run_true(session);
    libssh2_session_disconnect(session, "done");
    libssh2_session_free(session);
  }
  close(fd);
  return status;
}

static void *work(void *unused) {
  (void)unused;
  for (unsigned i = next++; i < count; i = next++) {
    if (ask(addresses[i]) == 0)
      continue;
    failures++;
    (void)fprintf(stderr, "%s failed\n", addresses[i]);
  }
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[THREADS_MAX];
  const long wanted = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
  if (wanted < 1 || wanted > THREADS_MAX) {
    (void)fputs("usage: bench_bare_libssh2 THREADS USER KEY < ADDRESSES\n", stderr);
    return 2;
  }
  user = argv[2];
  key = argv[3];
  while (count < ADDRESSES_MAX && fgets(addresses[count], sizeof addresses[count], stdin) != NULL) {
    addresses[count][strcspn(addresses[count], "\n")] = '\0';
    count++;
  }
  if (libssh2_init(0) != 0)
    return 1;
  for (long i = 0; i < wanted; i++)
    if (pthread_create(&threads[i], NULL, work, NULL) != 0)
      return 1;
  for (long i = 0; i < wanted; i++)
    pthread_join(threads[i], NULL);
  libssh2_exit();
  return failures == 0 ? 0 : 1;
}
