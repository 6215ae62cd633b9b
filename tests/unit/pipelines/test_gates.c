/* What lets a release in, and what `promote` chooses. */
#include "stories.h"

#include "pipelines/gates.h"

#include "support/text.h"

#include <criterion/criterion.h>

/* What `gates` of slipway.yml says, the states that the facts borrow, and a clock. */
typedef struct {
  Story here, before;
  GatesConfig gates;
  GPtrArray *required, *approvals;
  GateFacts facts;
} Scene;

static void scene_clear(Scene *scene) {
  story_clear(&scene->here);
  story_clear(&scene->before);
  g_ptr_array_unref(scene->gates.requires);
  g_ptr_array_unref(scene->gates.window);
  g_ptr_array_unref(scene->gates.command);
  g_ptr_array_unref(scene->required);
  g_ptr_array_unref(scene->approvals);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_clear)

/* prod is `here`, end2end is `before` and required; NULL: nothing stands before. */
static void set_scene(const char *before, const char *here, Scene *scene) {
  scene->gates.requires = g_ptr_array_new();
  scene->gates.window = g_ptr_array_new();
  scene->gates.command = g_ptr_array_new();
  scene->required = g_ptr_array_new();
  scene->approvals = g_ptr_array_new_with_free_func((GDestroyNotify)approval_free);
  story_tell("end2end", before == NULL ? "" : before, &scene->before);
  story_tell("prod", here, &scene->here);
  if (before != NULL)
    g_ptr_array_add(scene->required, scene->before.state);
  scene->facts = (GateFacts){.gates = &scene->gates,
                             .state = scene->here.state,
                             .required = scene->required,
                             .approvals = scene->approvals};
}

typedef struct {
  const char *before; /* NULL: none stands before */
  const char *here;
  gint64 release;
  const char *verified, *bad; /* the answers' texts; a leading "!" for one that does not pass */
} Question;

static const Question questions[] = {
    {NULL, "", 1, "no environment stands before prod", "r1 is not marked bad in prod"},
    {"deploy r1", "", 1, "r1 is verified in end2end (d1)", "r1 is not marked bad"},
    {"deploy r1", "", 2,
     "!r2 is not verified in end2end: it never ran there; deploy it there first, or --force",
     "r2 is not marked bad"},
    {"deploy r1 fail", "", 1, "!end2end: its deployment d1 ended failed", "r1"},
    {"deploy r1 broken", "", 1, "!its deployment d1 ended broken", "r1"},
    {"deploy r1 running", "", 1, "!its deployment d1 is still running", "r1"},
    {"deploy r1; deploy r1 skipped", "", 1, "!its deployment d2 left out a host", "r1"},
    {"deploy r1 unready", "", 1, "!it never ran there", "r1"},
    {"deploy r1; deploy r2; rollback", "", 2, "!r2 is not verified in end2end: d3 rolled back from it", "r2"},
    {"", "deploy r1", 1, "prod runs r1 already (d1)", "r1"},
    {"deploy r1; deploy r2", "deploy r1; deploy r2; rollback", 2, "r2 is verified in end2end (d2)",
     "!r2 is marked bad in prod: d3 rolled back from it; --force --reason TEXT passes"},
};

static void assert_answer(const Question *question, const GateAnswer *answer, const char *name,
                          const char *expected) {
  bool passes = expected[0] != '!';
  const char *fragment = passes ? expected : expected + 1;
  cr_expect_str_eq(answer->name, name);
  cr_expect_eq(answer->passes, passes, "%s | %s: %s", question->before, question->here, answer->answer);
  cr_expect_not_null(strstr(answer->answer, fragment), "no \"%s\" in: %s", fragment, answer->answer);
}

Test(gates, answer_with_the_reason) {
  for (guint i = 0; i < G_N_ELEMENTS(questions); i++) {
    const Question *question = &questions[i];
    g_auto(Scene) scene = {0};
    g_autoptr(GPtrArray) answers = NULL;
    g_autoptr(Release) release = release_new();
    release->id = question->release;
    set_scene(question->before, question->here, &scene);
    bool all = gates_ask(&scene.facts, release, &answers);
    cr_assert_eq(answers->len, 3);
    assert_answer(question, answers->pdata[0], "hold", "prod is not held");
    assert_answer(question, answers->pdata[1], "verified", question->verified);
    assert_answer(question, answers->pdata[2], "bad", question->bad);
    cr_expect_eq(all, question->verified[0] != '!' && question->bad[0] != '!');
  }
}

typedef struct {
  const char *before, *here;
  int releases; /* r1 to rN exist */
  PromoteOutcome outcome;
  gint64 release; /* 0: none */
  const char *why;
} Promotion;

