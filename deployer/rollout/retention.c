/* Phase `prune` and the command: what `retain` no longer asks for leaves the hosts: release folders, the
 * files that only they mounted, the names that kept their images, and what killed uploads left. Never what a
 * rollback target or the running deployment needs, what a container holds on to, or what the history does not
 * know. */
#include "deployer/rollout/retention.h"

#include <string.h>

#include "deployer/output/words.h"
#include "deployer/rollout/ephemeral.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/prunable.h"
#include "host_scripts.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum { PRUNE_TIMEOUT_MS = 600000 };

/* ---- what stays ------------------------------------------------------------------------------------------
 */

typedef struct {
  GHashTable *uids;   /* release folders that stay; borrowed strings */
  GHashTable *images; /* references that stay; owned */
  GPtrArray *newest;  /* Deployment: as many as say what stays, newest first */
} Kept;

static void kept_clear(Kept *kept) {
  g_clear_pointer(&kept->uids, g_hash_table_unref);
  g_clear_pointer(&kept->images, g_hash_table_unref);
  g_clear_pointer(&kept->newest, g_ptr_array_unref);
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

/* What `rollback --to` may name: after going back twice, the way forward again too. False: these are fewer.
 */
static bool keep_newest(Kept *kept, guint count) {
  g_autoptr(GHashTable) contents = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < kept->newest->len && g_hash_table_size(contents) < count; i++) {
    const Deployment *deployment = g_ptr_array_index(kept->newest, i);
    if (deployment_counts(deployment) && deployment->content != NULL &&
        g_hash_table_add(contents, deployment->content))
      keep_deployment(kept, deployment);
  }
  return g_hash_table_size(contents) >= count;
}

/* What hosts may run though it is not on the stack: the deployment that just ended, or one that was cut
 * short. The hosts' `current` stays by the script's own rule, and with it the images that it names. */
static void keep_attempts(Kept *kept, const EnvironmentState *state, const Deployment *own) {
  const Deployment *attempts[] = {own->id != 0 ? own : NULL, state->last, state->running};
  for (guint i = 0; i < G_N_ELEMENTS(attempts); i++)
    if (attempts[i] != NULL)
      keep_deployment(kept, attempts[i]);
}

/* *is_enough: more of the history would say the same. */
static bool decide_by(const Rollout *rollout, guint first, Kept *kept, bool *is_enough, GError **error) {
  const RolloutRequest *request = rollout->request;
  const guint count = request->environment->retain + 1;
  g_autoptr(EnvironmentState) state = NULL;
  kept->uids = g_hash_table_new(g_str_hash, g_str_equal);
  kept->images = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (!environment_state_read_deep(request->history, request->environment->name, first, count, NULL, 0,
                                   &kept->newest, &state, error))
    return false;
  keep_stack(kept, state, count);
  keep_attempts(kept, state, rollout->deployment);
  *is_enough = keep_newest(kept, count) || environment_state_is_whole(state);
  return true;
}

static bool decide(const Rollout *rollout, Kept *kept, GError **error) {
  bool is_enough = false;
  for (guint first = ENVIRONMENT_READ_FIRST; !is_enough; first *= ENVIRONMENT_READ_MORE) {
    kept_clear(kept);
    if (!decide_by(rollout, first, kept, &is_enough, error))
      return false;
  }
  return true;
}

/* ---- one host --------------------------------------------------------------------------------------------
 */

HostPruned *host_pruned_new(const char *host) {
  HostPruned *pruned = g_new0(HostPruned, 1);
  pruned->host = g_strdup(host);
  pruned->releases = g_ptr_array_new_with_free_func(g_free);
  pruned->files = g_ptr_array_new_with_free_func(g_free);
  pruned->leftovers = g_ptr_array_new_with_free_func(g_free);
  pruned->images = g_ptr_array_new_with_free_func(g_free);
  return pruned;
}

void host_pruned_free(HostPruned *pruned) {
  if (pruned == NULL)
    return;
  g_free(pruned->host);
  g_free(pruned->problem);
  g_ptr_array_unref(pruned->releases);
  g_ptr_array_unref(pruned->files);
  g_ptr_array_unref(pruned->leftovers);
  g_ptr_array_unref(pruned->images);
  g_free(pruned);
}

/* What is known and found while a host is pruned. */
typedef struct {
  Worker *worker;
  HostPruned *pruned;
  Kept kept;
  GPtrArray *there;       /* Deployment: known, with a folder on the host */
  GPtrArray *superfluous; /* those that are not kept; borrowed */
  EngineUse *use;
  GPtrArray *images;  /* EngineImage: all that the engine has */
  GHashTable *needed; /* set of "sha256:…" */
  GString *stuck;     /* what this user may not remove */
} Pruning;

