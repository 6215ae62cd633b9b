/* cJSON with owned locals, capped parsing and typed look-ups that do not crash on what a peer sends. */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>
#include <stdbool.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(cJSON, cJSON_Delete)

/* `what` names the text in the error ("the engine's reply"); the kind of a failure is SLIPWAY_ERROR_UNREADY.
 */
bool json_parse(const char *text, gsize length, const char *what, cJSON **json,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Compact text; caller frees with g_free. */
char *json_print(const cJSON *json);
/* The same value always gives the same text: object keys sorted. For hashing. */
char *json_print_canonical(const cJSON *json);

/* Look-ups: NULL / fallback when absent or of another type. Borrowed. */
const char *json_string(const cJSON *object, const char *key);
gint64 json_integer(const cJSON *object, const char *key, gint64 fallback);
bool json_boolean(const cJSON *object, const char *key, bool fallback);
const cJSON *json_object(const cJSON *object, const char *key);
const cJSON *json_array(const cJSON *object, const char *key);
/* Follows keys down: json_path(json, "State", "Health", "Status", NULL). */
const cJSON *json_path(const cJSON *object, ...) G_GNUC_NULL_TERMINATED;

/* Setters for building; a NULL string becomes JSON null. */
void json_set_string(cJSON *object, const char *key, const char *value);
void json_set_integer(cJSON *object, const char *key, gint64 value);
void json_set_boolean(cJSON *object, const char *key, bool value);
/* Takes ownership of value. */
void json_set(cJSON *object, const char *key, cJSON *value);

/* Hides secret values (redact.h) in all its texts. */
void json_redact(cJSON *json);
