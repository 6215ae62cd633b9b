/* environments/config: what a right slipway.yml becomes, and that printing it gives it back. */
#include "environments/config/config.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

#include "support/errors.h"
#include "support/files.h"
#include "support/json.h"

static const char full[] =
    "app: journal\n"
    "images:\n"
    "  web: registry.example.org/journal/web\n"
    "  fpm: registry.example.org:5000/journal/fpm\n"
    "pipeline: [ci, end2end, prod]\n"
    "compose: ./deploy//compose.yml\n"
    "history: state/journal.db\n"
    "insecure_registries: [\"10.0.0.5:5000\"]\n"
    "defaults:\n"
    "  ssh: {user: deploy, key: keys/id}\n"
    "  health: {deadline: 90s, settle: 1s}\n"
    "  variables: {FIRST: 1, SWITCH: yes}\n"
    "  retain: 3\n"
    "environments:\n"
    "  ci:\n"
    "    hosts: [local]\n"
    "    compose: deploy/compose.ci.yml\n"
    "  end2end:\n"
    "    hosts: [10.0.2.10]\n"
    "    variables: {URL: \"https://end2end.example.org\", FIRST: 2, TEXT: \"a\\n$b \\\"c\"}\n"
    "  prod:\n"
    "    hosts:\n"
    "      - 10.0.1.10\n"
    "      - root@web2.example.org:2222\n"
    "      - {name: web3, address: 10.0.1.12, ssh: {port: 23, agent: no}, engine: /run/x.sock}\n"
    "      - \"[fe80::1]:24\"\n"
    "      - 2001:db8::7\n"
    "    engine: /run/user/1000/docker.sock\n"
    "    ssh: {host_keys: accept-new, connect_timeout: 250ms, known_hosts: ~/known}\n"
    "    compose: [deploy/compose.prod.yml, extra.yml]\n"
    "    protected: true\n"
    "    health:\n"
    "      settle: 1h30m\n"
    "      restarts: 0\n"
    "      early: off\n"
    "      http:\n"
    "        - url: http://localhost:8080/ping\n"
    "        - {url: \"https://x/\", expect: 204, from: controller}\n"
    "    rollout: {batch: 50%, on_failure: stop}\n"
    "    tasks:\n"
    "      before_host: [{name: drain, command: [./lb, out, \"\", \"a b\\n$c\"], timeout: 90s}]\n"
    "      after_host:\n"
    "        - {name: add, command: [lb, 1]}\n"
    "        - {name: warm, command: [curl, -f, x]}\n"
    "    retain: 7\n";

static Config *parsed(const char *text) {
  g_autoptr(GError) error = NULL;
  Config *config = NULL;
  cr_assert(config_parse("slipway.yml", "/srv/journal", text, strlen(text), &config, &error), "%s",
            error != NULL ? error->message : "");
  return config;
}

static Config *parsed_with(const char *environment_lines) {
  g_autofree char *text =
      g_strconcat("app: a\nimages: {a: a}\npipeline: [e]\ncompose: c.yml\nenvironments:\n  e:\n",
                  environment_lines, NULL);
  return parsed(text);
}

static const HostConfig *host_at(const Config *config, const char *environment, guint index) {
  return config_find_environment(config, environment)->hosts->pdata[index];
}

Test(config, defaults_are_filled_in) {
  g_autoptr(Config) config = parsed_with("    hosts: [x]\n");
  const Environment *environment = config_find_environment(config, "e");
  const HostConfig *host = environment->hosts->pdata[0];
  g_autofree char *history = g_build_filename(g_get_user_state_dir(), "slipway", "a.db", NULL);
  cr_assert_str_eq(config->history, history);
  cr_assert_eq(config->insecure_registries->len, 0);
  cr_assert_null(host->ssh.user);
  cr_assert_eq(host->ssh.port, 0);
  cr_assert(host->ssh.agent);
  cr_assert_eq(host->ssh.host_keys, HOST_KEYS_STRICT);
  cr_assert_eq(host->ssh.connect_timeout_ms, 10000);
  cr_assert_eq(host->ssh.keepalive_ms, 5000);
  cr_assert_null(host->engine);
  cr_assert_eq(environment->health.deadline_ms, 120000);
  cr_assert_eq(environment->health.settle_ms, 5000);
  cr_assert_eq(environment->health.restarts, 2);
  cr_assert(environment->health.early);
  cr_assert_eq(environment->health.http->len, 0);
  cr_assert_eq(environment->rollout.batch, 0);
  cr_assert_eq(environment->rollout.batch_percent, 100);
  cr_assert_eq(environment->rollout.on_failure, ON_FAILURE_RESTORE);
  cr_assert_eq(environment->tasks.before_host->len, 0);
  cr_assert_eq(environment->tasks.after_host->len, 0);
  cr_assert_not(environment->is_protected);
  cr_assert_eq(environment->retain, 5);
}

