/* Which release or deployment a request means, asked of a real history and real files; no host is involved.
 */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

#include "deployer/rollout/snapshot.h"
#include "deployer/rollout/target.h"
#include "support/errors.h"

static const char slipway_yml[] = "app: shop\n"
                                  "images: {web: 127.0.0.1:1/shop/web}\n"
                                  "pipeline: [ci, prod]\n"
                                  "compose: compose.yml\n"
                                  "history: history.db\n"
                                  "environments:\n"
                                  "  ci: {hosts: [local]}\n"
                                  "  prod: {hosts: [10.77.0.9], variables: {COLOR: blue}}\n"
                                  "  sandbox: {hosts: [local]}\n";
static const char compose_yml[] =
    "services:\n  web:\n    image: 127.0.0.1:1/shop/web:dev\n    volumes: [./motd:/motd:ro]\n";

static char *folder;
static Config *config;
static History *history;
static Reporter *reporter;

static void write_file(const char *name, const char *text) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  cr_assert(g_file_set_contents(path, text, -1, NULL));
}

static void setup(void) {
  GError *error = NULL;
  folder = g_dir_make_tmp("slipway-target-XXXXXX", NULL);
  write_file("slipway.yml", slipway_yml);
  write_file("compose.yml", compose_yml);
  write_file("motd", "hello\n");
  g_autofree char *path = g_build_filename(folder, "slipway.yml", NULL);
  cr_assert(config_load(path, &config, &error), "%s", error ? error->message : "");
  cr_assert(history_open(config->history, HISTORY_WRITE, &history, &error), "%s",
            error ? error->message : "");
  ReporterOptions quiet = {.quiet = true};
  reporter = reporter_new(&quiet);
}

static void teardown(void) {
  reporter_free(reporter);
  history_free(history);
  config_free(config);
  const char *names[] = {"slipway.yml", "compose.yml",    "motd",
                         "history.db",  "history.db-wal", "history.db-shm"};
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(folder, names[i], NULL);
    g_unlink(path);
  }
  g_rmdir(folder);
  g_free(folder);
}

TestSuite(target, .init = setup, .fini = teardown);

static gint64 add_release(const char *version, char digit) {
  g_autoptr(Release) release = release_new();
  GError *error = NULL;
  bool existed = false;
  ReleaseImage *image = g_new0(ReleaseImage, 1);
  g_autofree char *digest = g_strnfill(64, digit);
  image->name = g_strdup("web");
  image->reference = g_strdup_printf("127.0.0.1:1/shop/web@sha256:%s", digest);
  g_ptr_array_add(release->images, image);
  release->version = g_strdup(version);
  cr_assert(history_add_release(history, release, &existed, &error), "%s", error ? error->message : "");
  return release->id;
}

static RolloutRequest request_for(const char *environment, DeploymentKind kind) {
  return (RolloutRequest){.config = config,
                          .environment = config_find_environment(config, environment),
                          .history = history,
                          .reporter = reporter,
                          .command = "test",
                          .kind = kind};
}

/* As if it had run and succeeded. */
static gint64 record(const char *environment, gint64 release) {
  GError *error = NULL;
  RolloutRequest request = request_for(environment, KIND_DEPLOY);
  g_autofree char *name = g_strdup_printf("r%d", (int)release);
  request.release = name;
  request.force = true;
  g_autoptr(Situation) situation = NULL;
  g_autoptr(Target) target = NULL;
  g_autofree char *note = NULL;
  cr_assert(situation_read(history, config, environment, 0, &situation, &error));
  cr_assert(target_resolve(&request, situation, false, NULL, &target, &note, &error), "%s",
            error ? error->message : "");
  cr_assert(target_pin(&request, target, &error), "%s", error ? error->message : "");
  g_autoptr(Deployment) deployment = deployment_new();
  deployment->environment = g_strdup(environment);
  deployment->release = release;
  deployment->kind = KIND_DEPLOY;
  cr_assert(history_begin_deployment(history, deployment, &error), "%s", error ? error->message : "");
  deployment->images = target_images_json(target);
  cr_assert(snapshot_write(history, &request, target, &deployment->snapshot, &deployment->content, &error));
  cr_assert(history_update_deployment(history, deployment, &error), "%s", error ? error->message : "");
  deployment->status = STATUS_SUCCEEDED;
  deployment->exit_code = 0;
  deployment->touched = true;
  deployment->finished_at = g_get_real_time();
  cr_assert(history_finish_deployment(history, deployment, &error), "%s", error ? error->message : "");
  return deployment->id;
}

