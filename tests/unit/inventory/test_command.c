/* Inventories that are commands: what they may print, and what becomes of it. */
#include <criterion/criterion.h>
#include <string.h>

#include "environments/inventory/inventory.h"
#include "fixture.h"
#include "support/errors.h"

static char *home;
static void enter(void) {
  home = home_make();
}
static void leave(void) {
  home_remove(home);
}

TestSuite(command, .init = enter, .fini = leave);

/* The hosts after ./list has printed `output`, or the error's message, which is of kind UNREADY. Caller
 * frees. */
static char *resolve(const char *output) {
  g_autoptr(GError) error = NULL;
  home_write(home, "output", output);
  home_write_program(home, "list", "cat output");
  g_autoptr(Config) config = config_with_hosts(home, "{command: [./list]}");
  if (inventory_resolve(config, prod_of(config), &error)) {
    cr_assert_eq(prod_of(config)->inventories->len, 0);
    return hosts_text(prod_of(config));
  }
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY), "%s", error->message);
  cr_assert_eq(prod_of(config)->hosts->len, 0);
  return g_strdup(error->message);
}

#define expect_hosts(output, hosts)                                                                          \
  do {                                                                                                       \
    g_autofree char *got = resolve(output);                                                                  \
    cr_assert_str_eq(got, hosts);                                                                            \
  } while (0)
#define expect_failure(output, fragment)                                                                     \
  do {                                                                                                       \
    g_autofree char *got = resolve(output);                                                                  \
    cr_assert(strstr(got, fragment) != NULL, "%s", got);                                                     \
  } while (0)

Test(command, prints_a_host_a_line_in_any_order) {
  expect_hosts("# of today\n10.0.0.9\r\n\n  web2 10.0.0.2 # new\nweb1\t10.0.0.1",
               "10.0.0.9=10.0.0.9 web1=10.0.0.1 web2=10.0.0.2");
  expect_hosts("[::1]:2222\n", "::1=::1");
}

Test(command, prints_json) {
  expect_hosts("[\"10.0.0.2\", {\"address\": \"10.0.0.1\", \"name\": \"web1\", \"id\": \"vm-1\"}]",
               "10.0.0.2=10.0.0.2 web1=10.0.0.1#vm-1");
  expect_hosts("{\"hosts\": [{\"address\": \"10.0.0.1\", \"id\": \"vm-1\", \"name\": null}]}",
               "vm-1=10.0.0.1#vm-1");
}

Test(command, gives_user_port_and_profiles_over_those_of_the_environment) {
  g_autoptr(GError) error = NULL;
  home_write_program(home, "list",
                     "echo '[\"a\", \"root@b:22\", {\"address\": \"root@c\", \"user\": \"me\", \"port\": 23, "
                     "\"profiles\": [\"worker\"]}]'");
  g_autoptr(Config) config =
      config_with_hosts(home, "[{command: [./list], profiles: [web], ssh: {agent: false}}]");
  cr_assert(inventory_resolve(config, prod_of(config), &error), "%s", error != NULL ? error->message : "");
  const HostConfig *const *hosts = (const HostConfig *const *)prod_of(config)->hosts->pdata;
  cr_assert_str_eq(hosts[0]->ssh.user, "deploy");
  cr_assert_eq(hosts[0]->ssh.port, 2200);
  cr_assert_not(hosts[0]->ssh.agent);
  cr_assert_str_eq(hosts[0]->profiles->pdata[0], "web");
  cr_assert_str_eq(hosts[1]->ssh.user, "root");
  cr_assert_eq(hosts[1]->ssh.port, 22);
  cr_assert_str_eq(hosts[2]->ssh.user, "me");
  cr_assert_eq(hosts[2]->ssh.port, 23);
  cr_assert_str_eq(hosts[2]->profiles->pdata[0], "worker");
}

