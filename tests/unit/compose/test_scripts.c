#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "support/errors.h"

#define SCRIPTS TEST_DATA "/../../../environments/hosts/scripts/"
#define LONG    "a-rather-long-folder-name-of-sixty-characters-0123456789-0123456"

static void add(GPtrArray *extra, const char *path, guint mode, const char *text) {
  g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
  g_ptr_array_add(extra, project_file_new(path, mode, bytes));
}

/* What the deployer adds: images.yml for this folder, the env file, the manifest. */
static GBytes *bundle_of(const ComposeProject *project, const char *place, const char *manifest) {
  g_autoptr(GPtrArray) extra = g_ptr_array_new_with_free_func((GDestroyNotify)project_file_free);
  g_autoptr(GHashTable) pins = pins_of(project);
  g_autofree char *override = compose_override(project, pins, place, NULL),
                  *env = compose_env_file(project->variables, NULL);
  add(extra, "images.yml", 0644, override);
  add(extra, "env", 0600, env);
  add(extra, "manifest.json", 0644, manifest);
  return whole_bundle(project, extra, NULL, NULL);
}

static ComposeProject *sample(Folder folder) {
  static const char *const paths[] = {"deploy/compose.yml", "prod.yml", NULL};
  static const char *const variables[] = {"PASSWORD", "a'b\n $c \\", "TAG", "2", NULL};
  ComposeProject *project = NULL;
  g_autoptr(GError) error = NULL;
  folder_write(folder, "deploy/compose.yml",
               "services:\n"
               "  web:\n"
               "    image: nginx:1\n"
               "    build: ../app\n"
               "    env_file: [x.env, ../y.env]\n"
               "    environment: {PASSWORD: '${PASSWORD}', HERE: '${PWD:-none}'}\n"
               "    volumes: ['../conf:/c:ro', './run.sh:/run.sh']\n");
  folder_write(folder, "prod.yml", "services: {web: {labels: {a: b}}}\n");
  folder_write(folder, "deploy/x.env", "X=1\n");
  folder_write(folder, "deploy/run.sh", "#!/bin/sh\n");
  folder_write(folder, "y.env", "Y=2\n");
  folder_write(folder, "conf/" LONG "/" LONG "/name", "long");
  folder_write(folder, "conf/" LONG "/" LONG "-" LONG, "too long for ustar's name");
  folder_mkdir(folder, "conf/empty");
  g_autofree char *script = g_build_filename(folder, "deploy/run.sh", NULL);
  cr_assert_eq(chmod(script, 0755), 0);
  cr_assert(read_project(folder, paths, variables, &project, &error), "%s",
            error == NULL ? "" : error->message);
  return project;
}

static guint mode_of(Folder folder, const char *path) {
  struct stat status;
  g_autofree char *place = g_build_filename(folder, path, NULL);
  cr_assert_eq(stat(place, &status), 0, "%s is missing", place);
  return status.st_mode & 07777;
}

static bool exists(Folder folder, const char *path) {
  g_autofree char *place = g_build_filename(folder, path, NULL);
  return g_file_test(place, G_FILE_TEST_EXISTS);
}

static const char *hash_of(const ComposeProject *project, const char *source) {
  for (guint i = 0; i < project->trees->len; i++)
    if (g_str_equal(((FileTree *)project->trees->pdata[i])->source, source))
      return ((FileTree *)project->trees->pdata[i])->hash;
  g_error("no tree of %s", source);
}

static int upload(const char *place, const char *uid, GBytes *bundle, char **err) {
  const char *const argv[] = {"sh", SCRIPTS "upload.sh", place, uid, NULL};
  return run(argv, NULL, bundle, NULL, err);
}

