/* The rules: design §2 (promises 2, 3, 4) and §4 (exit status), one a function. */
#include "verdict.h"

#include <string.h>

#include "support/errors.h"
#include "support/poison.h"

G_GNUC_PRINTF(2, 3) static void complain(Verdict *verdict, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_string_append(verdict->complaints, "  ");
  g_string_append_vprintf(verdict->complaints, format, arguments);
  g_string_append_c(verdict->complaints, '\n');
  va_end(arguments);
}

void verdict_clear(Verdict *verdict) {
  host_truths_clear(verdict->before);
  host_truths_clear(verdict->harmed);
  host_truths_clear(verdict->final);
  if (verdict->complaints != NULL)
    g_string_free(verdict->complaints, TRUE);
  verdict->complaints = NULL;
}

/* Of prod, newest first; NULL with a complaint. */
static GPtrArray *read_history(Verdict *verdict) {
  g_autofree char *path = g_build_filename(verdict->world->folder, "history.db", NULL);
  g_autoptr(History) history = NULL;
  g_autoptr(GError) error = NULL;
  GPtrArray *deployments = NULL;
  if (!history_open(path, HISTORY_READ, &history, &error) ||
      !history_list_deployments(history, "prod", 0, &deployments, &error))
    complain(verdict, "the history cannot be read: %s", error->message);
  return deployments;
}

void verdict_begin(Verdict *verdict, World *world, const Scenario *scenario) {
  *verdict = (Verdict){.world = world, .scenario = scenario, .complaints = g_string_new(NULL)};
  world_look(world, verdict->before);
  g_autoptr(GPtrArray) deployments = read_history(verdict);
  if (deployments != NULL && deployments->len > 0)
    verdict->newest = ((const Deployment *)deployments->pdata[0])->id;
}

static const Deployment *find_by_uid(const GPtrArray *deployments, const char *uid) {
  for (guint i = 0; i < deployments->len; i++)
    if (g_strcmp0(((const Deployment *)deployments->pdata[i])->uid, uid) == 0)
      return deployments->pdata[i];
  return NULL;
}

static const Deployment *find_by_id(const GPtrArray *deployments, gint64 id) {
  for (guint i = 0; i < deployments->len; i++)
    if (((const Deployment *)deployments->pdata[i])->id == id)
      return deployments->pdata[i];
  return NULL;
}

/* What containers a host has that runs the deployment `uid` ("": none); NULL when nobody knows it. */
static const char *images_of(const GPtrArray *deployments, const char *uid) {
  const Deployment *deployment = find_by_uid(deployments, uid);
  if (*uid == '\0')
    return "{}";
  return deployment != NULL ? deployment->images : NULL;
}

/* What the record says of a host is so, or is said to be unknown. */
static void judge_host(Verdict *verdict, const GPtrArray *deployments, const Deployment *deployment,
                       const DeploymentHost *host, const HostTruth *truth) {
  bool says_more =
      host->status == HOST_CHANGED || host->status == HOST_RESTORED; /* than that nothing was done */
  if (host->runs == NULL && says_more)
    complain(verdict, "d%" G_GINT64_FORMAT ": %s is %s, but what it runs is not said", deployment->id,
             host->name, host_status_name(host->status));
  if (host->runs == NULL)
    return;
  const char *images = images_of(deployments, host->runs);
  if (images == NULL)
    complain(verdict, "%s is said to run %s, which no history knows", host->name, host->runs);
  else if (!g_str_equal(images, truth->runs))
    complain(verdict, "d%" G_GINT64_FORMAT " (%s): %s is %s, said to run %s; it runs %s", deployment->id,
             deployment_status_name(deployment->status), host->name, host_status_name(host->status), images,
             truth->runs);
}

static void judge_hosts(Verdict *verdict, const GPtrArray *deployments, const Deployment *deployment,
                        const HostTruth truths[PROD_HOSTS]) {
  if (deployment->hosts->len != PROD_HOSTS)
    complain(verdict, "d%" G_GINT64_FORMAT " has %u hosts", deployment->id, deployment->hosts->len);
  for (guint i = 0; i < PROD_HOSTS && i < deployment->hosts->len; i++)
    judge_host(verdict, deployments, deployment, deployment->hosts->pdata[i], &truths[i]);
}

static void judge_folders(Verdict *verdict, const HostTruth truths[PROD_HOSTS], const char *when) {
  for (guint i = 0; i < PROD_HOSTS; i++)
    if (truths[i].problem != NULL)
      complain(verdict, "%s: %s %s", verdict->world->plan->hosts[i], truths[i].problem, when);
}

/* ---- what an exit status promises -------------------------------------------------------------------- */

