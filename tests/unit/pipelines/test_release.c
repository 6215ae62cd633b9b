/* Making releases and pinning services, with the real docker-registry, a real history and real git
 * repositories. */
#include "pipelines/release.h"

#include <criterion/criterion.h>
#include <string.h>

#include "environments/compose/compose.h"
#include "pipelines/provenance.h"
#include "registries.h"
#include "support/errors.h"

#define LABELS(version, revision)                                                                            \
  "{\"org.opencontainers.image.version\":\"" version "\",\"org.opencontainers.image.revision\":\"" revision  \
  "\",\"org.opencontainers.image.created\":\"2026-02-03T04:05:06Z\"}"

static char *home;
static Config config;
static RealRegistry *real;
static Registry *registry;
static History *history;

static NamedValue *named(const char *name, const char *value) {
  NamedValue *pair = g_new0(NamedValue, 1);
  pair->name = g_strdup(name);
  pair->value = g_strdup(value);
  return pair;
}

static void named_free(void *data) {
  NamedValue *pair = data;
  g_free(pair->name);
  g_free(pair->value);
  g_free(pair);
}

/* An app of two images in `address`. */
static void configure(const char *address) {
  g_autofree char *web = g_strconcat(address, "/journal/web", NULL),
                  *fpm = g_strconcat(address, "/journal/fpm", NULL);
  config = (Config){.path = (char *)"slipway.yml", .directory = home};
  config.images = g_ptr_array_new_with_free_func(named_free);
  g_ptr_array_add(config.images, named("web", web));
  g_ptr_array_add(config.images, named("fpm", fpm));
  registry = registry_new(NULL);
}

static void set_up(void) {
  home = home_make();
}

static void tear_down(void) {
  g_clear_pointer(&config.images, g_ptr_array_unref);
  g_clear_pointer(&registry, registry_free);
  g_clear_pointer(&history, history_free);
  g_clear_pointer(&real, real_registry_stop);
  home_remove(home);
  g_free(home);
}

TestSuite(release, .init = set_up, .fini = tear_down);

static void start(void) {
  real = real_registry_start(false);
  configure(real->address);
  g_autofree char *path = g_build_filename(home, "history.db", NULL);
  g_autoptr(GError) error = NULL;
  cr_assert(history_open(path, HISTORY_WRITE, &history, &error), "%s", error == NULL ? "" : error->message);
}

static void push_both(const char *tag, const char *layer, const char *labels) {
  g_free(push_image(real, "journal/web", tag, "amd64", layer, labels));
  g_free(push_image(real, "journal/fpm", tag, "amd64", layer, labels));
}

static Release *create(const ReleaseRequest *request, bool *existed) {
  Release *release = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(release_create(history, &config, registry, request, &release, existed, &error), "%s",
            error == NULL ? "" : error->message);
  return release;
}

static void expect_usage(const ReleaseRequest *request, const char *fragment) {
  Release *release = NULL;
  bool existed = false;
  g_autoptr(GError) error = NULL;
  cr_assert_not(release_create(NULL, &config, registry, request, &release, &existed, &error), "%s", fragment);
  cr_expect(error_is(error, SLIPWAY_ERROR_USAGE), "%s", error->message);
  cr_expect_not_null(strstr(error->message, fragment), "%s", error->message);
}

/* ---- release_create
 * -------------------------------------------------------------------------------------------------- */

Test(release, a_tag_makes_a_release_of_digests_that_stays_when_the_tag_moves) {
  start();
  push_both("1.4", "one", NULL);
  bool existed = true, again = false;
  g_autoptr(Release) release = create(&(ReleaseRequest){.tag = "1.4", .build_url = "http://ci/1"}, &existed);
  cr_assert_not(existed);
  cr_assert_str_eq(release->version, "1.4");
  cr_assert_str_eq(release->build_url, "http://ci/1");
  cr_assert_not_null(strstr(release_image(release, "web"), "/journal/web@sha256:"));
  cr_assert_not_null(strstr(release_image(release, "fpm"), "/journal/fpm@sha256:"));
  g_autoptr(Release) same = create(&(ReleaseRequest){.tag = "1.4"}, &again);
  cr_assert(again);
  cr_assert_eq(same->id, release->id);
  push_both("1.4", "two", NULL);
  Release *other = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert_not(
      release_create(history, &config, registry, &(ReleaseRequest){.tag = "1.4"}, &other, &existed, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_REFUSED), "%s", error->message);
}

