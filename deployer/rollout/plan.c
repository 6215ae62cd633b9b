/* What a deployment would do, found out on the hosts without changing them: Compose's own hashes tell which
 * services it would recreate, manifests and layers how much a host would pull. */
#include "deployer/rollout/plan.h"

#include <string.h>

#include "deployer/rollout/compare.h"
#include "deployer/rollout/gate_command.h"
#include "deployer/rollout/next.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/room.h"
#include "deployer/rollout/runs.h"
#include "deployer/rollout/secrets.h"
#include "deployer/rollout/snapshot.h"
#include "deployer/rollout/waves.h"
#include "environments/hosts/host_compose.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/parallel.h"
#include "support/text.h"

#include "support/poison.h"

enum { HASH_TIMEOUT_MS = 120000 };

static void plan_host_free(PlanHost *host) {
  g_free(host->name);
  g_free(host->problem);
  g_ptr_array_unref(host->recreated);
  g_ptr_array_unref(host->removed);
  g_free(host);
}

static Plan *plan_new(void) {
  Plan *plan = g_new0(Plan, 1);
  plan->gates = g_ptr_array_new_with_free_func((GDestroyNotify)gate_answer_free);
  plan->images = g_ptr_array_new();
  plan->configuration = g_ptr_array_new();
  plan->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)plan_host_free);
  return plan;
}

void plan_free(Plan *plan) {
  if (plan == NULL)
    return;
  release_free(plan->release);
  g_free(plan->note);
  g_free(plan->current_release);
  g_free(plan->current_version);
  g_clear_pointer(&plan->gates, g_ptr_array_unref);
  g_ptr_array_unref(plan->images);
  g_ptr_array_unref(plan->configuration);
  g_ptr_array_unref(plan->hosts);
  g_free(plan);
}

/* ---- one host --------------------------------------------------------------------------------------------
 */

typedef struct {
  Worker *worker;
  PlanHost *row;
} HostQuestion;

static bool estimate_bytes(const HostQuestion *question, GError **error) {
  g_autoptr(GPtrArray) missing = NULL;
  Worker *worker = question->worker;
  return find_missing_images(worker, &missing, error) &&
         estimate_missing(worker, missing, &question->row->pull_bytes, error);
}

/* The release folder goes to a place of its own, yet its override names the real one: paths are part of the
 * hash. */
static bool ask_hashes(Worker *worker, GHashTable **hashes, GError **error) {
  const HostFacts *facts = worker->facts;
  const char *uid = worker->rollout->deployment->uid;
  g_autofree char *folder = g_strdup_printf("%s/.slipway-plan-%s", facts->home, uid);
  g_autoptr(GPtrArray) common = release_shared_files(worker->rollout);
  g_autoptr(GPtrArray) generated = release_own_files(worker);
  g_autoptr(GHashTable) all = g_hash_table_new(g_str_hash, g_str_equal);
  const GPtrArray *trees = worker->rollout->target->project->trees;
  for (guint i = 0; i < trees->len; i++)
    g_hash_table_add(all, ((const FileTree *)g_ptr_array_index(trees, i))->hash);
  g_autoptr(GBytes) shared =
      compose_bundle_shared(worker->rollout->bundles, worker->rollout->target->project, common, all);
  g_autoptr(GBytes) own = compose_bundle_own(generated, NULL);
  const char *words[] = {"hash", NULL};
  const ComposeCall call = {.folder = folder,
                            .uid = uid,
                            .project = worker->rollout->place,
                            .words = words,
                            .timeout_ms = HASH_TIMEOUT_MS};
  g_auto(HostReply) reply = {0};
  if (!host_compose_once(worker->host, facts, &call, shared, own, &reply, error))
    return false;
  if (reply.status != 0)
    return host_compose_refuses(&reply, error);
  *hashes = compose_hashes(reply.out->str);
  return true;
}

