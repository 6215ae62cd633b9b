/* SSH settings: what `ssh -G` says, slipway.yml on top; and when it need not be asked. */
#include <criterion/criterion.h>
#include <string.h>

#include "environments/hosts/openssh_options.h"
#include "environments/hosts/ssh_settings.h"
#include "fixture.h"
#include "support/errors.h"

static Fixture fixture;

static void start(void) {
  fixture_start_local(&fixture);
}

static void stop(void) {
  fixture_stop(&fixture);
}

TestSuite(ssh_settings, .init = start, .fini = stop);

static char address[] = "web";
static const char said[] =
    "user carol\nhostname 10.0.0.7\nport 2200\nconnecttimeout 3\nidentitiesonly yes\n"
    "stricthostkeychecking accept-new\nhostkeyalias web-alias\nidentityagent none\n"
    "identityfile ~/.ssh/one\nidentityfile ~/.ssh/absent\nidentityfile ~/.ssh/two\n"
    "userknownhostsfile /a/known /b/known\nglobalknownhostsfile none\nproxycommand none\n";

Test(ssh_settings, come_from_the_ssh_configuration) {
  g_autofree char *folder = g_build_filename(fixture.home, ".ssh", NULL);
  g_mkdir_with_parents(folder, 0700);
  write_text(folder, "one", "", 0600);
  write_text(folder, "two.pub", "", 0600);
  const HostConfig config = {.address = address, .ssh = {.agent = true}};
  g_autoptr(SshTarget) target = ssh_target_combine(&config, said);
  cr_assert_str_eq(target->hostname, "10.0.0.7");
  cr_assert_str_eq(target->user, "carol");
  cr_assert_eq(target->port, 2200);
  cr_assert_str_eq(target->alias, "web-alias");
  cr_assert_eq(target->alias_port, 22);
  cr_assert_eq(target->connect_timeout_ms, 3000);
  cr_assert_eq(target->host_keys, HOST_KEYS_ACCEPT_NEW);
  cr_assert(target->is_identities_only);
  cr_assert_null(target->agent);
  cr_assert_eq(target->keys->len, 2);
  cr_assert(g_str_has_suffix(g_ptr_array_index(target->keys, 1), "/.ssh/two"));
  cr_assert_eq(target->known_hosts->len, 3); /* with the final NULL */
  cr_assert_str_eq(g_ptr_array_index(target->known_hosts, 1), "/b/known");
}

Test(ssh_settings, yield_to_slipway_yml) {
  static char user[] = "dave";
  static char key[] = "/keys/k";
  static char known[] = "/known";
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  g_ptr_array_add(keys, key);
  const HostConfig config = {
      .address = address,
      .ssh = {.user = user, .port = 22, .keys = keys, .known_hosts = known, .connect_timeout_ms = 700}};
  g_autoptr(SshTarget) target = ssh_target_combine(&config, said);
  cr_assert_str_eq(target->user, "dave");
  cr_assert_eq(target->port, 22);
  cr_assert_eq(target->connect_timeout_ms, 700);
  cr_assert_eq(target->keys->len, 1);
  cr_assert_str_eq(g_ptr_array_index(target->keys, 0), "/keys/k");
  cr_assert_str_eq(g_ptr_array_index(target->known_hosts, 0), "/known");
}

static SshTarget *combine(const char *jump, const char *command, const char *text) {
  const HostConfig config = {.address = address,
                             .ssh = {.proxy_jump = (char *)jump, .proxy_command = (char *)command}};
  return ssh_target_combine(&config, text);
}

Test(ssh_settings, take_the_way_from_slipway_yml_before_the_ssh_configuration) {
  static const struct {
    const char *jump, *command, *said, *expected_jump, *expected_command;
  } cases[] = {
      {NULL, NULL, "proxyjump a,b\n", "a,b", NULL},
      {NULL, NULL, "proxycommand nc %h %p\n", NULL, "nc %h %p"},
      {NULL, NULL, "proxycommand none\n", NULL, NULL},
      {"c", NULL, "proxyjump a\n", "c", NULL},
      {"c", NULL, "proxycommand nc %h %p\n", "c", NULL},
      {NULL, "mine", "proxyjump a\n", NULL, "mine"},
      {"none", NULL, "proxyjump a\n", NULL, NULL},
      {"none", NULL, "proxycommand nc %h %p\n", NULL, NULL},
      {NULL, "none", "proxyjump a\n", NULL, NULL},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(SshTarget) target = combine(cases[i].jump, cases[i].command, cases[i].said);
    cr_assert_eq(g_strcmp0(target->proxy_jump, cases[i].expected_jump), 0, "%u", i);
    cr_assert_eq(g_strcmp0(target->proxy_command, cases[i].expected_command), 0, "%u", i);
  }
}

