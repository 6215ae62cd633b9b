/* Starting and ending the test's own sshd, and small helpers. */
#include "fixture.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SSHD "/usr/sbin/sshd"

enum { PATIENCE_US = 10 * G_USEC_PER_SEC, POLL_MS = 5 };

char *run(const char *const *argv) {
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  int status = 0;
  g_autoptr(GError) error = NULL;
  cr_assert(
      g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status, &error));
  cr_assert(g_spawn_check_wait_status(status, NULL), "%s: %s", argv[0], err);
  return g_steal_pointer(&out);
}

void write_text(const char *folder, const char *name, const char *text, int mode) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  cr_assert(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, mode, NULL));
}

char *fixture_path(const Fixture *fixture, const char *name) {
  return g_build_filename(fixture->folder, name, NULL);
}

bool wait_until(bool (*holds)(gpointer), gpointer data) {
  const gint64 deadline = g_get_monotonic_time() + PATIENCE_US;
  while (!holds(data)) {
    if (g_get_monotonic_time() > deadline)
      return false;
    poll(NULL, 0, POLL_MS);
  }
  return true;
}

bool does_exist(gpointer path) {
  return access(path, F_OK) == 0;
}

void expect_error(const GError *error, int kind, const char *fragment) {
  cr_assert_not_null(error);
  cr_assert_eq(error->code, kind, "kind %d: %s", error->code, error->message);
  cr_assert_not_null(strstr(error->message, fragment), "%s", error->message);
}

guint count_descriptors(void) {
  guint count = 0;
  DIR *folder = opendir("/proc/self/fd");
  while (readdir(folder) != NULL)
    count++;
  closedir(folder);
  return count;
}

