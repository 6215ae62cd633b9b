/* Recording what another history did: journals give order and outcome, manifests the rest, snapshots what a
 * rollback needs. */
#include "deployer/rollout/import.h"

#include <string.h>

#include "deployer/output/words.h"
#include "deployer/rollout/abandoned.h"
#include "deployer/rollout/export.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/retell.h"
#include "deployer/rollout/snapshot.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum {
  JOURNAL_SURELY_WHOLE = 128 << 10, /* facts.journal has the end of a longer one; a line is far shorter */
  MANIFEST_CAP = 1 << 20,
  SNAPSHOT_CAP = 16 << 20,
  FILE_CAP = 64 << 20,
  FILES_CAP = 20000,
};

typedef struct {
  Rollout *rollout;
  GPtrArray *workers;   /* Worker: those that are connected; borrowed */
  GPtrArray *witnesses; /* Witness, one each */
  GPtrArray *entries;   /* JournalEntry of all their journals */
  GHashTable *known;    /* uid -> Deployment: of those, what this history has; owns nothing */
  GPtrArray *recorded;  /* owns them */
  GPtrArray *imported;  /* Deployment */
  GHashTable *sources;  /* set of Worker: whose journals had them */
} Import;

static void import_clear(Import *import) {
  g_clear_pointer(&import->workers, g_ptr_array_unref);
  g_clear_pointer(&import->witnesses, g_ptr_array_unref);
  g_clear_pointer(&import->entries, g_ptr_array_unref);
  g_clear_pointer(&import->known, g_hash_table_unref);
  g_clear_pointer(&import->recorded, g_ptr_array_unref);
  g_clear_pointer(&import->imported, g_ptr_array_unref);
  g_clear_pointer(&import->sources, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Import, import_clear)

/* ---- journals --------------------------------------------------------------------------------------------
 */

static void complain(const char *words, void *data) {
  const Rollout *rollout = data;
  reporter_warn(rollout->request->reporter, "%s", words);
}

static void read_journals(Import *import) {
  Rollout *rollout = import->rollout;
  const RolloutRequest *request = rollout->request;
  g_autoptr(GArray) journals = g_array_new(FALSE, FALSE, sizeof(Journal));
  for (guint i = 0; i < rollout->workers->len; i++) {
    Worker *worker = g_ptr_array_index(rollout->workers, i);
    if (worker->facts == NULL)
      continue;
    const Journal journal = {.host = worker->config->name, .text = worker->facts->journal};
    bool is_whole = strlen(journal.text) < JOURNAL_SURELY_WHOLE;
    g_array_append_val(journals, journal);
    g_ptr_array_add(import->workers, worker);
    g_ptr_array_add(import->witnesses, witness_new(worker->config->name, worker->config->address, is_whole));
  }
  import->entries = journals_merge((const Journal *)(const void *)journals->data, journals->len,
                                   request->config->app, request->environment->name, complain, rollout);
}

static bool find_known(Import *import, GError **error) {
  g_autoptr(GPtrArray) uids = g_ptr_array_new();
  for (guint i = 0; i < import->entries->len; i++)
    g_ptr_array_add(uids, ((JournalEntry *)import->entries->pdata[i])->uid);
  if (!history_find_deployments(import->rollout->request->history, uids, &import->recorded, error))
    return false;
  for (guint i = 0; i < import->recorded->len; i++) {
    Deployment *deployment = import->recorded->pdata[i];
    if (deployment->move != MOVE_NONE) /* of an export: now it gets its place */
      g_hash_table_insert(import->known, deployment->uid, deployment);
  }
  return true;
}

/* ---- what a host keeps of a deployment -------------------------------------------------------------------
 */

typedef struct {
  cJSON *manifest;
  char *snapshot, *content; /* hashes; NULL: there is no whole snapshot */
} Kept;

static void kept_clear(Kept *kept) {
  g_clear_pointer(&kept->manifest, cJSON_Delete);
  g_clear_pointer(&kept->snapshot, g_free);
  g_clear_pointer(&kept->content, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Kept, kept_clear)

static void warn_about(const Worker *worker, const JournalEntry *entry, const char *what) {
  g_autofree char *printable = text_printable(what, false);
  reporter_warn(worker->rollout->request->reporter, "%s: what it keeps of deployment %s: %s",
                worker->config->name, entry->uid, printable);
}

static bool keep_content(guint index, GBytes *bytes, void *data, GError **error) {
  GBytes **contents = data;
  (void)error;
  contents[index] = bytes != NULL ? g_bytes_ref(bytes) : NULL;
  return true;
}

/* manifest.json and snapshot.json; NULL: not there. */
static bool fetch_description(Worker *worker, const JournalEntry *entry, GBytes *contents[2],
                              GError **error) {
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(paths, g_strdup_printf("releases/%s/manifest.json", entry->uid));
  g_ptr_array_add(paths, g_strdup_printf("releases/%s/snapshot.json", entry->uid));
  return worker_export(worker, paths, SNAPSHOT_CAP, keep_content, contents, error);
}

/* Of this very deployment, or it is none. */
static cJSON *parse_manifest(const Rollout *rollout, const JournalEntry *entry, GBytes *bytes) {
  gsize length = 0;
  const char *text = bytes != NULL ? g_bytes_get_data(bytes, &length) : NULL;
  g_autoptr(cJSON) json = NULL;
  if (text == NULL || length > MANIFEST_CAP || !json_parse(text, length, "", &json, NULL) ||
      g_strcmp0(json_string(json, "deployment"), entry->uid) != 0 ||
      g_strcmp0(json_string(json, "app"), rollout->request->config->app) != 0 ||
      g_strcmp0(json_string(json, "environment"), rollout->request->environment->name) != 0)
    return NULL;
  return g_steal_pointer(&json);
}

typedef struct {
  History *history;
  const GPtrArray *files; /* SnapshotFile */
  char *problem;          /* the first */
} Filing;

static bool file_content(guint index, GBytes *bytes, void *data, GError **error) {
  Filing *filing = data;
  const SnapshotFile *file = filing->files->pdata[index];
  gsize length = 0;
  const void *content = bytes != NULL ? g_bytes_get_data(bytes, &length) : NULL;
  g_autofree char *sha256 = bytes != NULL ? sha256_hex(content, length) : NULL;
  if (g_strcmp0(sha256, file->sha256) == 0)
    return history_put_blob(filing->history, sha256, bytes, error);
  if (filing->problem == NULL)
    filing->problem = g_strdup_printf("%s %s", file->path,
                                      bytes == NULL ? "is missing, or larger than slipway takes in"
                                                    : "is not what was deployed");
  return true;
}

static bool drop_recorded(History *history, GPtrArray *files, GError **error) {
  for (guint i = files->len; i > 0; i--) {
    g_autoptr(GBytes) bytes = NULL;
    if (!history_get_blob(history, ((SnapshotFile *)files->pdata[i - 1])->sha256, &bytes, error))
      return false;
    if (bytes != NULL)
      g_ptr_array_remove_index(files, i - 1);
  }
  return true;
}

/* The files that a snapshot refers to, into the history. *problem: NULL when all are there. */
static bool fetch_files(Worker *worker, GPtrArray *files, char **problem, GError **error) {
  Filing filing = {.history = worker->rollout->request->history, .files = files};
  g_autoptr(GPtrArray) paths = g_ptr_array_new();
  if (files->len > FILES_CAP) {
    *problem = g_strdup_printf("its snapshot names %u files, more than slipway takes in", files->len);
    return true;
  }
  if (!drop_recorded(filing.history, files, error))
    return false;
  for (guint i = 0; i < files->len; i++)
    g_ptr_array_add(paths, ((SnapshotFile *)files->pdata[i])->path);
  bool ok = worker_export(worker, paths, FILE_CAP, file_content, &filing, error);
  *problem = filing.problem;
  return ok;
}

/* Would a rollback find all that it needs? */
static bool is_usable(History *history, char *snapshot, GError **error) {
  const Deployment deployment = {.snapshot = snapshot};
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GHashTable) pinned = NULL;
  g_autoptr(Config) recorded = NULL;
  return snapshot_read(history, &deployment, &project, &pinned, &recorded, error);
}

/* One host alone shall not say what the others will run. */
static bool is_same_everywhere(const JournalEntry *entry, const char *snapshot) {
  for (guint i = 0; i < entry->hosts->len; i++) {
    const JournalHost *host = entry->hosts->pdata[i];
    if (host->snapshot != NULL && g_strcmp0(host->snapshot, snapshot) != 0)
      return false;
  }
  return true;
}

/* *problem: why there is no snapshot, or NULL. */
static bool take_snapshot(Worker *worker, const JournalEntry *entry, GBytes *text, Kept *kept, char **problem,
                          GError **error) {
  History *history = worker->rollout->request->history;
  g_autoptr(GPtrArray) files = NULL;
  g_autoptr(GError) damage = NULL;
  g_autofree char *content = NULL;
  g_autofree char *adopted = NULL;
  gsize length = 0;
  const void *bytes = g_bytes_get_data(text, &length);
  g_autofree char *sha256 = sha256_hex(bytes, length);
  if (g_strcmp0(sha256, json_string(kept->manifest, "snapshot")) != 0 || !is_same_everywhere(entry, sha256)) {
    *problem = g_strdup("its snapshot is not the one that was deployed");
    return true;
  }
  if (!snapshot_list_files(text, entry->uid, &files, &content, &damage)) {
    *problem = g_strdup(damage->message);
    return true;
  }
  if (!fetch_files(worker, files, problem, error))
    return false;
  if (*problem != NULL)
    return true;
  if (!snapshot_adopt(worker->rollout->request, text, &adopted, &damage) ||
      !is_usable(history, adopted, &damage)) {
    *problem = g_strdup(damage->message);
    return true;
  }
  kept->snapshot = g_steal_pointer(&adopted);
  kept->content = g_steal_pointer(&content);
  return true;
}

static bool take_kept(Worker *worker, const JournalEntry *entry, Kept *kept, GError **error) {
  GBytes *contents[2] = {NULL, NULL};
  g_autofree char *problem = NULL;
  bool ok = fetch_description(worker, entry, contents, error);
  g_autoptr(GBytes) manifest = contents[0];
  g_autoptr(GBytes) snapshot = contents[1];
  if (!ok)
    return false;
  cJSON *json = parse_manifest(worker->rollout, entry, manifest);
  if (json == NULL) {
    warn_about(worker, entry, "its manifest.json is missing or damaged");
    return true;
  }
  g_clear_pointer(&kept->manifest, cJSON_Delete);
  kept->manifest = json;
  ok = snapshot == NULL || take_snapshot(worker, entry, snapshot, kept, &problem, error);
  if (ok && problem != NULL)
    warn_about(worker, entry, problem);
  return ok;
}

/* Every host keeps the same: the first that has it whole is believed. */
static bool find_kept(const Import *import, const JournalEntry *entry, Kept *kept, GError **error) {
  for (guint i = 0; i < import->workers->len && kept->snapshot == NULL; i++) {
    Worker *worker = import->workers->pdata[i];
    if (g_hash_table_contains(worker->facts->releases, entry->uid) && !take_kept(worker, entry, kept, error))
      return prefix(error, "%s: ", worker->config->name);
  }
  return true;
}

/* ---- recording -------------------------------------------------------------------------------------------
 */

static bool is_newest(const Import *import, guint index) {
  return index + 1 == import->entries->len;
}

/* The next one that this history knows the end of; 0: none. */
static gint64 find_later(const Import *import, guint index) {
  for (guint i = index + 1; i < import->entries->len; i++) {
    const JournalEntry *entry = import->entries->pdata[i];
    const Deployment *known = g_hash_table_lookup(import->known, entry->uid);
    if (known != NULL && known->status != STATUS_RUNNING)
      return known->id;
  }
  return 0;
}

static void note_release(const Import *import, const Deployment *deployment, const char *version) {
  if (version != NULL && g_strcmp0(version, deployment->version) != 0)
    reporter_warn(import->rollout->request->reporter,
                  "version %s of d%" G_GINT64_FORMAT
                  " is the name of another release here: it is recorded as %s",
                  version, deployment->id, deployment->version);
}

static const char *uid_of(const cJSON *description, const char *key) {
  const char *uid = json_string(description, key);
  return is_unique_id(uid) ? uid : NULL;
}

static bool record(Import *import, guint index, const Kept *kept, GError **error) {
  const JournalEntry *entry = import->entries->pdata[index];
  const cJSON *description = kept->manifest != NULL ? kept->manifest : entry->line;
  g_autoptr(Release) release = retell_release(description);
  g_autofree char *version = release != NULL ? g_strdup(release->version) : NULL;
  g_autoptr(Deployment) deployment = retell_deployment(entry, description, retell_hosts(description),
                                                       import->witnesses, is_newest(import, index));
  deployment->snapshot = g_strdup(kept->snapshot);
  if (kept->content != NULL) {
    g_free(deployment->content);
    deployment->content = g_strdup(kept->content);
  }
  DeploymentImport told = {.deployment = deployment,
                           .release = release,
                           .restores = uid_of(description, "restores"),
                           .leaves = uid_of(description, "leaves"),
                           .before = find_later(import, index)};
  bool existed = false;
  if (!history_import_deployment(import->rollout->request->history, &told, &existed, error))
    return false;
  if (existed)
    return true;
  note_release(import, deployment, version);
  for (guint i = 0; i < entry->hosts->len; i++)
    g_hash_table_add(import->sources,
                     import->workers->pdata[((const JournalHost *)entry->hosts->pdata[i])->journal]);
  g_ptr_array_add(import->imported, g_steal_pointer(&deployment));
  return true;
}

static bool import_entry(Import *import, guint index, GError **error) {
  g_auto(Kept) kept = {0};
  return find_kept(import, import->entries->pdata[index], &kept, error) &&
         record(import, index, &kept, error);
}

/* One of this history that never ended, and others came after it: it has its place before them, with what the
 * journals say. The newest one is close_abandoned's: its hosts can still be asked. */
static bool settle_overtaken(const Import *import, guint index, Deployment *known, GError **error) {
  const JournalEntry *entry = import->entries->pdata[index];
  if (known->status != STATUS_RUNNING || known->id == import->rollout->deployment->id ||
      is_newest(import, index))
    return true;
  GPtrArray *hosts = g_ptr_array_new_with_free_func((GDestroyNotify)deployment_host_free);
  for (guint i = 0; i < known->hosts->len; i++) {
    const DeploymentHost *host = known->hosts->pdata[i];
    g_ptr_array_add(hosts, deployment_host_new(host->name, host->address));
  }
  g_autoptr(Deployment) told = retell_deployment(entry, entry->line, hosts, import->witnesses, false);
  told->id = known->id;
  if (!history_finish_deployment(import->rollout->request->history, told, error))
    return false;
  known->status = told->status;
  reporter_warn(import->rollout->request->reporter,
                "d%" G_GINT64_FORMAT " never ended here, and others came after it: it is %s", known->id,
                deployment_status_name(told->status));
  return true;
}

static bool walk(Import *import, GError **error) {
  for (guint i = 0; i < import->entries->len; i++) {
    const JournalEntry *entry = import->entries->pdata[i];
    Deployment *known = g_hash_table_lookup(import->known, entry->uid);
    witnesses_advance(import->witnesses, entry);
    if (!(known != NULL ? settle_overtaken(import, i, known, error) : import_entry(import, i, error)))
      return false;
  }
  return true;
}

/* ---- pins ------------------------------------------------------------------------------------------------
 */

static bool is_own_image(const Release *release, const char *reference) {
  for (guint i = 0; i < release->images->len; i++)
    if (g_strcmp0(((const ReleaseImage *)release->images->pdata[i])->reference, reference) == 0)
      return true;
  return false;
}

/* A release keeps the sidecars that it met (design §3), also in a new history. */
static bool keep_pins(const RolloutRequest *request, const Deployment *deployment, GError **error) {
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GHashTable) pinned = NULL;
  g_autoptr(Config) recorded = NULL;
  g_autoptr(Release) release = NULL;
  g_autoptr(GHashTable) pins = NULL;
  if (!history_get_release(request->history, deployment->release, &release, error) ||
      !history_get_pins(request->history, deployment->release, &pins, error) ||
      !snapshot_read(request->history, deployment, &project, &pinned, &recorded, error))
    return false;
  for (guint i = 0; i < project->services->len; i++) {
    const ComposeService *service = project->services->pdata[i];
    const char *reference = g_hash_table_lookup(pinned, service->name);
    if (reference == NULL || strchr(service->image, '@') != NULL || is_own_image(release, reference) ||
        g_hash_table_contains(pins, service->image))
      continue;
    if (!history_set_pin(request->history, deployment->release, service->image, reference,
                         request->environment->name, error))
      return false;
  }
  return true;
}