Test(bundle, is_read_by_gnu_tar_and_busybox_tar) {
  static const char *const tars[] = {"tar", "busybox", NULL};
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(GBytes) bundle = bundle_of(project, "/f", "{}"), again = bundle_of(project, "/f", "{}");
  cr_expect(g_bytes_equal(bundle, again), "the same project gives the same bytes");
  g_autofree char *long_path =
      g_strconcat("files/", hash_of(project, "conf"), "/" LONG "/" LONG "-" LONG, NULL);
  for (const char *const *tar = tars; *tar != NULL; tar++) {
    g_auto(Folder) place = folder_new();
    g_autofree char *program = g_find_program_in_path(*tar), *err = NULL;
    if (program == NULL)
      continue;
    const char *const gnu[] = {"tar", "-xpof", "-", "-C", place, NULL};
    const char *const busybox[] = {"busybox", "tar", "-xpof", "-", "-C", place, NULL};
    cr_assert_eq(run(tar == tars ? gnu : busybox, NULL, bundle, NULL, &err), 0, "%s", err);
    g_autofree char *content = folder_read(place, long_path);
    cr_expect_str_eq(content, "too long for ustar's name");
    cr_expect_eq(mode_of(place, "release/env"), 0600);
    cr_expect(exists(place, "complete"));
  }
}

Test(bundle, leaves_out_what_the_host_has) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(GHashTable) present = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < project->trees->len; i++)
    g_hash_table_add(present, ((FileTree *)project->trees->pdata[i])->hash);
  g_autoptr(GBytes) bundle = whole_bundle(project, NULL, NULL, present);
  const char *const argv[] = {"tar", "-tf", "-", NULL};
  g_autofree char *out = NULL;
  cr_assert_eq(run(argv, NULL, bundle, &out, NULL), 0);
  cr_expect_null(strstr(out, "files/"));
  cr_expect_not_null(strstr(out, "release/project/deploy/compose.yml\n"));
}

Test(bundle, is_packed_once_for_hosts_that_lack_the_same) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(BundleShelf) shelf = bundle_shelf_new();
  g_autoptr(GHashTable) one = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GHashTable) other = g_hash_table_new(g_str_hash, g_str_equal);
  g_hash_table_add(one, (gpointer)hash_of(project, "conf"));
  g_hash_table_add(other, (gpointer)hash_of(project, "conf"));
  g_hash_table_add(other, (gpointer) "of another release");
  g_autoptr(GBytes) of_one = compose_bundle_shared(shelf, project, NULL, one),
                    of_other = compose_bundle_shared(shelf, project, NULL, other),
                    of_new = compose_bundle_shared(shelf, project, NULL, NULL);
  cr_expect_eq(of_one, of_other);
  cr_expect_gt(g_bytes_get_size(of_new), g_bytes_get_size(of_one));
}

Test(upload, puts_everything_in_place_and_can_be_repeated) {
  g_auto(Folder) folder = folder_new(), home = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autofree char *place = g_build_filename(home, "new/app--prod", NULL), *err = NULL;
  g_autoptr(GBytes) bundle = bundle_of(project, place, "one"), other = bundle_of(project, place, "two");
  cr_assert_eq(upload(place, "u1", bundle, &err), 0, "%s", err);
  cr_expect_eq(mode_of(place, "."), 0700);
  cr_expect_eq(mode_of(place, "releases/u1/env"), 0600);
  cr_expect_eq(mode_of(place, "releases/u1/project/deploy/compose.yml"), 0644);
  g_autofree char *script = g_strconcat("files/", hash_of(project, "deploy/run.sh"), NULL);
  g_autofree char *empty = g_strconcat("files/", hash_of(project, "conf"), "/empty", NULL);
  cr_expect_eq(mode_of(place, script), 0755);
  cr_expect_eq(mode_of(place, empty), 0755);

  folder_write(place, script, "seen by a container");
  cr_assert_eq(upload(place, "u1", bundle, NULL), 0);
  cr_assert_eq(upload(place, "u1", other, NULL), 0, "another content under this UID replaces it");
  g_autofree char *kept = folder_read(place, script),
                  *manifest = folder_read(place, "releases/u1/manifest.json");
  cr_expect_str_eq(kept, "seen by a container", "a files/HASH that is there is never touched");
  cr_expect_str_eq(manifest, "two");
  const char *const argv[] = {"ls", "-A", place, NULL};
  g_autofree char *names = NULL;
  cr_assert_eq(run(argv, NULL, NULL, &names, NULL), 0);
  cr_expect_str_eq(names, "files\nreleases\n", "nothing temporary stays");
}

