/* The ssh row against a real sshd: what works once connected, and how it ends. */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "support/errors.h"

static Fixture fixture;
static HostConfig config;
static pid_t server;

static void start(void) {
  fixture_start(&fixture, NULL);
  config = fixture_config(&fixture);
}

static void stop(void) {
  end_process(&server);
  fixture_stop(&fixture);
}

TestSuite(ssh, .init = start, .fini = stop, .timeout = 60);
TestSuite(ssh_configured, .fini = stop, .timeout = 60); /* starts an sshd of its own kind */

Test(ssh, runs_scripts_as_every_row_does) {
  g_autoptr(Host) host = open_host(&config);
  expect_shell_works(host);
}

Test(ssh, gives_up_a_script_that_takes_too_long) {
  g_autoptr(Host) host = open_host(&config);
  expect_timeout_works(host);
}

Test(ssh, writes_files_whole) {
  g_autoptr(Host) host = open_host(&config);
  expect_write_works(host, fixture.home);
}

Test(ssh, tells_facts_and_holds_the_lock) {
  expect_facts_and_lock_work(&config, fixture.home);
}

Test(ssh, connects_by_ipv6) {
  static char address[] = "::1";
  g_autofree char *name = g_strdup_printf("[::1]:%u", fixture.port);
  g_autofree char *line = known_hosts_line(&fixture, name, "host_ed25519.pub");
  write_text(fixture.folder, "known_hosts", line, 0600);
  config.address = address;
  host_free(open_host(&config));
}

Test(ssh, leaves_no_descriptor_behind) {
  host_free(open_host(&config)); /* what libraries keep once is not counted */
  const guint before = count_descriptors();
  g_autofree char *socket = fixture_path(&fixture, "engine.sock");
  config.engine = socket;
  server = serve_http(socket, 0);
  for (guint i = 0; i < 3; i++) {
    g_autoptr(Host) host = open_host(&config);
    g_auto(HttpReply) reply = {0};
    cr_assert(host->ops->request(host, &(HttpRequest){.url = "http://engine/x"}, &reply, NULL));
  }
  cr_assert_eq(count_descriptors(), before);
}

static bool is_temporary_folder_empty(gpointer folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  return g_dir_read_name(dir) == NULL;
}

Test(ssh, leaves_no_file_behind) {
  g_autofree char *temporary = fixture_path(&fixture, "tmp");
  g_mkdir(temporary, 0700);
  g_setenv("TMPDIR", temporary, TRUE);
  g_autofree char *socket = fixture_path(&fixture, "engine.sock");
  config.engine = socket;
  server = serve_http(socket, 0);
  g_autoptr(Host) host = open_host(&config);
  g_auto(HttpReply) reply = {0};
  cr_assert(host->ops->request(host, &(HttpRequest){.url = "http://engine/x"}, &reply, NULL));
  cr_assert(is_temporary_folder_empty(temporary));
}

Test(ssh_configured, survives_a_login_shell_that_prints_noise) {
  fixture_start(&fixture, "ForceCommand echo Welcome; echo warning >&2; eval \"$SSH_ORIGINAL_COMMAND\"");
  config = fixture_config(&fixture);
  g_autoptr(Host) host = open_host(&config);
  expect_shell_works(host);
}

Test(ssh_configured, says_what_a_host_without_a_shell_says) {
  fixture_start(&fixture, "ForceCommand echo This account is not available");
  config = fixture_config(&fixture);
  g_autoptr(GError) error = open_error(&config, NULL);
  expect_error(error, SLIPWAY_ERROR_UNREADY, "This account is not available");
}

