/* Finding out how a deployment ended that nobody saw end. */
#include "deployer/rollout/abandoned.h"

#include <string.h>

#include "deployer/output/exit_status.h"
#include "deployer/rollout/controller.h"
#include "deployer/rollout/runs.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/parallel.h"

#include "support/poison.h"

typedef struct {
  Worker *worker;
  const Deployment *abandoned;
  DeploymentHost *record; /* of the abandoned deployment */
  bool is_doubtful;       /* an earlier one was cut short too: `current` need not be what ran before */
} Inquiry;

/* The host's journal has its intent: containers may have been changed. */
static bool was_begun(const HostFacts *facts, const char *uid) {
  g_auto(GStrv) lines = g_strsplit(facts->journal, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_autoptr(cJSON) json = cJSON_Parse(*line);
    if (g_strcmp0(json_string(json, "deployment"), uid) == 0)
      return true;
  }
  return false;
}

static void settle(DeploymentHost *record, HostStatus status, const char *runs) {
  record->status = status;
  g_free(record->runs);
  record->runs = g_strdup(runs);
}

/* The host is as the deployment was to make it: for `down`, nothing runs. */
static bool is_brought_about(const Inquiry *inquiry, bool *is_so, GError **error) {
  const Worker *worker = inquiry->worker;
  guint containers = 0;
  if (inquiry->abandoned->kind != KIND_DOWN)
    return worker_runs_release(inquiry->worker, inquiry->abandoned->uid, is_so, error);
  if (!engine_count_project(worker->engine, worker->rollout->place, &containers, error))
    return false;
  *is_so = containers == 0;
  return true;
}

/* What the host says; a failure to ask leaves it unknown. */
static void inquire(Inquiry *inquiry) {
  const char *current = inquiry->worker->facts->current;
  const char *uid = inquiry->abandoned->uid;
  bool runs_new = false;
  bool runs_old = false;
  g_autoptr(GError) ignored = NULL;
  bool is_begun = was_begun(inquiry->worker->facts, uid);
  if (!is_begun && !inquiry->is_doubtful) {
    settle(inquiry->record, HOST_UNCHANGED, current != NULL ? current : "");
    return;
  }
  settle(inquiry->record, HOST_UNKNOWN, NULL);
  if (!is_brought_about(inquiry, &runs_new, &ignored))
    return;
  if (runs_new && is_begun) {
    settle(inquiry->record, HOST_CHANGED, inquiry->abandoned->kind == KIND_DOWN ? "" : uid);
    return;
  }
  if (current != NULL && worker_runs_release(inquiry->worker, current, &runs_old, &ignored) && runs_old)
    settle(inquiry->record, is_begun ? HOST_RESTORED : HOST_UNCHANGED, current);
}

static void inquire_in_thread(gpointer data, gpointer unused) {
  (void)unused;
  inquire(data);
}

static Worker *find_worker(const Rollout *rollout, const char *name) {
  for (guint i = 0; i < rollout->workers->len; i++) {
    Worker *worker = g_ptr_array_index(rollout->workers, i);
    if (g_str_equal(worker->config->name, name))
      return worker;
  }
  return NULL;
}

/* What came before the abandoned deployment left hosts between two releases, or may have. */
static bool is_doubtful(const Rollout *rollout, const Deployment *abandoned) {
  g_autoptr(GPtrArray) older = g_ptr_array_new();
  for (guint i = 0; i < rollout->situation->deployments->len; i++) {
    Deployment *deployment = g_ptr_array_index(rollout->situation->deployments, i);
    if (deployment->status != STATUS_RUNNING || deployment->id < abandoned->id)
      g_ptr_array_add(older, deployment);
  }
  g_autoptr(EnvironmentState) state = environment_state_new(abandoned->environment, older);
  return environment_is_unsettled(state);
}