static void pruning_clear(Pruning *pruning) {
  kept_clear(&pruning->kept);
  g_clear_pointer(&pruning->superfluous, g_ptr_array_unref);
  g_clear_pointer(&pruning->there, g_ptr_array_unref);
  g_clear_pointer(&pruning->use, engine_use_free);
  g_clear_pointer(&pruning->images, g_ptr_array_unref);
  g_clear_pointer(&pruning->needed, g_hash_table_unref);
  if (pruning->stuck != NULL)
    g_string_free(pruning->stuck, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pruning, pruning_clear)

static bool begin_pruning(Worker *worker, HostPruned *pruned, Pruning *pruning, GError **error) {
  *pruning = (Pruning){.worker = worker, .pruned = pruned, .stuck = g_string_new(NULL)};
  pruning->superfluous = g_ptr_array_new();
  pruning->needed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GPtrArray) folders = g_ptr_array_new();
  GHashTableIter iterator;
  gpointer folder = NULL;
  g_hash_table_iter_init(&iterator, worker->facts->releases);
  while (g_hash_table_iter_next(&iterator, &folder, NULL))
    g_ptr_array_add(folders, folder);
  if (!decide(worker->rollout, &pruning->kept, error) ||
      !history_find_deployments(worker->rollout->request->history, folders, &pruning->there, error))
    return false;
  for (guint i = 0; i < pruning->there->len; i++) {
    Deployment *deployment = g_ptr_array_index(pruning->there, i);
    if (g_str_equal(deployment->environment, worker->rollout->request->environment->name) &&
        !g_hash_table_contains(pruning->kept.uids, deployment->uid))
      g_ptr_array_add(pruning->superfluous, deployment);
  }
  return true;
}

/* "d3" for a release folder. */
static char *name_release(const Pruning *pruning, const char *uid) {
  for (guint i = 0; i < pruning->superfluous->len; i++) {
    const Deployment *deployment = g_ptr_array_index(pruning->superfluous, i);
    if (g_str_equal(deployment->uid, uid))
      return deployment_word(deployment->id);
  }
  return g_strdup(uid);
}

static void take_thing(Pruning *pruning, char **words) {
  HostPruned *pruned = pruning->pruned;
  gint64 bytes = 0, inodes = 0;
  if (!number_parse(words[2], 0, G_MAXINT64 / 2, &bytes) ||
      !number_parse(words[3], 0, G_MAXINT64 / 2, &inodes))
    return;
  pruned->bytes += bytes;
  pruned->inodes += inodes;
  if (g_str_equal(words[0], "release"))
    g_ptr_array_add(pruned->releases, name_release(pruning, words[1]));
  else
    g_ptr_array_add(g_str_equal(words[0], "file") ? pruned->files : pruned->leftovers, g_strdup(words[1]));
}

/* A line of prune.sh. */
static void take_line(Pruning *pruning, const char *line) {
  g_auto(GStrv) words = g_strsplit(line, " ", -1);
  guint count = g_strv_length(words);
  if (count == 4)
    take_thing(pruning, words);
  else if (count == 2 && g_str_equal(words[0], "needs"))
    g_hash_table_add(pruning->needed, g_strdup(words[1]));
  else if (count == 2 && g_str_equal(words[0], "stays"))
    g_string_append_printf(pruning->stuck, "%s%s", pruning->stuck->len > 0 ? ", " : "", words[1]);
}

/* The script wants paths a line each; one with a newline in it is no path of ours. */
static char *list_sources(const EngineUse *use) {
  GString *text = g_string_new(NULL);
  GHashTableIter iterator;
  gpointer source = NULL;
  g_hash_table_iter_init(&iterator, use->sources);
  while (g_hash_table_iter_next(&iterator, &source, NULL))
    g_string_append_printf(text, "%s\n", (const char *)source);
  return g_string_free(text, FALSE);
}

static bool prune_folders(Pruning *pruning, bool only_ask, GError **error) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_autofree char *sources = list_sources(pruning->use);
  g_ptr_array_add(argv, pruning->worker->facts->folder);
  g_ptr_array_add(argv, (char *)(only_ask ? "list" : "remove"));
  for (guint i = 0; i < pruning->superfluous->len; i++)
    g_ptr_array_add(argv, ((Deployment *)g_ptr_array_index(pruning->superfluous, i))->uid);
  g_ptr_array_add(argv, NULL);
  HostScript script = {.text = host_script_prune,
                       .argv = (const char *const *)argv->pdata,
                       .input = sources,
                       .input_length = strlen(sources),
                       .timeout_ms = PRUNE_TIMEOUT_MS};
  g_auto(HostReply) reply = {0};
  if (!host_run(pruning->worker->host, &script, &reply, error))
    return false;
  g_auto(GStrv) lines = g_strsplit(reply.out->str, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    take_line(pruning, *line);
  return true;
}

