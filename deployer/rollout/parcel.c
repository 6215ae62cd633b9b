/* Reading an export: whoever wrote the file, nothing in it is taken as it is. */
#include "deployer/rollout/parcel.h"

#include <string.h>

#include "deployer/rollout/journal.h"
#include "pipelines/state.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum { LIST_CAP = 1000, HOSTS_CAP = 10000, TEXT_CAP = 4096, NAME_CAP = 255 };

void parcel_free(Parcel *parcel) {
  if (parcel == NULL)
    return;
  g_free(parcel->name);
  release_free(parcel->release);
  g_clear_pointer(&parcel->pins, g_hash_table_unref);
  g_clear_pointer(&parcel->deployments, g_ptr_array_unref);
  g_clear_pointer(&parcel->approvals, g_ptr_array_unref);
  g_clear_pointer(&parcel->blobs, g_hash_table_unref);
  g_free(parcel);
}

/* ---- fields ---- */

/* NULL: absent, empty, too long or not printable as it is. Borrowed. */
static const char *text_of(const cJSON *json, const char *key, gsize cap) {
  const char *text = json_string(json, key);
  if (text == NULL || *text == '\0' || strlen(text) > cap)
    return NULL;
  g_autofree char *printable = text_printable(text, true);
  return strcmp(printable, text) == 0 ? text : NULL;
}

static char *copy_of(const cJSON *json, const char *key) {
  return g_strdup(text_of(json, key, TEXT_CAP));
}

static gint64 time_of(const cJSON *json, const char *key) {
  const char *text = json_string(json, key);
  gint64 time = 0;
  return text != NULL && time_parse(text, &time) && time > 0 ? time : 0;
}

static bool is_environment_name(const char *text) {
  return text != NULL && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static bool is_reference(const cJSON *item) {
  const char *at = cJSON_IsString(item) ? strstr(item->valuestring, "@sha256:") : NULL;
  return at != NULL && at > item->valuestring && is_sha256(at + strlen("@sha256:")) &&
         strlen(item->valuestring) <= TEXT_CAP;
}

static bool are_references(const cJSON *object) {
  const cJSON *item = NULL;
  if (!cJSON_IsObject(object) || cJSON_GetArraySize(object) > LIST_CAP)
    return false;
  cJSON_ArrayForEach(item, object) {
    if (!is_reference(item))
      return false;
  }
  return true;
}

static bool is_list(const cJSON *list) {
  return cJSON_IsArray(list) && cJSON_GetArraySize(list) <= LIST_CAP;
}

/* ---- parts: NULL or false when they make no sense ---- */

static Release *read_release(const cJSON *json) {
  const char *version = text_of(json, "version", NAME_CAP), *uid = json_string(json, "uid");
  const cJSON *images = json_object(json, "images"), *image = NULL;
  if (version == NULL || !is_unique_id(uid) || !are_references(images) || images->child == NULL)
    return NULL;
  Release *release = release_new();
  release->uid = g_strdup(uid);
  release->version = g_strdup(version);
  release->revision = copy_of(json, "revision");
  release->build_url = copy_of(json, "build_url");
  release->committed_at = time_of(json, "committed_at");
  release->created_at = time_of(json, "created_at");
  cJSON_ArrayForEach(image, images)
      g_ptr_array_add(release->images, release_image_new(image->string, image->valuestring));
  return release;
}

static bool read_hosts(const cJSON *list, GPtrArray *hosts) {
  const cJSON *item = NULL;
  if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > HOSTS_CAP)
    return false;
  cJSON_ArrayForEach(item, list) {
    const char *name = text_of(item, "name", NAME_CAP), *runs = json_string(item, "runs");
    HostStatus status = HOST_UNKNOWN;
    if (name == NULL || !host_status_parse(json_string(item, "status"), &status))
      return false;
    DeploymentHost *host = deployment_host_new(name, text_of(item, "address", NAME_CAP));
    host->status = status;
    host->runs = is_unique_id(runs) ? g_strdup(runs) : NULL;
    g_ptr_array_add(hosts, host);
  }
  return true;
}