static int loopback_socket(guint port, struct sockaddr_in *address) {
  *address = (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((guint16)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

guint free_port(void) {
  struct sockaddr_in address;
  const int fd = loopback_socket(0, &address);
  socklen_t length = sizeof address;
  cr_assert_eq(bind(fd, (const struct sockaddr *)&address, length), 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
  close(fd);
  return ntohs(address.sin_port);
}

static bool is_listening(gpointer data) {
  struct sockaddr_in address;
  const int fd = loopback_socket(*(const guint *)data, &address);
  const bool is_connected = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
  close(fd);
  return is_connected;
}

static void make_folders(Fixture *fixture) {
  *fixture = (Fixture){.folder = g_strdup("/tmp/slipway-test-XXXXXX")};
  cr_assert_not_null(g_mkdtemp(fixture->folder));
  fixture->home = fixture_path(fixture, "home");
  fixture->bin = fixture_path(fixture, "bin");
  fixture->key = fixture_path(fixture, "id_ed25519");
  fixture->known_hosts = fixture_path(fixture, "known_hosts");
  cr_assert_eq(g_mkdir(fixture->home, 0700), 0);
  cr_assert_eq(g_mkdir(fixture->bin, 0755), 0);
}

static void make_key(const char *path, const char *type) {
  g_free(run((const char *[]){"ssh-keygen", "-q", "-t", type, "-N", "", "-C", "test", "-f", path, NULL}));
}

char *known_hosts_line(const Fixture *fixture, const char *name, const char *public_key) {
  g_autofree char *path = fixture_path(fixture, public_key);
  g_autofree char *text = NULL;
  cr_assert(g_file_get_contents(path, &text, NULL, NULL));
  return g_strdup_printf("%s %s", name, text);
}

static void write_configuration(const Fixture *fixture, const char *extra) {
  const char *at = fixture->folder;
  g_autofree char *text = g_strdup_printf(
      "%s\nPort %u\nListenAddress 127.0.0.1\nListenAddress ::1\nHostKey %s/host_ed25519\nHostKey "
      "%s/host_ecdsa\n"
      "AuthorizedKeysFile %s/id_ed25519.pub\nPidFile none\nUsePAM no\nStrictModes no\nMaxStartups 200\n"
      "KexAlgorithms curve25519-sha256\nMaxSessions 10\nPermitRootLogin "
      "prohibit-password\nPasswordAuthentication no\n"
      "SetEnv HOME=%s PATH=%s:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin\n",
      extra == NULL ? "" : extra, fixture->port, at, at, at, fixture->home, fixture->bin);
  write_text(fixture->folder, "sshd_config", text, 0600);
}

/* A test that crashes leaves nothing running. */
static void end_with_parent(gpointer data) {
  (void)data;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
}

pid_t start_process(const char *const *argv) {
  GPid process = 0;
  g_autoptr(GError) error = NULL;
  const GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                            G_SPAWN_STDERR_TO_DEV_NULL;
  cr_assert(g_spawn_async(NULL, (char **)argv, NULL, flags, end_with_parent, NULL, &process, &error));
  return process;
}

void fixture_start(Fixture *fixture, const char *extra) {
  if (access(SSHD, X_OK) != 0)
    cr_skip_test(SSHD " is missing: install openssh-server");
  if (getuid() == 0)
    g_mkdir("/run/sshd", 0755); /* where privilege separation wants it; usually there */
  host_global_init();
  http_global_init();
  make_folders(fixture);
  fixture->port = free_port();
  make_key(fixture->key, "ed25519");
  fixture->keys = g_ptr_array_new();
  g_ptr_array_add(fixture->keys, fixture->key);
  g_autofree char *host_key = fixture_path(fixture, "host_ed25519");
  make_key(host_key, "ed25519");
  g_autofree char *other_host_key = fixture_path(fixture, "host_ecdsa");
  make_key(other_host_key, "ecdsa");
  write_configuration(fixture, extra);
  g_autofree char *name = g_strdup_printf("[127.0.0.1]:%u", fixture->port);
  g_autofree char *line = known_hosts_line(fixture, name, "host_ed25519.pub");
  write_text(fixture->folder, "known_hosts", line, 0600);
  g_autofree char *configuration = fixture_path(fixture, "sshd_config");
  g_autofree char *log = fixture_path(fixture, "sshd.log");
  const char *argv[] = {SSHD, "-D", "-f", configuration, "-E", log, NULL};
  fixture->sshd = start_process(argv);
  cr_assert(wait_until(is_listening, &fixture->port), "sshd does not listen");
}

void fixture_start_beside(Fixture *fixture, const Fixture *first, const char *extra) {
  g_autofree char *more =
      g_strdup_printf("AuthorizedKeysFile %s.pub\n%s", first->key, extra == NULL ? "" : extra);
  fixture_start(fixture, more);
  g_autofree char *name = g_strdup_printf("[127.0.0.1]:%u", fixture->port);
  g_autofree char *line = known_hosts_line(fixture, name, "host_ed25519.pub");
  g_autofree char *known = NULL;
  cr_assert(g_file_get_contents(first->known_hosts, &known, NULL, NULL));
  g_autofree char *all = g_strconcat(known, line, NULL);
  write_text(first->folder, "known_hosts", all, 0600);
}

void signal_connections(const Fixture *fixture, const char *signal) {
  g_autofree char *script = g_strdup_printf(
      "for p in $(pgrep -P %d); do kill -%s $p $(pgrep -P $p sshd); done", fixture->sshd, signal);
  g_free(run((const char *[]){"sh", "-c", script, NULL}));
}

guint count_logins(const Fixture *fixture) {
  g_autofree char *path = fixture_path(fixture, "sshd.log");
  g_autofree char *text = NULL;
  cr_assert(g_file_get_contents(path, &text, NULL, NULL));
  guint count = 0;
  for (const char *line = text; (line = strstr(line, "Accepted publickey")) != NULL; line++)
    count++;
  return count;
}

void fixture_start_local(Fixture *fixture) {
  host_global_init();
  http_global_init();
  make_folders(fixture);
  g_setenv("HOME", fixture->home, TRUE);
  g_unsetenv("DOCKER_HOST");
}

void end_process(pid_t *process) {
  if (*process <= 0)
    return;
  kill(*process, SIGCONT);
  kill(*process, SIGTERM);
  while (waitpid(*process, NULL, 0) < 0 && errno == EINTR)
    continue;
  *process = 0;
}

/* What sshd started may still be on its way out, and write a last line. */
static bool is_removed(gpointer folder) {
  int status = 1;
  const char *argv[] = {"rm", "-rf", "--", folder, NULL};
  return g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                      NULL, NULL, &status, NULL) &&
         status == 0;
}

void fixture_stop(Fixture *fixture) {
  end_process(&fixture->sshd);
  cr_assert(wait_until(is_removed, fixture->folder));
  g_free(fixture->folder);
  g_free(fixture->home);
  g_free(fixture->bin);
  g_free(fixture->key);
  g_clear_pointer(&fixture->keys, g_ptr_array_unref);
  g_free(fixture->known_hosts);
}

HostConfig fixture_config(const Fixture *fixture) {
  static char name[] = "host";
  static char address[] = "127.0.0.1";
  return (HostConfig){.name = name,
                      .address = address,
                      .ssh = {.port = fixture->port,
                              .keys = fixture->keys,
                              .known_hosts = fixture->known_hosts,
                              .connect_timeout_ms = 10000,
                              .keepalive_ms = 5000}};
}

Host *open_host(const HostConfig *config) {
  g_autoptr(Host) host = host_new(config);
  g_autoptr(HostFacts) facts = NULL;
  g_autoptr(GError) error = NULL;
  const HostPurpose purpose = {.place = "app--env"};
  cr_assert(host_open(host, &purpose, &facts, &error), "%s", error == NULL ? "" : error->message);
  return g_steal_pointer(&host);
}

GError *open_error(const HostConfig *config, const HostPurpose *purpose) {
  g_autoptr(Host) host = host_new(config);
  g_autoptr(HostFacts) facts = NULL;
  GError *error = NULL;
  const HostPurpose none = {.place = "app--env"};
  cr_assert_not(host_open(host, purpose == NULL ? &none : purpose, &facts, &error));
  cr_assert_not_null(error);
  return error;
}

/* A docker client that leads to the socket it is told, and counts how often it was asked. */
const char fake_docker[] =
    "#!/usr/bin/python3\n"
    "import os, select, socket, sys\n"
    "open(os.environ['HOME'] + '/asked', 'a').write(' '.join(sys.argv[1:]) + chr(10))\n"
    "peer = socket.socket(socket.AF_UNIX)\n"
    "peer.connect(sys.argv[2][len('unix://'):])\n"
    "while True:\n"
    "    ready, _, _ = select.select([0, peer], [], [])\n"
    "    data = os.read(0, 65536) if 0 in ready else peer.recv(65536)\n"
    "    if not data:\n"
    "        break\n"
    "    peer.sendall(data) if 0 in ready else os.write(1, data)\n";

bool is_lock_free(gpointer path) {
  g_autofree char *out = NULL;
  int status = 1;
  const char *argv[] = {"flock", "-n", path, "true", NULL};
  cr_assert(
      g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, &status, NULL));
  return status == 0;
}

/* It says so when it has it. */
pid_t start_locker(const HostConfig *config) {
  int pipes[2];
  cr_assert_eq(pipe(pipes), 0);
  const pid_t process = fork();
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    g_autoptr(Host) host = host_new(config);
    g_autoptr(HostFacts) facts = NULL;
    const HostPurpose purpose = {.place = "app--env", .holder = "locker"};
    if (host_open(host, &purpose, &facts, NULL) && write(pipes[1], "x", 1) == 1)
      pause();
    _exit(1);
  }
  close(pipes[1]);
  char byte;
  cr_assert_eq(read(pipes[0], &byte, 1), 1);
  close(pipes[0]);
  return process;
}

/* --- a small HTTP server
 * --------------------------------------------------------------------------------------- */

/* One connection, request after request; no bodies. */
static void answer_requests(int fd) {
  char text[8192];
  gsize length = 0;
  for (;;) {
    const ssize_t count = read(fd, text + length, sizeof text - 1 - length);
    if (count <= 0)
      break;
    length += (gsize)count;
    text[length] = '\0';
    if (strstr(text, "\r\n\r\n") == NULL)
      continue;
    char *path = strchr(text, ' ') + 1;
    path[strcspn(path, " ")] = '\0';
    g_autofree char *answer =
        g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(path), path);
    if (write(fd, answer, strlen(answer)) < 0)
      break;
    length = 0;
  }
  close(fd);
}

static void serve(int listening) {
  for (;;) {
    const int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
      _exit(1);
    if (fork() == 0) {
      answer_requests(fd);
      _exit(0);
    }
    close(fd);
    while (waitpid(-1, NULL, WNOHANG) > 0)
      continue;
  }
}

pid_t serve_http(const char *socket_path, guint tcp_port) {
  struct sockaddr_in address;
  struct sockaddr_un local = {.sun_family = AF_UNIX};
  int fd = -1;
  if (socket_path != NULL) {
    g_strlcpy(local.sun_path, socket_path, sizeof local.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&local, sizeof local), 0);
  } else {
    fd = loopback_socket(tcp_port, &address);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
  }
  cr_assert_eq(listen(fd, 16), 0);
  const pid_t process = fork();
  if (process == 0) {
    end_with_parent(NULL);
    serve(fd);
  }
  close(fd);
  return process;
}
