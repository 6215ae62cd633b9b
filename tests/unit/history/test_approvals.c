/* Approvals: a person once, whatever machine that person sits at. */
#include "fixture.h"

TestSuite(approvals, .init = folder_make, .fini = folder_remove, .timeout = 60);

/* Whether the person had approved it before. */
static bool approve(History *history, const char *environment, gint64 release, const char *person,
                    const char *actor, const char *reason) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Approval) approval = g_new0(Approval, 1);
  bool existed = false;
  approval->environment = g_strdup(environment);
  approval->release = release;
  approval->person = g_strdup(person);
  approval->actor = g_strdup(actor != NULL ? actor : person);
  approval->is_claimed = actor != NULL;
  approval->reason = g_strdup(reason);
  assert_works(history_add_approval(history, approval, &existed, &error));
  cr_expect_gt(approval->approved_at, 0);
  cr_expect_gt(approval->id, 0);
  return existed;
}

static GPtrArray *list(History *history, const char *environment, gint64 release) {
  g_autoptr(GError) error = NULL;
  GPtrArray *approvals = NULL;
  assert_works(history_list_approvals(history, environment, release, &approvals, &error));
  return approvals;
}

Test(approvals, are_of_one_release_and_environment_and_kept) {
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  gint64 r1 = add_release(history, "1.0", "aaaa"), r2 = add_release(history, "2.0", "bbbb");
  cr_expect_not(approve(history, "prod", r1, "anna", NULL, "looks good"));
  cr_expect_not(approve(history, "prod", r1, "bob", "https://ci/job/7", NULL));
  cr_expect_not(approve(history, "prod", r2, "anna", NULL, NULL));
  cr_expect_not(approve(history, "end2end", r1, "anna", NULL, NULL));
  g_autoptr(GPtrArray) of_both = list(history, "prod", r1), of_all = list(history, NULL, 0);
  g_autoptr(GPtrArray) of_release = list(history, NULL, r1);
  cr_assert_eq(of_both->len, 2);
  cr_expect_eq(of_all->len, 4);
  cr_expect_eq(of_release->len, 3);
  const Approval *first = of_both->pdata[0], *second = of_both->pdata[1];
  cr_expect_str_eq(first->person, "anna");
  cr_expect_str_eq(first->reason, "looks good");
  cr_expect_not(first->is_claimed);
  cr_expect(second->is_claimed);
  cr_expect_str_eq(second->actor, "https://ci/job/7");
}

Test(approvals, can_be_asked_for_about_the_newer_releases_alone) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  g_autoptr(GPtrArray) all = NULL, newer = NULL;
  gint64 releases[3];
  for (guint i = 0; i < G_N_ELEMENTS(releases); i++) {
    g_autofree char *version = g_strdup_printf("%u.0", i);
    releases[i] = add_release(history, version, NULL);
    cr_expect_not(approve(history, "prod", releases[i], "anna", NULL, NULL));
    cr_expect_not(approve(history, "end2end", releases[i], "anna", NULL, NULL));
  }
  assert_works(history_list_approvals_since(history, "prod", 0, &all, &error));
  assert_works(history_list_approvals_since(history, "prod", releases[1], &newer, &error));
  cr_assert_eq(all->len, 3);
  cr_assert_eq(newer->len, 2);
  cr_expect_eq(((const Approval *)newer->pdata[0])->release, releases[1]);
  cr_expect_eq(((const Approval *)newer->pdata[1])->release, releases[2]);
}

Test(approvals, count_a_person_once) {
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  gint64 r1 = add_release(history, "1.0", "aaaa");
  cr_expect_not(approve(history, "prod", r1, "anna@laptop", NULL, "first"));
  cr_expect(approve(history, "prod", r1, "anna@laptop", NULL, "second"));
  cr_expect(approve(history, "prod", r1, "Anna@bastion", NULL, NULL));
  cr_expect(approve(history, "prod", r1, "anna", "https://ci/job/7", NULL));
  cr_expect_not(approve(history, "prod", r1, "annabel", NULL, NULL));
  g_autoptr(GPtrArray) approvals = list(history, "prod", r1);
  cr_assert_eq(approvals->len, 2);
  cr_expect_str_eq(((const Approval *)approvals->pdata[0])->reason, "first");
}