Test(command, says_where_its_output_is_wrong) {
  expect_failure("10.0.0.1\nweb1 10.0.0.2 x\n",
                 "./list: line 2: expected [NAME] [user@]host[:port], not 3 words");
  expect_failure("\n10.0.0.1:99999\n", "line 2: expected [user@]host[:port], not \"10.0.0.1:99999\"");
  expect_failure("-oProxyCommand=x\n", "line 1: expected");
  expect_failure("-x 10.0.0.1\n", "line 1: expected a name of letters");
  expect_failure("[\"a\", {\"name\": \"b\"}]", "host 2: expected an address");
  expect_failure("[{\"address\": \"a\", \"port\": 0}]", "host 1: port: expected 1 to 65535");
  expect_failure("[{\"address\": \"a\", \"profile\": []}]", "host 1: expected the keys");
  expect_failure("[{\"address\": \"a\", \"profiles\": [7]}]", "host 1: profiles: expected a text");
  expect_failure("[\"a\"", "not JSON");
  expect_failure("{\"host\": []}", "expected an array of hosts");
}

Test(command, finds_none_or_too_many) {
  expect_failure("# nobody\n", "prod: inventory ./list: it printed no host");
  expect_failure("[]", "it printed no host");
  expect_failure("a\nb\nc\nd\ne\nf\n", "found 6 hosts, more than max_hosts: 5");
}

Test(command, names_a_host_once) {
  expect_hosts("web 10.0.0.1\nweb 10.0.0.2\n", "10.0.0.1=10.0.0.1 10.0.0.2=10.0.0.2");
  expect_failure("10.0.0.1\n10.0.0.1\n", "two hosts named 10.0.0.1");
  expect_failure("[{\"address\": \"a\", \"id\": \"x\"}, {\"address\": \"b\", \"id\": \"x\"}]",
                 "x is found twice");
  expect_failure("web1 h\nweb2 H:2200\n", "web1 and web2 are both at H; an environment has a host once");
  expect_hosts("web1 h\nweb2 h:2201\n", "web1=h web2=h");
}

static char *resolve_script(const char *script, const char *hosts) {
  g_autoptr(GError) error = NULL;
  home_write_program(home, "list", script);
  g_autoptr(Config) config = config_with_hosts(home, hosts);
  cr_assert_not(inventory_resolve(config, prod_of(config), &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
  return g_strdup(error->message);
}

Test(command, finds_none_that_slipway_yml_names_already) {
  static const char hosts[] = "[{name: web, address: \"10.0.0.1:22\"}, {command: [./list]%s}]";
  const char *const script = "echo other root@10.0.0.1:22";
  g_autofree char *same = g_strdup_printf(hosts, "");
  g_autofree char *message = resolve_script(script, same);
  cr_assert_not_null(strstr(message, "web and other are both at 10.0.0.1"), "%s", message);
  g_autoptr(GError) error = NULL;
  g_autofree char *elsewhere = g_strdup_printf(hosts, ", ssh: {proxy_jump: bastion}");
  g_autoptr(Config) config = config_with_hosts(home, elsewhere);
  cr_assert(inventory_resolve(config, prod_of(config), &error), "%s", error != NULL ? error->message : "");
}

Test(command, fails_with_its_last_words) {
  g_autofree char *failed = resolve_script("echo 10.0.0.1; echo no route >&2; exit 3", "{command: [./list]}");
  cr_assert(strstr(failed, "./list: exit status 3") != NULL && strstr(failed, "no route") != NULL, "%s",
            failed);
  g_autofree char *slow = resolve_script("sleep 60", "[{command: [./list], timeout: 100ms}]");
  cr_assert(strstr(slow, "took longer than 100ms") != NULL, "%s", slow);
  g_autofree char *loud = resolve_script("yes 10.0.0.1", "{command: [./list]}");
  cr_assert(strstr(loud, "./list: ") != NULL && strstr(loud, "1") != NULL, "%s", loud);
}

Test(command, stands_where_slipway_yml_has_it) {
  g_autoptr(GError) error = NULL;
  home_write_program(home, "one", "printf 'b\\na\\n'");
  home_write_program(home, "two", "echo web 10.0.0.7");
  g_autoptr(Config) config =
      config_with_hosts(home, "[first, {command: [./one]}, {name: web, address: last}, "
                              "{command: [./two]}]");
  cr_assert(inventory_resolve(config, prod_of(config), &error), "%s", error != NULL ? error->message : "");
  g_autofree char *hosts = hosts_text(prod_of(config));
  cr_assert_str_eq(hosts, "first=first a=a b=b web=last 10.0.0.7=10.0.0.7");
}
