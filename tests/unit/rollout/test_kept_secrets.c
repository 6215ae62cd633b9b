#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

#include "deployer/rollout/kept_secrets.h"
#include "deployer/rollout/secrets.h"
#include "support/errors.h"
#include "support/redact.h"

#define OLD    "d1aaaaaaaaaaaaaaaaaaaaaaaa"
#define NEW    "d2aaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- a host that is a folder ---- */

static bool run_here(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  const char *first[] = {"/bin/sh", "-c", script->text, "slipway"};
  for (guint i = 0; i < G_N_ELEMENTS(first); i++)
    g_ptr_array_add(argv, (char *)first[i]);
  for (const char *const *word = script->argv; *word != NULL; word++)
    g_ptr_array_add(argv, (char *)*word);
  g_ptr_array_add(argv, NULL);
  char *out = NULL;
  (void)host;
  if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, 0, NULL, NULL, &out, NULL, &reply->status, error))
    return false;
  reply->out = g_string_new(out);
  reply->err = g_string_new(NULL);
  g_free(out);
  return true;
}

static void close_nothing(Host *host) {
  (void)host;
}

static const HostOps here = {.name = "here", .shell = run_here, .close = close_nothing};

static void put(const char *folder, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname(path);
  cr_assert_eq(g_mkdir_with_parents(parent, 0700), 0);
  cr_assert(g_file_set_contents(path, text, -1, NULL));
}

static void put_release(const char *folder, const char *uid, const char *manifest, const char *env) {
  g_autofree char *manifest_path = g_strdup_printf("releases/%s/manifest.json", uid);
  g_autofree char *env_path = g_strdup_printf("releases/%s/env", uid);
  put(folder, manifest_path, manifest);
  put(folder, env_path, env);
}

static GHashTable *names_in(const char *folder, const char *kind) {
  GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *path = g_build_filename(folder, kind, NULL);
  g_autoptr(GDir) listing = g_dir_open(path, 0, NULL);
  const char *name = NULL;
  while (listing != NULL && (name = g_dir_read_name(listing)) != NULL)
    g_hash_table_add(names, g_strdup(name));
  return names;
}

/* As opening.sh finds it. */
static Worker *worker_in(const char *folder, const char *current) {
  Worker *worker = g_new0(Worker, 1);
  worker->host = g_new0(Host, 1);
  worker->host->ops = &here;
  worker->facts = g_new0(HostFacts, 1);
  worker->facts->folder = g_strdup(folder);
  worker->facts->current = g_strdup(current);
  worker->facts->releases = names_in(folder, "releases");
  worker->facts->secrets = names_in(folder, "secrets");
  return worker;
}

static void worker_end(Worker *worker) {
  host_facts_free(worker->facts);
  host_secrets_free(worker->secrets);
  g_free(worker->host);
  g_free(worker);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Worker, worker_end)

static char *new_folder(void) {
  char *folder = g_dir_make_tmp("kept-XXXXXX", NULL);
  cr_assert_not_null(folder);
  return folder;
}

static void end_folder(char *folder) {
  const char *argv[] = {"rm", "-rf", folder, NULL};
  (void)g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(folder);
}
typedef char Folder;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Folder, end_folder)

/* ---- learning ---- */

Test(learn, knows_what_every_release_has_though_it_is_not_current) {
  g_autoptr(Folder) folder = new_folder();
  put_release(folder, OLD, "{\"secrets\": {\"KEY\": null}}", "KEY='value-of-old'\n");
  put_release(folder, NEW, "{\"secrets\": {\"KEY\": null, \"PEM\": \"" SHA256 "\"}}",
              "PLAIN='nothing secret'\nKEY='it'\\''s new'\n");
  put(folder, "secrets/" SHA256, "mounted-value\n");
  for (guint i = 0; i < 2; i++) {
    g_autoptr(Worker) worker = worker_in(folder, i == 0 ? OLD : NULL);
    g_autoptr(GError) error = NULL;
    redact_forget();
    cr_assert(worker_learn_secrets(worker, &error), "%s", error != NULL ? error->message : "");
    g_autofree char *text = redact_text("value-of-old, it's new, mounted-value, nothing secret");
    cr_expect_str_eq(text, "***, ***, ***, nothing secret");
  }
}

