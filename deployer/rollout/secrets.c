/* From the places that secrets come from to the files of a release. */
#include "deployer/rollout/secrets.h"

#include <string.h>
#include <sys/random.h>

#include "deployer/rollout/kept_secrets.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/snapshot.h"
#include "host_scripts.h"
#include "support/errors.h"
#include "support/json.h"

#include "support/poison.h"

enum { SALT_BYTES = 32 };

struct HostSecrets {
  GHashTable *kept; /* release -> (name -> Secret) */
  GBytes *salt;     /* of the names of its files; NULL: nothing is mounted */
};

void target_secret_free(TargetSecret *secret) {
  secret_unref(secret->value);
  secret_unref(secret->kept);
  g_free(secret->problem);
  g_free(secret->hash);
  g_free(secret);
}

void host_secrets_free(struct HostSecrets *secrets) {
  if (secrets == NULL)
    return;
  g_clear_pointer(&secrets->kept, g_hash_table_unref);
  g_clear_pointer(&secrets->salt, g_bytes_unref);
  g_free(secrets);
}

/* ---- asking ---------------------------------------------------------------------------------------------
 */

static const SecretConfig *find_config(const GPtrArray *secrets, const char *name) {
  for (guint i = 0; i < secrets->len; i++) {
    const SecretConfig *config = g_ptr_array_index(secrets, i);
    if (g_str_equal(config->name, name))
      return config;
  }
  return NULL;
}

/* Which there are says the snapshot, where there is one; where they come from, today's configuration. */
static void list_secrets(const RolloutRequest *request, Target *target) {
  const GPtrArray *today = request->environment->secrets;
  const Environment *then =
      target->recorded != NULL ? config_find_environment(target->recorded, request->environment->name) : NULL;
  const GPtrArray *needed = then != NULL ? then->secrets : today;
  g_clear_pointer(&target->secrets, g_ptr_array_unref);
  target->secrets = g_ptr_array_new_with_free_func((GDestroyNotify)target_secret_free);
  for (guint i = 0; i < needed->len; i++) {
    const SecretConfig *config = g_ptr_array_index(needed, i);
    const SecretConfig *source = find_config(today, config->name);
    TargetSecret *secret = g_new0(TargetSecret, 1);
    secret->config = source != NULL ? *source : *config;
    secret->config.mount = config->mount;
    g_ptr_array_add(target->secrets, secret);
  }
}

/* The TargetSecrets of `asked`. */
static bool ask(const RolloutRequest *request, const GPtrArray *asked, GError **error) {
  g_autoptr(GPtrArray) configs = g_ptr_array_new();
  g_autoptr(GPtrArray) answers = NULL;
  for (guint i = 0; i < asked->len; i++)
    g_ptr_array_add(configs, &((TargetSecret *)g_ptr_array_index(asked, i))->config);
  if (!secrets_ask(request->config->directory, configs, &answers, error))
    return false;
  for (guint i = 0; i < asked->len; i++) {
    TargetSecret *secret = g_ptr_array_index(asked, i);
    SecretAnswer *answer = g_ptr_array_index(answers, i);
    secret->value = g_steal_pointer(&answer->value);
    secret->problem = g_steal_pointer(&answer->problem);
  }
  return true;
}

/* A value that hosts kept is, as far as is known, the one of then. */
static bool note_hashes(const RolloutRequest *request, Target *target, GError **error) {
  g_autoptr(GHashTable) then = NULL;
  if (target->origin != NULL && !snapshot_read_secrets(request->history, target->origin, &then, error))
    return false;
  g_autoptr(GBytes) key = history_secret_key(request->history);
  for (guint i = 0; i < target->secrets->len; i++) {
    TargetSecret *secret = g_ptr_array_index(target->secrets, i);
    const char *known = then != NULL ? g_hash_table_lookup(then, secret->config.name) : NULL;
    g_free(secret->hash);
    secret->hash = secret->value == NULL ? g_strdup(known) : snapshot_secret_hash(secret->value, key);
  }
  return true;
}

