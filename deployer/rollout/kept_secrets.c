/* Reading back what release_generated_files wrote. */
#include "deployer/rollout/kept_secrets.h"

#include <string.h>

#include "deployer/rollout/export.h"
#include "deployer/rollout/journal.h"
#include "environments/secrets/secrets.h"
#include "support/json.h"
#include "support/secret.h"

#include "support/poison.h"

enum { LARGEST_ENV = 64 << 20 };

typedef struct {
  GPtrArray *names;   /* char *: the secret that each file is, NULL for the env file; borrowed */
  const cJSON *known; /* "secrets" of the manifest */
  GHashTable *values;
} Reading;

static void keep(GHashTable *values, const char *name, Secret *value) {
  secret_redact(value);
  g_hash_table_replace(values, g_strdup(name), value);
}

/* At *at, behind the opening quote, which the closing one and a newline follow; NULL: this is no env file of
 * ours. */
static Secret *read_quoted(const char **at, const char *end) {
  static const char quote[] = "'\\''";
  g_autoptr(SecretText) text = secret_text_new();
  while (*at < end) {
    const char *next = memchr(*at, '\'', (gsize)(end - *at));
    if (next == NULL)
      return NULL;
    secret_text_append(&text, *at, (gsize)(next - *at));
    bool goes_on = (gsize)(end - next) >= strlen(quote) && memcmp(next, quote, strlen(quote)) == 0;
    *at = next + (goes_on ? strlen(quote) : 1);
    if (!goes_on)
      return secret_new(text->str, text->len);
    secret_text_append(&text, "'", 1);
  }
  return NULL;
}

/* NAME='…' lines (secret_append_assignment); those of the manifest are taken. */
static void read_env(const Reading *reading, const char *text, gsize length) {
  const char *at = text, *end = text + length;
  while (at < end) {
    const char *equals = memchr(at, '=', (gsize)(end - at));
    if (equals == NULL || equals + 1 >= end || equals[1] != '\'')
      return;
    g_autofree char *name = g_strndup(at, (gsize)(equals - at));
    at = equals + 2;
    g_autoptr(Secret) value = read_quoted(&at, end);
    if (value == NULL || at >= end || *at++ != '\n')
      return;
    if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(reading->known, name)))
      keep(reading->values, name, g_steal_pointer(&value));
  }
}

static bool take_file(guint index, GBytes *bytes, void *data, GError **error) {
  const Reading *reading = data;
  const char *name = g_ptr_array_index(reading->names, index);
  gsize length = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &length) : NULL;
  (void)error;
  if (text == NULL)
    return true;
  if (name == NULL)
    read_env(reading, text, length);
  else
    keep(reading->values, name, secret_new(text, length));
  explicit_bzero((char *)text, length);
  return true;
}

static bool read_files(Worker *worker, const char *uid, const cJSON *known, GHashTable *values,
                       GError **error) {
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  g_ptr_array_add(paths, g_strdup_printf("releases/%s/env", uid));
  g_ptr_array_add(names, NULL);
  const cJSON *secret = NULL;
  cJSON_ArrayForEach(secret, known) {
    if (!cJSON_IsString(secret) || !is_sha256(secret->valuestring))
      continue;
    g_ptr_array_add(paths, g_strconcat("secrets/", secret->valuestring, NULL));
    g_ptr_array_add(names, secret->string);
  }
  Reading reading = {.names = names, .known = known, .values = values};
  return worker_export(worker, paths, LARGEST_ENV, take_file, &reading, error);
}

static bool take_manifest(guint index, GBytes *bytes, void *data, GError **error) {
  GBytes **manifest = data;
  (void)index;
  (void)error;
  *manifest = bytes != NULL ? g_bytes_ref(bytes) : NULL;
  return true;
}

/* *json is NULL where the release is not there, or its manifest cannot be read. */
static bool read_manifest(Worker *worker, const char *uid, cJSON **json, GError **error) {
  enum { LARGEST_MANIFEST = 1 << 20 };
  const HostFacts *facts = worker->facts;
  g_autoptr(GBytes) bytes = NULL;
  *json = NULL;
  if (g_strcmp0(uid, facts->current) == 0) {
    *json = facts->manifest != NULL ? cJSON_Parse(facts->manifest) : NULL;
    return true;
  }
  if (!is_unique_id(uid) || !g_hash_table_contains(facts->releases, uid))
    return true;
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(paths, g_strdup_printf("releases/%s/manifest.json", uid));
  if (!worker_export(worker, paths, LARGEST_MANIFEST, take_manifest, &bytes, error))
    return false;
  gsize length = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &length) : NULL;
  g_autoptr(GError) ignored = NULL;
  return text == NULL || json_parse(text, length, "the manifest", json, &ignored) || true;
}

bool worker_read_kept_secrets(Worker *worker, const char *uid, GHashTable **values, GError **error) {
  g_autoptr(GHashTable) found =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)secret_unref);
  g_autoptr(cJSON) manifest = NULL;
  if (uid != NULL && !read_manifest(worker, uid, &manifest, error))
    return false;
  const cJSON *known = json_object(manifest, "secrets");
  if (known != NULL && known->child != NULL && !read_files(worker, uid, known, found, error))
    return false;
  *values = g_steal_pointer(&found);
  return true;
}

bool worker_learn_secrets(Worker *worker, GError **error) {
  g_autoptr(GHashTable) values = NULL;
  return worker_read_kept_secrets(worker, worker->facts->current, &values, error);
}
