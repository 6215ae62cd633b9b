/* What lets a release in, and what `promote` chooses. */
#include "stories.h"

#include "pipelines/gates.h"

#include <criterion/criterion.h>

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
    g_auto(Story) before = {0}, here = {0};
    g_autoptr(GPtrArray) answers = NULL;
    g_autoptr(Release) release = release_new();
    release->id = question->release;
    story_tell("end2end", question->before == NULL ? "" : question->before, &before);
    story_tell("prod", question->here, &here);
    bool all = gates_ask(release, here.state, question->before == NULL ? NULL : before.state, &answers);
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
  g_auto(Story) before = {0}, here = {0};
  g_auto(PromoteChoice) choice = {0};
  g_autoptr(GPtrArray) releases = make_releases(row->releases);
  story_tell("end2end", row->before == NULL ? "" : row->before, &before);
  story_tell("prod", row->here, &here);
  here.state->hold = hold;
  promote_choose(releases, here.state, row->before == NULL ? NULL : before.state, &choice);
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
  g_auto(Story) here = {0};
  g_autoptr(GPtrArray) answers = NULL;
  g_autoptr(Release) release = release_new();
  release->id = 1;
  story_tell("prod", "deploy r1", &here);
  here.state->hold = &by_anna;
  cr_assert_not(gates_ask(release, here.state, NULL, &answers));
  assert_answer(&questions[0], answers->pdata[0], "hold", "!" HELD);
  assert_answer(&questions[0], answers->pdata[0], "hold", "!--force --reason TEXT passes");
}

Test(gates, a_hold_of_the_environment_before_closes_nothing_here) {
  g_auto(Story) before = {0}, here = {0};
  g_autoptr(GPtrArray) answers = NULL;
  g_autoptr(Release) release = release_new();
  release->id = 1;
  story_tell("end2end", "deploy r1", &before);
  story_tell("prod", "", &here);
  before.state->hold = &by_anna;
  cr_assert(gates_ask(release, here.state, before.state, &answers));
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