static bool fail_unknown(const GPtrArray *lacking, guint all, const char *besides, GError **error) {
  g_autoptr(GString) problems = g_string_new(NULL);
  for (guint i = 0; i < lacking->len; i++) {
    const TargetSecret *secret = g_ptr_array_index(lacking, i);
    g_string_append_printf(problems, "\n%s: %s", secret->config.name,
                           secret->problem != NULL ? secret->problem : "not asked for");
  }
  return fail(error, SLIPWAY_ERROR_UNREADY, "%u of %u secrets could not be had%s:%s", lacking->len, all,
              besides, problems->str);
}

bool target_ask_secrets(const RolloutRequest *request, Target *target, bool may_lack, GError **error) {
  const bool is_asked = target->secrets != NULL;
  if (!is_asked)
    list_secrets(request, target);
  if (!is_asked && !request->kept_secrets && !ask(request, target->secrets, error))
    return false;
  g_autoptr(GPtrArray) lacking = g_ptr_array_new();
  for (guint i = 0; i < target->secrets->len; i++) {
    TargetSecret *secret = g_ptr_array_index(target->secrets, i);
    if (secret->value == NULL)
      g_ptr_array_add(lacking, secret);
  }
  if (lacking->len > 0 && target->origin == NULL && !may_lack)
    return fail_unknown(lacking, target->secrets->len, "; no host was contacted", error);
  return note_hashes(request, target, error);
}

GHashTable *target_secret_hashes(const Target *target) {
  GHashTable *hashes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; i < target->secrets->len; i++) {
    const TargetSecret *secret = g_ptr_array_index(target->secrets, i);
    g_hash_table_insert(hashes, g_strdup(secret->config.name),
                        g_strdup(secret->hash != NULL ? secret->hash : ""));
  }
  return hashes;
}

/* ---- what the hosts keep --------------------------------------------------------------------------------
 */

static bool is_any_mounted(const Rollout *rollout) {
  const GPtrArray *secrets = rollout->target->secrets;
  for (guint i = 0; i < secrets->len; i++)
    if (((const TargetSecret *)g_ptr_array_index(secrets, i))->config.mount != NULL)
      return true;
  return false;
}

/* A plan takes what is there: other names than a deployment's would be then are right, too. */
static bool read_salt(Worker *worker, struct HostSecrets *secrets, GError **error) {
  const char *argv[] = {worker->facts->folder, worker->rollout->holder != NULL ? "make" : "look", NULL};
  HostScript script = {.text = host_script_secret_salt, .argv = argv};
  g_auto(HostReply) reply = {0};
  guint8 random[SALT_BYTES];
  if (!host_run(worker->host, &script, &reply, error))
    return false;
  if (reply.out->len == 2 * SALT_BYTES) {
    secrets->salt = g_bytes_new(reply.out->str, reply.out->len);
    return true;
  }
  if (worker->rollout->holder != NULL || getrandom(random, sizeof random, 0) != sizeof random)
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "%s/secret-salt is damaged: remove it; mounted secrets then get other names once",
                worker->facts->folder);
  secrets->salt = g_bytes_new(random, sizeof random);
  return true;
}

/* What runs is read always, for its containers may write it; an environment without secrets costs nothing. */
static bool may_keep_secrets(const Worker *worker) {
  g_autoptr(cJSON) manifest = worker->facts->manifest != NULL ? cJSON_Parse(worker->facts->manifest) : NULL;
  const cJSON *known = json_object(manifest, "secrets");
  return worker->rollout->target->secrets->len > 0 || g_hash_table_size(worker->facts->secrets) > 0 ||
         (known != NULL && known->child != NULL);
}