static void read_provenance(const cJSON *json, Deployment *deployment) {
  deployment->actor = copy_of(json, "actor");
  deployment->reason = copy_of(json, "reason");
  deployment->build_url = copy_of(json, "build_url");
  deployment->config_revision = copy_of(json, "config_revision");
  deployment->forced = json_boolean(json, "forced", false);
  deployment->config_dirty = json_boolean(json, "config_dirty", false);
  deployment->touched = json_boolean(json, "touched", false);
  deployment->started_at = time_of(json, "started_at");
  deployment->finished_at = time_of(json, "finished_at");
}

static bool read_identity(const cJSON *json, Deployment *deployment) {
  const char *uid = json_string(json, "uid"), *environment = text_of(json, "environment", NAME_CAP);
  if (!is_unique_id(uid) || !is_environment_name(environment) ||
      !deployment_kind_parse(json_string(json, "kind"), &deployment->kind) ||
      !are_references(json_object(json, "images")) ||
      g_strcmp0(json_string(json, "status"), deployment_status_name(STATUS_SUCCEEDED)) != 0)
    return false;
  deployment->uid = g_strdup(uid);
  deployment->environment = g_strdup(environment);
  deployment->status = STATUS_SUCCEEDED;
  deployment->exit_code = 0;
  deployment->move = MOVE_NONE;
  deployment->images = json_print_canonical(json_object(json, "images"));
  return true;
}

/* One that verifies nothing has no business in an export. */
static Deployment *read_deployment(const cJSON *json) {
  g_autoptr(Deployment) deployment = deployment_new();
  const char *snapshot = json_string(json, "snapshot");
  if (!read_identity(json, deployment) || !read_hosts(json_array(json, "hosts"), deployment->hosts))
    return NULL;
  read_provenance(json, deployment);
  if (!deployment_counts(deployment) || deployment_skips_a_host(deployment) || deployment->started_at == 0 ||
      deployment->finished_at < deployment->started_at || (snapshot != NULL && !is_sha256(snapshot)))
    return NULL;
  deployment->snapshot = g_strdup(snapshot);
  return g_steal_pointer(&deployment);
}

static bool read_deployments(const cJSON *list, GPtrArray *deployments) {
  const cJSON *item = NULL;
  if (!is_list(list))
    return false;
  cJSON_ArrayForEach(item, list) {
    Deployment *deployment = read_deployment(item);
    if (deployment == NULL)
      return false;
    g_ptr_array_add(deployments, deployment);
  }
  return true;
}

static bool read_approvals(const cJSON *list, GPtrArray *approvals) {
  const cJSON *item = NULL;
  if (!is_list(list))
    return false;
  cJSON_ArrayForEach(item, list) {
    const char *environment = text_of(item, "environment", NAME_CAP),
               *person = text_of(item, "person", TEXT_CAP);
    const char *claimed_by = text_of(item, "claimed_by", TEXT_CAP);
    gint64 when = time_of(item, "approved_at");
    if (!is_environment_name(environment) || person == NULL || when == 0)
      return false;
    Approval *approval = g_new0(Approval, 1);
    approval->environment = g_strdup(environment);
    approval->person = g_strdup(person);
    approval->actor = g_strdup(claimed_by != NULL ? claimed_by : person);
    approval->is_claimed = claimed_by != NULL;
    approval->reason = copy_of(item, "reason");
    approval->approved_at = when;
    g_ptr_array_add(approvals, approval);
  }
  return true;
}

static bool read_pins(const cJSON *object, GHashTable *pins) {
  const cJSON *item = NULL;
  if (!are_references(object))
    return false;
  cJSON_ArrayForEach(item, object)
      g_hash_table_insert(pins, g_strdup(item->string), g_strdup(item->valuestring));
  return true;
}

