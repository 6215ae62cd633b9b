/* The openssh row against a real sshd: what every row must do, and what is its own. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libssh2.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fixture.h"
#include "support/errors.h"

static Fixture fixture;
static HostConfig config;
static pid_t server;
static char *temporary; /* where the row makes its folders */

static void begin(const char *extra) {
  fixture_start(&fixture, extra);
  config = fixture_config(&fixture);
  config.ssh.client = SSH_CLIENT_OPENSSH;
  temporary = fixture_path(&fixture, "tmp");
  g_mkdir(temporary, 0700);
  g_setenv("TMPDIR", temporary, TRUE);
}

static void start(void) {
  begin(NULL);
}

static void stop(void) {
  end_process(&server);
  fixture_stop(&fixture);
  g_free(temporary);
}

TestSuite(openssh, .init = start, .fini = stop, .timeout = 60);
TestSuite(openssh_configured, .fini = stop, .timeout = 60); /* starts an sshd of its own kind */

static void serve_engine(void) {
  static char *socket = NULL;
  g_free(socket);
  socket = fixture_path(&fixture, "engine.sock");
  config.engine = socket;
  server = serve_http(socket, 0);
}

static void expect_answer(Host *host, const char *path) {
  g_autofree char *url = g_strconcat("http://engine", path, NULL);
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert(host->ops->request(host, &(HttpRequest){.url = url}, &reply, &error), "%s",
            error == NULL ? "" : error->message);
  cr_assert_str_eq(reply.body->str, path);
}

static guint count_entries(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  guint count = 0;
  while (g_dir_read_name(dir) != NULL)
    count++;
  return count;
}

static void expect_refusal(const char *fragment) {
  g_autoptr(GError) error = open_error(&config, NULL);
  expect_error(error, SLIPWAY_ERROR_UNREADY, fragment);
}

/* --- as every row does
 * ---------------------------------------------------------------------------------------- */

Test(openssh, runs_scripts_as_every_row_does) {
  g_autoptr(Host) host = open_host(&config);
  expect_shell_works(host);
}

Test(openssh, gives_up_a_script_that_takes_too_long) {
  g_autoptr(Host) host = open_host(&config);
  expect_timeout_works(host);
}

Test(openssh, writes_files_whole) {
  g_autoptr(Host) host = open_host(&config);
  expect_write_works(host, fixture.home);
}

Test(openssh, tells_facts_and_holds_the_lock) {
  expect_facts_and_lock_work(&config, fixture.home);
}

Test(openssh, leaves_no_descriptor_and_no_file_behind) {
  serve_engine();
  host_free(open_host(&config)); /* what libraries keep once is not counted */
  const guint before = count_descriptors();
  for (guint i = 0; i < 3; i++) {
    g_autoptr(Host) host = open_host(&config);
    expect_answer(host, "/x");
  }
  cr_assert_eq(count_descriptors(), before);
  cr_assert_eq(count_entries(temporary), 0);
}

Test(openssh, speaks_http_to_the_engines_socket) {
  serve_engine();
  g_autoptr(Host) host = open_host(&config);
  for (guint i = 0; i < 20; i++) {
    g_autofree char *path = g_strdup_printf("/v1.41/%u", i);
    expect_answer(host, path);
  }
  HttpStream *streams[4];
  for (guint i = 0; i < G_N_ELEMENTS(streams); i++)
    cr_assert(host->ops->stream(host, &(HttpRequest){.url = "http://engine/line"}, &streams[i], NULL));
  expect_shell_works(host);
  for (guint i = 0; i < G_N_ELEMENTS(streams); i++) {
    HttpStreamState state;
    g_autofree char *line = NULL;
    cr_assert(http_stream_next(streams[i], 5000, &state, &line, NULL));
    cr_assert_str_eq(line, "/line");
    http_stream_free(streams[i]);
  }
}

