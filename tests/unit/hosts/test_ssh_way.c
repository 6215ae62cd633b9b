/* Hosts that are not reached directly: through bastions, by proxy commands. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "environments/hosts/ssh_gate.h"
#include "environments/hosts/ssh_proxy.h"
#include "fixture.h"
#include "support/errors.h"
#include "support/interrupt.h"

enum { MANY = 50 };

static Fixture fixture, bastion;
static HostConfig config;
static char *jump;

static void start(void) {
  fixture_start(&fixture, NULL);
  config = fixture_config(&fixture);
  /* Turns away whoever comes while three others are not authenticated yet. */
  fixture_start_beside(&bastion, &fixture, "MaxStartups 3:100:3");
  jump = g_strdup_printf("127.0.0.1:%u", bastion.port);
  config.ssh.proxy_jump = jump;
}

static void stop(void) {
  fixture_stop(&bastion);
  fixture_stop(&fixture);
  g_free(jump);
}

TestSuite(ssh_way, .init = start, .fini = stop, .timeout = 60);

static void expect_refusal(const char *fragment) {
  g_autoptr(GError) error = open_error(&config, NULL);
  expect_error(error, SLIPWAY_ERROR_UNREADY, fragment);
}

static gpointer use_host(gpointer data) {
  g_autoptr(Host) host = open_host(data);
  g_auto(HostReply) reply = {0};
  cr_assert(host_run(host, &(HostScript){.text = "echo here"}, &reply, NULL));
  return NULL;
}

static void use_many_at_once(guint count) {
  GThread *threads[MANY];
  for (guint i = 0; i < count; i++)
    threads[i] = g_thread_new("host", use_host, &config);
  for (guint i = 0; i < count; i++)
    g_thread_join(threads[i]);
}

/* --- bastions
 * ------------------------------------------------------------------------------------------------- */

Test(ssh_way, leads_through_a_bastion_as_if_there_were_none) {
  g_autofree char *socket = fixture_path(&fixture, "engine.sock");
  config.engine = socket;
  pid_t server = serve_http(socket, 0);
  g_autoptr(Host) host = open_host(&config);
  g_auto(HttpReply) reply = {0};
  cr_assert(host->ops->request(host, &(HttpRequest){.url = "http://engine/x"}, &reply, NULL));
  expect_shell_works(host);
  expect_write_works(host, fixture.home);
  end_process(&server);
}

Test(ssh_way, makes_one_connection_to_a_bastion_for_fifty_hosts) {
  g_autoptr(Host) first G_GNUC_UNUSED = open_host(&config); /* keeps the connection */
  use_many_at_once(MANY);
  cr_assert_eq(count_logins(&bastion), 1);
  cr_assert_eq(count_logins(&fixture), MANY + 1);
}

Test(ssh_way, leads_through_several_hops) {
  Fixture second;
  fixture_start_beside(&second, &fixture, NULL);
  g_autofree char *hops = g_strdup_printf("%s,%s@127.0.0.1:%u", jump, g_get_user_name(), second.port);
  config.ssh.proxy_jump = hops;
  use_host(&config);
  cr_assert_eq(count_logins(&bastion), 1);
  cr_assert_eq(count_logins(&second), 1);
  fixture_stop(&second);
}

Test(ssh_way, ends_the_connection_to_a_bastion_with_its_last_host) {
  use_host(&config);
  const guint before = count_descriptors();
  use_host(&config);
  cr_assert_eq(count_descriptors(), before);
  cr_assert_eq(count_logins(&bastion), 2);
}

Test(ssh_way, names_the_bastion_that_does_not_answer) {
  end_process(&bastion.sshd);
  g_autofree char *expected =
      g_strdup_printf("bastion %s@[127.0.0.1]:%u: cannot connect to 127.0.0.1 port %u: "
                      "Connection refused",
                      g_get_user_name(), bastion.port, bastion.port);
  expect_refusal(expected);
}

Test(ssh_way, judges_a_bastions_key_as_any_hosts) {
  g_autofree char *name = g_strdup_printf("[127.0.0.1]:%u", fixture.port);
  g_autofree char *line = known_hosts_line(&fixture, name, "host_ed25519.pub");
  write_text(fixture.folder, "known_hosts", line, 0600);
  g_autofree char *expected =
      g_strdup_printf("bastion %s@[127.0.0.1]:%u: host key of 127.0.0.1 port %u is unknown",
                      g_get_user_name(), bastion.port, bastion.port);
  expect_refusal(expected);
}

Test(ssh_way, says_that_the_bastion_cannot_reach_the_host) {
  config.ssh.port = free_port();
  g_autofree char *expected =
      g_strdup_printf("cannot connect to 127.0.0.1 port %u through %s@[127.0.0.1]:%u: bastion",
                      config.ssh.port, g_get_user_name(), bastion.port);
  expect_refusal(expected);
  expect_refusal("onnect failed"); /* the bastion's sshd's words */
}