static bool take_secrets(Worker *worker, GError **error) {
  struct HostSecrets *secrets = g_new0(struct HostSecrets, 1);
  host_secrets_free(worker->secrets);
  worker->secrets = secrets;
  return (!may_keep_secrets(worker) || worker_read_kept_secrets(worker, &secrets->kept, error)) &&
         (!is_any_mounted(worker->rollout) || read_salt(worker, secrets, error));
}

/* ---- which value it is ----------------------------------------------------------------------------------
 */

static Secret *kept_of(const Worker *worker, const char *release, const char *name) {
  GHashTable *kept = worker->secrets != NULL ? worker->secrets->kept : NULL;
  GHashTable *values = kept != NULL && release != NULL ? g_hash_table_lookup(kept, release) : NULL;
  return values != NULL ? g_hash_table_lookup(values, name) : NULL;
}

/* Of the first host that has it; `release` NULL: of what is current there. */
static Secret *kept_anywhere(const Rollout *rollout, const char *release, const char *name) {
  Secret *found = NULL;
  for (guint i = 0; found == NULL && i < rollout->workers->len; i++) {
    const Worker *worker = g_ptr_array_index(rollout->workers, i);
    if (worker->facts != NULL)
      found = kept_of(worker, release != NULL ? release : worker->facts->current, name);
  }
  return found;
}

/* A rollback wants what was kept of what it puts back; `--as-is` what runs, for that may be newer. */
static Secret *choose_kept(const Rollout *rollout, const char *name) {
  const Deployment *origin = rollout->target->origin;
  const bool is_rollback = rollout->deployment->kind == KIND_ROLLBACK;
  if (origin == NULL)
    return NULL;
  Secret *first = kept_anywhere(rollout, is_rollback ? origin->uid : NULL, name);
  return first != NULL ? first : kept_anywhere(rollout, is_rollback ? NULL : origin->uid, name);
}

/* One value for all hosts, whatever each of them has. */
static void choose_all_kept(const Rollout *rollout) {
  for (guint i = 0; i < rollout->target->secrets->len; i++) {
    TargetSecret *secret = g_ptr_array_index(rollout->target->secrets, i);
    Secret *chosen = choose_kept(rollout, secret->config.name);
    g_clear_pointer(&secret->kept, secret_unref);
    secret->kept = chosen != NULL ? secret_ref(chosen) : NULL;
  }
}

/* A plan that cannot ask a provider takes each host's own: unchanged. */
static Secret *own_kept(const Worker *worker, const char *name) {
  Secret *own = kept_of(worker, worker->facts->current, name);
  return own != NULL ? own : kept_anywhere(worker->rollout, NULL, name);
}

static Secret *value_for(const Worker *worker, const TargetSecret *secret) {
  const Rollout *rollout = worker->rollout;
  const bool is_plan = rollout->deployment->id == 0;
  Secret *kept = secret->kept;
  if (kept == NULL && is_plan)
    kept = own_kept(worker, secret->config.name);
  if (rollout->request->kept_secrets)
    return kept != NULL ? kept : secret->value;
  return secret->value != NULL ? secret->value : kept;
}

/* TargetSecret: those without a value, which is so on all hosts or on none. */
static GPtrArray *list_lacking(const Rollout *rollout) {
  g_autoptr(GPtrArray) active = rollout_active(rollout);
  GPtrArray *lacking = g_ptr_array_new();
  for (guint i = 0; active->len > 0 && i < rollout->target->secrets->len; i++) {
    TargetSecret *secret = g_ptr_array_index(rollout->target->secrets, i);
    if (value_for(g_ptr_array_index(active, 0), secret) == NULL)
      g_ptr_array_add(lacking, secret);
  }
  return lacking;
}

static void warn_of_kept(const Rollout *rollout) {
  for (guint i = 0; i < rollout->target->secrets->len; i++) {
    const TargetSecret *secret = g_ptr_array_index(rollout->target->secrets, i);
    if (secret->value == NULL && secret->problem != NULL)
      reporter_warn(rollout->request->reporter, "secret %s: %s\nthe value that the hosts kept is used",
                    secret->config.name, secret->problem);
  }
}

