/* Whom the ssh row trusts, and what it says when it does not connect: host keys, user keys, addresses. */
#include <criterion/criterion.h>
#include <libssh2.h>
#include <signal.h>
#include <string.h>

#include "fixture.h"
#include "support/errors.h"

static Fixture fixture;
static HostConfig config;

static void start(void) {
  fixture_start(&fixture, NULL);
  config = fixture_config(&fixture);
}

static void stop(void) {
  fixture_stop(&fixture);
}

TestSuite(ssh_trust, .init = start, .fini = stop, .timeout = 60);

static char *host_fingerprint(const char *name) {
  g_autofree char *public = fixture_path(&fixture, name);
  g_autofree char *out = run((const char *[]){"ssh-keygen", "-lf", public, NULL});
  g_auto(GStrv) words = g_strsplit(out, " ", 3);
  return g_strdup(words[1]);
}

static void expect_refusal(const char *fragment) {
  g_autoptr(GError) error = open_error(&config, NULL);
  expect_error(error, SLIPWAY_ERROR_UNREADY, fragment);
}

Test(ssh_trust, refuses_an_unknown_host_key_with_its_fingerprint) {
  write_text(fixture.folder, "known_hosts", "", 0600);
  g_autofree char *fingerprint = host_fingerprint("host_ecdsa.pub"); /* what libssh2 asks for first */
  expect_refusal(fingerprint);
  expect_refusal("ssh-keyscan -p");
}

Test(ssh_trust, refuses_a_changed_host_key_even_with_accept_new) {
  g_autofree char *name = g_strdup_printf("[127.0.0.1]:%u", fixture.port);
  g_autofree char *line = known_hosts_line(&fixture, name, "id_ed25519.pub");
  write_text(fixture.folder, "known_hosts", line, 0600);
  config.ssh.host_keys = HOST_KEYS_ACCEPT_NEW;
  g_autofree char *fingerprint = host_fingerprint("host_ed25519.pub");
  expect_refusal(fingerprint);
  g_autofree char *advice = g_strdup_printf("-R '%s'", name);
  expect_refusal(advice);
}

Test(ssh_trust, refuses_a_revoked_host_key) {
  g_autofree char *name = g_strdup_printf("@revoked [127.0.0.1]:%u", fixture.port);
  g_autofree char *first = known_hosts_line(&fixture, name, "host_ed25519.pub");
  g_autofree char *second = known_hosts_line(&fixture, name, "host_ecdsa.pub");
  g_autofree char *lines = g_strconcat(first, second, NULL);
  write_text(fixture.folder, "known_hosts", lines, 0600);
  expect_refusal("host key is revoked (ecdsa-sha2-nistp256 SHA256:");
}

static gpointer open_one(gpointer data) {
  (void)data;
  host_free(open_host(&config));
  return NULL;
}

Test(ssh_trust, accepts_a_new_host_key_once_however_many_ask) {
  write_text(fixture.folder, "known_hosts", "other ssh-ed25519 AAAA", 0600); /* and no newline */
  config.ssh.host_keys = HOST_KEYS_ACCEPT_NEW;
  GThread *threads[8];
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    threads[i] = g_thread_new("host", open_one, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    g_thread_join(threads[i]);
  g_autofree char *text = NULL;
  cr_assert(g_file_get_contents(fixture.known_hosts, &text, NULL, NULL));
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  cr_assert_eq(g_strv_length(lines), 3, "%s", text); /* the other, this one, the end */
  config.ssh.host_keys = HOST_KEYS_STRICT;
  host_free(open_host(&config));
}

Test(ssh_trust, finds_a_host_in_hashed_known_hosts) {
  g_free(run((const char *[]){"ssh-keygen", "-q", "-H", "-f", fixture.known_hosts, NULL}));
  g_autofree char *text = NULL;
  cr_assert(g_file_get_contents(fixture.known_hosts, &text, NULL, NULL));
  cr_assert(g_str_has_prefix(text, "|1|"));
  host_free(open_host(&config));
}

Test(ssh_trust, asks_for_the_kind_of_key_that_it_knows) {
  static const char *const kinds[] = {"host_ecdsa.pub", "host_ed25519.pub"}; /* the host has both */
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    g_autofree char *name = g_strdup_printf("[127.0.0.1]:%u", fixture.port);
    g_autofree char *line = known_hosts_line(&fixture, name, kinds[i]);
    write_text(fixture.folder, "known_hosts", line, 0600);
    host_free(open_host(&config));
  }
}