Test(upload, leaves_nothing_half_there_when_it_is_cut_off) {
  g_auto(Folder) folder = folder_new(), place = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(GBytes) bundle = bundle_of(project, place, "{}");
  gsize whole = g_bytes_get_size(bundle) - 3 * 512; /* the last entry and the end */
  for (gsize length = 0; length <= whole; length += length < whole && whole - length < 1024 ? 512 : 1024) {
    g_autoptr(GBytes) cut = g_bytes_new_from_bytes(bundle, 0, length);
    cr_expect_neq(upload(place, "u1", cut, NULL), 0, "%zu bytes of %zu", length, whole);
    cr_expect_not(exists(place, "releases/u1"), "%zu bytes", length);
  }
  g_autofree char *files = g_build_filename(place, "files", NULL);
  cr_expect_eq(g_rmdir(files), 0, "no files/HASH either");
  cr_expect_eq(upload(place, "u1", bundle, NULL), 0);
}

/* A home and a PATH in which `program` is the only Compose, of both kinds. */
static void install(Folder home, const char *program) {
  g_autofree char *bin = g_build_filename(home, "bin/docker-compose", NULL);
  g_autofree char *plugin = g_build_filename(home, ".docker/cli-plugins/docker-compose", NULL);
  folder_mkdir(home, "bin");
  folder_mkdir(home, ".docker/cli-plugins");
  cr_assert_eq(symlink(program, bin) | symlink(program, plugin), 0);
}

typedef struct {
  int status;
  char *out, *err;
} Answer;