/* Where version and revision come from; each row pushes images of its own. */
static const struct {
  const char *tag, *web, *fpm; /* labels */
  ReleaseRequest request;
  const char *git_commit, *version, *revision;
} NAMES[] = {
    {"a1", LABELS("2.0", "abc1234"), LABELS("2.0", "abc1234"), {.version = "9"}, "def5678", "9", "abc1234"},
    {"a2", LABELS("2.2", "abc1234"), NULL, {.revision = "fed"}, NULL, "2.2", "fed"},
    {"a3", LABELS("2.3", "abc1234"), LABELS("2.4", "abc9999"), {0}, "def5678", "a3", "def5678"},
    {"a5", LABELS("has space", ""), NULL, {0}, "def5678", "a5", "def5678"},
    {"latest",
     NULL,
     NULL,
     {0},
     "0123456789abcdef0123456789abcdef01234567",
     "0123456789ab",
     "0123456789abcdef0123456789abcdef01234567"},
    {"Main", NULL, NULL, {0}, NULL, "r6", NULL},
};

Test(release, version_and_revision_come_from_the_first_that_knows) {
  start();
  for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
    g_unsetenv("GIT_COMMIT");
    if (NAMES[i].git_commit != NULL)
      g_setenv("GIT_COMMIT", NAMES[i].git_commit, TRUE);
    g_free(push_image(real, "journal/web", NAMES[i].tag, "amd64", NAMES[i].tag, NAMES[i].web));
    g_free(push_image(real, "journal/fpm", NAMES[i].tag, "amd64", NAMES[i].tag, NAMES[i].fpm));
    ReleaseRequest request = NAMES[i].request;
    request.tag = NAMES[i].tag;
    bool existed = false;
    g_autoptr(Release) release = create(&request, &existed);
    cr_expect(g_str_has_prefix(NAMES[i].version, release->version), "row %u: %s", i, release->version);
    cr_expect_eq(g_strcmp0(release->revision, NAMES[i].revision), 0, "row %u: %s", i, release->revision);
    bool has_label = NAMES[i].web != NULL;
    cr_expect_eq(release->committed_at, has_label ? 1770091506 * (gint64)G_USEC_PER_SEC : 0, "row %u", i);
  }
}

Test(release, images_may_be_named_one_by_one_and_by_digest) {
  start();
  push_both("1.4", "one", NULL);
  g_autofree char *digest = push_image(real, "journal/fpm", "other", "amd64", "two", NULL);
  g_autofree char *by_digest = g_strconcat("@", digest, NULL);
  g_autofree char *full = g_strconcat(real->address, "/journal/web:1.4", NULL);
  g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func(named_free);
  g_ptr_array_add(images, named("web", full));
  g_ptr_array_add(images, named("fpm", by_digest));
  bool existed = true;
  g_autoptr(Release) release = create(&(ReleaseRequest){.images = images}, &existed);
  cr_assert(g_str_has_suffix(release_image(release, "fpm"), digest));
  cr_assert_str_eq(release->version, "r1"); /* the images have no tag in common */
}

static const struct {
  const char *name, *reference, *fragment;
} WRONG_IMAGES[] = {
    {"wbe", ":1", "did you mean \"web\"?"},
    {"quite-else", ":1", "only web, fpm"},
    {"web", ":1", "which image is meant for fpm?"},
    {"web", "127.0.0.1:1/journal/fpm:1", "127.0.0.1:1/journal/web"},
    {"web", "1.4", "for a tag of it, write web=:TAG"},
    {"web", ":no tag", "--image web: "},
    {"web", "@sha256:abc", "--image web: "},
    {"web", "UPPER:1", "--image web=UPPER:1: "},
};

