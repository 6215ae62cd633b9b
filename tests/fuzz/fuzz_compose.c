/* A Compose file of any bytes: read as one (in a folder with a few things to mount), and as what `compose
 * config` might print. A project that is accepted must survive the way into the history and back. */
#include <glib/gstdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "environments/compose/compose.h"
#include "support/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *folder;

static void remove_folder(void) {
  static const char *const names[] = {"compose.yml", "conf/file", "conf", "x.env", ""};
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(folder, names[i], NULL);
    (void)g_remove(path);
  }
  g_free(folder);
}

static void make_folder(void) {
  folder = g_dir_make_tmp("slipway-fuzz-XXXXXX", NULL);
  g_autofree char *conf = g_build_filename(folder, "conf", NULL),
                  *file = g_build_filename(conf, "file", NULL);
  g_autofree char *env = g_build_filename(folder, "x.env", NULL);
  if (g_mkdir(conf, 0755) != 0 || !g_file_set_contents(file, "x", 1, NULL) ||
      !g_file_set_contents(env, "A=1", 3, NULL))
    abort();
  (void)atexit(remove_folder);
}

static void put(const char *sha256, GBytes *bytes, void *blobs) {
  g_hash_table_replace(blobs, g_strdup(sha256), g_bytes_ref(bytes));
}

static GBytes *get(const char *sha256, void *blobs) {
  GBytes *bytes = g_hash_table_lookup(blobs, sha256);
  return bytes == NULL ? NULL : g_bytes_ref(bytes);
}

static void round_trip(const ComposeProject *project) {
  g_autoptr(GHashTable) blobs =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
  g_autoptr(GHashTable) pins = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(cJSON) json = compose_project_to_json(project, put, blobs);
  g_autoptr(ComposeProject) back = NULL;
  if (!compose_project_from_json(json, get, blobs, &back, NULL))
    abort();
  g_autofree char *one = compose_override(project, pins, "/f", NULL),
                  *two = compose_override(back, pins, "/f", NULL);
  g_autoptr(BundleShelf) shelf = bundle_shelf_new();
  g_autoptr(GBytes) bundle = compose_bundle_shared(shelf, back, NULL, NULL);
  if (!g_str_equal(one, two) || g_bytes_get_size(bundle) % 512 != 0)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (folder == NULL)
    make_folder();
  g_autofree char *file = g_build_filename(folder, "compose.yml", NULL);
  g_autoptr(GPtrArray) paths = g_ptr_array_new();
  g_autoptr(GHashTable) pins = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GError) error = NULL;
  if (!g_file_set_contents(file, (const char *)data, (gssize)size, NULL))
    abort();
  g_ptr_array_add(paths, (gpointer) "compose.yml");
  if (compose_project_read(folder, paths, NULL, NULL, NULL, NULL, &project, &error))
    round_trip(project);
  g_autoptr(GError) unready = NULL;
  (void)!compose_check_effective((const char *)data, size, pins, NULL, &unready);
  return 0;
}