static bool prune_images(Pruning *pruning, bool only_ask, GError **error) {
  Engine *engine = pruning->worker->engine;
  HostPruned *pruned = pruning->pruned;
  g_autoptr(GPtrArray) names = NULL;
  g_autoptr(GPtrArray) references = NULL;
  g_autoptr(GHashTable) superfluous = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  gint64 bytes = 0;
  for (guint i = 0; i < pruning->superfluous->len; i++)
    collect_images(g_ptr_array_index(pruning->superfluous, i), superfluous);
  GHashTableIter iterator;
  gpointer reference = NULL;
  g_hash_table_iter_init(&iterator, pruning->kept.images);
  while (g_hash_table_iter_next(&iterator, &reference, NULL))
    g_hash_table_add(pruning->needed,
                     g_strdup(strchr(reference, '@') != NULL ? strchr(reference, '@') + 1 : reference));
  const ImageRules rules = {pruning->worker->rollout->place, superfluous, pruning->needed, pruning->use};
  images_that_go(&rules, pruning->images, &names, &references, &bytes);
  if (!only_ask) {
    bytes = 0;
    /* Names first: the image goes with the last of its references. */
    if (!engine_remove_images(engine, names, references, &bytes, error))
      return false;
  }
  pruned->bytes += bytes;
  g_ptr_array_unref(pruned->images);
  pruned->images = g_ptr_array_ref(references->len > 0 ? references : names);
  return true;
}

static bool prune_host(Pruning *pruning, bool only_ask, GError **error) {
  if (!engine_list_use(pruning->worker->engine, &pruning->use, &pruning->images, error) ||
      !prune_folders(pruning, only_ask, error) || !prune_images(pruning, only_ask, error))
    return false;
  return pruning->stuck->len == 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY,
              "this user may not remove %s in %s (did a container write there?): remove it as root",
              pruning->stuck->str, pruning->worker->facts->folder);
}

/* ---- after a deployment ----------------------------------------------------------------------------------
 */

/* "3 old releases removed, 120 MB and 4,200 inodes freed" */
static char *describe_pruned(const HostPruned *pruned) {
  if (pruned->releases->len + pruned->files->len + pruned->leftovers->len + pruned->images->len == 0)
    return g_strdup("nothing to remove");
  g_autofree char *releases = count_word(pruned->releases->len, "old release", "old releases");
  g_autofree char *bytes = size_for_people(pruned->bytes);
  g_autofree char *inodes = number_word(pruned->inodes);
  return g_strdup_printf("%s removed, %s and %s inodes freed", releases, bytes, inodes);
}

static bool step_prune(Worker *worker, char **detail, GError **error) {
  g_auto(Pruning) pruning = {0};
  g_autoptr(HostPruned) pruned = host_pruned_new(worker->config->name);
  if (!begin_pruning(worker, pruned, &pruning, error))
    return false;
  if (pruning.superfluous->len == 0)
    return true;
  if (!prune_host(&pruning, false, error))
    return false;
  *detail = describe_pruned(pruned);
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

/* ---- the command -----------------------------------------------------------------------------------------
 */

static bool step_prune_by_command(Worker *worker, char **detail, GError **error) {
  g_auto(Pruning) pruning = {0};
  bool only_ask = worker->rollout->request->dry_run;
  if (!begin_pruning(worker, worker->pruned, &pruning, error) || !prune_host(&pruning, only_ask, error))
    return false;
  *detail = only_ask ? NULL : describe_pruned(worker->pruned);
  return true;
}

static bool prune_worker_by_command(Worker *worker, GError **error) {
  return worker_step(worker, "prune", step_prune_by_command, error);
}

static bool prune_locked(Rollout *rollout, GError **error) {
  const RolloutRequest *request = rollout->request;
  g_autofree char *holder = g_strdup_printf("%s: %s", rollout->deployment->actor, request->command);
  if (!phase_ready(rollout, holder, error))
    return false;
  reporter_phase(request->reporter, "prune");
  if (request->environment->is_ephemeral)
    return ephemeral_prune(rollout, error);
  return crew_run_all(rollout, prune_worker_by_command, error) ||
         (interrupt_requested() && recast(error, SLIPWAY_ERROR_INTERRUPTED));
}

bool rollout_prune(const RolloutRequest *request, GPtrArray **hosts, GError **error) {
  g_autoptr(Situation) situation = NULL;
  if (!situation_read(request->history, request->config, request->environment->name, 0, &situation, error))
    return false;
  g_autoptr(Deployment) record = rollout_bare_record(request);
  record->uid = unique_id(); /* what an ephemeral environment's place is called by */
  g_autoptr(Rollout) rollout = rollout_new(request, situation, NULL, record);
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  g_autofree char *title = g_strdup_printf("prune %s", request->environment->name);
  *hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_pruned_free);
  for (guint i = 0; i < rollout->workers->len; i++) {
    Worker *worker = g_ptr_array_index(rollout->workers, i);
    worker->pruned = host_pruned_new(worker->config->name);
    g_ptr_array_add(*hosts, worker->pruned);
    g_ptr_array_add(names, worker->config->name);
  }
  reporter_start(request->reporter, title, names);
  bool ok = prune_locked(rollout, error);
  for (guint i = 0; i < rollout->workers->len; i++) {
    const Worker *worker = g_ptr_array_index(rollout->workers, i);
    const char *problem = worker->error != NULL ? worker->error->message : worker->record->error;
    worker->pruned->problem = g_strdup(problem);
  }
  return ok;
}
