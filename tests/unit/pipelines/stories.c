/* Little histories for the tests of state and gates. */
#include "stories.h"

#include "support/text.h"

#include <criterion/criterion.h>

typedef struct {
  const char *word;
  DeploymentStatus status;
  int exit_code;
  bool touched;
  HostStatus first, second; /* its two hosts */
} Outcome;

static const Outcome outcomes[] = {
    {"ok", STATUS_SUCCEEDED, 0, true, HOST_CHANGED, HOST_UNCHANGED},
    {"same", STATUS_SUCCEEDED, 0, false, HOST_UNCHANGED, HOST_UNCHANGED},
    {"skipped", STATUS_SUCCEEDED, 0, true, HOST_CHANGED, HOST_SKIPPED},
    {"fail", STATUS_FAILED, 1, true, HOST_RESTORED, HOST_FAILED},
    {"untouched", STATUS_FAILED, 1, false, HOST_PENDING, HOST_PENDING},
    {"refused", STATUS_FAILED, 3, false, HOST_PENDING, HOST_PENDING},
    {"unready", STATUS_FAILED, 4, false, HOST_PENDING, HOST_FAILED},
    {"broken", STATUS_BROKEN, 5, true, HOST_CHANGED, HOST_UNKNOWN},
    {"interrupted", STATUS_INTERRUPTED, 130, true, HOST_RESTORED, HOST_RESTORED},
    {"running", STATUS_RUNNING, -1, false, HOST_PENDING, HOST_PENDING},
};

static void end(Deployment *deployment, const char *word) {
  for (guint i = 0; i < G_N_ELEMENTS(outcomes); i++) {
    if (!g_str_equal(outcomes[i].word, word))
      continue;
    DeploymentHost *first = deployment_host_new("web1", NULL), *second = deployment_host_new("web2", NULL);
    deployment->status = outcomes[i].status;
    deployment->exit_code = outcomes[i].exit_code;
    deployment->touched = outcomes[i].touched;
    first->status = outcomes[i].first;
    second->status = outcomes[i].second;
    g_ptr_array_add(deployment->hosts, first);
    g_ptr_array_add(deployment->hosts, second);
    return;
  }
  cr_assert_fail("no such outcome: %s", word);
}

static void give_release(Deployment *deployment, const char *word) {
  g_auto(GStrv) parts = g_strsplit(word, ":", 2);
  cr_assert(parts[0][0] == 'r' && number_parse(parts[0] + 1, 1, 1000, &deployment->release), "%s", word);
  deployment->version = g_strdup_printf("1.%" G_GINT64_FORMAT, deployment->release);
  deployment->images = g_strdup(parts[0]);
  deployment->content = g_strdup(word);
}

static void aim_rollback(Story *story, Deployment *deployment, const char *to) {
  g_autoptr(GError) error = NULL;
  g_autoptr(EnvironmentState) state = environment_state_new("prod", story->deployments);
  RollbackTarget target;
  gint64 id = 0;
  cr_assert(to == NULL || number_parse(to + 1, 1, 1000, &id));
  cr_assert(
      environment_rollback_target(state, to == NULL ? NULL : story_deployment(story, id), &target, &error),
      "%s", error == NULL ? "" : error->message);
  give_release(deployment, target.restores->content);
  deployment->kind = KIND_ROLLBACK;
  deployment->move = target.move;
  deployment->restores = target.restores->id;
  deployment->leaves = target.leaves->id;
}

static void tell_one(Story *story, const char *environment, const char *sentence) {
  g_auto(GStrv) words = g_strsplit(sentence, " ", -1);
  guint next = 1;
  Deployment *deployment = deployment_new();
  deployment->id = story->deployments->len + 1;
  deployment->environment = g_strdup(environment);
  if (g_str_equal(words[0], "rollback")) {
    bool is_named = words[1] != NULL && words[1][0] == 'd';
    aim_rollback(story, deployment, is_named ? words[next++] : NULL);
  } else if (g_str_equal(words[0], "down")) {
    deployment->kind = KIND_DOWN;
  } else {
    deployment->kind = g_str_equal(words[0], "promote") ? KIND_PROMOTE : KIND_DEPLOY;
    deployment->move = g_str_equal(words[0], "vouch") ? MOVE_NONE : MOVE_PUSH;
    give_release(deployment, words[next++]);
  }
  end(deployment, words[next] == NULL ? "ok" : words[next]);
  g_ptr_array_insert(story->deployments, 0, deployment);
}

void story_tell(const char *environment, const char *text, Story *story) {
  g_auto(GStrv) sentences = g_strsplit(text, "; ", -1);
  story->deployments = g_ptr_array_new_with_free_func((GDestroyNotify)deployment_free);
  for (guint i = 0; sentences[i] != NULL && sentences[i][0] != '\0'; i++)
    tell_one(story, environment, sentences[i]);
  story->state = environment_state_new(environment, story->deployments);
}

void story_clear(Story *story) {
  g_clear_pointer(&story->state, environment_state_free);
  g_clear_pointer(&story->deployments, g_ptr_array_unref);
}

Deployment *story_deployment(const Story *story, gint64 id) {
  return story->deployments->pdata[story->deployments->len - (guint)id];
}