Test(ssh_way, fails_hosts_behind_a_bastion_that_dies) {
  g_autoptr(Host) host = open_host(&config);
  signal_connections(&bastion, "KILL");
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert_not(host_shell(host, &(HostScript){.text = "sleep 20"}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "bastion ");
  expect_error(error, SLIPWAY_ERROR_UNREADY, "the SSH connection was");
  use_host(&config); /* another is made for who comes now */
}

Test(ssh_way, gives_up_a_bastion_that_stopped_answering) {
  config.ssh.keepalive_ms = 3000;
  g_autoptr(Host) host = open_host(&config);
  signal_connections(&bastion, "STOP");
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  const bool has_answered =
      host_shell(host, &(HostScript){.text = "true", .timeout_ms = 30000}, &reply, &error);
  signal_connections(&bastion, "CONT");
  cr_assert_not(has_answered);
  expect_error(error, SLIPWAY_ERROR_UNREADY, "has not answered for");
}

/* A port where connections hang: its queue is full. */
static guint clog_port(int clogging[3]) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  clogging[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(clogging[0], (struct sockaddr *)&address, length), 0);
  cr_assert_eq(listen(clogging[0], 0), 0);
  cr_assert_eq(getsockname(clogging[0], (struct sockaddr *)&address, &length), 0);
  for (guint i = 1; i < 3; i++) {
    clogging[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)!connect(clogging[i], (struct sockaddr *)&address, length);
  }
  return ntohs(address.sin_port);
}

static gpointer fail_to_open(gpointer data) {
  return open_error(data, NULL);
}

Test(ssh_way, lets_no_host_wait_for_one_that_does_not_answer) {
  int clogging[3];
  HostConfig dead = config;
  dead.ssh.port = clog_port(clogging);
  dead.ssh.connect_timeout_ms = 6000;
  config.ssh.connect_timeout_ms = 6000;
  GThread *thread = g_thread_new("dead", fail_to_open, &dead);
  use_many_at_once(8);
  g_autoptr(GError) error = g_thread_join(thread);
  expect_error(error, SLIPWAY_ERROR_UNREADY, "no answer in time");
  for (guint i = 0; i < 3; i++)
    close(clogging[i]);
}

static gpointer abort_soon(gpointer host) {
  poll(NULL, 0, 200);
  ((Host *)host)->ops->abort(host);
  return NULL;
}

Test(ssh_way, aborts_while_the_bastion_is_not_there_yet) {
  kill(bastion.sshd, SIGSTOP); /* the kernel accepts, nobody answers */
  g_autoptr(Host) host = host_new(&config);
  GThread *thread = g_thread_new("abort", abort_soon, host);
  g_autoptr(HostFacts) facts = NULL;
  g_autoptr(GError) error = NULL;
  const gint64 start_time = g_get_monotonic_time();
  cr_assert_not(host_open(host, &(HostPurpose){.place = "app--env"}, &facts, &error));
  cr_assert_lt(g_get_monotonic_time() - start_time, 5 * G_USEC_PER_SEC);
  g_thread_join(thread);
}

/* --- the ssh program, where docker's client leads to the engine
 * ------------------------------------------------------------------------------------------------------ */

static bool has_no_dead_child(gpointer unused) {
  g_autofree char *id = g_strdup_printf("%d", getpid());
  g_autofree char *states = run((const char *[]){"ps", "-o", "stat=", "--ppid", id, NULL});
  (void)unused;
  return strchr(states, 'Z') == NULL;
}

Test(ssh_way, puts_away_helpers_of_the_ssh_program_that_have_ended) {
  g_autofree char *absent = fixture_path(&fixture, "absent.sock");
  write_text(fixture.bin, "docker", "#!/bin/sh\nexit 1\n", 0755);
  config.engine = absent;
  config.ssh.client = SSH_CLIENT_OPENSSH;
  g_autoptr(Host) host = open_host(&config);
  g_auto(HttpReply) reply = {0};
  cr_assert_not(host->ops->request(host, &(HttpRequest){.url = "http://engine/x"}, &reply, NULL));
  cr_assert(wait_until(has_no_dead_child, NULL));
}

/* --- proxy commands
 * ------------------------------------------------------------------------------------------- */

/* The fixture's own ssh client, that leads through the bastion. */
static char *through_bastion(void) {
  return g_strdup_printf(
      "ssh -F none -i %s -o UserKnownHostsFile=%s -o BatchMode=yes -p %u -W %%h:%%p 127.0.0.1", fixture.key,
      fixture.known_hosts, bastion.port);
}

Test(ssh_way, takes_a_proxy_commands_stdin_and_stdout_for_the_connection) {
  g_autofree char *command = through_bastion();
  config.ssh.proxy_jump = NULL;
  config.ssh.proxy_command = command;
  use_host(&config);
  cr_assert_eq(count_logins(&bastion), 1);
}

static bool is_always(gpointer count) {
  return ++*(guint *)count > 1; /* not at the first look */
}