/* Newest first: --repin may have changed them. */
static bool keep_all_pins(const Import *import, GError **error) {
  const RolloutRequest *request = import->rollout->request;
  if (!config_is_in_pipeline(request->config, request->environment->name))
    return true;
  for (guint i = import->imported->len; i > 0; i--) {
    const Deployment *deployment = import->imported->pdata[i - 1];
    if (deployment->release != 0 && deployment->snapshot != NULL && !keep_pins(request, deployment, error))
      return false;
  }
  return true;
}

/* ---- the whole -------------------------------------------------------------------------------------------
 */

/* "d4", "d4 … d9". Caller frees. */
static char *name_range(const GPtrArray *deployments) {
  gint64 first = ((const Deployment *)deployments->pdata[0])->id;
  gint64 last = ((const Deployment *)deployments->pdata[deployments->len - 1])->id;
  return first == last ? deployment_word(first)
                       : g_strdup_printf("d%" G_GINT64_FORMAT " … d%" G_GINT64_FORMAT, first, last);
}

static void tell(const Import *import) {
  if (import->imported->len == 0)
    return;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  g_autoptr(GPtrArray) bare = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < import->workers->len; i++)
    if (g_hash_table_contains(import->sources, import->workers->pdata[i]))
      g_ptr_array_add(names, ((const Worker *)import->workers->pdata[i])->config->name);
  for (guint i = 0; i < import->imported->len; i++) {
    const Deployment *deployment = import->imported->pdata[i];
    if (deployment->snapshot == NULL && deployment_counts(deployment))
      g_ptr_array_add(bare, deployment_word(deployment->id));
  }
  g_autofree char *range = name_range(import->imported);
  g_autofree char *hosts = words_joined(names);
  g_autofree char *without = words_joined(bare);
  reporter_note(import->rollout->request->reporter,
                "imported %s from the journals of %s: another history made %s", range, hosts,
                import->imported->len == 1 ? "it" : "them");
  if (without != NULL)
    reporter_note(import->rollout->request->reporter,
                  "%s: no host has the configuration any more (retain), so a rollback cannot return there",
                  without);
}