Test(config, an_environment_overrides_defaults_key_by_key) {
  g_autoptr(Config) config = parsed(full);
  const Environment *end2end = config_find_environment(config, "end2end"),
                    *prod = config_find_environment(config, "prod");
  static const char *const names[] = {"FIRST", "SWITCH", "URL", "TEXT"};
  static const char *const values[] = {"2", "yes", "https://end2end.example.org", "a\n$b \"c"};
  cr_assert_eq(end2end->variables->len, G_N_ELEMENTS(names));
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    const NamedValue *variable = end2end->variables->pdata[i];
    cr_assert_str_eq(variable->name, names[i]);
    cr_assert_str_eq(variable->value, values[i]);
  }
  cr_assert_eq(end2end->health.settle_ms, 1000);
  cr_assert_eq(end2end->retain, 3);
  cr_assert_eq(prod->health.deadline_ms, 90000);
  cr_assert_eq(prod->health.settle_ms, 5400000);
  cr_assert_not(prod->health.early);
  cr_assert_eq(prod->retain, 7);
  cr_assert_eq(prod->rollout.batch_percent, 50);
  cr_assert_eq(prod->rollout.on_failure, ON_FAILURE_STOP);
  cr_assert(((HttpCheck *)prod->health.http->pdata[1])->from_controller);
  cr_assert_eq(((HttpCheck *)prod->health.http->pdata[0])->expect, 200);
}

Test(config, compose_files_come_after_the_base_files) {
  g_autoptr(Config) config = parsed(full);
  const Environment *ci = config_find_environment(config, "ci"),
                    *prod = config_find_environment(config, "prod");
  cr_assert_eq(ci->compose->len, 2);
  cr_assert_str_eq(ci->compose->pdata[0], "deploy/compose.yml");
  cr_assert_str_eq(ci->compose->pdata[1], "deploy/compose.ci.yml");
  cr_assert_eq(prod->compose->len, 3);
  cr_assert_str_eq(prod->compose->pdata[2], "extra.yml");
}

Test(config, hosts_are_strings_or_mappings) {
  static const struct {
    const char *name, *address, *user, *engine;
    guint port;
    bool agent;
  } expected[] = {
      {"10.0.1.10", "10.0.1.10", "deploy", "/run/user/1000/docker.sock", 0, true},
      {"web2.example.org", "web2.example.org", "root", "/run/user/1000/docker.sock", 2222, true},
      {"web3", "10.0.1.12", "deploy", "/run/x.sock", 23, false},
      {"fe80::1", "fe80::1", "deploy", "/run/user/1000/docker.sock", 24, true},
      {"2001:db8::7", "2001:db8::7", "deploy", "/run/user/1000/docker.sock", 0, true},
  };
  g_autoptr(Config) config = parsed(full);
  g_autofree char *known_hosts = path_resolve("/", "~/known");
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    const HostConfig *host = host_at(config, "prod", i);
    cr_assert_str_eq(host->name, expected[i].name);
    cr_assert_str_eq(host->address, expected[i].address);
    cr_assert_str_eq(host->ssh.user, expected[i].user);
    cr_assert_str_eq(host->engine, expected[i].engine);
    cr_assert_eq(host->ssh.port, expected[i].port);
    cr_assert_eq(host->ssh.agent, expected[i].agent);
    cr_assert_eq(host->ssh.keys->len, 1);
    cr_assert_str_eq(host->ssh.keys->pdata[0], "/srv/journal/keys/id");
    cr_assert_str_eq(host->ssh.known_hosts, known_hosts);
    cr_assert_eq(host->ssh.connect_timeout_ms, 250);
    cr_assert_eq(host->ssh.host_keys, HOST_KEYS_ACCEPT_NEW);
  }
}

Test(config, local_is_this_machine) {
  g_autoptr(Config) config = parsed(full);
  const HostConfig *host = host_at(config, "ci", 0);
  cr_assert_str_eq(host->name, "local");
  cr_assert_null(host->address);
  cr_assert_null(host->ssh.user);
}

Test(config, a_batch_is_a_number_or_a_share) {
  g_autoptr(Config) number = parsed_with("    hosts: [x]\n    rollout: {batch: 2}\n");
  g_autoptr(Config) share = parsed_with("    hosts: [x]\n    rollout: {batch: 34%}\n");
  cr_assert_eq(config_find_environment(number, "e")->rollout.batch, 2);
  cr_assert_eq(config_find_environment(number, "e")->rollout.batch_percent, 0);
  cr_assert_eq(config_find_environment(share, "e")->rollout.batch, 0);
  cr_assert_eq(config_find_environment(share, "e")->rollout.batch_percent, 34);
}