static int compare_strings(gconstpointer a, gconstpointer b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_recreated(PlanHost *row, GHashTable *hashes, const GPtrArray *containers) {
  g_autoptr(GHashTable) same = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GHashTable) removed = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < containers->len; i++) {
    const EngineContainer *container = g_ptr_array_index(containers, i);
    const char *hash = g_hash_table_lookup(hashes, container->service);
    if (hash == NULL && g_hash_table_add(removed, container->service))
      g_ptr_array_add(row->removed, g_strdup(container->service));
    if (hash != NULL && g_strcmp0(hash, container->config_hash) == 0)
      g_hash_table_add(same, container->service);
  }
  GHashTableIter iterator;
  gpointer service = NULL;
  g_hash_table_iter_init(&iterator, hashes);
  while (g_hash_table_iter_next(&iterator, &service, NULL))
    if (!g_hash_table_contains(same, service))
      g_ptr_array_add(row->recreated, g_strdup(service));
  g_ptr_array_sort(row->recreated, compare_strings);
  g_ptr_array_sort(row->removed, compare_strings);
}

static bool ask_host(const HostQuestion *question, GError **error) {
  Worker *worker = question->worker;
  g_autoptr(GHashTable) hashes = NULL;
  g_autoptr(GPtrArray) containers = NULL;
  if (!ask_hashes(worker, &hashes, error) ||
      !engine_list_containers(worker->engine, worker->rollout->place, &containers, error))
    return false;
  find_recreated(question->row, hashes, containers);
  return estimate_bytes(question, error);
}

static void answer(gpointer data, gpointer unused) {
  HostQuestion *question = data;
  g_autoptr(GError) problem = NULL;
  (void)unused;
  if (interrupt_requested())
    question->row->problem = g_strdup("not asked: interrupted");
  else if (!ask_host(question, &problem))
    question->row->problem = g_strdup(problem->message);
}

static void ask_hosts(Rollout *rollout, Plan *plan) {
  g_autofree HostQuestion *questions = g_new0(HostQuestion, rollout->workers->len);
  g_autoptr(GPtrArray) asked = g_ptr_array_new();
  for (guint i = 0; i < rollout->workers->len; i++) {
    Worker *worker = g_ptr_array_index(rollout->workers, i);
    PlanHost *row = g_ptr_array_index(plan->hosts, i);
    questions[i] = (HostQuestion){.worker = worker, .row = row};
    if (worker->error != NULL)
      row->problem = g_strdup(worker->error->message);
    else
      g_ptr_array_add(asked, &questions[i]);
  }
  parallel_run(asked, CREW_THREADS, answer, NULL);
}

/* ---- the whole -------------------------------------------------------------------------------------------
 */

static void add_rows(const RolloutRequest *request, Plan *plan) {
  guint hosts = request->environment->hosts->len;
  for (guint i = 0; i < hosts; i++) {
    PlanHost *row = g_new0(PlanHost, 1);
    row->name = g_strdup(((const HostConfig *)g_ptr_array_index(request->environment->hosts, i))->name);
    row->recreated = g_ptr_array_new_with_free_func(g_free);
    row->removed = g_ptr_array_new_with_free_func(g_free);
    row->pull_bytes = -1;
    row->wave = wave_of(&request->environment->rollout, i, hosts);
    g_ptr_array_add(plan->hosts, row);
  }
}

static bool compare_with_current(const RolloutRequest *request, const Situation *situation,
                                 const Target *target, Plan *plan, GError **error) {
  const Deployment *current = environment_current(situation->state);
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GHashTable) pinned = NULL;
  g_autoptr(Config) recorded = NULL;
  if (current != NULL) {
    plan->current_release = g_strdup_printf("r%" G_GINT64_FORMAT, current->release);
    plan->current_version = g_strdup(current->version);
    if (!snapshot_read(request->history, current, &project, &pinned, &recorded, error))
      return false;
  }
  g_ptr_array_unref(plan->images);
  plan->images = compare_images(pinned, target->pinned);
  g_ptr_array_unref(plan->configuration);
  plan->configuration = compare_projects(project, target->project);
  return true;
}

static void copy_answers(const GPtrArray *answers, GPtrArray *copies) {
  for (guint i = 0; i < answers->len; i++) {
    const GateAnswer *answer = answers->pdata[i];
    GateAnswer *copy = g_new0(GateAnswer, 1);
    *copy = *answer;
    copy->answer = g_strdup(answer->answer);
    copy->brief = g_strdup(answer->brief);
    g_ptr_array_add(copies, copy);
  }
}

