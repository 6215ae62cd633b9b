/* Which deployment is which, rule by rule (design §4). */
#include "stories.h"

#include "support/errors.h"

#include <criterion/criterion.h>

#define RELEASES 5

typedef struct {
  const char *story;
  const char *stack; /* bottom first */
  const char *last;
  const char *verified, *bad;
} Row;

static const Row rows[] = {
    {"", "", "", "", ""},
    {"deploy r1", "d1", "d1", "r1", ""},
    {"deploy r1; promote r2; deploy r3", "d1 d2 d3", "d3", "r1 r2 r3", ""},

    /* what counts, and what changes nothing */
    {"deploy r1; deploy r2 fail", "d1", "d2", "r1", ""},
    {"deploy r1; deploy r2 untouched", "d1", "d1", "r1", ""},
    {"deploy r1; deploy r2 refused", "d1", "d1", "r1", ""},
    {"deploy r1; deploy r2 unready", "d1", "d1", "r1", ""},
    {"deploy r1; deploy r2 broken", "d1", "d2", "r1", ""},
    {"deploy r1; deploy r2 interrupted", "d1", "d2", "r1", ""},
    {"deploy r1; deploy r2 running", "d1", "d2", "r1", ""},
    {"deploy r1; deploy r2 skipped", "d1 d2", "d2", "r1", ""},
    {"deploy r1 fail", "", "d1", "", ""},

    /* what is pushed */
    {"deploy r1; deploy r1", "d1", "d2", "r1", ""},
    {"deploy r1; deploy r1 same", "d1", "d2", "r1", ""},
    {"deploy r1; deploy r1:b", "d1 d2", "d2", "r1", ""},
    {"deploy r1; deploy r1:b same", "d1", "d2", "r1", ""},
    {"deploy r1 same", "d1", "d1", "r1", ""},
    {"deploy r1; deploy r2 same", "d1 d2", "d2", "r1 r2", ""},
    {"deploy r1; deploy r2; deploy r1", "d1 d2 d3", "d3", "r1 r2", ""},

    /* rollback pops, and repeated it goes further back */
    {"deploy r1; deploy r2; rollback", "d1", "d3", "r1", "r2"},
    {"deploy r1; deploy r2; deploy r3; rollback; rollback", "d1", "d5", "r1", "r2 r3"},
    {"deploy r1; deploy r2; deploy r3; rollback; deploy r4 fail; rollback", "d1", "d6", "r1", "r2 r3"},
    {"deploy r1; deploy r2; deploy r3; deploy r4 unready; rollback; rollback", "d1", "d6", "r1", "r2 r3"},
    {"deploy r1; deploy r2; deploy r3; rollback; rollback; rollback d2", "d1 d6", "d6", "r2", "r1 r3"},
    {"deploy r1; deploy r2; rollback; deploy r3", "d1 d4", "d4", "r1 r3", "r2"},
    {"deploy r1; deploy r2; rollback; deploy r2", "d1 d4", "d4", "r1 r2", ""},
    {"deploy r1; deploy r2; rollback; deploy r1", "d1", "d4", "r1", "r2"},
    {"deploy r1; deploy r2; rollback unready", "d1 d2", "d2", "r1 r2", ""},
    {"deploy r1; deploy r2; rollback broken", "d1 d2", "d3", "r1 r2", ""},
    {"deploy r1; deploy r2; rollback skipped", "d1", "d3", "", "r2"},
    {"deploy r1; deploy r2; rollback skipped; deploy r1 same", "d1", "d4", "r1", "r2"},

    /* an export of another history vouches for its release, and changes nothing else */
    {"vouch r1", "", "", "r1", ""},
    {"deploy r1; vouch r2", "d1", "d1", "r1 r2", ""},
    {"deploy r1; vouch r3; deploy r2; rollback", "d1", "d4", "r1 r3", "r2"},
    {"deploy r1; deploy r2; rollback; vouch r2", "d1", "d3", "r1", "r2"},
    {"deploy r1; vouch r2; deploy r2; rollback", "d1", "d4", "r1", "r2"},
    {"deploy r1; vouch r2 fail; vouch r3 skipped", "d1", "d1", "r1", ""},

    /* --to pushes */
    {"deploy r1; deploy r2; deploy r3; rollback d1", "d1 d2 d3 d4", "d4", "r1 r2", "r3"},
    {"deploy r1; deploy r2; deploy r3; rollback d1; rollback", "d1 d2 d3", "d5", "r2 r3", "r1"},
    {"deploy r1; deploy r2 broken; rollback d1", "d1", "d3", "r1", "r2"},

    /* unsettled: back to the top; only an attempt that failed speaks against its release */
    {"deploy r1; deploy r2 broken; rollback", "d1", "d3", "r1", "r2"},
    {"deploy r1; deploy r2 interrupted; rollback", "d1", "d3", "r1", ""},
    {"deploy r1; deploy r2 running; rollback", "d1", "d3", "r1", ""},
    {"deploy r1; deploy r1:b broken; rollback", "d1", "d3", "r1", ""},
    {"deploy r1; deploy r2; deploy r3 broken; rollback; rollback", "d1", "d5", "r1", "r2 r3"},
    {"deploy r1; deploy r2; deploy r3 broken; deploy r2", "d1 d2", "d4", "r1 r2", ""},

    /* verified and bad */
    {"deploy r1; deploy r1:b; rollback", "d1", "d3", "r1", ""},
    {"deploy r1; deploy r1 skipped", "d1", "d2", "", ""},
    {"deploy r1; deploy r1 skipped; deploy r1", "d1", "d3", "r1", ""},
    {"deploy r1; deploy r2; deploy r2:b; rollback; rollback", "d1", "d5", "r1", "r2"},
    {"deploy r1; deploy r2; rollback; deploy r2 fail", "d1", "d4", "r1", "r2"},
    {"deploy r1; deploy r2; rollback; deploy r2 skipped", "d1 d4", "d4", "r1", ""},

    /* taken down: the stack stays, rollback brings its top back */
    {"deploy r1; deploy r2; down", "d1 d2", "d3", "r1 r2", ""},
    {"deploy r1; deploy r2; down; rollback", "d1 d2", "d4", "r1 r2", ""},
    {"deploy r1; deploy r2; down; rollback; rollback", "d1", "d5", "r1", "r2"},
    {"deploy r1; down; deploy r1", "d1", "d3", "r1", ""},
    {"deploy r1; down; rollback d1", "d1", "d3", "r1", ""},
};