Test(release, what_cannot_be_meant_is_refused_before_a_registry_is_asked) {
  configure("127.0.0.1:1");
  for (guint i = 0; i < G_N_ELEMENTS(WRONG_IMAGES); i++) {
    g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func(named_free);
    g_ptr_array_add(images, named(WRONG_IMAGES[i].name, WRONG_IMAGES[i].reference));
    expect_usage(&(ReleaseRequest){.images = images}, WRONG_IMAGES[i].fragment);
  }
  expect_usage(&(ReleaseRequest){0}, "web, fpm");
  expect_usage(&(ReleaseRequest){.tag = "../x"}, "--tag ../x: ");
  expect_usage(&(ReleaseRequest){.tag = "1", .version = "a b"}, "--version");
  expect_usage(&(ReleaseRequest){.tag = "1", .revision = "-x"}, "--revision");
  g_autoptr(GPtrArray) twice = g_ptr_array_new_with_free_func(named_free);
  g_ptr_array_add(twice, named("web", ":1"));
  g_ptr_array_add(twice, named("web", ":2"));
  expect_usage(&(ReleaseRequest){.tag = "1", .images = twice}, "--image web is given twice");
}

/* ---- release_pin_services
 * -------------------------------------------------------------------------------------------- */

static void add_service(GPtrArray *services, const char *name, const char *image) {
  ComposeService *service = g_new0(ComposeService, 1);
  service->name = g_strdup(name);
  service->image = g_strdup(image);
  g_ptr_array_add(services, service);
}

static void service_free(void *data) {
  ComposeService *service = data;
  g_free(service->name);
  g_free(service->image);
  g_free(service);
}

static void release_add(Release *release, const char *name, const char *reference) {
  ReleaseImage *image = g_new0(ReleaseImage, 1);
  image->name = g_strdup(name);
  image->reference = g_strdup(reference);
  g_ptr_array_add(release->images, image);
}

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(release, what_is_pinned_already_needs_no_registry) {
  configure("127.0.0.1:1");
  g_autoptr(Release) release = release_new();
  g_autoptr(GPtrArray) services = g_ptr_array_new_with_free_func(service_free);
  g_autoptr(GHashTable) pins = g_hash_table_new(g_str_hash, g_str_equal), pinned = NULL, fresh = NULL;
  g_autoptr(GError) error = NULL;
  release_add(release, "web", "127.0.0.1:1/journal/web@" DIGEST_A);
  add_service(services, "front", "127.0.0.1:1/journal/web:whatever");
  add_service(services, "cache", "127.0.0.1:1/redis:7");
  add_service(services, "proxy", "127.0.0.1:1/nginx:1@" DIGEST_A);
  g_hash_table_insert(pins, (char *)"127.0.0.1:1/redis:7", (char *)"127.0.0.1:1/redis@sha256:kept");
  cr_assert(release_pin_services(&config, release, pins, false, services, registry, &pinned, &fresh, &error),
            "%s", error == NULL ? "" : error->message);
  cr_assert_str_eq(g_hash_table_lookup(pinned, "front"), "127.0.0.1:1/journal/web@" DIGEST_A);
  cr_assert_str_eq(g_hash_table_lookup(pinned, "cache"), "127.0.0.1:1/redis@sha256:kept");
  cr_assert_str_eq(g_hash_table_lookup(pinned, "proxy"), "127.0.0.1:1/nginx@" DIGEST_A);
  cr_assert_eq(g_hash_table_size(fresh), 0);
}

Test(release, a_new_sidecar_is_resolved_once_and_repin_forgets_the_kept_pin) {
  g_autoptr(FakeRegistry) fake = fake_registry_start(
      (FakeRow[]){{"HEAD ", NULL, 0, "200 OK\r\nDocker-Content-Digest: " DIGEST_A "\r\n\r\n"}, {0}});
  configure(fake_address(fake));
  g_autofree char *image = g_strconcat(fake_address(fake), "/redis:7", NULL);
  g_autofree char *expected = g_strconcat(fake_address(fake), "/redis@" DIGEST_A, NULL);
  g_autoptr(Release) release = release_new();
  g_autoptr(GPtrArray) services = g_ptr_array_new_with_free_func(service_free);
  g_autoptr(GHashTable) pins = g_hash_table_new(g_str_hash, g_str_equal), pinned = NULL, fresh = NULL;
  g_autoptr(GError) error = NULL;
  add_service(services, "cache", image);
  add_service(services, "queue", image);
  g_hash_table_insert(pins, image, (char *)"old");
  cr_assert(release_pin_services(&config, release, pins, true, services, registry, &pinned, &fresh, &error),
            "%s", error == NULL ? "" : error->message);
  cr_assert_str_eq(g_hash_table_lookup(pinned, "cache"), expected);
  cr_assert_str_eq(g_hash_table_lookup(pinned, "queue"), expected);
  cr_assert_eq(fake_count(fake), 1);
  cr_assert_eq(g_hash_table_size(fresh), 1);
  cr_assert_str_eq(g_hash_table_lookup(fresh, image), expected);
}