bool import_foreign(Rollout *rollout, guint *imported, GError **error) {
  g_auto(Import) import = {
      .rollout = rollout,
      .workers = g_ptr_array_new(),
      .witnesses = g_ptr_array_new_with_free_func((GDestroyNotify)witness_free),
      .known = g_hash_table_new(g_str_hash, g_str_equal),
      .imported = g_ptr_array_new_with_free_func((GDestroyNotify)deployment_free),
      .sources = g_hash_table_new(NULL, NULL),
  };
  read_journals(&import);
  if (!find_known(&import, error))
    return false;
  bool ok = walk(&import, error) && keep_all_pins(&import, error);
  tell(&import);
  *imported = import.imported->len;
  return ok;
}

static bool import_now(Rollout *rollout, const char *holder, guint *imported, GError **error) {
  const RolloutRequest *request = rollout->request;
  if (!phase_connect(rollout, holder, error) || !import_foreign(rollout, imported, error) ||
      !situation_read_locked(request->history, request->config, request->environment->name, 0,
                             &rollout->fresh, error))
    return false;
  rollout->situation = rollout->fresh;
  return close_abandoned(rollout, error);
}

bool import_all(const RolloutRequest *request, guint *imported, GError **error) {
  g_autoptr(Situation) situation = NULL;
  if (!situation_read(request->history, request->config, request->environment->name, 0, &situation, error))
    return false;
  g_autoptr(Deployment) record = rollout_bare_record(request);
  g_autoptr(Rollout) rollout = rollout_new(request, situation, NULL, record);
  g_autofree char *holder = g_strdup_printf("%s: %s", record->actor, request->command);
  return import_now(rollout, holder, imported, error);
}