bool phase_secrets(Rollout *rollout, GError **error) {
  if (!crew_run_all(rollout, take_secrets, error))
    return false;
  choose_all_kept(rollout);
  g_autoptr(GPtrArray) lacking = list_lacking(rollout);
  if (lacking->len > 0 && rollout->request->kept_secrets) { /* nothing was asked so far */
    if (!ask(rollout->request, lacking, error))
      return false;
    g_ptr_array_unref(lacking);
    lacking = list_lacking(rollout);
  }
  if (lacking->len > 0)
    return fail_unknown(lacking, rollout->target->secrets->len, ", and no host kept them", error);
  warn_of_kept(rollout);
  return true;
}

void plan_secrets(Rollout *rollout) {
  g_autoptr(GPtrArray) connected = g_ptr_array_new();
  for (guint i = 0; i < rollout->workers->len; i++) {
    Worker *worker = g_ptr_array_index(rollout->workers, i);
    if (worker->error == NULL)
      g_ptr_array_add(connected, worker);
  }
  for (guint i = 0; i < rollout->target->secrets->len; i++) {
    const TargetSecret *secret = g_ptr_array_index(rollout->target->secrets, i);
    if (secret->value == NULL)
      reporter_warn(rollout->request->reporter, "secret %s: %s\nthe plan takes it as unchanged",
                    secret->config.name, secret->problem);
  }
  g_autoptr(GError) ignored = NULL; /* each host's row says it */
  if (connected->len > 0 && !crew_run(connected, take_secrets, &ignored))
    g_clear_error(&ignored);
  choose_all_kept(rollout);
}

/* ---- on a host ------------------------------------------------------------------------------------------
 */

typedef void (*SecretUse)(const TargetSecret *secret, Secret *value, const char *file, void *data);

/* Each that has a value; `file`: its name in FOLDER/secrets, NULL for a variable. */
static void for_each(const Worker *worker, SecretUse use, void *data) {
  const GPtrArray *secrets = worker->rollout->target->secrets;
  for (guint i = 0; secrets != NULL && i < secrets->len; i++) {
    const TargetSecret *secret = g_ptr_array_index(secrets, i);
    Secret *value = value_for(worker, secret);
    if (value == NULL)
      continue;
    g_autofree char *file =
        secret->config.mount != NULL ? secret_keyed_hash(value, worker->secrets->salt) : NULL;
    use(secret, value, file, data);
  }
}

static void append_variable(const TargetSecret *secret, Secret *value, const char *file, void *data) {
  if (file == NULL)
    secret_append_assignment(value, secret->config.name, data);
}

void worker_append_secrets(const Worker *worker, SecretText **env) {
  for_each(worker, append_variable, env);
}

static void add_name(const TargetSecret *secret, Secret *value, const char *file, void *data) {
  (void)value;
  if (file != NULL)
    g_hash_table_insert(data, g_strdup(secret->config.mount), g_strdup(file));
}

GHashTable *worker_secret_names(const Worker *worker) {
  GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for_each(worker, add_name, names);
  return names;
}

static void add_file(const TargetSecret *secret, Secret *value, const char *file, void *data) {
  (void)secret;
  g_autoptr(GBytes) bytes = file != NULL ? secret_file_bytes(value) : NULL;
  if (file != NULL)
    g_ptr_array_add(data, project_file_new(file, 0600, bytes));
}

GPtrArray *worker_secret_files(const Worker *worker) {
  GPtrArray *files = g_ptr_array_new_with_free_func((GDestroyNotify)project_file_free);
  for_each(worker, add_file, files);
  return files;
}

static void set_place(const TargetSecret *secret, Secret *value, const char *file, void *data) {
  (void)value;
  json_set_string(data, secret->config.name, file);
}

cJSON *worker_secrets_json(const Worker *worker) {
  cJSON *json = cJSON_CreateObject();
  for_each(worker, set_place, json);
  return json;
}