bool plan_without_hosts(const RolloutRequest *request, const Situation *situation, Target *target,
                        const GPtrArray *answers, Plan **plan, GError **error) {
  g_autoptr(Plan) made = plan_new();
  made->kind = request->kind;
  copy_answers(answers, made->gates);
  if (!target_pin(request, target, error) || !compare_with_current(request, situation, target, made, error))
    return false;
  add_rows(request, made);
  *plan = g_steal_pointer(&made);
  return true;
}

static Deployment *unrecorded(const RolloutRequest *request, const Target *target) {
  Deployment *deployment = rollout_make_record(request, target);
  deployment->uid = unique_id();
  deployment->started_at = g_get_real_time();
  return deployment;
}

static bool is_open(const RolloutRequest *request) {
  return request->release == NULL && config_is_in_pipeline(request->config, request->environment->name);
}

bool resolve_next(const RolloutRequest *asked, const Situation *situation, Next *next, GError **error) {
  RolloutRequest request = *asked;
  if (is_open(asked)) {
    request.kind = KIND_PROMOTE;
    if (!target_resolve(&request, situation, true, &next->gates, &next->target, &next->note, error))
      return false;
  }
  next->kind = request.kind;
  if (next->target != NULL || (is_open(asked) && environment_current(situation->state) == NULL))
    return true;
  next->kind = asked->kind;
  g_autofree char *unused = NULL;
  g_clear_pointer(&next->gates, g_ptr_array_unref);
  return target_resolve(asked, situation, true, &next->gates, &next->target, &unused, error);
}

void next_clear(Next *next) {
  g_clear_pointer(&next->target, target_free);
  g_clear_pointer(&next->gates, g_ptr_array_unref);
  g_free(next->note);
}

static void ask_all_hosts(const RolloutRequest *request, const Situation *situation, Target *target,
                          Plan *plan) {
  g_autoptr(Deployment) deployment = unrecorded(request, target);
  g_autoptr(Rollout) rollout = rollout_new(request, situation, target, deployment);
  g_autoptr(GError) unreachable = NULL; /* each host's row says it */
  if (!phase_connect(rollout, NULL, &unreachable))
    g_clear_error(&unreachable);
  plan_secrets(rollout);
  ask_hosts(rollout, plan);
}

/* What runs has the values of the last deployment that succeeded, though another is on top of the stack: one
 * that changes nothing but a secret is not put there. */
static bool compare_with_last(const RolloutRequest *request, const Situation *situation, const Target *target,
                              Plan *plan, GError **error) {
  const Deployment *last = situation->state->last;
  const Deployment *current = environment_current(situation->state);
  g_autoptr(GHashTable) before = NULL;
  if (current == NULL)
    return true;
  if (!snapshot_read_secrets(request->history, last != NULL && deployment_counts(last) ? last : current,
                             &before, error))
    return false;
  g_autoptr(GHashTable) after = target_secret_hashes(target);
  compare_secret_hashes(before, after, plan->configuration);
  return true;
}

static bool plan_target(const RolloutRequest *asked, const Situation *situation, Next *next, Plan **plan,
                        GError **error) {
  RolloutRequest request = *asked;
  g_autoptr(GPtrArray) none = g_ptr_array_new();
  GPtrArray *answers = next->gates != NULL ? next->gates : none;
  request.kind = next->kind;
  /* Secrets come first: what was a variable or in a file may be one by now, and is not shown. */
  if (!target_ask_secrets(asked, next->target, true, error) ||
      !gate_command_ask(&request, situation, next->target, answers, error) ||
      !plan_without_hosts(&request, situation, next->target, answers, plan, error) ||
      !compare_with_last(asked, situation, next->target, *plan, error))
    return false;
  ask_all_hosts(asked, situation, next->target, *plan);
  (*plan)->release = g_steal_pointer(&next->target->release);
  return true;
}

bool rollout_plan(const RolloutRequest *request, Plan **plan, GError **error) {
  g_autoptr(Situation) situation = NULL;
  g_auto(Next) next = {0};
  g_autoptr(Plan) made = NULL;
  if (!situation_read(request->history, request->config, request->environment->name, 0, &situation, error) ||
      !resolve_next(request, situation, &next, error))
    return false;
  if (next.target == NULL)
    made = plan_new();
  else if (!plan_target(request, situation, &next, &made, error))
    return false;
  made->kind = next.kind;
  made->note = g_steal_pointer(&next.note);
  *plan = g_steal_pointer(&made);
  return true;
}