static void expect_release(Verdict *verdict, guint release, const HostTruth truths[PROD_HOSTS],
                           const char *when) {
  const char *images = verdict->world->images[release - 1];
  for (guint i = 0; i < PROD_HOSTS; i++)
    if (!g_str_equal(truths[i].runs, images))
      complain(verdict, "%s: %s runs %s, not %s", when, verdict->world->plan->hosts[i], truths[i].runs,
               images);
}

static void promise_done(Verdict *verdict, const Deployment *deployment) {
  expect_release(verdict, verdict->scenario->release, verdict->harmed, "exit 0");
  for (guint i = 0; i < PROD_HOSTS; i++)
    if (!g_str_equal(verdict->harmed[i].current, deployment->uid))
      complain(verdict, "exit 0, and current of %s is another", verdict->world->plan->hosts[i]);
}

/* Hosts that were mixed before are at least not said to be well while they still are. */
static void promise_same(Verdict *verdict) {
  for (guint i = 1; i < PROD_HOSTS; i++)
    if (verdict->status == 1 && !g_str_equal(verdict->harmed[i].runs, verdict->harmed[0].runs))
      complain(verdict, "exit 1, and %s runs %s, %s runs %s", verdict->world->plan->hosts[0],
               verdict->harmed[0].runs, verdict->world->plan->hosts[i], verdict->harmed[i].runs);
}

static void promise_as_before(Verdict *verdict, const Deployment *deployment) {
  (void)deployment;
  if (verdict->was_unsettled) {
    promise_same(verdict);
    return;
  }
  for (guint i = 0; i < PROD_HOSTS; i++) {
    const char *name = verdict->world->plan->hosts[i];
    if (!g_str_equal(verdict->harmed[i].runs, verdict->before[i].runs))
      complain(verdict, "exit %d, and %s runs %s, before it was %s", verdict->status, name,
               verdict->harmed[i].runs, verdict->before[i].runs);
    if (!g_str_equal(verdict->harmed[i].current, verdict->before[i].current))
      complain(verdict, "exit %d, and current of %s names another release than before", verdict->status,
               name);
  }
}

static void promise_untouched(Verdict *verdict, const Deployment *deployment) {
  promise_as_before(verdict, deployment);
  for (guint i = 0; i < PROD_HOSTS; i++)
    if (!g_str_equal(verdict->harmed[i].ids, verdict->before[i].ids))
      complain(verdict, "exit %d, and containers of %s were changed", verdict->status,
               verdict->world->plan->hosts[i]);
}

/* A false alarm wakes a person, too. */
static void promise_alarm(Verdict *verdict, const Deployment *deployment) {
  guint good = 0;
  for (guint i = 0; i < PROD_HOSTS && i < deployment->hosts->len; i++) {
    const DeploymentHost *host = deployment->hosts->pdata[i];
    good += g_strcmp0(host->runs, verdict->before[i].current) == 0 ? 1 : 0;
  }
  if (good == PROD_HOSTS && !verdict->was_unsettled)
    complain(verdict, "exit 5, and every host is said to run what it ran before");
}

static const struct {
  int exit;
  DeploymentStatus status;
  void (*judge)(Verdict *verdict, const Deployment *deployment);
} promises[] = {
    {0, STATUS_SUCCEEDED, promise_done},   {1, STATUS_FAILED, promise_as_before},
    {3, STATUS_FAILED, promise_untouched}, {4, STATUS_FAILED, promise_untouched},
    {5, STATUS_BROKEN, promise_alarm},     {130, STATUS_INTERRUPTED, promise_as_before},
};

static void judge_exit(Verdict *verdict, const Deployment *deployment) {
  for (guint i = 0; i < G_N_ELEMENTS(promises); i++) {
    if (promises[i].exit != verdict->status)
      continue;
    if (deployment->status != promises[i].status || deployment->exit_code != verdict->status)
      complain(verdict, "exit %d, and the history has %s, %d", verdict->status,
               deployment_status_name(deployment->status), deployment->exit_code);
    promises[i].judge(verdict, deployment);
    return;
  }
  complain(verdict, "exit %d: %s", verdict->status, verdict->world->end->message);
}

/* ---- when the history could not be written ------------------------------------------------------------- */

/* All went back, or all run the release: then the hosts know themselves what the history does not. */
static void judge_unrecorded_host(Verdict *verdict, guint i, bool is_finished) {
  const HostTruth *before = &verdict->before[i];
  const HostTruth *now = &verdict->harmed[i];
  const char *name = verdict->world->plan->hosts[i];
  g_autofree char *finished = g_strconcat("succeeded ", now->current, NULL);
  if (is_finished && !g_str_equal(now->noted, finished))
    complain(verdict, "exit 6, %s runs the release, and its journal ends with %s", name, now->noted);
  if (!is_finished && g_str_has_prefix(now->noted, "intent "))
    complain(verdict, "exit 6, and the journal of %s does not say how it ended", name);
  if (!is_finished && !g_str_equal(now->current, before->current))
    complain(verdict, "exit 6, and current of %s names another release than before", name);
}