static const Promotion promotions[] = {
    {NULL, "", 0, PROMOTE_NOTHING_NEWER, 0, "there is no release yet"},
    {NULL, "", 3, PROMOTE_RELEASE, 3, NULL},
    {NULL, "deploy r3", 3, PROMOTE_NOTHING_NEWER, 0, "prod runs r3 (1.3), and there is no newer release"},
    {"deploy r1; deploy r2", "deploy r1", 3, PROMOTE_RELEASE, 2, NULL},
    {"deploy r1", "deploy r1", 3, PROMOTE_WAITS, 3, "r3 is not verified in end2end: it never ran there"},
    {"deploy r1; deploy r2; deploy r3", "deploy r1; deploy r3; rollback", 3, PROMOTE_RELEASE, 2, NULL},
    {"deploy r1; deploy r2", "deploy r1; deploy r2; rollback", 2, PROMOTE_NOTHING_NEWER, 0,
     "no newer release may go there: r2 is marked bad in prod: d3"},
    {"deploy r1", "deploy r1; deploy r3; rollback", 3, PROMOTE_WAITS, 2, "r2 is not verified in end2end"},
    {"deploy r1", "deploy r1; deploy r2; rollback", 2, PROMOTE_NOTHING_NEWER, 0, "r2 is marked bad"},
    {"", "", 1, PROMOTE_WAITS, 1, "r1 is not verified in end2end"},
    {"deploy r1; deploy r2", "deploy r2", 2, PROMOTE_NOTHING_NEWER, 0,
     "no newer release"}, /* never backwards */
};

static GPtrArray *make_releases(int count) {
  GPtrArray *releases = g_ptr_array_new_with_free_func((GDestroyNotify)release_free);
  for (int id = count; id > 0; id--) {
    Release *release = release_new();
    release->id = id;
    release->version = g_strdup_printf("1.%d", id);
    g_ptr_array_add(releases, release);
  }
  return releases;
}

static void assert_promotion(const Promotion *row, guint i, const Hold *hold) {
  g_auto(Scene) scene = {0};
  g_auto(PromoteChoice) choice = {0};
  g_autoptr(GPtrArray) releases = make_releases(row->releases);
  set_scene(row->before, row->here, &scene);
  scene.here.state->hold = hold;
  promote_choose(&scene.facts, releases, &choice);
  cr_expect_eq(choice.outcome, row->outcome, "row %u: outcome %d", i, (int)choice.outcome);
  cr_expect_eq(choice.release == NULL ? 0 : choice.release->id, row->release, "row %u", i);
  cr_expect(row->why == NULL ? choice.why == NULL
                             : choice.why != NULL && strstr(choice.why, row->why) != NULL,
            "row %u: %s", i, choice.why == NULL ? "" : choice.why);
}

Test(promote, chooses_the_newest_that_the_gates_let_in) {
  for (guint i = 0; i < G_N_ELEMENTS(promotions); i++)
    assert_promotion(&promotions[i], i, NULL);
}

/* 2026-11-21T02:05:11Z */
static const Hold by_anna = {.id = 1,
                             .environment = (char *)"prod",
                             .reason = (char *)"it loses orders",
                             .actor = (char *)"anna",
                             .since = 1795226711000000};
#define HELD "prod is held by anna since 2026-11-21T02:05:11.000Z: it loses orders; `slipway unhold prod`"

Test(gates, a_hold_is_closed_to_every_release_and_says_who_since_when_why_and_what_to_do) {
  g_auto(Scene) scene = {0};
  g_autoptr(GPtrArray) answers = NULL;
  g_autoptr(Release) release = release_new();
  release->id = 1;
  set_scene(NULL, "deploy r1", &scene);
  scene.here.state->hold = &by_anna;
  cr_assert_not(gates_ask(&scene.facts, release, &answers));
  assert_answer(&questions[0], answers->pdata[0], "hold", "!" HELD);
  assert_answer(&questions[0], answers->pdata[0], "hold", "!--force --reason TEXT passes");
}

Test(gates, a_hold_of_the_environment_before_closes_nothing_here) {
  g_auto(Scene) scene = {0};
  g_autoptr(GPtrArray) answers = NULL;
  g_autoptr(Release) release = release_new();
  release->id = 1;
  set_scene("deploy r1", "", &scene);
  scene.before.state->hold = &by_anna;
  cr_assert(gates_ask(&scene.facts, release, &answers));
}

static const Promotion held_promotions[] = {
    /* the release that goes there when nothing holds it */
    {"deploy r1; deploy r2", "deploy r1", 3, PROMOTE_WAITS, 2, HELD},
    {"deploy r1", "deploy r1", 3, PROMOTE_WAITS, 3, HELD},
    /* never "nothing newer", which is success */
    {"deploy r1; deploy r2", "deploy r1; deploy r2; rollback", 2, PROMOTE_WAITS, 0, HELD},
    {"deploy r1; deploy r2", "deploy r1; deploy r2; rollback", 2, PROMOTE_WAITS, 0,
     "(prod runs r1 (1.1), and no newer release may go there: r2 is marked bad"},
    {NULL, "deploy r3", 3, PROMOTE_WAITS, 0, HELD},
    {NULL, "", 0, PROMOTE_WAITS, 0, HELD},
};