/* The one that is tried. */
static void choose_key(char *path) {
  g_ptr_array_set_size(config.ssh.keys, 0);
  g_ptr_array_add(config.ssh.keys, path);
}

Test(ssh_trust, names_user_address_and_keys_that_were_refused) {
  g_autofree char *other = fixture_path(&fixture, "other");
  g_free(run((const char *[]){"ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", other, NULL}));
  static char user[] = "root";
  choose_key(other);
  config.ssh.user = user;
  g_autofree char *expected =
      g_strdup_printf("127.0.0.1 port %u (127.0.0.1) let user root in with none of the keys "
                      "tried: %s (refused)",
                      fixture.port, other);
  expect_refusal(expected);
}

Test(ssh_trust, tries_several_keys_in_order) {
  g_autofree char *other = fixture_path(&fixture, "other");
  g_free(run((const char *[]){"ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", other, NULL}));
  static char absent[] = "/nonexistent/key";
  choose_key(absent);
  g_ptr_array_add(config.ssh.keys, other);
  g_autofree char *expected =
      g_strdup_printf("/nonexistent/key: No such file or directory), %s (refused)", other);
  expect_refusal(expected);
  g_ptr_array_add(config.ssh.keys, fixture.key);
  host_free(open_host(&config));
}

Test(ssh_trust, explains_rsa_on_an_old_libssh2) {
  g_autofree char *other = fixture_path(&fixture, "other");
  g_free(run((const char *[]){"ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", other, NULL}));
  choose_key(other);
  config.ssh.client = SSH_CLIENT_LIBSSH2; /* or ssh would be asked */
  if (libssh2_version(0x010b00) == NULL)
    expect_refusal("use an ed25519 or ECDSA key");
  else
    expect_refusal("(refused)");
}

Test(ssh_trust, says_that_an_encrypted_key_belongs_into_the_agent) {
  g_autofree char *other = fixture_path(&fixture, "other");
  g_free(run((const char *[]){"ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", other, NULL}));
  choose_key(other);
  expect_refusal("encrypted: give it to ssh-agent");
}

Test(ssh_trust, uses_the_agent) {
  g_autofree char *socket = fixture_path(&fixture, "agent.sock");
  const char *argv[] = {"ssh-agent", "-D", "-a", socket, NULL};
  pid_t agent = start_process(argv);
  cr_assert(wait_until(does_exist, socket));
  g_setenv("SSH_AUTH_SOCK", socket, TRUE);
  g_free(run((const char *[]){"ssh-add", "-q", fixture.key, NULL}));
  static char absent[] = "/nonexistent/key";
  choose_key(absent);
  config.ssh.agent = true;
  host_free(open_host(&config));
  config.ssh.agent = false;
  expect_refusal("/nonexistent/key");
  end_process(&agent);
}

Test(ssh_trust, says_that_nobody_listens) {
  config.ssh.port = free_port();
  expect_refusal("Connection refused");
}

Test(ssh_trust, says_that_a_server_does_not_answer) {
  kill(fixture.sshd, SIGSTOP); /* the kernel accepts, nobody answers */
  config.ssh.connect_timeout_ms = 300;
  expect_refusal("did not answer as an SSH server");
}

Test(ssh_trust, refuses_an_address_that_looks_like_an_option) {
  static char address[] = "-oProxyCommand=x";
  config.address = address;
  expect_refusal("no address");
}
