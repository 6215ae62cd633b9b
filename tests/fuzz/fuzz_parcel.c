/* Any bytes as an export of a release; its checksum is made right first, or nothing else would ever be looked
 * at. */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "deployer/rollout/parcel.h"
#include "pipelines/state.h"
#include "support/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *with_checksum(const char *text, gsize length) {
  g_autoptr(cJSON) json = NULL;
  if (!json_parse(text, length, "it", &json, NULL) || !cJSON_IsObject(json))
    return NULL;
  cJSON_DeleteItemFromObjectCaseSensitive(json, "sha256");
  g_autofree char *checksum = travel_checksum(json);
  json_set_string(json, "sha256", checksum);
  return json_print(json);
}

static void read_one(const char *text, gsize length) {
  g_autoptr(Parcel) parcel = NULL;
  g_autoptr(GError) error = NULL;
  if (!parcel_parse("file", text, length, "shop", &parcel, &error)) {
    g_assert(error != NULL && g_utf8_validate(error->message, -1, NULL));
    return;
  }
  g_assert(parcel->release->images->len > 0 && parcel->release->version != NULL);
  for (guint i = 0; i < parcel->deployments->len; i++) {
    const Deployment *deployment = parcel->deployments->pdata[i];
    g_assert(deployment_counts(deployment) && deployment->move == MOVE_NONE);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  read_one((const char *)data, size);
  g_autofree char *text = with_checksum((const char *)data, size);
  if (text != NULL)
    read_one(text, strlen(text));
  return 0;
}
