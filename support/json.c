/* cJSON behind checks: what a peer sends is capped on the way in, what slipway prints is valid on the way
 * out. */
#include "support/json.h"

#include <math.h>
#include <string.h>

#include "support/errors.h"
#include "support/poison.h"
#include "support/redact.h"

#define LARGEST_JSON (64 << 20)

bool json_parse(const char *text, gsize length, const char *what, cJSON **json, GError **error) {
  if (length > LARGEST_JSON)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: more than %d MiB of JSON", what, LARGEST_JSON >> 20);
  /* A terminated copy: cJSON before 1.7.19 may look one byte behind the end of what it is given. */
  g_autofree char *copy = g_strndup(text != NULL ? text : "", length);
  const char *end = copy;
  g_autoptr(cJSON) parsed = cJSON_ParseWithLengthOpts(copy, length, &end, 0);
  gsize used = (gsize)(end - copy);
  if (parsed != NULL)
    used += strspn(end, " \t\r\n");
  if (parsed == NULL || used < length)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: not JSON (at byte %" G_GSIZE_FORMAT ")", what, used);
  *json = g_steal_pointer(&parsed);
  return true;
}

char *json_print(const cJSON *json) {
  g_autofree char *text = cJSON_PrintUnformatted(json);
  g_assert(text != NULL);
  return g_steal_pointer(&text);
}

static int compare_keys(gconstpointer a, gconstpointer b) {
  const cJSON *const *left = a, *const *right = b;
  return strcmp((*left)->string, (*right)->string);
}

/* cJSON has no call for it, so the list is linked anew: the first item's prev is the last one, the last one's
 * next is NULL. */
static void sort_children(cJSON *object) {
  g_autoptr(GPtrArray) items = g_ptr_array_new();
  cJSON *item = NULL;
  cJSON_ArrayForEach(item, object) g_ptr_array_add(items, item);
  if (items->len == 0)
    return;
  g_ptr_array_sort(items, compare_keys);
  object->child = items->pdata[0];
  for (guint i = 0; i < items->len; i++) {
    item = items->pdata[i];
    item->prev = items->pdata[i > 0 ? i - 1 : items->len - 1];
    item->next = i + 1 < items->len ? items->pdata[i + 1] : NULL;
  }
}

static void sort_all_keys(cJSON *json) {
  if (cJSON_IsObject(json))
    sort_children(json);
  cJSON *item = NULL;
  cJSON_ArrayForEach(item, json) sort_all_keys(item);
}

char *json_print_canonical(const cJSON *json) {
  g_autoptr(cJSON) sorted = cJSON_Duplicate(json, 1);
  sort_all_keys(sorted);
  return json_print(sorted);
}

const char *json_string(const cJSON *object, const char *key) {
  return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

gint64 json_integer(const cJSON *object, const char *key, gint64 fallback) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
  /* 2^63 as a double: from there on the cast would be undefined. */
  if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) < 9223372036854775808.0) ||
      floor(item->valuedouble) != item->valuedouble)
    return fallback;
  return (gint64)item->valuedouble;
}

bool json_boolean(const cJSON *object, const char *key, bool fallback) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
  return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

const cJSON *json_object(const cJSON *object, const char *key) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
  return cJSON_IsObject(item) ? item : NULL;
}

const cJSON *json_array(const cJSON *object, const char *key) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
  return cJSON_IsArray(item) ? item : NULL;
}

const cJSON *json_path(const cJSON *object, ...) {
  va_list keys;
  va_start(keys, object);
  for (const char *key; object != NULL && (key = va_arg(keys, const char *)) != NULL;)
    object = cJSON_GetObjectItemCaseSensitive(object, key);
  va_end(keys);
  return object;
}

void json_set_string(cJSON *object, const char *key, const char *value) {
  g_autofree char *valid = value != NULL ? g_utf8_make_valid(value, -1) : NULL;
  json_set(object, key, valid != NULL ? cJSON_CreateString(valid) : cJSON_CreateNull());
}

void json_set_integer(cJSON *object, const char *key, gint64 value) {
  json_set(object, key, cJSON_CreateNumber((double)value));
}

void json_set_boolean(cJSON *object, const char *key, bool value) {
  json_set(object, key, cJSON_CreateBool(value));
}

void json_set(cJSON *object, const char *key, cJSON *value) {
  cJSON_DeleteItemFromObjectCaseSensitive(object, key);
  gboolean added = cJSON_AddItemToObject(object, key, value);
  g_assert(added);
}

static void redact_string(cJSON *json) {
  g_autofree char *redacted = redact_text(json->valuestring);
  if (strcmp(redacted, json->valuestring) != 0) {
    char *copy = cJSON_malloc(strlen(redacted) + 1);
    g_assert(copy != NULL);
    memcpy(copy, redacted, strlen(redacted) + 1);
    cJSON_free(json->valuestring);
    json->valuestring = copy;
  }
}

void json_redact(cJSON *json) {
  cJSON *item = NULL;
  if (cJSON_IsString(json))
    redact_string(json);
  cJSON_ArrayForEach(item, json) json_redact(item);
}
