/* What a host keeps of a deployment, so that it can be explained, and rolled back to, without the history:
 * manifest.json, snapshot.json and journal.jsonl (design §5). import.c reads them. */
#include <string.h>

#include "deployer/rollout/phases.h"
#include "deployer/rollout/secrets.h"
#include "deployer/rollout/services.h"
#include "deployer/rollout/snapshot.h"
#include "support/json.h"
#include "support/redact.h"
#include "support/text.h"

#include "support/poison.h"

enum { JOURNAL_REASON_CAP = 2000 }; /* a journal is not for logs */

/* Absent rather than null: a journal is read at every connection. */
static void set_known(cJSON *json, const char *key, const char *value) {
  if (value != NULL)
    json_set_string(json, key, value);
}

static void set_time(cJSON *json, const char *key, gint64 time) {
  g_autofree char *text = time != 0 ? time_format(time) : NULL;
  set_known(json, key, text);
}

static cJSON *release_json(const Release *release) {
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "uid", release->uid);
  json_set_string(json, "version", release->version);
  set_known(json, "revision", release->revision);
  set_known(json, "build_url", release->build_url);
  set_time(json, "committed_at", release->committed_at);
  set_time(json, "created_at", release->created_at);
  cJSON *images = cJSON_CreateObject();
  for (guint i = 0; i < release->images->len; i++) {
    const ReleaseImage *image = g_ptr_array_index(release->images, i);
    json_set_string(images, image->name, image->reference);
  }
  json_set(json, "images", images);
  return json;
}

/* Other deployments go by their uid: ids are of one history. */
static void describe_rollback(cJSON *json, const Rollout *rollout) {
  const RollbackTarget *rollback = &rollout->target->rollback;
  set_known(json, "restores", rollback->restores != NULL ? rollback->restores->uid : NULL);
  set_known(json, "leaves", rollback->leaves != NULL ? rollback->leaves->uid : NULL);
  json_set_string(json, "move", stack_move_name(rollout->deployment->move));
}

/* All but what the release is, and what runs: manifest and journal lines have it. */
static cJSON *describe_deployment(const Worker *worker) {
  const Rollout *rollout = worker->rollout;
  const Deployment *deployment = rollout->deployment;
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "deployment", deployment->uid);
  json_set_string(json, "app", rollout->request->config->app);
  json_set_string(json, "environment", deployment->environment);
  json_set_string(json, "host", worker->record->name);
  json_set_string(json, "kind", deployment_kind_name(deployment->kind));
  set_known(json, "actor", deployment->actor);
  set_known(json, "reason", deployment->reason);
  set_known(json, "build_url", deployment->build_url);
  set_known(json, "config_revision", deployment->config_revision);
  if (deployment->forced)
    json_set_boolean(json, "forced", true);
  if (deployment->config_dirty)
    json_set_boolean(json, "config_dirty", true);
  set_time(json, "started_at", deployment->started_at);
  if (deployment->kind == KIND_ROLLBACK)
    describe_rollback(json, rollout);
  return json;
}

/* What it is to run; nothing for `down`. */
static void describe_target(cJSON *json, const Rollout *rollout) {
  if (rollout->target == NULL)
    return;
  g_autofree char *images = target_images_json(rollout->target);
  json_set(json, "release", release_json(rollout->target->release));
  json_set(json, "images", cJSON_Parse(images));
  set_known(json, "content", rollout->deployment->content);
  set_known(json, "snapshot", rollout->deployment->snapshot);
}

static GHashTable *file_hashes(const ComposeProject *project) {
  GHashTable *hashes = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < project->trees->len; i++)
    g_hash_table_add(hashes, ((const FileTree *)g_ptr_array_index(project->trees, i))->hash);
  return hashes;
}

static cJSON *files_json(const ComposeProject *project) {
  cJSON *files = cJSON_CreateArray();
  g_autoptr(GHashTable) hashes = file_hashes(project);
  g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_keys(hashes), (GCompareFunc)strcmp);
  for (const GList *hash = sorted; hash != NULL; hash = hash->next)
    cJSON_AddItemToArray(files, cJSON_CreateString(hash->data));
  return files;
}

static cJSON *services_json(const Worker *worker) {
  cJSON *services = cJSON_CreateArray();
  g_autoptr(GHashTable) names = worker_services(worker, worker->rollout->deployment->uid);
  g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_keys(names), (GCompareFunc)strcmp);
  for (const GList *name = sorted; name != NULL; name = name->next)
    cJSON_AddItemToArray(services, cJSON_CreateString(name->data));
  return services;
}