Test(promote, waits_while_the_environment_is_held_also_when_nothing_is_newer) {
  for (guint i = 0; i < G_N_ELEMENTS(held_promotions); i++)
    assert_promotion(&held_promotions[i], i, &by_anna);
}

/* ---- soak, approvals, window, command ---- */

#define NOW    1795226711000000 /* 2026-11-21T02:05:11Z, a Saturday */
#define MINUTE (60 * (gint64)G_USEC_PER_SEC)

/* Every deployment of end2end ended so many minutes ago; the newest is first. */
static void ended_before(const Story *story, gint64 minutes) {
  for (guint i = 0; i < story->deployments->len; i++)
    ((Deployment *)story->deployments->pdata[i])->finished_at = NOW - minutes * MINUTE;
}

static void approve(const Scene *scene, gint64 release, const char *environment, const char *person,
                    const char *claimed_by) {
  Approval *approval = g_new0(Approval, 1);
  approval->release = release;
  approval->environment = g_strdup(environment);
  approval->person = g_strdup(person);
  approval->actor = g_strdup(claimed_by != NULL ? claimed_by : person);
  approval->is_claimed = claimed_by != NULL;
  g_ptr_array_add(scene->approvals, approval);
}

static void assert_gate(const Scene *scene, gint64 id, const char *name, bool passes, const char *fragment) {
  g_autoptr(GPtrArray) answers = NULL;
  g_autoptr(Release) release = release_new();
  release->id = id;
  (void)gates_ask(&scene->facts, release, &answers);
  for (guint i = 0; i < answers->len; i++) {
    const GateAnswer *answer = answers->pdata[i];
    if (!g_str_equal(answer->name, name))
      continue;
    cr_expect_eq(answer->passes, passes, "%s", answer->answer);
    cr_expect_not_null(strstr(answer->answer, fragment), "no \"%s\" in: %s", fragment, answer->answer);
    return;
  }
  cr_assert_fail("no gate %s", name);
}

Test(gates, a_release_soaks_from_the_end_of_the_deployment_that_verified_it) {
  g_auto(Scene) scene = {0};
  set_scene("deploy r1; deploy r2 same", "deploy r9", &scene);
  scene.gates.soak_ms = 10 * 60 * 1000;
  scene.facts.now = NOW;
  ended_before(&scene.before, 10);
  assert_gate(&scene, 1, "soak", true, "r1 has been verified in end2end for 10m");
  ended_before(&scene.before, 9);
  assert_gate(&scene, 1, "soak", false, "r1 soaks in end2end until 2026-11-21T02:06:11.000Z, 10m");
  assert_gate(&scene, 3, "soak", false, "r3 has not begun its 10m 00s in end2end");
  assert_gate(&scene, 9, "soak", true, "prod runs r9 already");
}

Test(gates, a_deployment_that_changed_nothing_does_not_begin_the_soak_anew) {
  g_auto(Scene) scene = {0};
  set_scene("deploy r1; deploy r1 same", "", &scene);
  scene.gates.soak_ms = 10 * 60 * 1000;
  scene.facts.now = NOW;
  ended_before(&scene.before, 1);
  story_deployment(&scene.before, 1)->finished_at = NOW - 20 * MINUTE;
  assert_gate(&scene, 1, "soak", true, "verified in end2end");
  /* with another configuration it does */
  g_auto(Scene) changed = {0};
  set_scene("deploy r1; deploy r1:b", "", &changed);
  changed.gates.soak_ms = 10 * 60 * 1000;
  changed.facts.now = NOW;
  ended_before(&changed.before, 1);
  story_deployment(&changed.before, 1)->finished_at = NOW - 20 * MINUTE;
  assert_gate(&changed, 1, "soak", false, "soaks in end2end until");
}

Test(gates, several_required_environments_all_have_to_vouch) {
  g_auto(Scene) scene = {0};
  g_auto(Story) other = {0};
  set_scene("deploy r1; deploy r2", "", &scene);
  story_tell("staging", "deploy r1", &other);
  g_ptr_array_add(scene.required, other.state);
  scene.gates.soak_ms = 60 * 1000;
  scene.facts.now = NOW;
  ended_before(&scene.before, 5);
  ended_before(&other, 5);
  assert_gate(&scene, 1, "verified", true, "r1 is verified in end2end (d1); r1 is verified in staging (d1)");
  assert_gate(&scene, 2, "verified", false, "r2 is not verified in staging: it never ran there");
  assert_gate(&scene, 2, "soak", false, "r2 has not begun its 1m");
  ended_before(&other, 0);
  assert_gate(&scene, 1, "soak", false, "r1 soaks in staging until 2026-11-21T02:06:11");
}

