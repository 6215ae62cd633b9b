/* For the person who is needed (exit status 5): what every host runs, what it should run, and the commands
 * that mend it. */
#include "deployer/rollout/phases.h"

#include "support/poison.h"

static const Deployment *find_deployment(const Rollout *rollout, const char *uid) {
  if (g_str_equal(uid, rollout->deployment->uid))
    return rollout->deployment;
  return environment_deployment_of_uid(rollout->situation->state, uid);
}

/* "d4 (r2, 1.0)", "nothing". Caller frees. */
static char *describe_release(const Rollout *rollout, const char *uid) {
  const Deployment *deployment = find_deployment(rollout, uid);
  if (uid[0] == '\0')
    return g_strdup("nothing");
  if (deployment == NULL)
    return g_strdup_printf("deployment %s, which %s", uid,
                           environment_state_check(rollout->situation->state, NULL)
                               ? "this history does not know"
                               : "cannot be looked up, as the history cannot be read");
  if (deployment->release == 0)
    return g_strdup_printf("d%" G_GINT64_FORMAT, deployment->id);
  return g_strdup_printf("d%" G_GINT64_FORMAT " (r%" G_GINT64_FORMAT ", %s)", deployment->id,
                         deployment->release, deployment->version);
}

/* A rollback, and taking down, is to be got through; anything else is to be undone. */
static bool is_to_be_finished(const Deployment *deployment) {
  return deployment->kind == KIND_ROLLBACK || deployment->kind == KIND_DOWN;
}

/* NULL: not known. */
static const char *should_run(const Worker *worker) {
  const Rollout *rollout = worker->rollout;
  const Deployment *top = environment_current(rollout->situation->state);
  if (is_to_be_finished(rollout->deployment))
    return rollout->deployment->kind == KIND_DOWN ? "" : rollout->deployment->uid;
  if (worker->facts != NULL)
    return worker->facts->current != NULL ? worker->facts->current : "";
  return top != NULL ? top->uid : NULL;
}

/* The command without the hosts. Caller frees. */
static char *mending_command(const Rollout *rollout) {
  const char *environment = rollout->request->environment->name;
  DeploymentKind kind = rollout->deployment->kind;
  bool is_back =
      kind == KIND_ROLLBACK || (kind != KIND_DOWN && environment_current(rollout->situation->state) != NULL);
  return g_strdup_printf("slipway %s %s", is_back ? "rollback" : "down", environment);
}

static void describe_host(const Worker *worker, const char *command, GString *text) {
  const DeploymentHost *record = worker->record;
  const char *should = should_run(worker);
  g_autofree char *runs = record->runs != NULL ? describe_release(worker->rollout, record->runs) : NULL;
  g_string_append_printf(text, "\n  %s: %s, ", record->name, host_status_name(record->status));
  if (runs != NULL)
    g_string_append_printf(text, "runs %s", runs);
  else
    g_string_append(text, "what it runs is not known");
  if (worker->is_out)
    g_string_append(text, ", may be out of the load balancer");
  if (worker->is_skipped || should == NULL || (!worker->is_out && g_strcmp0(record->runs, should) == 0))
    return;
  g_autofree char *wanted = describe_release(worker->rollout, should);
  bool can_be_named = !g_str_has_prefix(command, "slipway down"); /* which takes all hosts */
  g_string_append_printf(text, "; should run %s: %s%s%s", wanted, command, can_be_named ? " --host " : "",
                         can_be_named ? record->name : "");
}

/* On, or back to what it was leaving: to that only where it had succeeded. */
static void append_both_ways(const Rollout *rollout, const char *command, GString *text) {
  const char *environment = rollout->request->environment->name;
  const Deployment *top = environment_top(rollout->situation->state);
  g_string_append_printf(text, "\nTo go on, on all: %s", command);
  if (rollout->deployment->kind == KIND_DOWN && top != NULL)
    g_string_append_printf(text, "\nTo bring back what ran: slipway rollback %s", environment);
  else if (top != NULL && top->id == rollout->deployment->leaves)
    g_string_append_printf(text,
                           "\nTo return to what it was leaving: slipway rollback %s --to d%" G_GINT64_FORMAT,
                           environment, top->id);
}

char *describe_way_out(const Rollout *rollout) {
  g_autofree char *command = mending_command(rollout);
  const char *environment = rollout->request->environment->name;
  GString *text = g_string_new("A person is needed. Hosts:");
  for (guint i = 0; i < rollout->workers->len; i++)
    describe_host(g_ptr_array_index(rollout->workers, i), command, text);
  if (is_to_be_finished(rollout->deployment))
    append_both_ways(rollout, command, text);
  else if (environment_current(rollout->situation->state) != NULL)
    g_string_append_printf(text, "\nTo return all to what ran before: %s", command);
  else
    g_string_append_printf(
        text, "\nNothing ran before. To try again: slipway deploy %s r%" G_GINT64_FORMAT "; to remove it: %s",
        environment, rollout->deployment->release, command);
  return g_string_free(text, FALSE);
}