/* The shell's channel is asked for first, and refused long before it is wanted. */
Test(ssh_configured, says_why_there_is_no_shell_whatever_the_engine_said_since) {
  fixture_start(&fixture, "MaxSessions 0");
  config = fixture_config(&fixture);
  g_autofree char *socket = fixture_path(&fixture, "engine.sock");
  config.engine = socket;
  server = serve_http(socket, 0);
  g_autoptr(Host) host = host_new(&config);
  g_autoptr(HostFacts) facts = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(host_connect(host, NULL) && host->is_reached);
  for (guint i = 0; i < 2; i++) { /* the first answer comes behind the refusal, which the second forgets */
    g_auto(HttpReply) reply = {0};
    cr_assert(host->ops->request(host, &(HttpRequest){.url = "http://engine/a"}, &reply, NULL));
  }
  cr_assert(!host_open(host, &(HostPurpose){.place = "app--env"}, &facts, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "Channel open failure");
}

/* --- the engine's socket and HTTP
 * ------------------------------------------------------------------------------ */

Test(ssh, speaks_http_to_the_engines_socket) {
  g_autofree char *socket = fixture_path(&fixture, "engine.sock");
  config.engine = socket;
  server = serve_http(socket, 0);
  g_autoptr(Host) host = open_host(&config);
  for (guint i = 0; i < 20; i++) {
    g_autofree char *path = g_strdup_printf("/v1.41/%u", i);
    g_autofree char *url = g_strconcat("http://engine", path, NULL);
    g_auto(HttpReply) reply = {0};
    g_autoptr(GError) error = NULL;
    cr_assert(host->ops->request(host, &(HttpRequest){.url = url}, &reply, &error), "%s",
              error == NULL ? "" : error->message);
    cr_assert_str_eq(reply.body->str, path);
  }
}

Test(ssh, streams_beside_requests_and_scripts) {
  g_autofree char *socket = fixture_path(&fixture, "engine.sock");
  config.engine = socket;
  server = serve_http(socket, 0);
  g_autoptr(Host) host = open_host(&config);
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

Test(ssh, says_that_no_engine_listens) {
  g_autofree char *socket = fixture_path(&fixture, "absent.sock");
  write_text(fixture.bin, "docker", "#!/bin/sh\necho Cannot connect to the daemon >&2\nexit 1\n", 0755);
  config.engine = socket;
  g_autoptr(Host) host = open_host(&config);
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert_not(host->ops->request(host, &(HttpRequest){.url = "http://engine/x"}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "absent.sock: Cannot connect to the daemon");
  expect_shell_works(host);
}

Test(ssh_configured, goes_through_dockers_client_where_forwarding_is_off) {
  fixture_start(&fixture, "AllowStreamLocalForwarding no");
  config = fixture_config(&fixture);
  write_text(fixture.bin, "docker", fake_docker, 0755);
  g_autofree char *socket = fixture_path(&fixture, "engine.sock");
  config.engine = socket;
  server = serve_http(socket, 0);
  g_autoptr(Host) host = open_host(&config);
  for (guint i = 0; i < 3; i++) {
    g_auto(HttpReply) reply = {0};
    g_autoptr(GError) error = NULL;
    cr_assert(host->ops->request(host, &(HttpRequest){.url = "http://engine/path"}, &reply, &error), "%s",
              error == NULL ? "" : error->message);
    cr_assert_str_eq(reply.body->str, "/path");
  }
  g_autofree char *asked = g_build_filename(fixture.home, "asked", NULL);
  g_autofree char *text = NULL;
  cr_assert(g_file_get_contents(asked, &text, NULL, NULL));
  g_autofree char *expected = g_strdup_printf("-H unix://%s system dial-stdio\n", socket);
  cr_assert_str_eq(text, expected, "one connection, kept alive");
}

Test(ssh, fetches_from_the_hosts_point_of_view) {
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
  end_process(&server);
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert_not(host->ops->fetch(host, &(HttpRequest){.url = url}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "localhost");
}

/* --- many, and the end
 * ----------------------------------------------------------------------------------------- */

static gpointer use_a_host(gpointer data) {
  (void)data;
  g_autoptr(Host) host = open_host(&config);
  for (guint i = 0; i < 5; i++) {
    g_auto(HostReply) reply = {0};
    const HostScript script = {.text = "echo $(($1 * 2))", .argv = (const char *[]){"21", NULL}};
    if (!host_run(host, &script, &reply, NULL) || strcmp(reply.out->str, "42\n") != 0)
      return GINT_TO_POINTER(1);
  }
  return NULL;
}

Test(ssh, serves_32_hosts_at_once) {
  GThread *threads[32];
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    threads[i] = g_thread_new("host", use_a_host, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    cr_assert_null(g_thread_join(threads[i]));
}

Test(ssh, frees_the_lock_of_a_killed_controller) {
  pid_t locker = start_locker(&config);
  g_autofree char *lock = g_build_filename(fixture.home, ".slipway/app--env/lock", NULL);
  cr_assert_not(is_lock_free(lock));
  kill(locker, SIGKILL);
  end_process(&locker);
  cr_assert(wait_until(is_lock_free, lock));
}

Test(ssh, frees_the_lock_of_a_controller_that_stopped_beating) {
  pid_t locker = start_locker(&config);
  g_autofree char *lock = g_build_filename(fixture.home, ".slipway/app--env/lock", NULL);
  const gint64 start_time = g_get_monotonic_time();
  kill(locker, SIGSTOP);
  const bool is_free = wait_until(is_lock_free, lock) || wait_until(is_lock_free, lock);
  const gint64 took = g_get_monotonic_time() - start_time;
  kill(locker, SIGKILL);
  end_process(&locker);
  cr_assert(is_free);
  cr_assert_gt(took, 6 * G_USEC_PER_SEC);
}

Test(ssh, keeps_the_lock_while_idle_for_longer_than_the_limit) {
  pid_t locker = start_locker(&config);
  g_autofree char *lock = g_build_filename(fixture.home, ".slipway/app--env/lock", NULL);
  const bool is_free =
      wait_until(is_lock_free, lock) || wait_until(is_lock_free, lock); /* 20 s, twice the limit */
  kill(locker, SIGKILL);
  end_process(&locker);
  cr_assert_not(is_free);
}

/* The newest child of `parent` that is an sshd; 0 for none. */
static pid_t newest_sshd(pid_t parent) {
  g_autofree char *id = g_strdup_printf("%d", parent);
  g_autofree char *found = NULL;
  const char *argv[] = {"pgrep", "-n", "-P", id, "sshd", NULL};
  cr_assert(
      g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &found, NULL, NULL, NULL));
  return (pid_t)g_ascii_strtoll(found, NULL, 10);
}

/* The process that serves this connection. The newest, because that of the fixture's question whether sshd
 * listens may still be on its way out; its own child where sshd 9.8 or newer keeps a monitor for root as
 * well. */
static pid_t find_session(void) {
  const pid_t session = newest_sshd(fixture.sshd);
  cr_assert_gt(session, 0);
  const pid_t child = newest_sshd(session);
  return child > 0 ? child : session;
}

Test(ssh, gives_up_a_host_that_stopped_answering) {
  config.ssh.keepalive_ms = 3000;
  g_autoptr(Host) host = open_host(&config);
  const pid_t session = find_session();
  kill(session, SIGSTOP);
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  const gint64 start_time = g_get_monotonic_time();
  const bool has_answered = host_shell(host, &(HostScript){.text = "true"}, &reply, &error);
  const gint64 took = g_get_monotonic_time() - start_time;
  kill(session, SIGCONT);
  cr_assert_not(has_answered);
  expect_error(error, SLIPWAY_ERROR_UNREADY, "has not answered for");
  cr_assert_lt(took, 15 * G_USEC_PER_SEC);
}

Test(ssh, fails_when_the_connection_is_cut) {
  g_autoptr(Host) host = open_host(&config);
  kill(find_session(), SIGKILL);
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert_not(host_shell(host, &(HostScript){.text = "true"}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "the SSH connection was");
  g_auto(HttpReply) answer = {0};
  cr_assert_not(host->ops->request(host, &(HttpRequest){.url = "http://engine/x"}, &answer, NULL));
}

static gpointer abort_soon(gpointer host) {
  poll(NULL, 0, 200);
  ((Host *)host)->ops->abort(host);
  return NULL;
}

Test(ssh, aborts_what_is_going_on) {
  g_autoptr(Host) host = open_host(&config);
  GThread *thread = g_thread_new("abort", abort_soon, host);
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  const gint64 start_time = g_get_monotonic_time();
  cr_assert_not(host_shell(host, &(HostScript){.text = "sleep 30"}, &reply, &error));
  cr_assert_lt(g_get_monotonic_time() - start_time, 5 * G_USEC_PER_SEC);
  g_thread_join(thread);
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
}

Test(ssh, aborts_while_it_connects) {
  kill(fixture.sshd, SIGSTOP); /* the kernel accepts, nobody answers */
  g_autoptr(Host) host = host_new(&config);
  GThread *thread = g_thread_new("abort", abort_soon, host);
  g_autoptr(HostFacts) facts = NULL;
  g_autoptr(GError) error = NULL;
  const gint64 start_time = g_get_monotonic_time();
  cr_assert_not(host_open(host, &(HostPurpose){.place = "app--env"}, &facts, &error));
  cr_assert_lt(g_get_monotonic_time() - start_time, 5 * G_USEC_PER_SEC);
  g_thread_join(thread);
}