static bool resolve(const RolloutRequest *request, Target **target, char **note, GError **error) {
  static Situation *situation; /* kept: a rollback's target borrows from it */
  cr_assert(situation_read(history, config, request->environment->name, 0, &situation, NULL));
  return target_resolve(request, situation, false, NULL, target, note, error);
}

Test(target, promote_takes_the_release_verified_in_the_environment_before) {
  g_autoptr(Target) target = NULL;
  g_autofree char *note = NULL;
  gint64 first = add_release("1.0", '1');
  add_release("2.0", '2');
  record("ci", first);
  RolloutRequest request = request_for("prod", KIND_PROMOTE);
  cr_assert(resolve(&request, &target, &note, NULL));
  cr_assert_eq(target->release->id, first);
}

Test(target, promote_before_the_environment_before_succeeded_is_refused_with_its_name) {
  g_autoptr(Target) target = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *note = NULL;
  add_release("1.0", '1');
  RolloutRequest request = request_for("prod", KIND_PROMOTE);
  cr_assert_not(resolve(&request, &target, &note, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_REFUSED), "%s", error->message);
  cr_assert_not_null(strstr(error->message, "ci"), "%s", error->message);
}

Test(target, promote_with_nothing_newer_succeeds_and_says_so) {
  g_autoptr(Target) target = NULL;
  g_autofree char *note = NULL;
  gint64 only = add_release("1.0", '1');
  record("ci", only);
  record("prod", only);
  RolloutRequest request = request_for("prod", KIND_PROMOTE);
  cr_assert(resolve(&request, &target, &note, NULL));
  cr_assert_null(target);
  cr_assert_not_null(note);
}

Test(target, promote_outside_the_pipeline_is_a_usage_error) {
  g_autoptr(Target) target = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *note = NULL;
  RolloutRequest request = request_for("sandbox", KIND_PROMOTE);
  cr_assert_not(resolve(&request, &target, &note, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_USAGE));
  cr_assert_not_null(strstr(error->message, "outside the pipeline"), "%s", error->message);
}

Test(target, promote_never_goes_backwards) {
  g_autoptr(Target) target = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *note = NULL;
  gint64 first = add_release("1.0", '1');
  gint64 second = add_release("2.0", '2');
  record("ci", first);
  record("ci", second);
  record("prod", second);
  RolloutRequest request = request_for("prod", KIND_PROMOTE);
  request.release = "1.0";
  cr_assert_not(resolve(&request, &target, &note, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_REFUSED));
  cr_assert_not_null(strstr(error->message, "only goes forward"), "%s", error->message);
}

/* What another history made before all that is here, and this one hears of last. */
static gint64 import_old_release(void) {
  g_autoptr(Release) release = release_new();
  GError *error = NULL;
  g_autofree char *digest = g_strnfill(64, 'a');
  g_autofree char *reference = g_strdup_printf("127.0.0.1:1/shop/web@sha256:%s", digest);
  release->uid = g_strnfill(26, '0');
  release->version = g_strdup("0.9");
  release->created_at = 1000;
  g_ptr_array_add(release->images, release_image_new("web", reference));
  cr_assert(history_take_release(history, release, &error), "%s", error ? error->message : "");
  return release->id;
}