static cJSON *hosts_json(const Deployment *deployment) {
  cJSON *hosts = cJSON_CreateArray();
  for (guint i = 0; i < deployment->hosts->len; i++) {
    const DeploymentHost *host = g_ptr_array_index(deployment->hosts, i);
    cJSON *json = cJSON_CreateObject();
    json_set_string(json, "name", host->name);
    set_known(json, "address", host->address);
    cJSON_AddItemToArray(hosts, json);
  }
  return hosts;
}

static char *manifest_json(const Worker *worker) {
  const Rollout *rollout = worker->rollout;
  g_autoptr(cJSON) json = describe_deployment(worker);
  json_set_string(json, "machine_id", worker->facts->machine_id);
  describe_target(json, rollout);
  json_set(json, "files", files_json(rollout->target->project));
  json_set(json, "services", services_json(worker));
  json_set(json, "secrets", worker_secrets_json(worker));
  json_set(json, "hosts", hosts_json(rollout->deployment));
  return json_print_canonical(json);
}

static void describe_outcome(cJSON *json, const Worker *worker) {
  g_autofree char *redacted = redact_text(worker->record->error);
  g_autofree char *why = redacted != NULL ? g_strndup(redacted, JOURNAL_REASON_CAP) : NULL;
  json_set_boolean(json, "touched", worker->is_touched);
  set_known(json, "error", why);
}

char *journal_line(const Worker *worker, const char *outcome) {
  bool is_intent = strcmp(outcome, "intent") == 0;
  g_autoptr(cJSON) json = describe_deployment(worker);
  json_set_string(json, "outcome", outcome);
  set_time(json, "at", g_get_real_time());
  if (is_intent)
    describe_target(json, worker->rollout);
  else
    describe_outcome(json, worker);
  g_autofree char *text = json_print(json);
  return g_strconcat(text, "\n", NULL);
}

bool worker_note(Worker *worker, const char *script, const char *outcome, GError **error) {
  g_autofree char *line = journal_line(worker, outcome);
  const char *argv[] = {worker->facts->folder, worker->rollout->deployment->uid, NULL};
  HostScript note = {.text = script, .argv = argv, .input = line, .input_length = strlen(line)};
  g_auto(HostReply) reply = {0};
  return host_run(worker->host, &note, &reply, error);
}

static void add_text(GPtrArray *files, const char *path, guint mode, const char *text) {
  g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
  g_ptr_array_add(files, project_file_new(path, mode, bytes));
}

static void add_env(GPtrArray *files, const Worker *worker) {
  const Target *target = worker->rollout->target;
  g_autofree char *variables = compose_env_file(target->project->variables, target->builtins);
  SecretText *env = secret_text_new();
  secret_text_append(&env, variables, strlen(variables));
  worker_append_secrets(worker, &env);
  g_autoptr(GBytes) bytes = secret_text_to_bytes(env);
  g_ptr_array_add(files, project_file_new("env", 0600, bytes));
}

/* For compose.sh, which hands them to Compose; no file where there are none. */
static void add_profiles(GPtrArray *files, const GPtrArray *profiles) {
  g_autoptr(GString) line = g_string_new(NULL);
  for (guint i = 0; profiles != NULL && i < profiles->len; i++)
    g_string_append_printf(line, "%s%s", i > 0 ? "," : "", (const char *)profiles->pdata[i]);
  g_string_append_c(line, '\n');
  if (profiles != NULL && profiles->len > 0)
    add_text(files, "profiles", 0644, line->str);
}

GPtrArray *release_shared_files(Rollout *rollout) {
  g_mutex_lock(&rollout->exchange);
  if (rollout->snapshot == NULL) {
    char *text = snapshot_text(rollout->request, rollout->target);
    rollout->snapshot = g_bytes_new_take(text, strlen(text));
  }
  g_mutex_unlock(&rollout->exchange);
  GPtrArray *files = g_ptr_array_new_with_free_func((GDestroyNotify)project_file_free);
  g_ptr_array_add(files, project_file_new("snapshot.json", 0600, rollout->snapshot));
  return files;
}

/* Nothing that Compose counts into a service differs from host to host, or from deployment to deployment:
 * that would be another container. */
GPtrArray *release_own_files(const Worker *worker) {
  const Rollout *rollout = worker->rollout;
  const Target *target = rollout->target;
  g_autoptr(GHashTable) names = worker_secret_names(worker);
  g_autofree char *override = compose_override(target->project, target->pinned, worker->facts->folder, names);
  g_autofree char *manifest = manifest_json(worker);
  GPtrArray *files = g_ptr_array_new_with_free_func((GDestroyNotify)project_file_free);
  add_profiles(files, worker->config->profiles);
  add_text(files, "images.yml", 0644, override);
  add_env(files, worker);
  add_text(files, "manifest.json", 0644, manifest);
  return files;
}