Test(gates, approvals_are_of_this_release_and_environment_and_name_the_people) {
  g_auto(Scene) scene = {0};
  set_scene(NULL, "", &scene);
  scene.gates.approvals = 2;
  approve(&scene, 1, "prod", "anna", NULL);
  approve(&scene, 1, "end2end", "bob", NULL);
  approve(&scene, 2, "prod", "bob", NULL);
  assert_gate(&scene, 1, "approvals", false,
              "r1 is approved by 1 of 2 for prod: anna; `slipway approve prod r1` by another person");
  assert_gate(&scene, 3, "approvals", false, "approved by 0 of 2 for prod; `slipway approve prod r3`");
  approve(&scene, 1, "prod", "bob", "https://ci/job/7");
  assert_gate(&scene, 1, "approvals", true,
              "approved by 2 of 2 for prod: anna, bob (so says https://ci/job/7)");
}

Test(gates, a_closed_window_says_when_it_opens) {
  g_auto(Scene) scene = {0};
  set_scene(NULL, "", &scene);
  g_ptr_array_add(scene.gates.window, (gpointer) "Mon-Fri 09:00-17:00 Europe/London");
  scene.facts.now = NOW;
  assert_gate(&scene, 1, "window", false, "is closed until 2026-11-23T09:00:00.000Z; --force");
  scene.facts.now = NOW + (2 * 24 + 7) * 60 * MINUTE;
  assert_gate(&scene, 1, "window", true, "the window of prod is open (Mon-Fri 09:00-17:00 Europe/London)");
}

Test(gates, the_command_is_left_to_the_caller_and_keeps_nothing_out_here) {
  g_auto(Scene) scene = {0};
  g_auto(PromoteChoice) choice = {0};
  g_autoptr(GPtrArray) answers = NULL;
  g_autoptr(GPtrArray) releases = make_releases(1);
  set_scene(NULL, "", &scene);
  g_ptr_array_add(scene.gates.command, (gpointer) "./ticket");
  g_ptr_array_add(scene.gates.command, (gpointer) "prod");
  cr_assert(gates_ask(&scene.facts, releases->pdata[0], &answers));
  const GateAnswer *last = answers->pdata[answers->len - 1];
  cr_expect_str_eq(last->name, "command");
  cr_expect_not(last->is_asked);
  cr_expect_not_null(strstr(last->answer, "./ticket prod is the last to be"), "%s", last->answer);
  promote_choose(&scene.facts, releases, &choice);
  cr_expect_eq(choice.outcome, PROMOTE_RELEASE);
}

Test(promote, waits_for_time_and_people_and_says_so_briefly) {
  g_auto(Scene) scene = {0};
  g_auto(PromoteChoice) choice = {0}, later = {0};
  g_autoptr(GPtrArray) releases = make_releases(3);
  g_setenv("TZ", "UTC", TRUE);
  set_scene("deploy r1; deploy r2", "deploy r1", &scene);
  scene.gates.soak_ms = 10 * 60 * 1000;
  scene.gates.approvals = 2;
  scene.facts.now = NOW;
  ended_before(&scene.before, 1);
  approve(&scene, 2, "prod", "anna", NULL);
  /* r3, which is newer, has yet to be verified: r2 is nearer */
  promote_choose(&scene.facts, releases, &choice);
  cr_expect_eq(choice.outcome, PROMOTE_WAITS);
  cr_expect_eq(choice.release->id, 2);
  cr_expect_str_eq(choice.brief, "r2: soaks until 02:14; approved by 1 of 2");
  cr_expect_not_null(strstr(choice.why, "`slipway approve prod r2`"));
  cr_expect_eq(choice.until, 0, "time alone does not open it");
  approve(&scene, 2, "prod", "bob", NULL);
  promote_choose(&scene.facts, releases, &later);
  cr_expect_str_eq(later.brief, "r2: soaks until 02:14");
  cr_expect_eq(later.until, NOW + 9 * MINUTE);
}

Test(promote, takes_an_older_release_while_a_newer_one_waits) {
  g_auto(Scene) scene = {0};
  g_auto(PromoteChoice) choice = {0};
  g_autoptr(GPtrArray) releases = make_releases(3);
  set_scene("deploy r1; deploy r2; deploy r3", "deploy r1", &scene);
  scene.gates.approvals = 1;
  approve(&scene, 2, "prod", "anna", NULL);
  promote_choose(&scene.facts, releases, &choice);
  cr_expect_eq(choice.outcome, PROMOTE_RELEASE);
  cr_expect_eq(choice.release->id, 2);
}
