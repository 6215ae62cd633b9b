/* Taking in what another history exported: looked at as a whole first, then recorded. */
#include <string.h>

#include "deployer/rollout/parcel.h"
#include "deployer/rollout/snapshot.h"
#include "deployer/rollout/travel.h"
#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

void travel_report_clear(TravelReport *report) {
  g_clear_pointer(&report->there, g_free);
  g_clear_pointer(&report->release, release_free);
  g_clear_pointer(&report->deployments, g_ptr_array_unref);
}

/* ---- contradictions ---- */

static bool has_same_images(const Release *a, const Release *b) {
  for (guint i = 0; i < a->images->len; i++) {
    const ReleaseImage *image = a->images->pdata[i];
    if (g_strcmp0(release_image(b, image->name), image->reference) != 0)
      return false;
  }
  return a->images->len == b->images->len;
}

/* *known: the release that it is here, borrowed from `releases`; NULL: it is new. */
static bool compare_release(const char *path, const Parcel *parcel, const GPtrArray *releases,
                            const Release **known, GError **error) {
  const Release *release = parcel->release;
  gint64 number = 0;
  for (guint i = 0; i < releases->len; i++) {
    const Release *here = releases->pdata[i];
    bool is_it = strcmp(here->uid, release->uid) == 0;
    bool has_version = strcmp(here->version, release->version) == 0 &&
                       !release_is_short_name(release->version, &number); /* r7 is a place in a history */
    if (!is_it && !has_version)
      continue;
    if (!has_same_images(here, release))
      return fail(
          error, SLIPWAY_ERROR_REFUSED,
          "%s: %s there is version %s, which r%" G_GINT64_FORMAT
          " is here, with other images: one of both histories is wrong about it; nothing was taken in",
          path, parcel->name, release->version, here->id);
    *known = here;
  }
  return true;
}

static bool compare_pins(const RolloutRequest *request, const char *path, const Parcel *parcel,
                         const Release *known, GError **error) {
  g_autoptr(GHashTable) pins = NULL;
  GHashTableIter iterator;
  gpointer image = NULL, reference = NULL;
  if (known == NULL)
    return true;
  if (!history_get_pins(request->history, known->id, &pins, error))
    return false;
  g_hash_table_iter_init(&iterator, parcel->pins);
  while (g_hash_table_iter_next(&iterator, &image, &reference)) {
    const char *here = g_hash_table_lookup(pins, image);
    if (here != NULL && strcmp(here, reference) != 0)
      return fail(
          error, SLIPWAY_ERROR_REFUSED,
          "%s: %s was verified there with %s, and r%" G_GINT64_FORMAT
          " is pinned to %s here: what is verified there is not what would run here; nothing was taken in",
          path, parcel->name, (char *)reference, known->id, here);
  }
  return true;
}

static Deployment *find_uid(const GPtrArray *deployments, const char *uid) {
  for (guint i = 0; i < deployments->len; i++)
    if (strcmp(((Deployment *)deployments->pdata[i])->uid, uid) == 0)
      return deployments->pdata[i];
  return NULL;
}

static bool is_same_deployment(const Deployment *here, const Deployment *told, const Release *known) {
  return known != NULL && here->release == known->id && strcmp(here->environment, told->environment) == 0 &&
         here->kind == told->kind && here->status == told->status &&
         g_strcmp0(here->images, told->images) == 0 && here->finished_at / 1000 == told->finished_at / 1000;
}

/* *recorded: those of them that are known. */
static bool compare_deployments(const RolloutRequest *request, const char *path, const Parcel *parcel,
                                const Release *known, GPtrArray **recorded, GError **error) {
  g_autoptr(GPtrArray) uids = g_ptr_array_new();
  for (guint i = 0; i < parcel->deployments->len; i++)
    g_ptr_array_add(uids, ((const Deployment *)parcel->deployments->pdata[i])->uid);
  if (!history_find_deployments(request->history, uids, recorded, error))
    return false;
  for (guint i = 0; i < parcel->deployments->len; i++) {
    const Deployment *told = parcel->deployments->pdata[i];
    const Deployment *here = find_uid(*recorded, told->uid);
    if (here != NULL && !is_same_deployment(here, told, known))
      return fail(error, SLIPWAY_ERROR_REFUSED,
                  "%s: what it says of the deployment %s of %s is not what d%" G_GINT64_FORMAT
                  " of this history says of it; nothing was taken in",
                  path, told->uid, told->environment, here->id);
  }
  return true;
}

/* ---- recording ---- */

/* The first of the environment that ended later; 0: none. */
static bool find_later(History *history, const Deployment *told, gint64 *later, GError **error) {
  g_autoptr(GPtrArray) deployments = NULL;
  if (!history_list_deployments(history, told->environment, 0, &deployments, error))
    return false;
  *later = 0;
  for (guint i = 0; i < deployments->len; i++) {
    const Deployment *here = deployments->pdata[i];
    if (here->status == STATUS_RUNNING)
      continue;
    if (here->finished_at <= told->finished_at)
      break;
    *later = here->id;
  }
  return true;
}

static bool put_files(History *history, const Parcel *parcel, const GPtrArray *files, char **problem,
                      GError **error) {
  for (guint i = 0; i < files->len; i++) {
    const SnapshotFile *file = files->pdata[i];
    GBytes *bytes = g_hash_table_lookup(parcel->blobs, file->sha256);
    if (bytes == NULL) {
      *problem = g_strdup("a file of it is missing");
      return true;
    }
    if (!history_put_blob(history, file->sha256, bytes, error))
      return false;
  }
  return true;
}

