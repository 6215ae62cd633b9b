/* environments/config: every error of a file at once, each where it stands. */
#include "environments/config/config.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "support/errors.h"

/* The message of what must be refused; fails the test when it is accepted. */
static char *refused(const char *text, gsize length) {
  g_autoptr(GError) error = NULL;
  Config *config = NULL;
  clock_t start = clock(); /* processor time: other tests run beside this one */
  cr_assert_not(config_parse("f", "/srv", text, length, &config, &error), "accepted: %.200s", text);
  cr_assert(error_is(error, SLIPWAY_ERROR_CONFIG));
  cr_assert_null(config);
  cr_assert_lt(clock() - start, 3 * CLOCKS_PER_SEC, "slow: %.40s", text);
  return g_strdup(error->message);
}

static void assert_refused(const char *text, const char *message) {
  g_autofree char *found = refused(text, strlen(text));
  cr_assert_str_eq(found, message);
}

/* Line 7 of an otherwise right file, below environment e, which is `keys`: found must begin with message. */
static void assert_key_refused(const char *keys, const char *message) {
  g_autofree char *text =
      g_strconcat("app: a\nimages: {a: a}\npipeline: [e]\ncompose: c.yml\nenvironments:\n  e:\n    ", keys,
                  "\n    hosts: [x]\n", NULL);
  g_autofree char *found = refused(text, strlen(text));
  cr_assert(g_str_has_prefix(found, message) && strchr(found, '\n') == NULL, "%s\n%s", keys, found);
}

Test(config_errors, all_of_a_file_are_reported_at_once_in_its_order) {
  assert_refused(
      "app: Journal\n"
      "images:\n"
      "  web: registry.example.org/journal/web:1.2\n"
      "pipeline: [ci, prd, ci]\n"
      "compose: c.yml\n"
      "defaults:\n"
      "  helth: {deadline: 2m}\n"
      "environments:\n"
      "  ci:\n"
      "    hosts: [local, local]\n"
      "    hosts: [x]\n"
      "  prod:\n"
      "    ssh: {port: 70000}\n",
      "f:1:6: app: expected a name of a-z, 0-9 and single -, beginning with a letter or digit, at most 40 "
      "characters, not \"Journal\"\n"
      "f:3:8: images: expected an image repository without tag or digest, such as "
      "registry.example.org/journal/web, not \"registry.example.org/journal/web:1.2\"\n"
      "f:4:16: pipeline: no environment \"prd\" is defined; did you mean \"prod\"? (there are ci, prod)\n"
      "f:4:21: pipeline: \"ci\" is in it twice\n"
      "f:7:3: unknown key \"helth\"; did you mean \"health\"?\n"
      "f:10:20: hosts: a second host named \"local\"; give one another name\n"
      "f:11:5: duplicate key \"hosts\"; it is already at line 10\n"
      "f:12:3: missing key \"hosts\": host, user@host:port, local, a mapping, or an inventory\n"
      "f:13:17: port: expected a number from 1 to 65535, not \"70000\"");
}

Test(config_errors, an_error_in_defaults_is_reported_once) {
  assert_refused(
      "app: a\nimages: {a: a}\npipeline: []\ncompose: c.yml\ndefaults: {retain: many, hosts: [-x]}\n"
      "environments: {a: {}, b: {}}\n",
      "f:5:20: retain: expected a number from 1 to 1000, not \"many\"\n"
      "f:5:34: hosts: expected host, user@host:port or local, not \"-x\"");
}

Test(config_errors, missing_keys_are_named) {
  assert_refused("app: a\n", "f:1:1: missing key \"environments\": the named places\n"
                             "f:1:1: missing key \"images\": what one build makes: name and repository\n"
                             "f:1:1: missing key \"pipeline\": environments in promotion order");
  assert_refused("app: a\nimages: {a: a}\npipeline: [e]\nenvironments:\n  e: {hosts: [x]}\n",
                 "f:5:3: missing key \"compose\": no Compose file, neither here nor at the top of the file");
  assert_refused(
      "# nothing\n",
      "f:1:1: the file is empty; it needs at least app, images, pipeline, compose and environments");
  assert_refused("- a\n", "f:1:1: slipway.yml: expected a mapping, not a list");
}

