/* Phase `prune`: what `retain` no longer asks for leaves the hosts: release folders, the files only they
 * mounted, and the names that kept their images. Never what a rollback target or the running deployment
 * needs; what the history does not know stays. */
#include <string.h>

#include "deployer/rollout/phases.h"
#include "host_scripts.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

char *image_protecting_name(const char *place, const char *reference) {
  g_auto(GStrv) parts = g_strsplit(reference, "@", 2);
  const char *slash = strrchr(parts[0], '/');
  return g_strdup_printf("slipway.local/%s/%s", place, slash != NULL ? slash + 1 : parts[0]);
}

typedef struct {
  GHashTable *uids;   /* release folders that stay; borrowed strings */
  GHashTable *images; /* references that stay; owned */
  GPtrArray *known;   /* every Deployment of the environment, newest first */
} Kept;

static void kept_clear(Kept *kept) {
  g_clear_pointer(&kept->uids, g_hash_table_unref);
  g_clear_pointer(&kept->images, g_hash_table_unref);
  g_clear_pointer(&kept->known, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Kept, kept_clear)

static void collect_images(const Deployment *deployment, GHashTable *images) {
  g_autoptr(cJSON) json = deployment->images != NULL ? cJSON_Parse(deployment->images) : NULL;
  for (const cJSON *image = json != NULL ? json->child : NULL; image != NULL; image = image->next)
    if (cJSON_IsString(image))
      g_hash_table_add(images, g_strdup(image->valuestring));
}

static void keep_deployment(Kept *kept, const Deployment *deployment) {
  g_hash_table_add(kept->uids, deployment->uid);
  collect_images(deployment, kept->images);
}

/* What `rollback` goes back to, step by step. */
static void keep_stack(Kept *kept, const EnvironmentState *state, guint count) {
  for (guint i = 0; i < MIN(count, state->stack->len); i++)
    keep_deployment(kept, g_ptr_array_index(state->stack, state->stack->len - 1 - i));
}

/* What `rollback --to` may name: after going back twice, the way forward again too. */
static void keep_newest(Kept *kept, guint count) {
  g_autoptr(GHashTable) contents = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < kept->known->len && g_hash_table_size(contents) < count; i++) {
    const Deployment *deployment = g_ptr_array_index(kept->known, i);
    if (deployment_counts(deployment) && deployment->content != NULL &&
        g_hash_table_add(contents, deployment->content))
      keep_deployment(kept, deployment);
  }
}

/* The hosts' `current` stays by the script's own rule; that is the deployment that just ended, whose images
 * are kept here. */
static bool decide(const Rollout *rollout, Kept *kept, GError **error) {
  const char *environment = rollout->request->environment->name;
  guint count = rollout->request->environment->retain + 1;
  kept->uids = g_hash_table_new(g_str_hash, g_str_equal);
  kept->images = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (!history_list_deployments(rollout->request->history, environment, 0, &kept->known, error))
    return false;
  g_autoptr(EnvironmentState) state = environment_state_new(environment, kept->known);
  keep_stack(kept, state, count);
  keep_newest(kept, count);
  keep_deployment(kept, rollout->deployment);
  return true;
}

/* Deployments that the history knows, whose folder is on this host and not kept. */
static GPtrArray *find_superfluous(const Worker *worker, const Kept *kept) {
  GPtrArray *superfluous = g_ptr_array_new();
  for (guint i = 0; i < kept->known->len; i++) {
    Deployment *deployment = g_ptr_array_index(kept->known, i);
    if (g_hash_table_contains(worker->facts->releases, deployment->uid) &&
        !g_hash_table_contains(kept->uids, deployment->uid))
      g_ptr_array_add(superfluous, deployment);
  }
  return superfluous;
}

static bool remove_folders(Worker *worker, const GPtrArray *superfluous, GError **error) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_add(argv, worker->facts->folder);
  for (guint i = 0; i < superfluous->len; i++)
    g_ptr_array_add(argv, ((Deployment *)g_ptr_array_index(superfluous, i))->uid);
  g_ptr_array_add(argv, NULL);
  HostScript script = {.text = host_script_prune, .argv = (const char *const *)argv->pdata};
  g_auto(HostReply) reply = {0};
  return host_run(worker->host, &script, &reply, error);
}

static bool remove_name(Worker *worker, const char *reference, GError **error) {
  g_autofree char *repository = image_protecting_name(worker->rollout->place, reference);
  g_autofree char *name = g_strdup_printf("%s:%s", repository, strrchr(reference, ':') + 1);
  return engine_remove_image(worker->engine, name, error);
}

/* The image itself goes only if no slipway tag (another application's) is left on it. */
static bool remove_unnamed(Worker *worker, const char *reference, GError **error) {
  g_autoptr(EngineImage) image = NULL;
  if (!engine_find_image(worker->engine, reference, &image, error))
    return false;
  for (guint i = 0; image != NULL && image->tags != NULL && i < image->tags->len; i++)
    if (g_str_has_prefix(g_ptr_array_index(image->tags, i), "slipway.local/"))
      return true;
  return image == NULL || engine_remove_image(worker->engine, reference, error);
}

typedef bool (*ReferenceTask)(Worker *worker, const char *reference, GError **error);

static bool for_each(Worker *worker, GHashTable *references, ReferenceTask task, GError **error) {
  GHashTableIter iterator;
  gpointer reference = NULL;
  g_hash_table_iter_init(&iterator, references);
  while (g_hash_table_iter_next(&iterator, &reference, NULL))
    if (!task(worker, reference, error))
      return false;
  return true;
}

/* All names first: two repositories may hold one image, which has a name for each. */
static bool remove_images(Worker *worker, const GPtrArray *superfluous, GHashTable *kept, GError **error) {
  g_autoptr(GHashTable) gone = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < superfluous->len; i++)
    collect_images(g_ptr_array_index(superfluous, i), gone);
  GHashTableIter iterator;
  gpointer reference = NULL;
  g_hash_table_iter_init(&iterator, kept);
  while (g_hash_table_iter_next(&iterator, &reference, NULL))
    g_hash_table_remove(gone, reference);
  return for_each(worker, gone, remove_name, error) && for_each(worker, gone, remove_unnamed, error);
}

static bool step_prune(Worker *worker, char **detail, GError **error) {
  g_auto(Kept) kept = {0};
  if (!decide(worker->rollout, &kept, error))
    return false;
  g_autoptr(GPtrArray) superfluous = find_superfluous(worker, &kept);
  if (superfluous->len == 0)
    return true;
  if (!remove_folders(worker, superfluous, error) || !remove_images(worker, superfluous, kept.images, error))
    return false;
  *detail = g_strdup_printf("%u old release%s removed", superfluous->len, superfluous->len == 1 ? "" : "s");
  return true;
}

static bool prune_worker(Worker *worker, GError **error) {
  return worker_step(worker, "prune", step_prune, error);
}

void phase_prune(Rollout *rollout) {
  g_autoptr(GError) problem = NULL;
  if (!crew_run_all(rollout, prune_worker, &problem))
    reporter_warn(rollout->request->reporter, "old releases stay on a host for now: %s", problem->message);
}