Test(target, promote_never_goes_back_to_an_older_release_that_was_imported_later) {
  g_autoptr(Target) target = NULL, named = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *note = NULL, *no_note = NULL;
  gint64 first = add_release("1.0", '1');
  record("ci", first);
  record("prod", first);
  gint64 old = import_old_release();
  cr_assert_gt(old, first);
  record("ci", old);
  RolloutRequest request = request_for("prod", KIND_PROMOTE);
  cr_assert(resolve(&request, &target, &note, NULL));
  cr_assert_null(target);
  cr_assert_not_null(strstr(note, "there is no newer release"), "%s", note);
  request.release = "0.9";
  cr_assert_not(resolve(&request, &named, &no_note, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_REFUSED));
  cr_assert_not_null(strstr(error->message, "r2 is older than r1"), "%s", error->message);
}

Test(target, promote_goes_on_from_an_older_release_that_was_imported_later) {
  g_autoptr(Target) target = NULL;
  g_autofree char *note = NULL;
  gint64 first = add_release("1.0", '1');
  gint64 old = import_old_release();
  record("ci", first);
  record("prod", old);
  RolloutRequest request = request_for("prod", KIND_PROMOTE);
  cr_assert(resolve(&request, &target, &note, NULL));
  cr_assert_not_null(target);
  cr_assert_eq(target->release->id, first);
}

Test(target, deploy_without_a_release_takes_the_one_that_runs) {
  g_autoptr(Target) target = NULL;
  g_autofree char *note = NULL;
  gint64 first = add_release("1.0", '1');
  add_release("2.0", '2');
  record("ci", first);
  RolloutRequest request = request_for("ci", KIND_DEPLOY);
  cr_assert(resolve(&request, &target, &note, NULL));
  cr_assert_eq(target->release->id, first);
}

Test(target, deploy_where_nothing_runs_asks_for_a_release) {
  g_autoptr(Target) target = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *note = NULL;
  RolloutRequest request = request_for("ci", KIND_DEPLOY);
  cr_assert_not(resolve(&request, &target, &note, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_USAGE));
  cr_assert_not_null(strstr(error->message, "runs nothing yet"), "%s", error->message);
}

Test(target, rollback_brings_back_images_files_and_variables_of_then_not_of_today) {
  g_autoptr(Target) target = NULL;
  g_autofree char *note = NULL;
  gint64 first = add_release("1.0", '1');
  gint64 second = add_release("2.0", '2');
  record("prod", first);
  write_file("motd", "changed\n");
  record("prod", second);
  write_file("compose.yml", "not: [a compose file");
  RolloutRequest request = request_for("prod", KIND_ROLLBACK);
  cr_assert(resolve(&request, &target, &note, NULL));
  cr_assert_eq(target->release->id, first);
  const FileTree *tree = g_ptr_array_index(target->project->trees, 0);
  const ProjectFile *file = g_ptr_array_index(tree->entries, 0);
  g_autoptr(GBytes) hello = g_bytes_new_static("hello\n", 6);
  cr_assert(g_bytes_equal(file->bytes, hello));
  const char *reference = g_hash_table_lookup(target->pinned, "web");
  cr_assert_not_null(strstr(reference, "@sha256:1111"), "%s", reference);
  const NamedValue *variable = g_ptr_array_index(target->project->variables, 0);
  cr_assert_str_eq(variable->value, "blue");
}

Test(target, rollback_to_a_deployment_of_another_environment_is_a_usage_error) {
  g_autoptr(Target) target = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *note = NULL;
  gint64 first = add_release("1.0", '1');
  gint64 elsewhere = record("ci", first);
  g_autofree char *name = g_strdup_printf("d%d", (int)elsewhere);
  RolloutRequest request = request_for("prod", KIND_ROLLBACK);
  request.to = name;
  cr_assert_not(resolve(&request, &target, &note, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_USAGE));
  cr_assert_not_null(strstr(error->message, "no deployment of prod"), "%s", error->message);
}