Test(config, a_task_is_an_argv_and_a_time_limit) {
  g_autoptr(Config) config = parsed(full);
  const TasksConfig *tasks = &config_find_environment(config, "prod")->tasks;
  const TaskConfig *drain = tasks->before_host->pdata[0], *add = tasks->after_host->pdata[0];
  static const char *const words[] = {"./lb", "out", "", "a b\n$c"};
  cr_assert_str_eq(drain->name, "drain");
  cr_assert_eq(drain->timeout_ms, 90000);
  cr_assert_eq(drain->command->len, G_N_ELEMENTS(words));
  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    cr_assert_str_eq(drain->command->pdata[i], words[i]);
  cr_assert_eq(tasks->after_host->len, 2);
  cr_assert_str_eq(add->command->pdata[1], "1");
  cr_assert_eq(add->timeout_ms, 600000);
}

Test(config, the_pipeline_tells_what_comes_before) {
  g_autoptr(Config) config = parsed(full);
  cr_assert_null(config_environment_before(config, "ci"));
  cr_assert_str_eq(config_environment_before(config, "prod"), "end2end");
  cr_assert_null(config_environment_before(config, "other"));
  cr_assert(config_is_in_pipeline(config, "ci"));
  cr_assert_not(config_is_in_pipeline(config, "other"));
}

Test(config, an_unknown_environment_is_a_usage_error_with_the_nearest_name) {
  g_autoptr(Config) config = parsed(full);
  g_autoptr(GError) error = NULL;
  Environment *environment = NULL;
  cr_assert(config_require_environment(config, "prod", &environment, &error));
  cr_assert_not(config_require_environment(config, "prdo", &environment, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_USAGE));
  cr_assert_str_eq(error->message, "no environment \"prdo\" in slipway.yml; did you mean \"prod\"? "
                                   "(there are ci, end2end, prod)");
}

/* The text says all that the structs hold, so equal texts are equal structs. */
static void assert_survives_printing(const Config *config, const char *environment) {
  g_autofree char *yaml = config_to_yaml(config, environment), *json = config_to_json(config, environment);
  g_autoptr(Config) again = parsed(yaml);
  g_autofree char *yaml_again = config_to_yaml(again, NULL), *json_again = config_to_json(again, NULL);
  cr_assert_str_eq(yaml_again, yaml);
  cr_assert_str_eq(json_again, json);
}

Test(config, what_is_printed_parses_to_the_same) {
  g_autoptr(Config) config = parsed(full);
  assert_survives_printing(config, NULL);
  assert_survives_printing(config, "ci");
  assert_survives_printing(config, "prod");
}

Test(config, an_environment_outside_the_pipeline_prints_an_empty_one) {
  g_autoptr(Config) config = parsed("app: a\nimages: {a: a}\npipeline: [e]\ncompose: c.yml\n"
                                    "environments: {e: {hosts: [local]}, aside: {hosts: [local]}}\n");
  g_autofree char *yaml = config_to_yaml(config, "aside");
  cr_assert(strstr(yaml, "pipeline: []\n"), "%s", yaml);
  assert_survives_printing(config, "aside");
}

Test(config, a_printed_environment_stands_alone) {
  g_autoptr(Config) config = parsed(full);
  g_autofree char *yaml = config_to_yaml(config, "end2end"), *json = config_to_json(config, "end2end");
  g_autoptr(Config) alone = parsed(yaml);
  g_autoptr(GError) error = NULL;
  g_autoptr(cJSON) tree = NULL;
  cr_assert_eq(alone->environments->len, 1);
  cr_assert_eq(alone->pipeline->len, 1);
  cr_assert_str_eq(host_at(alone, "end2end", 0)->ssh.user, "deploy");
  cr_assert(strstr(yaml, "key: [keys/id]\n"), "%s", yaml); /* relative again */
  cr_assert(json_parse(json, strlen(json), "json", &tree, &error));
  cr_assert_str_eq(json_string(json_path(tree, "environments", "end2end", "health", NULL), "deadline"),
                   "90s");
}

Test(config, the_keys_are_described_from_their_rows) {
  g_autofree char *keys = config_describe_keys();
  cr_assert(strstr(keys, "\nenvironments.NAME.health.deadline"), "%s", keys);
  cr_assert(strstr(keys, "number 1..65535"));
  cr_assert(strstr(keys, "strict|accept-new"));
  cr_assert_null(strstr(keys, "defaults."));
}