static gpointer interrupt_soon(gpointer unused) {
  poll(NULL, 0, 200);
  kill(getpid(), SIGTERM);
  return unused;
}

Test(ssh_gate, lets_eight_in_and_the_ninth_when_one_leaves) {
  SshGate *gates[9] = {NULL}, *other = NULL;
  guint looks = 0;
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < 8; i++, looks = 0)
    cr_assert(ssh_gate_enter("door", is_always, &looks, &gates[i], NULL));
  cr_assert_not(ssh_gate_enter("door", is_always, &looks, &gates[8], &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "aborted");
  looks = 0;
  cr_assert(ssh_gate_enter("another door", is_always, &looks, &other, NULL));
  ssh_gate_leave(&gates[3]);
  looks = 0;
  cr_assert(ssh_gate_enter("door", is_always, &looks, &gates[8], NULL));
}

static bool is_never(gpointer unused) {
  (void)unused;
  return false;
}

Test(ssh_gate, is_not_waited_at_for_longer_than_an_interrupt) {
  SshGate *gates[9] = {NULL};
  g_autoptr(GError) error = NULL;
  interrupt_install();
  for (guint i = 0; i < 8; i++)
    cr_assert(ssh_gate_enter("door", is_never, NULL, &gates[i], NULL));
  GThread *thread = g_thread_new("interrupt", interrupt_soon, NULL);
  cr_assert_not(ssh_gate_enter("door", is_never, NULL, &gates[8], &error));
  expect_error(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
  g_thread_join(thread);
  ssh_gate_leave(&gates[0]);
  cr_assert(ssh_gate_enter("door", is_never, NULL, &gates[8], NULL), "to clean up");
}

Test(ssh_way, keeps_no_turn_with_a_proxy_command_that_failed) {
  static char command[] = "false";
  Host *hosts[9];
  config.ssh.proxy_jump = NULL;
  config.ssh.proxy_command = command;
  for (guint i = 0; i < G_N_ELEMENTS(hosts); i++) {
    g_autoptr(HostFacts) facts = NULL;
    hosts[i] = host_new(&config);
    cr_assert_not(host_open(hosts[i], &(HostPurpose){.place = "app--env"}, &facts, NULL));
  }
  for (guint i = 0; i < G_N_ELEMENTS(hosts); i++)
    host_free(hosts[i]);
}

Test(ssh_way, repeats_the_last_words_of_a_proxy_command) {
  static char command[] = "sh -c 'echo first >&2; echo no such instance >&2; exit 3'";
  config.ssh.proxy_jump = NULL;
  config.ssh.proxy_command = command;
  expect_refusal("by its proxy command: the proxy command says: first; no such instance");
}

static bool is_gone(gpointer path) {
  g_autofree char *id = NULL;
  cr_assert(g_file_get_contents(path, &id, NULL, NULL));
  return kill((pid_t)g_ascii_strtoll(id, NULL, 10), 0) != 0;
}

Test(ssh_way, ends_a_proxy_command_with_what_it_started) {
  g_autofree char *id = fixture_path(&fixture, "id");
  g_autofree char *command = g_strdup_printf("sh -c 'sleep 60 & echo $! >%s; wait'", id);
  config.ssh.proxy_jump = NULL;
  config.ssh.proxy_command = command;
  config.ssh.connect_timeout_ms = 300;
  expect_refusal("no answer in time");
  cr_assert(wait_until(is_gone, id));
}

Test(ssh_way, ends_what_outlives_its_proxy_command) {
  g_autofree char *id = fixture_path(&fixture, "id");
  g_autofree char *command =
      g_strdup_printf("sh -c '(trap \"\" TERM; echo >%s.deaf; exec sleep 60) & echo $! >%s; wait'", id, id);
  config.ssh.proxy_jump = NULL;
  config.ssh.proxy_command = command;
  config.ssh.connect_timeout_ms = 1000;
  expect_refusal("no answer in time");
  cr_assert(wait_until(is_gone, id));
}

static void expect_expansion(const char *hostname, const char *template, const char *expected) {
  char name[] = "web", user[] = "anna";
  SshTarget target = {.name = name,
                      .hostname = (char *)hostname,
                      .user = user,
                      .port = 2222,
                      .proxy_command = (char *)template};
  g_autofree char *command = NULL;
  g_autoptr(GError) error = NULL;
  if (ssh_proxy_expand(&target, &command, &error))
    cr_assert_str_eq(command, expected);
  else
    expect_error(error, SLIPWAY_ERROR_UNREADY, expected);
}

Test(ssh_proxy, expands_what_ssh_does) {
  expect_expansion("10.0.0.7", "x %h:%p %r@%n 100%%", "x 10.0.0.7:2222 anna@web 100%");
  expect_expansion("10.0.0.7", "x %C", "%C is unknown");
  expect_expansion("10.0.0.7", "x %", "is unknown");
  expect_expansion("a;reboot", "x %h", "cannot be passed to the shell");
  expect_expansion("-oX", "x %h", "cannot be passed to the shell");
}