static void append(GString *text, char letter, gint64 id) {
  g_string_append_printf(text, "%s%c%" G_GINT64_FORMAT, text->len > 0 ? " " : "", letter, id);
}

Test(state, an_environment_that_was_taken_down_runs_nothing_until_the_next_success) {
  g_auto(Story) down = {0};
  g_auto(Story) back = {0};
  story_tell("prod", "deploy r1; down; deploy r2 fail", &down);
  story_tell("prod", "deploy r1; down; rollback", &back);
  cr_assert_null(environment_current(down.state));
  cr_assert_eq(environment_top(down.state), story_deployment(&down, 1));
  cr_assert_eq(down.state->down, story_deployment(&down, 2));
  cr_assert_eq(environment_current(back.state), story_deployment(&back, 1));
}

static void assert_text(const Row *row, const char *what, GString *text, const char *expected) {
  cr_expect_str_eq(text->str, expected, "%s: %s is \"%s\", not \"%s\"", row->story, what, text->str,
                   expected);
  g_string_truncate(text, 0);
}

Test(state, folds_deployments_as_the_rules_say) {
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_auto(Story) story = {0};
    g_autoptr(GString) text = g_string_new(NULL);
    story_tell("prod", rows[i].story, &story);
    const EnvironmentState *state = story.state;
    for (guint j = 0; j < state->stack->len; j++)
      append(text, 'd', ((const Deployment *)state->stack->pdata[j])->id);
    assert_text(&rows[i], "the stack", text, rows[i].stack);
    if (state->last != NULL)
      append(text, 'd', state->last->id);
    assert_text(&rows[i], "the last", text, rows[i].last);
    for (gint64 release = 1; release <= RELEASES; release++)
      if (environment_has_verified(state, release))
        append(text, 'r', release);
    assert_text(&rows[i], "verified", text, rows[i].verified);
    for (gint64 release = 1; release <= RELEASES; release++)
      if (environment_marks_bad(state, release, NULL))
        append(text, 'r', release);
    assert_text(&rows[i], "bad", text, rows[i].bad);
  }
}

Test(state, names_what_is_current_running_and_newest_of_a_release) {
  g_auto(Story) story = {0};
  const Deployment *rollback;
  story_tell("prod", "deploy r1; deploy r2; rollback; deploy r3 fail; deploy r2 running", &story);
  cr_assert_eq(environment_current(story.state)->id, 1);
  cr_assert_eq(story.state->running->id, 5);
  cr_assert_eq(environment_newest_of(story.state, 1)->id, 3); /* the rollback ran r1 */
  cr_assert_eq(environment_newest_of(story.state, 2)->id, 2);
  cr_assert_null(environment_newest_of(story.state, 3));
  cr_assert_eq(environment_attempt_of(story.state, 3)->id, 4);
  cr_assert_null(environment_attempt_of(story.state, 4));
  cr_assert(environment_marks_bad(story.state, 2, &rollback));
  cr_assert_eq(rollback->id, 3);
}

typedef struct {
  const char *story;
  gint64 to;               /* 0: none */
  gint64 restores, leaves; /* deployments */
  StackMove move;
  bool is_already_restored;
} Aim;