/* Hosts that left the inventory since cannot be asked. */
static void ask_hosts(Rollout *rollout, Deployment *abandoned) {
  g_autofree Inquiry *inquiries = g_new0(Inquiry, abandoned->hosts->len);
  bool doubtful = is_doubtful(rollout, abandoned);
  g_autoptr(GPtrArray) asked = g_ptr_array_new();
  for (guint i = 0; i < abandoned->hosts->len; i++) {
    DeploymentHost *record = g_ptr_array_index(abandoned->hosts, i);
    Worker *worker = find_worker(rollout, record->name);
    bool is_same_host = worker != NULL && g_strcmp0(record->address, worker->config->address) == 0;
    bool can_be_asked = is_same_host && worker->engine != NULL;
    if (record->status == HOST_SKIPPED)
      continue;
    if (!can_be_asked)
      settle(record, HOST_UNKNOWN, NULL);
    inquiries[i] = (Inquiry){worker, abandoned, record, doubtful};
    if (can_be_asked)
      g_ptr_array_add(asked, &inquiries[i]);
  }
  parallel_run(asked, CREW_THREADS, inquire_in_thread, NULL);
}

static void tell(const Rollout *rollout, const Deployment *abandoned) {
  if (rollout->request->environment->is_ephemeral) { /* each has a place of its own, which is swept */
    reporter_warn(rollout->request->reporter, "d%" G_GINT64_FORMAT " was interrupted, its slipway is gone",
                  abandoned->id);
    return;
  }
  g_autoptr(GString) text = g_string_new(NULL);
  const char *changed = abandoned->kind == KIND_DOWN ? "runs nothing" : "runs it";
  for (guint i = 0; i < abandoned->hosts->len; i++) {
    const DeploymentHost *record = g_ptr_array_index(abandoned->hosts, i);
    const char *word = record->status == HOST_CHANGED   ? changed
                       : record->status == HOST_SKIPPED ? "was skipped"
                       : record->status == HOST_UNKNOWN ? "may run either, or something between"
                                                        : "runs what it ran before";
    g_string_append_printf(text, "%s%s %s", i > 0 ? ", " : "", record->name, word);
  }
  reporter_warn(rollout->request->reporter, "d%" G_GINT64_FORMAT " was interrupted, its slipway is gone: %s",
                abandoned->id, text->str);
}

static bool is_touched(const DeploymentHost *record) {
  return record->status != HOST_UNCHANGED && record->status != HOST_SKIPPED;
}

static bool close_one(Rollout *rollout, Deployment *abandoned, GError **error) {
  ask_hosts(rollout, abandoned);
  g_autoptr(GError) gone = g_error_new_literal(SLIPWAY_ERROR, SLIPWAY_ERROR_INTERRUPTED,
                                               "its slipway was gone when the next command began");
  abandoned->status = STATUS_INTERRUPTED;
  abandoned->exit_code = exit_status_of(gone)->status;
  abandoned->finished_at = g_get_real_time();
  abandoned->touched = false;
  for (guint i = 0; i < abandoned->hosts->len; i++)
    if (is_touched(g_ptr_array_index(abandoned->hosts, i)))
      abandoned->touched = true;
  g_free(abandoned->message);
  abandoned->message = g_strdup(gone->message);
  tell(rollout, abandoned);
  return history_finish_deployment(rollout->request->history, abandoned, error);
}

/* Who has an environment's locks is the only one at work there. Of an ephemeral one, many may be at work;
 * those of other machines cannot be asked about. */
static bool is_for_us_to_close(const Rollout *rollout, const Deployment *deployment) {
  return !rollout->request->environment->is_ephemeral || !controller_is_elsewhere(deployment->controller);
}

bool close_abandoned(Rollout *rollout, GError **error) {
  const GPtrArray *deployments = rollout->situation->deployments;
  for (guint i = deployments->len; i > 0; i--) { /* the oldest first: that is the order in which they ended */
    Deployment *deployment = g_ptr_array_index(deployments, i - 1);
    if (deployment->status == STATUS_RUNNING && is_for_us_to_close(rollout, deployment) &&
        !close_one(rollout, deployment, error))
      return false;
  }
  return true;
}