Test(config_errors, keys_of_later_versions_are_unknown) {
  assert_key_refused("rollout: {strategy: blue-green}", "f:7:15: unknown key \"strategy\"");
  assert_key_refused("tasks: {migrate: []}", "f:7:13: unknown key \"migrate\"");
}

Test(config_errors, wrong_values_are_refused_where_they_stand) {
  static const struct {
    const char *keys, *message;
  } wrong[] = {
      {"retain: -1", "f:7:13: retain: expected a number from 1 to 1000, not \"-1\""},
      {"retain: 0", "f:7:13: retain: expected a number"},
      {"retain: 05", "f:7:13: retain: expected a number"},
      {"retain: '5'", "f:7:13: retain: expected a number from 1 to 1000, not the text \"5\""},
      {"retain: [5]", "f:7:13: retain: expected a number from 1 to 1000, not a list"},
      {"retain:", "f:7:12: retain: expected a number from 1 to 1000, not nothing"},
      {"retain: !five 5", "f:7:13: retain: a YAML tag"},
      {"protected: maybe", "f:7:16: protected: expected true or false, not \"maybe\""},
      {"health: [x]", "f:7:13: health: expected a mapping, not a list"},
      {"health: {deadline: 5}",
       "f:7:24: deadline: expected a duration such as 90s or 1h30m, from 1ms to 1d, not \"5\""},
      {"health: {deadline: 0s}", "f:7:24: deadline: expected a duration"},
      {"health: {deadline: 25h}", "f:7:24: deadline: expected a duration"},
      {"health: {http: [{url: ftp://x}]}", "f:7:27: url: expected a URL"},
      {"health: {http: [{url: 'http:///x'}]}", "f:7:27: url: expected a URL"},
      {"health: {http: [{expect: 200}]}", "f:7:21: missing key \"url\""},
      {"health: {http: [{url: http://x, from: moon}]}",
       "f:7:43: from: expected host or controller, not \"moon\""},
      {"rollout: {batch: 0}", "f:7:22: batch: expected a number of hosts from 1 on"},
      {"rollout: {batch: 101%}", "f:7:22: batch: expected"},
      {"rollout: {on_failure: Stop}", "f:7:27: on_failure: expected restore or stop, not \"Stop\""},
      {"tasks: {before_host: {name: a}}", "f:7:26: before_host: expected a list of mappings"},
      {"tasks: {before_host: [{name: a}]}", "f:7:27: missing key \"command\""},
      {"tasks: {after_host: [{name: a b, command: [x]}]}", "f:7:33: name: expected a name of letters"},
      {"tasks: {after_host: [{name: a, command: x}]}", "f:7:45: command: expected a list"},
      {"tasks: {after_host: [{name: a, command: []}]}", "f:7:45: command: it names no program"},
      {"tasks: {after_host: [{name: a, command: ['']}]}", "f:7:45: command: it names no program"},
      {"tasks: {after_host: [{name: a, command: [x], service: y}]}", "f:7:50: unknown key \"service\""},
      {"ssh: {port: 0}", "f:7:17: port: expected a number from 1 to 65535, not \"0\""},
      {"ssh: {port: 65536}", "f:7:17: port: expected"},
      {"ssh: {user: -oProxyCommand=x}", "f:7:17: user: expected a login name"},
      {"ssh: {user: a b}", "f:7:17: user: expected a login name"},
      {"ssh: {key: -x}", "f:7:16: key: expected a path"},
      {"ssh: {key: ''}", "f:7:16: key: expected a path"},
      {"engine: docker.sock", "f:7:13: engine: expected the absolute path"},
      {"compose: /etc/x.yml", "f:7:14: compose: expected a file in or below the folder"},
      {"compose: ../x.yml", "f:7:14: compose: expected"},
      {"compose: [a.yml, a/../../b]", "f:7:22: compose: expected"},
      {"compose: -f", "f:7:14: compose: expected"},
      {"compose: \"a\\nb\"",
       "f:7:14: compose: expected a file in or below the folder of slipway.yml, as a relative "
       "path, not the text \"a?b\""},
      {"variables: {SLIPWAY_X: 1}", "f:7:17: variables: expected a variable name"},
      {"variables: {1A: 1}", "f:7:17: variables: expected a variable name"},
      {"variables: {A-B: 1}", "f:7:17: variables: expected a variable name"},
      {"variables: {A: [1]}", "f:7:20: variables: expected a text; write \"\" for an empty one, not a list"},
      {"variables: {A: ~}", "f:7:20: variables: expected a text"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
    assert_key_refused(wrong[i].keys, wrong[i].message);
}

Test(config_errors, secrets_tasks_and_gates_are_refused_where_they_stand) {
  static const struct {
    const char *keys, *message;
  } wrong[] = {
      {"secrets: {A: {}}", "f:7:15: A: say where it comes from with one of env, file, command and dotenv"},
      {"secrets: {A: {env: A, file: x}}", "f:7:15: A: say where it comes from"},
      {"secrets: {A: {env: A, key: B}}", "f:7:32: key: only for a dotenv file"},
      {"secrets: {SLIPWAY_A: {env: A}}", "f:7:15: secrets: expected a variable name"},
      {"secrets: {A: {env: A}}\n    variables: {A: b}", "f:6:3: e: \"A\" is a variable and a secret"},
      {"tasks: {verify: [{name: t, command: [x], on: all}]}", "f:7:50: on: only for a task in a container"},
      {"tasks: {run: [{name: t, command: [x]}, {name: t, command: [y]}]}",
       "f:6:3: e: tasks: a second task named \"t\""},
      {"gates: {window: \"Mon-Fri 09:00-17:00 Europe/Londn\"}",
       "f:7:21: window: expected days, hours and a time zone"},
      {"gates: {window: always}", "f:7:21: window: expected days, hours and a time zone"},
      {"gates: {requires: [e]}", "f:6:3: e: requires: it names itself"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
    assert_key_refused(wrong[i].keys, wrong[i].message);
}

Test(config_errors, wrong_hosts_are_refused_where_they_stand) {
  static const struct {
    const char *host, *message;
  } wrong[] = {
      {"-oProxyCommand=x", "f:6:15: hosts: expected host, user@host:port or local, not \"-oProxyCommand=x\""},
      {"-x@h", "f:6:15: hosts: expected"},
      {"u@-h", "f:6:15: hosts: expected"},
      {"h:0", "f:6:15: hosts: expected"},
      {"h:65536", "f:6:15: hosts: expected"},
      {"h:x", "f:6:15: hosts: expected"},
      {"'h h'", "f:6:15: hosts: expected"},
      {"a@b@c", "f:6:15: hosts: expected"},
      {"'[::1'", "f:6:15: hosts: expected"},
      {"''", "f:6:15: hosts: expected"},
      {"[x]", "f:6:15: hosts: expected host, user@host:port, local or a mapping, not a list"},
      {"{name: x}", "f:6:15: missing key \"address\""},
      {"{adress: x, address: x}", "f:6:16: unknown key \"adress\"; did you mean \"address\"?"},
      {"{name: -x, address: x}", "f:6:22: name: expected a name"},
      {"{address: x, profiles: [a b]}", "f:6:39: profiles: expected a name"},
      {"{ec2: {tags: {}}}", "f:6:21: ec2: tags: name at least one tag"},
      {"{ec2: {region: eu-west-1}}", "f:6:21: ec2: tags: name at least one tag"},
      {"{command: []}", "f:6:25: command: it names no program"},
      {"{command: [x], ec2: {tags: {a: b}}}", "f:6:25: command: not beside ec2"},
      {"{name: l, address: local, ssh: {port: 1}}", "f:6:46: ssh: this machine is not reached over SSH"},
      {"a, {name: a, address: b}", "f:6:18: hosts: a second host named \"a\""},
      {"a, u@a:22", "f:6:18: hosts: a second host named \"a\""},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autofree char *text =
        g_strdup_printf("app: a\nimages: {a: a}\npipeline: [e]\ncompose: c.yml\nenvironments:\n"
                        "  e: {hosts: [%s]}\n",
                        wrong[i].host);
    g_autofree char *found = refused(text, strlen(text));
    cr_assert(g_str_has_prefix(found, wrong[i].message) && strchr(found, '\n') == NULL, "%s\n%s",
              wrong[i].host, found);
  }
  assert_refused("app: a\nimages: {a: a}\npipeline: []\ncompose: c.yml\nenvironments:\n  e: {hosts: []}\n",
                 "f:6:14: hosts: the list is empty; name at least one host, or \"local\"");
}

Test(config_errors, names_and_repositories_are_checked) {
  static const char *const names[] = {
      "A", "-a", "a--b", "a_b", "a.b", "''", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  static const char *const repositories[] = {"a:1", "a@sha256:0", "UPPER/x/Y", "a//b",       "/a",
                                             "a/",  "a b",        "-a",        "https://a/b"};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *text = g_strdup_printf(
        "app: %s\nimages: {a: a}\npipeline: []\ncompose: c.yml\nenvironments:\n  %s: {hosts: [x]}\n",
        names[i], names[i]);
    g_autofree char *found = refused(text, strlen(text));
    cr_assert(g_str_has_prefix(found, "f:1:6: app: expected a name"), "%s", found);
    cr_assert(strstr(found, "\nf:6:3: environments: expected a name"), "%s", found);
  }
  for (gsize i = 0; i < G_N_ELEMENTS(repositories); i++) {
    g_autofree char *text = g_strdup_printf(
        "app: a\nimages: {a: '%s'}\npipeline: []\ncompose: c.yml\nenvironments:\n  e: {hosts: [x]}\n",
        repositories[i]);
    g_autofree char *found = refused(text, strlen(text));
    cr_assert(g_str_has_prefix(found, "f:2:13: images: expected an image repository"), "%s", found);
  }
  assert_refused(
      "app: a\nimages: {a: x, b: x}\npipeline: []\ncompose: c.yml\nenvironments: {e: {hosts: [x]}}\n",
      "f:2:19: images: another image has the repository \"x\" already");
}

Test(config_errors, a_flood_of_errors_is_cut_off_fast) {
  g_autoptr(GString) text = g_string_new("app: a\n");
  for (int i = 0; i < 900; i++)
    g_string_append_printf(text, "key%d: 1\n", i);
  g_autofree char *found = refused(text->str, text->len);
  g_auto(GStrv) lines = g_strsplit(found, "\n", -1);
  cr_assert_eq(g_strv_length(lines), 51);
  cr_assert(strstr(lines[50], "and 853 more"), "%s", lines[50]);
}

Test(config_errors, large_defaults_in_many_environments_are_read_fast) {
  g_autoptr(GString) text = g_string_new(
      "app: a\nimages: {a: a}\npipeline: []\ncompose: c.yml\ndefaults:\n  hosts: [x]\n  variables:\n");
  for (int i = 0; i < 1000; i++)
    g_string_append_printf(text, "    V%d: v\n", i);
  g_string_append(text, "environments:\n");
  for (int i = 0; i < 100; i++)
    g_string_append_printf(text, "  e%d: {}\n", i);
  g_string_append(text, "typo: 1\n");
  g_autofree char *found = refused(text->str, text->len);
  cr_assert(strstr(found, "unknown key \"typo\""), "%s", found);
}

Test(config_errors, hostile_yaml_is_refused_fast) {
  g_autofree char *deep = g_strnfill(1000000, '['), *found = refused(deep, 1000000);
  cr_assert_str_eq(found, "f:1:65: nested more than 64 levels deep");
  static const char nul[] = "app: a\0b\n";
  g_autofree char *found_nul = refused(nul, sizeof nul - 1);
  cr_assert(g_str_has_prefix(found_nul, "f:1:7: a NUL byte"), "%s", found_nul);
  assert_refused("app: &a [*a]\n", "f:1:10: an alias inside of what it stands for");
}