Test(config, a_file_is_read_from_its_folder) {
  g_autofree char *folder = g_dir_make_tmp("slipway-config-XXXXXX", NULL),
                  *path = g_build_filename(folder, "s.yml", NULL);
  g_autofree char *history = g_build_filename(folder, "state/journal.db", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(Config) config = NULL;
  cr_assert(file_write(path, full, sizeof full - 1, 0600, &error));
  cr_assert(config_load(path, &config, &error), "%s", error != NULL ? error->message : "");
  cr_assert_str_eq(config->path, path);
  cr_assert_str_eq(config->directory, folder);
  cr_assert_str_eq(config->history, history);
  g_remove(path);
  g_remove(folder);
}

/* ---- inventories, secrets, tasks and gates ---- */

static const char wide[] =
    "app: journal\n"
    "images: {web: registry.example.org/journal/web}\n"
    "pipeline: [ci, prod]\n"
    "compose: compose.yml\n"
    "defaults:\n"
    "  ssh: {user: deploy, key: [keys/one, keys/two], proxy_jump: bastion}\n"
    "environments:\n"
    "  ci: {hosts: [local], ephemeral: true}\n"
    "  prod:\n"
    "    hosts:\n"
    "      - 10.0.0.1\n"
    "      - {ec2: {region: eu-west-1, tags: {App: journal}}, profiles: worker, ssh: {user: admin}}\n"
    "      - {command: [./hosts, prod], timeout: 5s}\n"
    "      - {name: last, address: 10.0.0.9, id: i-0abc, profiles: [worker, web]}\n"
    "    files: [deploy/prod/, nginx.conf]\n"
    "    secrets:\n"
    "      API_KEY: {command: [vault, read], timeout: 3s}\n"
    "      TLS: {file: keys/tls.key, mount: tls_key}\n"
    "      DB: {dotenv: prod.env, command: [sops, -d], key: DATABASE}\n"
    "    gates: {requires: [ci], soak: 10m, approvals: 2, window: \"Mon-Fri 09:00-17:00 Europe/London\"}\n"
    "    tasks:\n"
    "      before: [{name: migrate, service: web, command: [migrate], environments: prod}]\n"
    "      verify: [{name: tests, service: web, command: [./t], on: all, artifacts: [out/a.xml, \"/x:b\"]}]\n"
    "      run: [{name: report, command: [./report.sh]}]\n";

Test(config, reads_inventories_between_hosts) {
  g_autoptr(Config) config = parsed(wide);
  const Environment *prod = config_find_environment(config, "prod");
  cr_assert_eq(prod->hosts->len, 2);
  cr_assert_eq(prod->inventories->len, 2);
  const InventoryConfig *ec2 = prod->inventories->pdata[0], *command = prod->inventories->pdata[1];
  cr_assert_eq(ec2->position, 1);
  cr_assert_eq(command->position, 1);
  cr_assert_str_eq(ec2->host.ssh.user, "admin");
  cr_assert_eq(ec2->host.ssh.keys->len, 2);
  cr_assert_str_eq(ec2->host.ssh.proxy_jump, "bastion");
  cr_assert_str_eq(ec2->host.profiles->pdata[0], "worker");
  cr_assert_eq(command->timeout_ms, 5000);
  cr_assert_str_eq(((HostConfig *)prod->hosts->pdata[1])->id, "i-0abc");
}

Test(config, reads_where_secrets_come_from) {
  g_autoptr(Config) config = parsed(wide);
  const GPtrArray *secrets = config_find_environment(config, "prod")->secrets;
  cr_assert_eq(secrets->len, 3);
  cr_assert_eq(secret_source(secrets->pdata[0]), SECRET_FROM_COMMAND);
  cr_assert_eq(secret_source(secrets->pdata[1]), SECRET_FROM_FILE);
  cr_assert_eq(secret_source(secrets->pdata[2]), SECRET_FROM_DOTENV);
}

Test(config, prints_inventories_secrets_tasks_and_gates_so_that_they_read_back_the_same) {
  g_autoptr(Config) config = parsed(wide);
  g_autofree char *once = config_to_yaml(config, NULL);
  g_autoptr(Config) again = parsed(once);
  g_autofree char *twice = config_to_yaml(again, NULL);
  cr_assert_str_eq(once, twice);
  g_autofree char *alone = config_to_yaml(config, "prod");
  g_autoptr(Config) part = parsed(alone);
  g_autofree char *part_again = config_to_yaml(part, "prod");
  cr_assert_str_eq(alone, part_again);
}
