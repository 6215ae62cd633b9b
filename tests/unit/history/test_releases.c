/* Recording, pinning and naming releases. */
#include "fixture.h"

static History *history;

static void make(void) {
  folder_make();
  history = open_history(HISTORY_WRITE);
}

static void unmake(void) {
  history_free(history);
  folder_remove();
}

TestSuite(releases, .init = make, .fini = unmake);

static Release *sample(const char *version, const char *revision, const char *web) {
  Release *release = release_new();
  release->version = g_strdup(version);
  release->revision = g_strdup(revision);
  release->committed_at = 5;
  release->build_url = g_strdup("https://ci.example.org/7");
  g_ptr_array_add(release->images, release_image_new("web", web));
  g_ptr_array_add(release->images, release_image_new("fpm", "example.org/fpm@sha256:f"));
  return release;
}

Test(releases, read_back_as_written_with_images_sorted) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Release) release = sample("1.0", "abcdef", "web@sha256:1");
  g_autoptr(Release) read = NULL, none = NULL;
  bool existed;
  assert_works(history_add_release(history, release, &existed, &error));
  cr_assert_not(existed);
  cr_assert_eq(release->id, 1);
  assert_works(history_get_release(history, 1, &read, &error));
  cr_assert_str_eq(read->uid, release->uid);
  cr_assert_str_eq(read->version, "1.0");
  cr_assert_str_eq(read->revision, "abcdef");
  cr_assert_eq(read->committed_at, 5);
  cr_assert_eq(read->created_at, release->created_at);
  cr_assert_str_eq(read->build_url, "https://ci.example.org/7");
  cr_assert_eq(read->images->len, 2);
  cr_assert_str_eq(((ReleaseImage *)read->images->pdata[0])->name, "fpm");
  cr_assert_str_eq(release_image(read, "web"), "web@sha256:1");
  cr_assert_null(release_image(read, "nginx"));
  assert_works(history_get_release(history, 2, &none, &error));
  cr_assert_null(none);
}

Test(releases, the_same_again_is_the_same_release) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Release) first = sample("1.0", "abcdef", "web@sha256:1");
  g_autoptr(Release) again = sample("1.0", NULL, "web@sha256:1");
  bool existed;
  assert_works(history_add_release(history, first, &existed, &error));
  assert_works(history_add_release(history, again, &existed, &error));
  cr_assert(existed);
  cr_assert_eq(again->id, first->id);
  cr_assert_str_eq(again->uid, first->uid);
  cr_assert_str_eq(again->revision, "abcdef");
}

Test(releases, the_same_version_with_other_images_is_refused) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Release) first = sample("1.0", NULL, "web@sha256:1");
  g_autoptr(Release) other = sample("1.0", NULL, "web@sha256:2");
  bool existed;
  assert_works(history_add_release(history, first, &existed, &error));
  cr_assert_not(history_add_release(history, other, &existed, &error));
  assert_error(&error, SLIPWAY_ERROR_REFUSED,
               "r1 already, with other images: web (web@sha256:1 there, web@sha256:2 here)");
}

Test(releases, a_version_like_a_short_name_is_refused) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Release) release = sample("r12", NULL, "web@sha256:1");
  bool existed;
  cr_assert_not(history_add_release(history, release, &existed, &error));
  assert_error(&error, SLIPWAY_ERROR_USAGE, "cannot look like a release's short name");
}

typedef struct {
  const char *revision, *web, *version; /* the version it gets */
  bool existed;
} Unnamed;

Test(releases, without_a_version_are_named_by_revision_or_number) {
  static const Unnamed rows[] = {
      {"0123456789abcdef", "web@sha256:1", "0123456789ab", false},
      {"0123456789abcdef", "web@sha256:1", "0123456789ab", true},
      {"0123456789abcdef", "web@sha256:2", "r2", false}, /* rebuilt: another release */
      {"0123456789abcdef", "web@sha256:2", "r2", true},
      {NULL, "web@sha256:1", "r3", false},
      {NULL, "web@sha256:1", "r3", true},
      {NULL, "web@sha256:3", "r4", false},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(Release) release = sample(NULL, rows[i].revision, rows[i].web);
    bool existed;
    assert_works(history_add_release(history, release, &existed, &error));
    cr_assert_str_eq(release->version, rows[i].version, "row %u: %s", i, release->version);
    cr_assert_eq(existed, rows[i].existed, "row %u", i);
  }
}