static bool is_usable(History *history, char *snapshot, GError **error) {
  const Deployment deployment = {.snapshot = snapshot};
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GHashTable) pinned = NULL;
  g_autoptr(Config) recorded = NULL;
  return snapshot_read(history, &deployment, &project, &pinned, &recorded, error);
}

/* With today's settings: those of the file could name programs for the controller to run. */
static bool take_snapshot(const RolloutRequest *request, const Parcel *parcel, Deployment *told,
                          char **problem, GError **error) {
  g_autofree char *sha256 = g_steal_pointer(&told->snapshot);
  g_autofree char *adopted = NULL;
  g_autoptr(GPtrArray) files = NULL;
  g_autoptr(GError) damage = NULL;
  RolloutRequest there = *request;
  GBytes *text = sha256 != NULL ? g_hash_table_lookup(parcel->blobs, sha256) : NULL;
  there.environment = config_find_environment(request->config, told->environment);
  if (text == NULL || there.environment == NULL)
    return true;
  if (!snapshot_list_files(text, told->uid, &files, &told->content, &damage)) {
    *problem = g_strdup(damage->message);
    return true;
  }
  if (!put_files(request->history, parcel, files, problem, error))
    return false;
  if (*problem == NULL &&
      (!snapshot_adopt(&there, text, &adopted, &damage) || !is_usable(request->history, adopted, &damage)))
    *problem = g_strdup(damage->message);
  if (*problem == NULL)
    told->snapshot = g_steal_pointer(&adopted);
  return true;
}

static bool take_deployment(const RolloutRequest *request, const Parcel *parcel, Deployment *told,
                            bool *existed, GError **error) {
  g_autofree char *problem = NULL;
  DeploymentImport import = {.deployment = told, .release = parcel->release};
  if (!take_snapshot(request, parcel, told, &problem, error) ||
      !find_later(request->history, told, &import.before, error))
    return false;
  if (problem != NULL)
    reporter_warn(request->reporter, "the configuration of deployment %s of %s is not taken in: %s",
                  told->uid, told->environment, problem);
  told->message = g_strdup("told by an export of another history");
  return history_import_deployment(request->history, &import, existed, error);
}

static bool take_deployments(const RolloutRequest *request, Parcel *parcel, const GPtrArray *recorded,
                             TravelReport *report, GError **error) {
  report->deployments = g_ptr_array_new_with_free_func((GDestroyNotify)deployment_free);
  while (parcel->deployments->len > 0) {
    g_autoptr(Deployment) told = g_ptr_array_steal_index(parcel->deployments, 0);
    bool existed = find_uid(recorded, told->uid) != NULL;
    if (!existed && !take_deployment(request, parcel, told, &existed, error))
      return false;
    if (existed)
      report->known++;
    else
      g_ptr_array_add(report->deployments, g_steal_pointer(&told));
  }
  return true;
}

static bool take_pins(const RolloutRequest *request, const Parcel *parcel, GError **error) {
  GHashTableIter iterator;
  gpointer image = NULL, reference = NULL;
  g_autoptr(GHashTable) pins = NULL;
  const Deployment *first = parcel->deployments->len > 0 ? parcel->deployments->pdata[0] : NULL;
  if (!history_get_pins(request->history, parcel->release->id, &pins, error))
    return false;
  g_hash_table_iter_init(&iterator, parcel->pins);
  while (g_hash_table_iter_next(&iterator, &image, &reference))
    if (!g_hash_table_contains(pins, image) &&
        !history_set_pin(request->history, parcel->release->id, image, reference,
                         first != NULL ? first->environment : "", error))
      return false;
  return true;
}

static bool take_approvals(const RolloutRequest *request, const Parcel *parcel, TravelReport *report,
                           GError **error) {
  for (guint i = 0; i < parcel->approvals->len; i++) {
    Approval *approval = parcel->approvals->pdata[i];
    bool existed = false;
    approval->release = parcel->release->id;
    if (!history_add_approval(request->history, approval, &existed, error))
      return false;
    report->approvals += existed ? 0 : 1;
  }
  return true;
}

static bool take_all(const RolloutRequest *request, Parcel *parcel, const GPtrArray *recorded,
                     TravelReport *report, GError **error) {
  return history_take_release(request->history, parcel->release, error) &&
         take_pins(request, parcel, error) && take_deployments(request, parcel, recorded, report, error) &&
         take_approvals(request, parcel, report, error);
}

bool travel_import(const RolloutRequest *request, const char *path, TravelReport *report, GError **error) {
  g_autoptr(Parcel) parcel = NULL;
  g_autoptr(GPtrArray) releases = NULL;
  g_autoptr(GPtrArray) recorded = NULL;
  g_auto(HistoryTransaction) transaction = {0};
  const Release *known = NULL;
  if (!parcel_read(path, request->config->app, &parcel, error) ||
      !history_begin_transaction(request->history, &transaction, error) ||
      !history_list_releases(request->history, 0, &releases, error) ||
      !compare_release(path, parcel, releases, &known, error) ||
      !compare_pins(request, path, parcel, known, error) ||
      !compare_deployments(request, path, parcel, known, &recorded, error) ||
      !take_all(request, parcel, recorded, report, error) || !history_commit_transaction(&transaction, error))
    return false;
  report->there = g_steal_pointer(&parcel->name);
  report->release = g_steal_pointer(&parcel->release);
  return true;
}