static SshTarget *resolve_jump(const char *jump, GError **error) {
  static char user[] = "dave", key[] = "/keys/k", known[] = "/known";
  g_autoptr(GPtrArray) keys = g_ptr_array_new();
  g_ptr_array_add(keys, key);
  const HostConfig config = {
      .address = address,
      .ssh = {.user = user, .keys = keys, .known_hosts = known, .proxy_jump = (char *)jump, .agent = true}};
  SshTarget *target = NULL;
  return ssh_target_resolve(&config, &target, error) ? target : NULL;
}

static void expect_hop(const SshTarget *hop, const char *described) {
  cr_assert_not_null(hop);
  g_autofree char *text = ssh_target_describe(hop);
  cr_assert_str_eq(text, described);
  cr_assert_str_eq(g_ptr_array_index(hop->keys, 0), "/keys/k");
  cr_assert_str_eq(g_ptr_array_index(hop->known_hosts, 0), "/known");
}

Test(ssh_settings, serve_the_hops_on_the_way) {
  g_autoptr(GError) error = NULL;
  g_autoptr(SshTarget) target = resolve_jump("alice@one:2200,[::1]:23,ssh://three", &error);
  cr_assert_not_null(target, "%s", error == NULL ? "" : error->message);
  expect_hop(target->hop, "dave@three");
  expect_hop(target->hop->hop, "dave@[::1]:23");
  expect_hop(target->hop->hop->hop, "alice@[one]:2200");
  cr_assert_null(target->hop->hop->hop->hop);
  static const char *const wrong[] = {"one:x", "anna@", "one:0", "ok,:22", "b*"};
  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_clear_error(&error);
    cr_assert_null(resolve_jump(wrong[i], &error), "%s", wrong[i]);
    expect_error(error, SLIPWAY_ERROR_UNREADY, "is no [user@]host[:port]");
  }
  g_clear_error(&error);
  cr_assert_null(resolve_jump("a,b,c,d,e,f,g,h,i", &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "more than 8 hops");
}

Test(ssh_settings, of_hops_go_before_what_the_ssh_configuration_says) {
  SshTarget far = {.name = (char[]){"far"}, .user = (char[]){"dave"}, .host_keys = HOST_KEYS_ACCEPT_NEW};
  SshTarget near = {
      .name = (char[]){"near"}, .user = (char[]){"alice"}, .host_keys = HOST_KEYS_STRICT, .hop = &far};
  const SshTarget target = {.hop = &near, .host_keys = HOST_KEYS_ACCEPT_NEW};
  const HostConfig config = {.address = address};
  g_autofree char *text = openssh_hop_configuration(&config, &target);
  cr_assert_not_null(strstr(text, "\nHost \"near\"\nStrictHostKeyChecking yes\nUser \"alice\"\n"
                                  "Host \"far\"\nStrictHostKeyChecking accept-new\nUser \"dave\"\n"
                                  "Match all\nInclude "),
                     "%s", text);
}

Test(ssh_settings, call_a_machine_in_known_hosts_by_its_id) {
  static char id[] = "i-0abc";
  const HostConfig config = {.address = address, .id = id, .ssh = {.port = 2222}};
  g_autoptr(SshTarget) target = ssh_target_combine(&config, said);
  cr_assert_str_eq(target->alias, "i-0abc");
  cr_assert_eq(target->alias_port, 22);
}

static bool matters(const char *text) {
  write_text(fixture.folder, "ssh_config", text, 0600);
  g_autofree char *path = fixture_path(&fixture, "ssh_config");
  return ssh_configuration_matters(path, fixture.folder);
}

Test(ssh_settings, need_not_be_asked_for_where_the_files_say_nothing) {
  g_autofree char *include = g_strdup_printf("Include %s/ssh_config.d/*.conf\nHost *\n  SendEnv LANG LC_*\n"
                                             "  HashKnownHosts yes\n# Port 3\n\n",
                                             fixture.folder);
  cr_assert_not(ssh_configuration_matters("/nonexistent", fixture.folder));
  cr_assert_not(matters(include));
  cr_assert(matters("Host web\n  Port 2222\n"));
  cr_assert(matters("IdentityFile=~/.ssh/x\n"));
  cr_assert(matters("Include other\n"));
  g_autofree char *folder = fixture_path(&fixture, "ssh_config.d");
  g_mkdir_with_parents(folder, 0700);
  write_text(folder, "a.conf", "ProxyJump bastion\n", 0600);
  cr_assert(matters(include));
}
