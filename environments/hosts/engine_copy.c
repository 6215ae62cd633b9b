/* Files out of containers. */
#include "environments/hosts/engine_one_off.h"
#include "environments/hosts/engine_private.h"
#include "environments/hosts/engine_wire.h"
#include "environments/hosts/untar.h"
#include "support/errors.h"
#include "support/poison.h"

enum { SILENCE_MS = 60 * 1000 };

static const gint64 copy_cap = (gint64)1 << 30; /* bytes */

static bool working_folder(Engine *engine, const char *id, char **folder, GError **error) {
  g_autofree char *path = g_strdup_printf("/containers/%s/json", id);
  g_autoptr(cJSON) json = NULL;
  if (!engine_call(engine, &(EngineCall){.doing = "inspect the container", .path = path}, &json, error))
    return false;
  const char *found = json_string(json_object(json, "Config"), "WorkingDir");
  *folder = g_strdup(found == NULL || *found == '\0' ? "/" : found);
  return true;
}

static bool unpack(EngineWire *wire, Untar *untar, GError **error) {
  g_autoptr(GByteArray) pending = g_byte_array_new();
  WireState state = WIRE_DATA;
  while (state != WIRE_END) {
    if (!engine_wire_read(wire, SILENCE_MS, &state, pending, error) || !untar_take(untar, pending, error))
      return false;
    if (state == WIRE_TIMEOUT)
      return fail(error, SLIPWAY_ERROR_UNREADY, "the engine stopped sending");
  }
  return untar_is_complete(untar) || fail(error, SLIPWAY_ERROR_UNREADY, "the engine stopped sending");
}

bool engine_copy_out(Engine *engine, const char *id, const char *path, const char *destination,
                     guint *left_out, GError **error) {
  g_autofree char *folder = NULL;
  if (!working_folder(engine, id, &folder, error))
    return false;
  g_autofree char *whole = g_canonicalize_filename(path, folder);
  g_autofree char *escaped = http_escape(whole);
  g_autofree char *request = g_strdup_printf("/containers/%s/archive?path=%s", id, escaped);
  g_autofree char *doing = g_strdup_printf("copy %s out of the container", whole);
  g_autoptr(EngineWire) wire = NULL;
  g_autoptr(Untar) untar = untar_new(destination, copy_cap);
  if (!engine_wire_open(engine, &(WireRequest){.doing = doing, .path = request}, &wire, error))
    return false;
  if (!unpack(wire, untar, error))
    return prefix(error, "%s: ", whole);
  *left_out = untar_left_out(untar);
  return true;
}
