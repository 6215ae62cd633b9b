/* A release as JSON: the field names are what users script against. */
#include "deployer/output/release_json.h"

#include "deployer/output/words.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

cJSON *release_json(const Release *release) {
  g_autofree char *id = release_word(release->id);
  g_autofree char *committed = release->committed_at != 0 ? time_format(release->committed_at) : NULL;
  g_autofree char *created = time_format(release->created_at);
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "id", id);
  json_set_string(json, "uid", release->uid);
  json_set_string(json, "version", release->version);
  json_set_string(json, "revision", release->revision);
  json_set_string(json, "committed_at", committed);
  json_set_string(json, "created_at", created);
  json_set_string(json, "build_url", release->build_url);
  cJSON *images = cJSON_CreateObject();
  for (guint i = 0; i < release->images->len; i++) {
    const ReleaseImage *image = release->images->pdata[i];
    json_set_string(images, image->name, image->reference);
  }
  json_set(json, "images", images);
  return json;
}

cJSON *approval_json(const Approval *approval) {
  g_autofree char *release = release_word(approval->release);
  g_autofree char *when = time_format(approval->approved_at);
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "environment", approval->environment);
  json_set_string(json, "release", release);
  json_set_string(json, "person", approval->person);
  json_set_string(json, "claimed_by", approval->is_claimed ? approval->actor : NULL);
  json_set_string(json, "reason", approval->reason);
  json_set_string(json, "approved_at", when);
  return json;
}