Test(release, a_service_that_cannot_be_pinned_is_named) {
  configure("127.0.0.1:1");
  static const struct {
    const char *image;
    SlipwayErrorKind kind;
    const char *fragment;
  } rows[] = {
      {"127.0.0.1:1/journal/fpm:1", SLIPWAY_ERROR_CONFIG, "service app: release r0 has no image \"fpm\""},
      {"Not An Image", SLIPWAY_ERROR_CONFIG, "service app: "},
      {"127.0.0.1:1/redis:7", SLIPWAY_ERROR_UNREADY, "service app: registry 127.0.0.1:1 does not answer"}};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(Release) release = release_new();
    g_autoptr(GPtrArray) services = g_ptr_array_new_with_free_func(service_free);
    GHashTable *pinned = NULL, *fresh = NULL;
    g_autoptr(GError) error = NULL;
    add_service(services, "app", rows[i].image);
    cr_assert_not(
        release_pin_services(&config, release, NULL, false, services, registry, &pinned, &fresh, &error));
    cr_expect(error_is(error, rows[i].kind), "%s", error->message);
    cr_expect_not_null(strstr(error->message, rows[i].fragment), "%s", error->message);
  }
}

/* ---- where it comes from
 * --------------------------------------------------------------------------------------------- */

static void git(const char *script) {
  g_autofree char *full =
      g_strdup_printf("export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a "
                      "GIT_COMMITTER_EMAIL=a@b GIT_COMMITTER_DATE='1700000000 +0000'; %s",
                      script);
  const char *argv[] = {"/bin/sh", "-ec", full, NULL};
  int status = -1;
  cr_assert(g_spawn_sync(home, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, &status, NULL));
  cr_assert_eq(status, 0);
}

static void skip_without_git(void) {
  g_autofree char *program = g_find_program_in_path("git");
  if (program == NULL)
    cr_skip_test("git is not installed");
}

Test(release, the_repository_tells_its_commit_and_whether_it_is_dirty) {
  skip_without_git();
  g_autofree char *none = NULL, *clean = NULL, *changed = NULL;
  bool is_dirty = true;
  gint64 committed_at = -1;
  repository_state(home, &none, &is_dirty, &committed_at);
  cr_assert_null(none);
  cr_assert_not(is_dirty);
  git("git init -q; echo 1 > a; git add a; git commit -q -m one; echo new > untracked");
  repository_state(home, &clean, &is_dirty, &committed_at);
  cr_assert_eq(strlen(clean), 40);
  cr_assert_not(is_dirty);
  cr_assert_eq(committed_at, 1700000000 * (gint64)G_USEC_PER_SEC);
  cr_assert_eq(commit_time(home, clean), committed_at);
  cr_assert_eq(commit_time(home, "0123456789"), 0);
  cr_assert_eq(commit_time(home, "--output=x"), 0);
  git("echo 2 > a");
  repository_state(home, &changed, &is_dirty, &committed_at);
  cr_assert(is_dirty);
  cr_assert_str_eq(changed, clean);
}

Test(release, without_git_there_is_no_commit) {
  char *revision = NULL;
  bool is_dirty = true;
  gint64 committed_at = -1;
  g_setenv("PATH", "/nonexistent", TRUE);
  repository_state(home, &revision, &is_dirty, &committed_at);
  cr_assert_null(revision);
  cr_assert_not(is_dirty);
  cr_assert_eq(committed_at, 0);
}

Test(release, the_actor_is_jenkins_user_or_build_or_the_login) {
  g_autofree char *login = actor_name();
  cr_assert_not_null(strchr(login, '@'));
  g_setenv("BUILD_URL", "http://ci/job/1", TRUE);
  g_autofree char *build = actor_name();
  cr_assert_str_eq(build, "http://ci/job/1");
  g_setenv("BUILD_USER_ID", "a\033na", TRUE);
  g_autofree char *user = actor_name();
  cr_assert_str_eq(user, "a?na");
}