static void judge_unrecorded(Verdict *verdict) {
  const char *images = verdict->world->images[verdict->scenario->release - 1];
  bool is_finished = g_str_equal(verdict->harmed[0].runs, images) &&
                     !g_str_equal(verdict->harmed[0].runs, verdict->before[0].runs);
  for (guint i = 0; i < PROD_HOSTS; i++) {
    const char *expected = is_finished ? images : verdict->before[i].runs;
    if (!g_str_equal(verdict->harmed[i].runs, expected))
      complain(verdict, "exit 6, and %s runs %s, not %s", verdict->world->plan->hosts[i],
               verdict->harmed[i].runs, expected);
    judge_unrecorded_host(verdict, i, is_finished);
  }
}

/* Of the command that was harmed; NULL when the history has none. */
static const Deployment *find_harmed(const Verdict *verdict, const GPtrArray *deployments) {
  const Deployment *newest = deployments->len > 0 ? deployments->pdata[0] : NULL;
  return newest != NULL && newest->id > verdict->newest ? newest : NULL;
}

/* It did not even begin, if there was an earlier one whose end had to be found out first. */
static void judge_missing(Verdict *verdict) {
  if (!verdict->was_unsettled)
    complain(verdict, "exit %d, and the history does not have the deployment", verdict->status);
  for (guint i = 0; i < PROD_HOSTS; i++)
    if (!g_str_equal(verdict->harmed[i].ids, verdict->before[i].ids))
      complain(verdict, "exit %d, no deployment, and containers of %s were changed", verdict->status,
               verdict->world->plan->hosts[i]);
}

void verdict_on_harm(Verdict *verdict) {
  const World *world = verdict->world;
  const bool lacks_store = world->plan->kind == FAULT_STORE && world->plan->has_struck;
  verdict->status = world->end->status;
  memcpy(verdict->struck, world->plan->struck, FAULT_NAME);
  world_look(verdict->world, verdict->harmed);
  judge_folders(verdict, verdict->harmed, "after the harm");
  g_autoptr(GPtrArray) deployments = read_history(verdict);
  const Deployment *deployment = deployments == NULL ? NULL : find_harmed(verdict, deployments);
  if (lacks_store && verdict->status == 6 && !verdict->was_unsettled)
    judge_unrecorded(verdict);
  if (deployment == NULL) {
    judge_missing(verdict);
    return;
  }
  verdict->deployment = deployment->id;
  verdict->was_killed = deployment->status == STATUS_RUNNING;
  verdict->is_done = deployment->status == STATUS_SUCCEEDED && deployment->kind == KIND_ROLLBACK;
  if (verdict->was_killed && verdict->status != -1 && !lacks_store)
    complain(verdict, "it ended, and the history says that it still runs");
  if (verdict->was_killed)
    return;
  if (verdict->status == -1) /* at the very end */
    verdict->status = deployment->exit_code;
  judge_exit(verdict, deployment);
  judge_hosts(verdict, deployments, deployment, verdict->harmed);
}

/* ---- the same command again -------------------------------------------------------------------------- */

/* Whoever repeats a command that was killed explains what that one left behind. */
static void judge_killed(Verdict *verdict, const GPtrArray *deployments) {
  const Deployment *killed = find_by_id(deployments, verdict->deployment);
  if (killed == NULL || killed->status != STATUS_INTERRUPTED)
    complain(verdict, "the killed one is %s",
             killed == NULL ? "gone" : deployment_status_name(killed->status));
  else
    judge_hosts(verdict, deployments, killed, verdict->harmed);
}

void verdict_on_repetition(Verdict *verdict) {
  const World *world = verdict->world;
  if (!verdict->is_done && world->end->status != 0)
    complain(verdict, "again: exit %d: %s", world->end->status, world->end->message);
  world_look(verdict->world, verdict->final);
  judge_folders(verdict, verdict->final, "at the end");
  expect_release(verdict, verdict->scenario->release, verdict->final, "again");
  g_autoptr(GPtrArray) deployments = read_history(verdict);
  if (deployments == NULL || deployments->len == 0)
    return;
  const Deployment *last = deployments->pdata[0];
  if (last->status != STATUS_SUCCEEDED)
    complain(verdict, "again: the history has %s", deployment_status_name(last->status));
  judge_hosts(verdict, deployments, last, verdict->final);
  for (guint i = 0; i < PROD_HOSTS; i++)
    if (!g_str_equal(verdict->final[i].current, last->uid))
      complain(verdict, "again: current of %s is not the last deployment", world->plan->hosts[i]);
  if (verdict->was_killed)
    judge_killed(verdict, deployments);
}
