#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "support/errors.h"
#include "support/json.h"

static void put(const char *sha256, GBytes *bytes, void *data) {
  g_hash_table_replace(data, g_strdup(sha256), g_bytes_ref(bytes));
}

static GBytes *get(const char *sha256, void *data) {
  GBytes *bytes = g_hash_table_lookup(data, sha256);
  return bytes == NULL ? NULL : g_bytes_ref(bytes);
}

static GHashTable *blobs_new(void) {
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
}

static ComposeProject *sample(Folder folder) {
  folder_write(folder, "conf/a", "A");
  folder_write(folder, "conf/sub/b", "B");
  folder_mkdir(folder, "conf/empty");
  folder_write(folder, "s.txt", "secret");
  folder_write(folder, "x.env", "X=1");
  folder_write(folder, "i.yml", "services: {c: {image: z}}\n");
  return project_of(folder, "include: [i.yml]\n"
                            "services:\n"
                            "  a: {image: x, env_file: x.env, volumes: ['./conf:/c:ro'], secrets: [s]}\n"
                            "  b: {image: y, build: ., profiles: [worker, debug]}\n"
                            "secrets: {s: {file: s.txt}}\n");
}

Test(project_json, comes_back_the_same) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(GHashTable) blobs = blobs_new();
  g_autoptr(ComposeProject) project = sample(folder), back = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(cJSON) json = compose_project_to_json(project, put, blobs);
  cr_assert(compose_project_from_json(json, get, blobs, &back, &error), "%s",
            error == NULL ? "" : error->message);
  g_autoptr(cJSON) again = compose_project_to_json(back, put, blobs);
  g_autofree char *one = json_print_canonical(json), *two = json_print_canonical(again);
  cr_expect_str_eq(one, two);
  cr_expect(back->has_include);
  cr_expect_not(compose_service_runs(back->services->pdata[1], NULL));
  cr_expect_eq(g_hash_table_size(blobs), 6, "compose.yml, i.yml, x.env, s.txt, a, b");
  g_autoptr(GHashTable) pins = pins_of(project);
  g_autofree char *override = compose_override(project, pins, "/f", NULL),
                  *override_back = compose_override(back, pins, "/f", NULL);
  cr_expect_str_eq(override, override_back);
  g_autoptr(GBytes) bundle = whole_bundle(project, NULL, NULL, NULL),
                    bundle_back = whole_bundle(back, NULL, NULL, NULL);
  cr_expect(g_bytes_equal(bundle, bundle_back));
}

Test(project_json, says_so_when_the_snapshot_is_damaged) {
  static const struct {
    const char *from, *to, *fragment;
  } cases[] = {
      {"\"compose\"", "\"x\"", "compose"},
      {"\"trees\"", "\"x\"", "trees"},
      {"\"target\"", "\"x\"", "target"},
      {"\"conf\"", "4", "source"},
      {"\"x.env\"", "\"../x.env\"", "a file's path"},
      {"\"sub/b\"", "\"sub/c\"", "\"conf\" is not what was recorded"},
  };
  g_auto(Folder) folder = folder_new();
  g_autoptr(GHashTable) blobs = blobs_new();
  g_autoptr(ComposeProject) project = sample(folder);
  g_autoptr(cJSON) json = compose_project_to_json(project, put, blobs);
  g_autofree char *text = json_print_canonical(json);
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(GStrv) parts = g_strsplit(text, cases[i].from, 2);
    g_autofree char *damaged = g_strjoinv(cases[i].to, parts);
    g_autoptr(cJSON) bad = cJSON_Parse(damaged);
    g_autoptr(ComposeProject) back = NULL;
    g_autoptr(GError) error = NULL;
    cr_expect_not(compose_project_from_json(bad, get, blobs, &back, &error), "%s", cases[i].from);
    cr_expect(error_is(error, SLIPWAY_ERROR_STORE));
    cr_expect_not_null(strstr(error->message, cases[i].fragment), "%s", error->message);
  }
}

Test(project_json, names_a_file_whose_content_is_missing) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(GHashTable) blobs = blobs_new(), none = blobs_new();
  g_autoptr(ComposeProject) project = sample(folder), back = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(cJSON) json = compose_project_to_json(project, put, blobs);
  cr_expect_not(compose_project_from_json(json, get, none, &back, &error));
  cr_expect_not_null(strstr(error->message, "the content of \"compose.yml\""), "%s", error->message);
}