static void answer_clear(Answer *answer) {
  g_free(answer->out);
  g_free(answer->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static void compose(Answer *answer, Folder home, const char *place, const char *uid, const char *kind,
                    const char *action, const char *argument) {
  g_autofree char *path = g_strconcat("PATH=", home, "/bin:/usr/bin:/bin", NULL);
  g_autofree char *home_pair = g_strconcat("HOME=", home, NULL);
  const char *const environment[] = {path, home_pair, "LEAK=1", NULL};
  const char *const argv[] = {"sh", SCRIPTS "compose.sh", place,  uid,      "app--prod",
                              kind, "/run/x.sock",        action, argument, NULL};
  answer->status = run(argv, environment, NULL, &answer->out, &answer->err);
}

static const char fake[] = "#!/bin/sh\n"
                           "for word in \"$@\"; do printf '<%s>' \"$word\"; done; echo\n"
                           "env -0 | sort -z | tr '\\0' ';'; cat; echo oops >&2; exit 7\n";

Test(compose_script, gives_compose_the_files_and_the_releases_own_environment) {
  static const struct {
    const char *kind, *action, *argument, *words;
  } cases[] = {
      {"v1", "config", NULL, "<config>\n"},
      {"v2", "config", "--quiet", "<config><--quiet>\n"},
      {"v1", "hash", NULL, "<config><--hash><*>\n"},
      {"v1", "up", "web", "<up><-d><--no-build><--remove-orphans><web>\n"},
      {"v2", "up", NULL, "<up><-d><--no-build><--remove-orphans><--pull><never>\n"},
      {"v2", "down", "--volumes", "<down><--remove-orphans><--volumes>\n"},
  };
  static const char words[] =
      "<--ansi><never><-p><app--prod><--env-file></proc/self/cwd/empty.env>"
      "<--project-directory></proc/self/cwd/project/deploy>"
      "<-f></proc/self/cwd/project/deploy/compose.yml><-f></proc/self/cwd/project/prod.yml>"
      "<-f></proc/self/cwd/images.yml>";
  g_auto(Folder) folder = folder_new(), home = folder_new(), place = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(GBytes) bundle = bundle_of(project, place, "{}");
  folder_write(home, "fake", fake);
  g_autofree char *program = g_build_filename(home, "fake", NULL);
  cr_assert_eq(chmod(program, 0755), 0);
  install(home, program);
  cr_assert_eq(upload(place, "u1", bundle, NULL), 0);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(Answer) answer = {0};
    compose(&answer, home, place, "u1", cases[i].kind, cases[i].action, cases[i].argument);
    g_autofree char *path = g_strconcat(";PATH=", home, "/bin:/usr/bin:/bin;", NULL);
    g_autofree char *expected =
        g_strconcat(words, cases[i].words, "DOCKER_HOST=unix:///run/x.sock;HOME=", home,
                    ";PASSWORD=a'b\n $c \\", path, "TAG=2;", NULL);
    cr_expect_eq(answer.status, 7);
    /* sh (the fake's) exports PWD itself. */
    char *pwd = strstr(answer.out, "PWD=");
    cr_assert_not_null(pwd);
    memmove(pwd, strchr(pwd, ';') + 1, strlen(strchr(pwd, ';') + 1) + 1);
    cr_expect_str_eq(answer.out, expected);
    cr_expect_str_eq(answer.err, "oops\n");
  }
}

Test(compose_script, hands_the_hosts_profiles_to_compose) {
  g_auto(Folder) folder = folder_new(), home = folder_new(), place = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(GBytes) bundle = bundle_of(project, place, "{}");
  folder_write(home, "fake", fake);
  g_autofree char *program = g_build_filename(home, "fake", NULL);
  cr_assert_eq(chmod(program, 0755), 0);
  install(home, program);
  cr_assert_eq(upload(place, "u1", bundle, NULL), 0);
  folder_write(place, "releases/u1/profiles", "worker,debug\n");
  g_auto(Answer) answer = {0};
  compose(&answer, home, place, "u1", "v1", "up", NULL);
  cr_expect_not_null(strstr(answer.out, "\nCOMPOSE_PROFILES=worker,debug;"), "%s", answer.out);
}

Test(compose_script, says_what_is_missing) {
  g_auto(Folder) folder = folder_new(), home = folder_new(), place = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(GBytes) bundle = bundle_of(project, place, "{}");
  cr_assert_eq(upload(place, "u1", bundle, NULL), 0);
  g_auto(Answer) wrong = {0}, gone = {0};
  compose(&wrong, home, place, "u1", "v1", "explode", NULL);
  cr_expect_eq(wrong.status, 2);
  cr_expect_not_null(strstr(wrong.err, "no action is called explode"));
  compose(&gone, home, place, "u2", "v1", "config", NULL);
  cr_expect_neq(gone.status, 0);
  cr_expect_not_null(strstr(gone.err, "releases/u2"));
}

/* No UID in the effective configuration: so none in a service's hash either, and no container is made anew
 * for it. */
Test(compose_script, shows_real_composes_nothing_of_the_releases_name, .timeout = 60) {
  need_a_compose();
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(GHashTable) pins = pins_of(project);
  for (int i = 0; i < 2; i++) {
    const Compose *kind = &composes()[i];
    g_auto(Folder) home = folder_new(), place = folder_new();
    g_autoptr(GBytes) bundle = bundle_of(project, place, "{}");
    g_auto(Answer) one = {0}, two = {0};
    g_autoptr(GError) error = NULL;
    if (kind->program == NULL)
      continue;
    install(home, kind->program);
    cr_assert_eq(upload(place, "u1", bundle, NULL) + upload(place, "u2", bundle, NULL), 0);
    compose(&one, home, place, "u1", kind->kind, "config", NULL);
    compose(&two, home, place, "u2", kind->kind, "config", NULL);
    cr_assert_eq(one.status, 0, "Compose %s: %s", kind->kind, one.err);
    cr_expect_str_eq(one.out, two.out);
    cr_expect_null(strstr(one.out, "u1"));
    cr_expect_not_null(strstr(one.out, "HERE: none"), "%s", one.out);
    cr_expect(compose_check_effective(one.out, strlen(one.out), pins, NULL, &error), "Compose %s: %s",
              kind->kind, error == NULL ? "" : error->message);
  }
}

/* `hash` in both, after an env_file's change too: "web HASH". Compose 1.29 asks an engine for it, v2 does
 * not. */
Test(compose_script, hashes_what_env_files_say, .timeout = 60) {
  const Compose *v2 = &composes()[1];
  if (v2->program == NULL)
    cr_skip("Compose v2 is not installed here");
  g_auto(Folder) folder = folder_new(), home = folder_new(), place = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(GBytes) bundle = bundle_of(project, place, "{}");
  install(home, v2->program);
  cr_assert_eq(upload(place, "u1", bundle, NULL) + upload(place, "u2", bundle, NULL), 0);
  g_auto(Answer) one = {0}, two = {0}, changed = {0};
  compose(&one, home, place, "u1", "v2", "hash", NULL);
  compose(&two, home, place, "u2", "v2", "hash", NULL);
  cr_assert_eq(one.status, 0, "%s", one.err);
  cr_expect(g_str_has_prefix(one.out, "web "));
  cr_expect_str_eq(one.out, two.out);
  folder_write(place, "releases/u2/project/y.env", "Y=3\n");
  compose(&changed, home, place, "u2", "v2", "hash", NULL);
  cr_expect_str_neq(one.out, changed.out);
}

/* ---- plan.sh ---- */

/* Compose that tells what is beside it, and fails where that is asked for. */
static const char fake_plan[] = "#!/bin/sh\n"
                                "cat ../../lock >/dev/null && echo locked\n"
                                "grep -c . env; [ ! -e ../../../fail ] || exit 7\n";

static void plan(Answer *answer, Folder home, const char *place, GBytes *bundle) {
  g_autofree char *path = g_strconcat("PATH=", home, "/bin:/usr/bin:/bin", NULL);
  g_autofree char *home_pair = g_strconcat("HOME=", home, NULL);
  g_autofree char *upload_text = NULL, *compose_text = NULL;
  cr_assert(g_file_get_contents(SCRIPTS "upload.sh", &upload_text, NULL, NULL));
  cr_assert(g_file_get_contents(SCRIPTS "compose.sh", &compose_text, NULL, NULL));
  const char *const environment[] = {path, home_pair, NULL};
  const char *const argv[] = {"sh", SCRIPTS "plan.sh", place,    "u1", upload_text, compose_text, "app--prod",
                              "v1", "/run/x.sock",     "config", NULL};
  answer->status = run(argv, environment, bundle, &answer->out, &answer->err);
}

Test(plan_script, leaves_nothing_and_sweeps_what_a_killed_one_left) {
  g_auto(Folder) folder = folder_new(), home = folder_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autofree char *place = g_build_filename(home, ".slipway-plan-u1", NULL);
  g_autoptr(GBytes) bundle = bundle_of(project, place, "{}");
  folder_write(home, "fake", fake_plan);
  g_autofree char *program = g_build_filename(home, "fake", NULL);
  cr_assert_eq(chmod(program, 0755), 0);
  install(home, program);
  folder_write(home, ".slipway-plan-dead/lock", "1\n");
  folder_write(home, ".slipway-plan-dead/releases/u0/env", "SECRET='x'\n");
  folder_write(home, ".slipway-plan-beginning/lock", "");
  g_autofree char *live = g_build_filename(home, ".slipway-plan-live", NULL);
  folder_write(home, ".slipway-plan-live/lock", "2\n");
  g_autofree char *lock = g_build_filename(live, "lock", NULL);
  const int held = open(lock, O_RDWR | O_CLOEXEC);
  cr_assert_eq(flock(held, LOCK_EX), 0);

  g_auto(Answer) well = {0}, refused = {0}, cut = {0};
  plan(&well, home, place, bundle);
  cr_expect_eq(well.status, 0, "%s", well.err);
  cr_expect(g_str_has_prefix(well.out, "locked\n"), "%s", well.out);
  cr_expect_not(exists(home, ".slipway-plan-u1"));
  cr_expect_not(exists(home, ".slipway-plan-dead"));
  cr_expect(exists(home, ".slipway-plan-live"));
  cr_expect(exists(home, ".slipway-plan-beginning"), "it has written nothing yet");

  folder_write(home, "fail", "");
  plan(&refused, home, place, bundle);
  cr_expect_eq(refused.status, 7, "%s", refused.err);
  cr_expect_not(exists(home, ".slipway-plan-u1"));

  g_autoptr(GBytes) half = g_bytes_new_from_bytes(bundle, 0, 1024);
  plan(&cut, home, place, half);
  cr_expect_eq(cut.status, 71);
  cr_expect_not_null(strstr(cut.err, "archive"), "%s", cut.err);
  cr_expect_not(exists(home, ".slipway-plan-u1"));
  (void)close(held);
}

Test(plan_script, touches_no_other_folder) {
  g_auto(Folder) home = folder_new();
  g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
  g_auto(Answer) answer = {0};
  folder_write(home, "mine", "");
  plan(&answer, home, home, nothing);
  cr_expect_eq(answer.status, 71);
  cr_expect_not_null(strstr(answer.err, "not a plan's folder"), "%s", answer.err);
  cr_expect(exists(home, "mine"));
}