Test(openssh, dials_the_engines_socket) {
  static const char request[] = "GET /dialled HTTP/1.1\r\n\r\n";
  serve_engine();
  g_autoptr(Host) host = open_host(&config);
  int fd = -1;
  char answer[200] = "";
  cr_assert(host->ops->dial(host, &fd, NULL));
  cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
  cr_assert_gt(read(fd, answer, sizeof answer - 1), 0);
  cr_assert_not_null(strstr(answer, "200 OK"));
  close(fd);
}

Test(openssh, says_that_no_engine_listens) {
  g_autofree char *socket = fixture_path(&fixture, "absent.sock");
  write_text(fixture.bin, "docker", "#!/bin/sh\necho Cannot connect to the daemon >&2\nexit 1\n", 0755);
  config.engine = socket;
  g_autoptr(Host) host = open_host(&config);
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert_not(host->ops->request(host, &(HttpRequest){.url = "http://engine/x"}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "Cannot connect to the daemon");
  expect_shell_works(host);
}

Test(openssh_configured, goes_through_dockers_client_where_forwarding_is_off) {
  begin("AllowStreamLocalForwarding no");
  write_text(fixture.bin, "docker", fake_docker, 0755);
  serve_engine();
  g_autoptr(Host) host = open_host(&config);
  for (guint i = 0; i < 3; i++)
    expect_answer(host, "/path");
  g_autofree char *asked = g_build_filename(fixture.home, "asked", NULL);
  g_autofree char *text = NULL;
  cr_assert(g_file_get_contents(asked, &text, NULL, NULL));
  g_autofree char *expected = g_strdup_printf("-H unix://%s system dial-stdio\n", config.engine);
  cr_assert_str_eq(text, expected, "one connection, kept alive");
}

Test(openssh, fetches_from_the_hosts_point_of_view) {
  const guint port = free_port();
  server = serve_http(NULL, port);
  g_autoptr(Host) host = open_host(&config);
  g_autofree char *url = g_strdup_printf("http://localhost:%u/ping", port);
  for (guint i = 0; i < 2; i++) {
    g_auto(HttpReply) reply = {0};
    g_autoptr(GError) error = NULL;
    cr_assert(host->ops->fetch(host, &(HttpRequest){.url = url}, &reply, &error), "%s",
              error == NULL ? "" : error->message);
    cr_assert_str_eq(reply.body->str, "/ping");
  }
  g_autofree char *closed = g_strdup_printf("http://localhost:%u/ping", free_port());
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert_not(host->ops->fetch(host, &(HttpRequest){.url = closed}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "Connection refused");
}

/* --- ends
 * ----------------------------------------------------------------------------------------------------- */

static gpointer abort_soon(gpointer host) {
  poll(NULL, 0, 200);
  ((Host *)host)->ops->abort(host);
  return NULL;
}

Test(openssh, aborts_what_is_going_on) {
  g_autoptr(Host) host = open_host(&config);
  GThread *thread = g_thread_new("abort", abort_soon, host);
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  const gint64 start_time = g_get_monotonic_time();
  cr_assert_not(host_shell(host, &(HostScript){.text = "sleep 30"}, &reply, &error));
  cr_assert_lt(g_get_monotonic_time() - start_time, 5 * G_USEC_PER_SEC);
  g_thread_join(thread);
  cr_assert_not(host_shell(host, &(HostScript){.text = "true"}, &reply, NULL));
}

Test(openssh, aborts_while_it_connects) {
  kill(fixture.sshd, SIGSTOP); /* the kernel accepts, nobody answers */
  g_autoptr(Host) host = host_new(&config);
  GThread *thread = g_thread_new("abort", abort_soon, host);
  g_autoptr(HostFacts) facts = NULL;
  const gint64 start_time = g_get_monotonic_time();
  cr_assert_not(host_open(host, &(HostPurpose){.place = "app--env"}, &facts, NULL));
  cr_assert_lt(g_get_monotonic_time() - start_time, 5 * G_USEC_PER_SEC);
  g_thread_join(thread);
}

Test(openssh, gives_up_a_server_that_does_not_answer) {
  kill(fixture.sshd, SIGSTOP);
  config.ssh.connect_timeout_ms = 1000;
  expect_refusal("timed out");
}

Test(openssh, fails_when_the_connection_is_cut) {
  g_autoptr(Host) host = open_host(&config);
  signal_connections(&fixture, "KILL");
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert_not(host_shell(host, &(HostScript){.text = "true"}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "the shell on the host ended");
  g_auto(HttpReply) answer = {0};
  cr_assert_not(host->ops->request(host, &(HttpRequest){.url = "http://engine/x"}, &answer, NULL));
}

Test(openssh, gives_up_a_host_that_stopped_answering) {
  config.ssh.keepalive_ms = 1000;
  g_autoptr(Host) host = open_host(&config);
  signal_connections(&fixture, "STOP");
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  const bool has_answered = host_shell(host, &(HostScript){.text = "true"}, &reply, &error);
  signal_connections(&fixture, "CONT");
  cr_assert_not(has_answered);
  expect_error(error, SLIPWAY_ERROR_UNREADY, "not responding");
}

Test(openssh, frees_the_lock_of_a_killed_controller) {
  pid_t locker = start_locker(&config);
  g_autofree char *lock = g_build_filename(fixture.home, ".slipway/app--env/lock", NULL);
  cr_assert_not(is_lock_free(lock));
  kill(locker, SIGKILL);
  end_process(&locker);
  cr_assert(wait_until(is_lock_free, lock));
}

Test(openssh, keeps_the_lock_while_idle_for_longer_than_the_limit) {
  pid_t locker = start_locker(&config);
  g_autofree char *lock = g_build_filename(fixture.home, ".slipway/app--env/lock", NULL);
  const bool is_free =
      wait_until(is_lock_free, lock) || wait_until(is_lock_free, lock); /* 20 s, twice the limit */
  kill(locker, SIGKILL);
  end_process(&locker);
  cr_assert_not(is_free);
}

/* --- whom it trusts, how it gets there
 * ------------------------------------------------------------------------ */

Test(openssh, repeats_the_last_words_of_ssh) {
  g_autofree char *name = g_strdup_printf("[127.0.0.1]:%u", fixture.port);
  g_autofree char *changed = known_hosts_line(&fixture, name, "id_ed25519.pub");
  write_text(fixture.folder, "known_hosts", changed, 0600);
  config.ssh.host_keys = HOST_KEYS_ACCEPT_NEW;
  expect_refusal("Host key verification failed");
  write_text(fixture.folder, "known_hosts", "", 0600);
  config.ssh.host_keys = HOST_KEYS_STRICT;
  expect_refusal("No ED25519 host key is known");
  config.ssh.host_keys = HOST_KEYS_ACCEPT_NEW;
  host_free(open_host(&config));
  static char absent[] = "/nonexistent/key";
  g_ptr_array_set_size(config.ssh.keys, 0);
  g_ptr_array_add(config.ssh.keys, absent);
  expect_refusal("no such identity: /nonexistent/key");
  expect_refusal("Permission denied (publickey");
  config.ssh.port = free_port();
  expect_refusal("Connection refused");
}

Test(openssh, knows_a_machine_by_its_id) {
  static char id[] = "i-0abc";
  g_autofree char *line = known_hosts_line(&fixture, id, "host_ed25519.pub");
  write_text(fixture.folder, "known_hosts", line, 0600);
  config.id = id;
  host_free(open_host(&config));
}

static gpointer use_host(gpointer data) {
  host_free(open_host(data));
  return NULL;
}

/* With the keys and known hosts of slipway.yml on the way, too, and few at the bastion's door at once. */
Test(openssh, goes_through_bastions) {
  Fixture bastion;
  fixture_start_beside(&bastion, &fixture, "MaxStartups 8:100:8");
  g_autofree char *jump = g_strdup_printf("127.0.0.1:%u", bastion.port);
  config.ssh.proxy_jump = jump;
  GThread *threads[10];
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    threads[i] = g_thread_new("host", use_host, &config);
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    g_thread_join(threads[i]);
  cr_assert_eq(count_logins(&bastion), G_N_ELEMENTS(threads));
  Fixture second;
  fixture_start_beside(&second, &fixture, NULL);
  g_autofree char *hops = g_strdup_printf("%s,127.0.0.1:%u", jump, second.port);
  config.ssh.proxy_jump = hops;
  host_free(open_host(&config));
  cr_assert_eq(count_logins(&second), 1);
  fixture_stop(&second);
  end_process(&bastion.sshd);
  expect_refusal("Connection refused");
  fixture_stop(&bastion);
}

Test(openssh, takes_a_proxy_command) {
  static char command[] = "sh -c 'echo no such instance >&2; exit 3'";
  config.ssh.proxy_command = command;
  expect_refusal("no such instance");
}

/* --- chosen by itself
 * ----------------------------------------------------------------------------------------- */

/* The only key that the server knows, and slipway.yml. */
static char *use_key(const char *type) {
  char *key = fixture_path(&fixture, type);
  g_autofree char *public = g_strconcat(key, ".pub", NULL);
  g_autofree char *text = NULL;
  const char *bits = strcmp(type, "rsa") == 0 ? "2048" : "256"; /* more take seconds to find */
  g_free(run((const char *[]){"ssh-keygen", "-q", "-t", type, "-b", bits, "-N", "", "-f", key, NULL}));
  cr_assert(g_file_get_contents(public, &text, NULL, NULL));
  write_text(fixture.folder, "id_ed25519.pub", text, 0644); /* what sshd reads */
  g_ptr_array_set_size(config.ssh.keys, 0);
  g_ptr_array_add(config.ssh.keys, key);
  return key;
}

Test(openssh, is_chosen_for_an_rsa_key_that_libssh2_cannot_use) {
  g_autofree char *key G_GNUC_UNUSED = use_key("rsa");
  serve_engine();
  config.ssh.client = SSH_CLIENT_AUTO;
  g_autoptr(Host) host = open_host(&config);
  expect_shell_works(host);
  expect_answer(host, "/x");
  const bool is_old = libssh2_version(0x010b00) == NULL;
  cr_assert_eq(host->note != NULL, is_old);
  cr_assert_eq(count_entries(temporary), is_old ? 1 : 0);
  if (is_old)
    cr_assert_not_null(strstr(host->note, "(ssh-rsa) is beyond libssh2"));
  g_autoptr(Host) second = open_host(&config);
  cr_assert_null(second->note, "it is said once");
}

Test(openssh, is_chosen_where_libssh2_has_tried_in_vain) {
  g_autofree char *other = fixture_path(&fixture, "other");
  g_free(run((const char *[]){"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other, NULL}));
  g_autofree char *key G_GNUC_UNUSED = use_key("rsa");
  g_ptr_array_insert(config.ssh.keys, 0, other);
  config.ssh.client = SSH_CLIENT_AUTO;
  host_free(open_host(&config));
}

Test(openssh, is_chosen_for_a_bastion_that_wants_such_a_key) {
  g_autofree char *key G_GNUC_UNUSED = use_key("rsa");
  Fixture bastion;
  fixture_start_beside(&bastion, &fixture, NULL);
  g_autofree char *jump = g_strdup_printf("127.0.0.1:%u", bastion.port);
  g_ptr_array_insert(config.ssh.keys, 0, fixture.key); /* which neither knows */
  config.ssh.proxy_jump = jump;
  config.ssh.client = SSH_CLIENT_AUTO;
  host_free(open_host(&config));
  fixture_stop(&bastion);
}

Test(openssh, is_not_chosen_where_it_is_not_wanted) {
  g_autofree char *key G_GNUC_UNUSED = use_key("rsa");
  config.ssh.client = SSH_CLIENT_LIBSSH2;
  if (libssh2_version(0x010b00) == NULL)
    expect_refusal("use an ed25519 or ECDSA key");
  else
    host_free(open_host(&config));
}

Test(openssh, is_not_chosen_without_need) {
  config.ssh.client = SSH_CLIENT_AUTO;
  g_autoptr(Host) host = open_host(&config);
  cr_assert_null(host->note);
  cr_assert_eq(count_entries(temporary), 0);
}
