/* Reading back what release_own_files wrote. */
#include "deployer/rollout/kept_secrets.h"

#include <string.h>

#include "deployer/rollout/export.h"
#include "deployer/rollout/journal.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/secret.h"

#include "support/poison.h"

enum { MOST_BYTES = 64 << 20 }; /* of all files together */

/* A file of FOLDER/secrets that a release names. */
typedef struct {
  const char *file, *name; /* borrowed from the manifest */
  GHashTable *values;      /* of the release */
} Mount;

/* Of each release come manifest and env file, in this order; then the files of FOLDER/secrets. */
typedef struct {
  GPtrArray *paths;
  GPtrArray *releases;  /* char *: their names, borrowed */
  GPtrArray *manifests; /* cJSON: of those that could be read */
  GArray *mounts;       /* Mount */
  GHashTable *values;   /* release -> (name -> Secret) */
  bool is_known;        /* which variables of the release are secrets: `secrets` says it */
  const cJSON *secrets; /* or NULL: none */
  gsize bytes;
  const char *unreadable; /* one of paths, or NULL */
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

static bool is_secret(const Reading *reading, const char *name) {
  return !reading->is_known || cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(reading->secrets, name));
}

/* NAME='…' lines (secret_append_assignment); false: there is something else. Where nothing tells which of
 * them are secrets, all are. */
static bool read_env(const Reading *reading, GHashTable *values, const char *text, gsize length) {
  const char *at = text, *end = text + length;
  while (at < end) {
    const char *equals = memchr(at, '=', (gsize)(end - at));
    if (equals == NULL || equals + 1 >= end || equals[1] != '\'')
      return false;
    g_autofree char *name = g_strndup(at, (gsize)(equals - at));
    at = equals + 2;
    g_autoptr(Secret) value = read_quoted(&at, end);
    if (value == NULL || at >= end || *at++ != '\n')
      return false;
    if (is_secret(reading, name))
      keep(values, name, g_steal_pointer(&value));
  }
  return true;
}

/* Manifests of a slipway that knew no secrets have no such key. */
static void read_manifest(Reading *reading, GHashTable *values, const char *text, gsize length) {
  cJSON *json = NULL;
  const cJSON *secret = NULL;
  reading->is_known = false;
  reading->secrets = NULL;
  if (text == NULL || !json_parse(text, length, "the manifest", &json, NULL))
    return;
  g_ptr_array_add(reading->manifests, json);
  reading->secrets = json_object(json, "secrets");
  reading->is_known =
      cJSON_IsObject(json) && (reading->secrets != NULL || !cJSON_HasObjectItem(json, "secrets"));
  cJSON_ArrayForEach(secret, reading->secrets) {
    const Mount mount = {.file = secret->valuestring, .name = secret->string, .values = values};
    if (cJSON_IsString(secret))
      g_array_append_val(reading->mounts, mount);
  }
}

static void read_mounted(const Reading *reading, const char *file, const char *text, gsize length) {
  g_autoptr(Secret) value = secret_new(text, length);
  secret_redact(value);
  for (guint i = 0; i < reading->mounts->len; i++) {
    const Mount *mount = &g_array_index(reading->mounts, Mount, i);
    if (g_str_equal(mount->file, file))
      g_hash_table_replace(mount->values, g_strdup(mount->name), secret_ref(value));
  }
}

static GHashTable *values_of(const Reading *reading, guint release) {
  const char *uid = g_ptr_array_index(reading->releases, release);
  GHashTable *values = g_hash_table_lookup(reading->values, uid);
  if (values == NULL) {
    values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)secret_unref);
    g_hash_table_insert(reading->values, g_strdup(uid), values);
  }
  return values;
}

static bool take_file(guint index, GBytes *bytes, void *data, GError **error) {
  enum { FILES_OF_RELEASE = 2 };
  Reading *reading = data;
  const char *path = g_ptr_array_index(reading->paths, index);
  const guint release = index / FILES_OF_RELEASE;
  const bool is_of_release = release < reading->releases->len;
  const bool is_manifest = is_of_release && index % FILES_OF_RELEASE == 0;
  bool is_read = true;
  gsize length = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &length) : NULL;
  (void)error;
  reading->bytes += length;
  if (text == NULL && length == 0 && bytes != NULL)
    text = "";
  if (is_manifest)
    read_manifest(reading, values_of(reading, release), text, length);
  else if (text == NULL || reading->bytes > MOST_BYTES)
    is_read = false;
  else if (is_of_release)
    is_read = read_env(reading, values_of(reading, release), text, length);
  else
    read_mounted(reading, strrchr(path, '/') + 1, text, length);
  if (!is_read)
    reading->unreadable = path;
  if (text != NULL && !is_manifest && length > 0)
    explicit_bzero((char *)text, length);
  return true;
}

static void list_files(const HostFacts *facts, Reading *reading) {
  GHashTableIter iterator;
  gpointer name = NULL;
  g_hash_table_iter_init(&iterator, facts->releases);
  while (g_hash_table_iter_next(&iterator, &name, NULL)) {
    if (!is_unique_id(name))
      continue;
    g_ptr_array_add(reading->releases, name);
    g_ptr_array_add(reading->paths, g_strdup_printf("releases/%s/manifest.json", (char *)name));
    g_ptr_array_add(reading->paths, g_strdup_printf("releases/%s/env", (char *)name));
  }
  g_hash_table_iter_init(&iterator, facts->secrets);
  while (g_hash_table_iter_next(&iterator, &name, NULL))
    if (is_sha256(name))
      g_ptr_array_add(reading->paths, g_strconcat("secrets/", (char *)name, NULL));
}

/* *unreadable: a file that may hold a secret, below the worker's folder; NULL: none. */
static bool read_all(Worker *worker, GHashTable **values, char **unreadable, GError **error) {
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) releases = g_ptr_array_new();
  g_autoptr(GPtrArray) manifests = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
  g_autoptr(GArray) mounts = g_array_new(FALSE, FALSE, sizeof(Mount));
  g_autoptr(GHashTable) found =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_unref);
  Reading reading = {
      .paths = paths, .releases = releases, .manifests = manifests, .mounts = mounts, .values = found};
  list_files(worker->facts, &reading);
  if (!worker_export(worker, paths, MOST_BYTES, take_file, &reading, error))
    return false;
  *unreadable = g_strdup(reading.unreadable);
  *values = g_steal_pointer(&found);
  return true;
}

bool worker_read_kept_secrets(Worker *worker, GHashTable **values, GError **error) {
  g_autofree char *unreadable = NULL;
  return read_all(worker, values, &unreadable, error);
}

bool worker_learn_secrets(Worker *worker, GError **error) {
  g_autoptr(GHashTable) values = NULL;
  g_autofree char *unreadable = NULL;
  if (!read_all(worker, &values, &unreadable, error))
    return false;
  return unreadable == NULL ||
         fail(
             error, SLIPWAY_ERROR_UNREADY,
             "%s/%s cannot be read, and what is secret in it could be shown; when another slipway is at work "
             "there, try again",
             worker->facts->folder, unreadable);
}