Test(releases, list_newest_first_up_to_the_limit) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) all = NULL, two = NULL;
  for (char version[] = "a"; version[0] < 'e'; version[0]++)
    add_release(history, version, NULL);
  assert_works(history_list_releases(history, 0, &all, &error));
  assert_works(history_list_releases(history, 2, &two, &error));
  cr_assert_eq(all->len, 4);
  cr_assert_eq(two->len, 2);
  cr_assert_str_eq(((Release *)two->pdata[0])->version, "d");
  cr_assert_str_eq(((Release *)two->pdata[1])->version, "c");
  cr_assert_str_eq(((Release *)all->pdata[3])->version, "a");
}

Test(releases, keep_their_pins_until_pinned_anew) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GHashTable) pins = NULL, others = NULL;
  gint64 release = add_release(history, "1.0", NULL), other = add_release(history, "2.0", NULL);
  assert_works(history_set_pin(history, release, "nginx:1", "nginx@sha256:1", "ci", &error));
  assert_works(history_set_pin(history, release, "redis", "redis@sha256:1", "ci", &error));
  assert_works(history_set_pin(history, release, "nginx:1", "nginx@sha256:2", "prod", &error));
  assert_works(history_get_pins(history, release, &pins, &error));
  assert_works(history_get_pins(history, other, &others, &error));
  cr_assert_eq(g_hash_table_size(pins), 2);
  cr_assert_str_eq(g_hash_table_lookup(pins, "nginx:1"), "nginx@sha256:2");
  cr_assert_eq(g_hash_table_size(others), 0);
  cr_assert_not(history_set_pin(history, 99, "nginx:1", "nginx@sha256:2", "prod", &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "FOREIGN KEY");
}

static void make_named(void) {
  add_release(history, "1.0.0", "aaaa1111"); /* r1 */
  add_release(history, "1.0.0-rc1", "aaaa2222");
  add_release(history, "2024", "bbbb1111");
  add_release(history, "100%_x", "cccc");
}

typedef struct {
  const char *name;
  gint64 id;
} Named;

Test(releases, are_found_by_number_version_or_unique_start) {
  static const Named rows[] = {{"r1", 1},    {"1.0.0", 1}, {"1.0.0-", 2}, {"2024", 3},  {"bbbb", 3},
                               {"aaaa2", 2}, {"cccc", 4},  {"100%", 4},   {"100%_x", 4}};
  make_named();
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(Release) found = NULL;
    assert_works(history_find_release(history, rows[i].name, &found, &error));
    cr_assert_eq(found->id, rows[i].id, "%s", rows[i].name);
  }
}

typedef struct {
  const char *name, *fragment;
} Unfound;

Test(releases, ambiguous_and_unknown_names_come_with_candidates) {
  static const Unfound rows[] = {
      {"aaaa", "could be r2 (1.0.0-rc1), r1 (1.0.0); give more"},
      {"aaa", "there is none"}, /* too short a start */
      {"1.0.1", "did you mean 1.0.0?"},
      {"r9", "there is none; did you mean r"},
      {"1.0_0", "there is none"},
      {"2%", "there is none"},
      {"", "there is none"},
      {"nosuchthing", "there is none; the newest is r4 (100%_x)"},
  };
  g_autoptr(GError) error = NULL;
  g_autoptr(Release) found = NULL;
  cr_assert_not(history_find_release(history, "r1", &found, &error));
  assert_error(&error, SLIPWAY_ERROR_USAGE, "no release at all");
  make_named();
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    cr_assert_not(history_find_release(history, rows[i].name, &found, &error), "%s", rows[i].name);
    assert_error(&error, SLIPWAY_ERROR_USAGE, rows[i].fragment);
  }
}