static bool read_blobs(const cJSON *object, GHashTable *blobs) {
  const cJSON *item = NULL;
  if (!cJSON_IsObject(object))
    return false;
  cJSON_ArrayForEach(item, object) {
    gsize length = 0;
    guchar *content = cJSON_IsString(item) ? g_base64_decode(item->valuestring, &length) : NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_take(content, length);
    g_autofree char *sha256 = sha256_hex(content != NULL ? content : (guchar *)"", length);
    if (content == NULL || strcmp(sha256, item->string) != 0)
      return false;
    g_hash_table_insert(blobs, g_steal_pointer(&sha256), g_steal_pointer(&bytes));
  }
  return true;
}

/* ---- the whole ---- */

/* *damage: which part makes no sense; NULL: all does. */
static Parcel *read_parts(const cJSON *json, const char **damage) {
  g_autoptr(Parcel) parcel = g_new0(Parcel, 1);
  parcel->name = g_strdup(text_of(json, "name", NAME_CAP));
  parcel->release = read_release(json_object(json, "release"));
  parcel->pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  parcel->deployments = g_ptr_array_new_with_free_func((GDestroyNotify)deployment_free);
  parcel->approvals = g_ptr_array_new_with_free_func((GDestroyNotify)approval_free);
  parcel->blobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
  if (parcel->name == NULL || parcel->release == NULL)
    *damage = "its release";
  else if (!read_pins(json_object(json, "pins"), parcel->pins))
    *damage = "its list of pins";
  else if (!read_deployments(json_array(json, "deployments"), parcel->deployments))
    *damage = "a deployment";
  else if (!read_approvals(json_array(json, "approvals"), parcel->approvals))
    *damage = "an approval";
  else if (!read_blobs(json_object(json, "blobs"), parcel->blobs))
    *damage = "a file of it";
  return *damage == NULL ? g_steal_pointer(&parcel) : NULL;
}

static bool check_envelope(const char *path, const char *app, const cJSON *json, GError **error) {
  gint64 format = json_integer(json, "slipway_export", 0);
  const char *of = json_string(json, "app");
  if (format <= 0 || of == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "%s: that is no export of a release (slipway history export RELEASE)", path);
  if (format != TRAVEL_FORMAT)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "%s: written by a newer slipway (format %" G_GINT64_FORMAT
                ", this one reads %d); use that one",
                path, format, TRAVEL_FORMAT);
  if (strcmp(of, app) != 0) {
    g_autofree char *other = text_printable(of, false);
    return fail(error, SLIPWAY_ERROR_USAGE, "%s: a release of %s, and this is %s", path, other, app);
  }
  g_autofree char *checksum = travel_checksum(json);
  return g_strcmp0(checksum, json_string(json, "sha256")) == 0 ||
         fail(error, SLIPWAY_ERROR_USAGE,
              "%s: damaged or changed since it was written: its checksum is wrong", path);
}

bool parcel_parse(const char *path, const char *text, gsize length, const char *app, Parcel **parcel,
                  GError **error) {
  g_autoptr(cJSON) json = NULL;
  g_autoptr(GError) nonsense = NULL;
  const char *damage = NULL;
  if (length == 0 || !json_parse(text, length, "it", &json, &nonsense) || !cJSON_IsObject(json))
    return fail(error, SLIPWAY_ERROR_USAGE, "%s: damaged, or no export of a release at all%s%s", path,
                nonsense != NULL ? ": " : "", nonsense != NULL ? nonsense->message : "");
  if (!check_envelope(path, app, json, error))
    return false;
  *parcel = read_parts(json, &damage);
  return *parcel != NULL || fail(error, SLIPWAY_ERROR_USAGE, "%s: damaged: %s makes no sense", path, damage);
}

bool parcel_read(const char *path, const char *app, Parcel **parcel, GError **error) {
  g_autoptr(GBytes) bytes = NULL;
  gsize length = 0;
  if (!file_read(path, TRAVEL_FILE_CAP, &bytes, error))
    return recast(error, SLIPWAY_ERROR_USAGE);
  const char *text = g_bytes_get_data(bytes, &length);
  return parcel_parse(path, text, length, app, parcel, error);
}