static const Aim aims[] = {
    {"deploy r1; deploy r2", 0, 1, 2, MOVE_POP, false},
    {"deploy r1; deploy r2; deploy r3 unready", 0, 1, 2, MOVE_POP, false},
    {"deploy r1; deploy r2; deploy r3 fail", 0, 1, 2, MOVE_POP, true},
    {"deploy r1; deploy r2; deploy r3 broken", 0, 2, 3, MOVE_RETURN, false},
    {"deploy r1; deploy r2 interrupted", 0, 1, 2, MOVE_RETURN, false},
    {"deploy r1; deploy r2 running", 0, 1, 2, MOVE_RETURN, false},
    {"deploy r1; deploy r2 broken; deploy r2 unready", 0, 1, 2, MOVE_RETURN, false},
    {"deploy r1; deploy r2; deploy r3; rollback", 0, 1, 2, MOVE_POP, false},
    {"deploy r1; deploy r2; rollback broken", 0, 1, 2, MOVE_POP, false},
    {"deploy r1; deploy r2; rollback broken", 2, 2, 3, MOVE_PUSH, false},
    {"deploy r1; deploy r2; rollback interrupted", 0, 1, 2, MOVE_POP, false},
    {"deploy r1; deploy r2; rollback running", 0, 1, 2, MOVE_POP, false},
    {"deploy r1; deploy r2 broken; rollback running", 0, 1, 2, MOVE_RETURN, false},
    {"deploy r1; deploy r2; deploy r3; rollback d1 interrupted", 0, 1, 3, MOVE_PUSH, false},
    {"deploy r1; deploy r2; deploy r3", 1, 1, 3, MOVE_PUSH, false},
    {"deploy r1; deploy r2; rollback", 2, 2, 1, MOVE_PUSH, false},
    {"deploy r1; deploy r2; deploy r3 fail", 1, 1, 2, MOVE_PUSH, false},
    {"deploy r1; deploy r2 broken", 1, 1, 2, MOVE_PUSH, false},
};

Test(state, aims_a_rollback) {
  for (guint i = 0; i < G_N_ELEMENTS(aims); i++) {
    const Aim *aim = &aims[i];
    g_autoptr(GError) error = NULL;
    g_auto(Story) story = {0};
    RollbackTarget target;
    story_tell("prod", aim->story, &story);
    const Deployment *to = aim->to == 0 ? NULL : story_deployment(&story, aim->to);
    cr_assert(environment_rollback_target(story.state, to, &target, &error), "%s: %s", aim->story,
              error == NULL ? "" : error->message);
    cr_expect_eq(target.restores->id, aim->restores, "%s: restores", aim->story);
    cr_expect_eq(target.leaves->id, aim->leaves, "%s: leaves", aim->story);
    cr_expect_eq(target.move, aim->move, "%s: move", aim->story);
    cr_expect_eq(target.is_already_restored, aim->is_already_restored, "%s: already restored", aim->story);
  }
}

typedef struct {
  const char *story;
  gint64 to;
  const char *fragment;
} Refusal;

static const Refusal refusals[] = {
    {"", 0, "prod: nothing was ever deployed there"},
    {"deploy r1 unready", 0, "prod: nothing was ever deployed there"},
    {"deploy r1", 0, "prod runs d1 (r1, 1.1), and there is nothing before it"},
    {"deploy r1; deploy r2 fail", 0, "nothing before it to go back to; d2 failed and was put back already"},
    {"deploy r1 broken", 0, "its first deployment never succeeded"},
    {"deploy r1 interrupted", 0, "run `slipway deploy prod RELEASE` again"},
    {"deploy r1; deploy r2; deploy r3 fail", 3, "d3 (r3, 1.3) did not succeed on all its hosts"},
    {"deploy r1; deploy r2; deploy r3 fail", 3, "there is: d2 (r2, 1.2), d1 (r1, 1.1)"},
    {"deploy r1; deploy r2 broken", 2, "did not succeed on all its hosts"},
    {"deploy r1; deploy r2", 2, "prod already runs d2 (r2, 1.2)"},
    {"deploy r1; deploy r2; rollback", 3, "prod already runs d3 (r1, 1.1)"},
};

Test(state, refuses_a_rollback_to_nothing) {
  for (guint i = 0; i < G_N_ELEMENTS(refusals); i++) {
    g_autoptr(GError) error = NULL;
    g_auto(Story) story = {0};
    RollbackTarget target;
    story_tell("prod", refusals[i].story, &story);
    const Deployment *to = refusals[i].to == 0 ? NULL : story_deployment(&story, refusals[i].to);
    cr_assert_not(environment_rollback_target(story.state, to, &target, &error), "%s", refusals[i].story);
    cr_assert(error_is(error, SLIPWAY_ERROR_REFUSED));
    cr_assert_not_null(strstr(error->message, refusals[i].fragment), "%s: %s", refusals[i].story,
                       error->message);
  }
}