Test(learn, takes_every_variable_for_a_secret_where_the_manifest_says_nothing) {
  static const char *const manifests[] = {"{\"secrets\": {\"KEY\"", "", "[]", "{\"secrets\": 7}"};
  for (guint i = 0; i < G_N_ELEMENTS(manifests); i++) {
    g_autoptr(Folder) folder = new_folder();
    put_release(folder, OLD, manifests[i], "KEY='value-of-old'\n");
    g_autoptr(Worker) worker = worker_in(folder, OLD);
    redact_forget();
    cr_assert(worker_learn_secrets(worker, NULL));
    cr_expect(redact_finds("value-of-old"), "%s", manifests[i]);
  }
}

Test(learn, fails_where_an_env_file_cannot_be_read) {
  static const char *const files[] = {NULL, "KEY=value\n", "KEY='value"};
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autoptr(Folder) folder = new_folder();
    g_autoptr(GError) error = NULL;
    put_release(folder, OLD, "{}", files[i] != NULL ? files[i] : "");
    g_autofree char *path = g_strdup_printf("%s/releases/" OLD "/env", folder);
    if (files[i] == NULL)
      cr_assert_eq(g_unlink(path), 0);
    g_autoptr(Worker) worker = worker_in(folder, OLD);
    cr_assert_not(worker_learn_secrets(worker, &error));
    cr_expect(error_is(error, SLIPWAY_ERROR_UNREADY));
    cr_expect(strstr(error->message, "releases/" OLD "/env cannot be read") != NULL, "%s", error->message);
  }
}

Test(learn, asks_nothing_of_a_host_without_releases) {
  g_autoptr(Folder) folder = new_folder();
  g_autoptr(Worker) worker = worker_in(folder, NULL);
  static const HostOps nothing = {.name = "asks for a crash"};
  worker->host->ops = &nothing;
  cr_expect(worker_learn_secrets(worker, NULL));
}

/* ---- which value it is ---- */

static char *env_of(const Worker *worker) {
  SecretText *env = secret_text_new();
  worker_append_secrets(worker, &env);
  return g_string_free(env, FALSE);
}

/* `other` has the release that is put back, `lacking` does not. */
static void expect_same(DeploymentKind kind, const char *expected) {
  g_autoptr(Folder) lacking = new_folder(), other = new_folder();
  put_release(lacking, NEW, "{\"secrets\": {\"KEY\": null}}", "KEY='newer-value'\n");
  put_release(other, NEW, "{\"secrets\": {\"KEY\": null}}", "KEY='newer-value'\n");
  put_release(other, OLD, "{\"secrets\": {\"KEY\": null}}", "KEY='older-value'\n");
  g_autoptr(Worker) first = worker_in(lacking, NEW);
  g_autoptr(Worker) second = worker_in(other, NEW);
  g_autoptr(GPtrArray) secrets = g_ptr_array_new_with_free_func((GDestroyNotify)target_secret_free);
  TargetSecret *secret = g_new0(TargetSecret, 1);
  secret->config.name = (char *)"KEY";
  g_ptr_array_add(secrets, secret);
  Deployment origin = {.uid = (char *)OLD};
  Deployment deployment = {.id = 7, .kind = kind};
  Target target = {.origin = &origin, .secrets = secrets};
  RolloutRequest request = {.kind = kind, .kept_secrets = true};
  g_autoptr(GPtrArray) workers = g_ptr_array_new();
  Rollout rollout = {
      .request = &request, .target = &target, .deployment = &deployment, .workers = workers, .holder = "me"};
  g_autoptr(GError) error = NULL;
  first->rollout = second->rollout = &rollout;
  g_ptr_array_add(workers, first);
  g_ptr_array_add(workers, second);
  cr_assert(phase_secrets(&rollout, &error), "%s", error != NULL ? error->message : "");
  g_autofree char *on_first = env_of(first), *on_second = env_of(second);
  cr_expect_str_eq(on_first, expected);
  cr_expect_str_eq(on_second, expected);
}

Test(kept, is_one_value_for_all_hosts_of_a_rollback) {
  expect_same(KIND_ROLLBACK, "KEY='older-value'\n");
}

Test(kept, is_what_runs_for_as_is) {
  expect_same(KIND_DEPLOY, "KEY='newer-value'\n");
}
