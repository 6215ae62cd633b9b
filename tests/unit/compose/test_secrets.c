/* Secrets in Compose files: they count as set, nothing that slipway reads may depend on one, and those that
 * are mounted come from a file whose name tells when to recreate a service. */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "support/json.h"

static SecretConfig key = {.name = (char *)"API_KEY"};
static SecretConfig certificate = {.name = (char *)"TLS_KEY", .mount = (char *)"tls_key"};

static bool read_secrets(Folder folder, const char *yaml, ComposeProject **project, GError **error) {
  g_autoptr(GPtrArray) paths = g_ptr_array_new();
  g_autoptr(GPtrArray) secrets = g_ptr_array_new();
  g_ptr_array_add(paths, (gpointer) "compose.yml");
  g_ptr_array_add(secrets, &key);
  g_ptr_array_add(secrets, &certificate);
  folder_write(folder, "compose.yml", yaml);
  folder_write(folder, "other", "content");
  return compose_project_read(folder, paths, NULL, NULL, NULL, secrets, project, error);
}

static void put(const char *sha256, GBytes *bytes, void *data) {
  g_hash_table_replace(data, g_strdup(sha256), g_bytes_ref(bytes));
}

static GBytes *get(const char *sha256, void *data) {
  GBytes *bytes = g_hash_table_lookup(data, sha256);
  return bytes == NULL ? NULL : g_bytes_ref(bytes);
}

#define TLS "secrets: {tls_key: {file: ../not/there}, other: {file: ./other}}\n"

Test(secrets, a_mounted_one_needs_no_file_and_its_name_is_the_overrides) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(ComposeProject) back = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(
      read_secrets(folder,
                   "services:\n"
                   "  web: {image: nginx, secrets: [tls_key, other], environment: {KEY: '${API_KEY:?}'}}\n"
                   "  db: {image: redis}\n" TLS,
                   &project, &error),
      "%s", error != NULL ? error->message : "");
  g_autoptr(GHashTable) blobs =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
  g_autoptr(cJSON) json = compose_project_to_json(project, put, blobs);
  cr_assert(compose_project_from_json(json, get, blobs, &back, &error), "%s",
            error != NULL ? error->message : "");
  g_autoptr(GHashTable) pins = pins_of(project);
  g_autoptr(GHashTable) files = g_hash_table_new(g_str_hash, g_str_equal);
  g_hash_table_insert(files, (gpointer) "tls_key", (gpointer) "0a1b");
  g_autofree char *text = compose_override(back, pins, "/f", files);
  cr_assert(strstr(text, "slipway.secrets.tls_key: \"0a1b\"") != NULL, "%s", text);
  cr_assert(strstr(text, "  tls_key:\n    file: /f/secrets/0a1b\n") != NULL, "%s", text);
  cr_assert(strstr(text, "  other:\n    file: /f/files/") != NULL, "%s", text);
  cr_assert_eq(project->trees->len, 1);
}

Test(secrets, what_is_read_may_not_depend_on_one) {
  static const struct {
    const char *yaml, *message;
  } wrong[] = {
      {"services: {web: {image: 'nginx:${API_KEY}'}}\n" TLS,
       "compose.yml:1:25: image depends on the secret API_KEY"},
      {"services: {web: {image: nginx, volumes: ['./${API_KEY-x}:/x']}}\n" TLS,
       "depends on the secret API_KEY"},
      {"services: {web: {image: nginx}}\n",
       "TLS_KEY: its mount \"tls_key\" is not among the secrets of the Compose files"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_auto(Folder) folder = folder_new();
    g_autoptr(ComposeProject) project = NULL;
    g_autoptr(GError) error = NULL;
    cr_assert_not(read_secrets(folder, wrong[i].yaml, &project, &error));
    cr_assert(strstr(error->message, wrong[i].message) != NULL, "%s", error->message);
    cr_assert(strchr(error->message, '\x1a') == NULL, "%s", error->message);
  }
}
