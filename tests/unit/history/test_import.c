/* history: deployments of another history, taken in in their place. */
#include "fixture.h"

#include <string.h>

static History *history;

static void setup(void) {
  folder_make();
  history = open_history(HISTORY_WRITE);
}

static void teardown(void) {
  history_free(history);
  folder_remove();
}

TestSuite(import, .init = setup, .fini = teardown);

/* Its uid is 26 times `letter`. */
static Deployment *foreign(char letter, DeploymentStatus status) {
  Deployment *deployment = deployment_new();
  deployment->uid = g_strnfill(26, letter);
  deployment->environment = g_strdup("prod");
  deployment->status = status;
  deployment->exit_code = status == STATUS_SUCCEEDED ? 0 : status == STATUS_RUNNING ? -1 : 1;
  deployment->started_at = 1000;
  deployment->finished_at = status == STATUS_RUNNING ? 0 : 2000;
  g_ptr_array_add(deployment->hosts, deployment_host_new("web1", "10.0.0.1"));
  return deployment;
}

static Release *foreign_release(char letter, const char *version, const char *digest) {
  Release *release = release_new();
  g_autofree char *reference = g_strdup_printf("example.org/web@sha256:%s", digest);
  release->uid = g_strnfill(26, letter);
  release->version = g_strdup(version);
  release->created_at = 500;
  g_ptr_array_add(release->images, release_image_new("web", reference));
  return release;
}

static bool take_in(Deployment *deployment, Release *release, gint64 before) {
  g_autoptr(GError) error = NULL;
  DeploymentImport import = {.deployment = deployment, .release = release, .before = before};
  bool existed = false;
  assert_works(history_import_deployment(history, &import, &existed, &error));
  return !existed;
}

/* The newest first: "d3 d1 d2". */
static void assert_order(const char *expected) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) deployments = NULL, newest = NULL;
  g_autoptr(GString) order = g_string_new(NULL);
  assert_works(history_list_deployments(history, "prod", 0, &deployments, &error));
  for (guint i = 0; i < deployments->len; i++)
    g_string_append_printf(order, "%sd%" G_GINT64_FORMAT, i > 0 ? " " : "",
                           ((const Deployment *)deployments->pdata[i])->id);
  cr_assert_str_eq(order->str, expected);
  assert_works(history_list_deployments(history, NULL, 1, &newest, &error));
  cr_assert_eq(((const Deployment *)newest->pdata[0])->id, ((const Deployment *)deployments->pdata[0])->id);
}

Test(import, the_order_is_that_of_ending_and_what_runs_comes_first) {
  g_autoptr(Deployment) first = begin(history, "prod", 0);
  g_autoptr(Deployment) second = begin(history, "prod", 0);
  assert_order("d2 d1");
  finish(history, second, STATUS_SUCCEEDED, 0);
  assert_order("d1 d2");
  finish(history, first, STATUS_SUCCEEDED, 0);
  assert_order("d1 d2");
  g_autoptr(Deployment) third = begin(history, "prod", 0);
  finish(history, first, STATUS_BROKEN, 5); /* again: its place stays */
  finish(history, third, STATUS_SUCCEEDED, 0);
  assert_order("d3 d1 d2");
}

Test(import, finds_its_place_before_the_one_that_came_later) {
  g_autoptr(Deployment) first = begin(history, "prod", 0);
  finish(history, first, STATUS_SUCCEEDED, 0);
  g_autoptr(Deployment) second = begin(history, "prod", 0);
  finish(history, second, STATUS_SUCCEEDED, 0);
  g_autoptr(Deployment) between = foreign('a', STATUS_SUCCEEDED);
  g_autoptr(Deployment) then = foreign('b', STATUS_FAILED);
  g_autoptr(Deployment) newest = foreign('c', STATUS_SUCCEEDED);
  g_autoptr(Deployment) open = foreign('d', STATUS_RUNNING);
  cr_assert(take_in(between, NULL, second->id));
  cr_assert(take_in(then, NULL, second->id));
  cr_assert(take_in(newest, NULL, 0));
  assert_order("d5 d2 d4 d3 d1");
  cr_assert(take_in(open, NULL, second->id));
  assert_order("d6 d5 d2 d4 d3 d1");
}

Test(import, what_is_there_already_stays_as_it_is) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) one = foreign('a', STATUS_SUCCEEDED);
  g_autoptr(Deployment) again = foreign('a', STATUS_FAILED);
  g_autoptr(Deployment) read = NULL;
  cr_assert(take_in(one, NULL, 0));
  cr_assert_not(take_in(again, NULL, 0));
  cr_assert_eq(again->id, one->id);
  assert_works(history_get_deployment(history, one->id, &read, &error));
  cr_assert_eq(read->status, STATUS_SUCCEEDED);
  cr_assert_eq(read->started_at, 1000);
  cr_assert_eq(read->finished_at, 2000);
  cr_assert_str_eq(((const DeploymentHost *)read->hosts->pdata[0])->address, "10.0.0.1");
  assert_order("d1");
}

Test(import, a_rollback_finds_what_it_restored_and_left_by_uid) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) one = foreign('a', STATUS_SUCCEEDED);
  g_autoptr(Deployment) back = foreign('b', STATUS_SUCCEEDED);
  cr_assert(take_in(one, NULL, 0));
  DeploymentImport import = {
      .deployment = back, .restores = one->uid, .leaves = "zzzzzzzzzzzzzzzzzzzzzzzzzz"};
  bool existed = false;
  assert_works(history_import_deployment(history, &import, &existed, &error));
  cr_assert_eq(back->restores, one->id);
  cr_assert_eq(back->leaves, 0);
}

Test(import, a_release_is_the_recorded_one_or_gets_a_name_that_is_free) {
  g_autoptr(GError) error = NULL;
  gint64 here = add_release(history, "1.0", NULL);
  g_autoptr(Deployment) a = foreign('a', STATUS_SUCCEEDED), b = foreign('b', STATUS_SUCCEEDED);
  g_autoptr(Deployment) c = foreign('c', STATUS_SUCCEEDED), d = foreign('d', STATUS_SUCCEEDED);
  g_autoptr(Release) same = foreign_release('s', "1.0", "1.0");
  g_autoptr(Release) other = foreign_release('o', "1.0", "ffff");
  g_autoptr(Release) other_again = foreign_release('o', "1.0", "ffff");
  g_autoptr(Release) short_name = foreign_release('n', "r1", "eeee");
  cr_assert(take_in(a, same, 0));
  cr_assert_eq(a->release, here);
  cr_assert(take_in(b, other, 0));
  cr_assert_str_eq(b->version, "1.0+oooooooooo");
  cr_assert_neq(b->release, here);
  cr_assert(take_in(c, other_again, 0));
  cr_assert_eq(c->release, b->release);
  cr_assert(take_in(d, short_name, 0));
  cr_assert_str_eq(d->version, "r1+nnnnnnnnnn");
  g_autoptr(Release) found = NULL;
  assert_works(history_find_release(history, "r1", &found, &error));
  cr_assert_eq(found->id, here);
}

Test(import, uids_are_looked_up_together) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) one = foreign('a', STATUS_SUCCEEDED);
  g_autoptr(GPtrArray) uids = g_ptr_array_new(), found = NULL;
  cr_assert(take_in(one, NULL, 0));
  g_ptr_array_add(uids, one->uid);
  g_ptr_array_add(uids, (gpointer) "bbbbbbbbbbbbbbbbbbbbbbbbbb");
  assert_works(history_find_deployments(history, uids, &found, &error));
  cr_assert_eq(found->len, 1);
  cr_assert_str_eq(((const Deployment *)found->pdata[0])->uid, one->uid);
}

static StackMove move_of(gint64 id) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) deployment = NULL;
  assert_works(history_get_deployment(history, id, &deployment, &error));
  return deployment->move;
}

Test(import, what_only_vouched_takes_its_place_when_the_hosts_tell_of_it) {
  g_autoptr(Deployment) told = foreign('a', STATUS_SUCCEEDED), vouching = foreign('b', STATUS_SUCCEEDED);
  g_autoptr(Deployment) again = foreign('b', STATUS_SUCCEEDED), confirmed = foreign('b', STATUS_SUCCEEDED);
  vouching->move = again->move = MOVE_NONE;
  cr_expect(take_in(vouching, NULL, 0));
  cr_expect(take_in(told, NULL, 0));
  assert_order("d2 d1");
  cr_expect_not(take_in(again, NULL, 0));
  cr_expect_eq(move_of(1), MOVE_NONE);
  cr_expect(take_in(confirmed, NULL, 0));
  cr_expect_eq(confirmed->id, 1);
  cr_expect_eq(move_of(1), MOVE_PUSH);
  assert_order("d1 d2");
  cr_expect_not(take_in(again, NULL, 0));
  cr_expect_eq(move_of(1), MOVE_PUSH, "and is no longer one that only vouches");
}

/* Says that it deployed these images and this configuration. */
static void describe(Deployment *deployment, const char *digest, const char *blob, const char *host) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new_static("{}", 2);
  deployment->images = g_strdup(digest);
  deployment->content = g_strdup(digest);
  deployment->snapshot = g_strdup(blob);
  if (blob != NULL)
    assert_works(history_put_blob(history, blob, bytes, &error));
  g_ptr_array_set_size(deployment->hosts, 0);
  g_ptr_array_add(deployment->hosts, deployment_host_new(host, NULL));
}

Test(import, what_the_hosts_tell_of_a_deployment_counts_and_not_what_a_file_told) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) forged = foreign('b', STATUS_SUCCEEDED), told = foreign('b', STATUS_FAILED);
  g_autoptr(Deployment) read = NULL;
  g_autoptr(Release) claimed = foreign_release('c', "9.9", "99"), real = foreign_release('r', "1.0", "11");
  forged->move = MOVE_NONE;
  describe(forged, "evil", "bad", "web9");
  describe(told, "good", "fine", "web1");
  cr_expect(take_in(forged, claimed, 0));
  cr_expect(take_in(told, real, 0));
  cr_expect_str_eq(told->version, "1.0");
  assert_works(history_get_deployment(history, told->id, &read, &error));
  cr_expect_str_eq(read->images, "good");
  cr_expect_str_eq(read->content, "good");
  cr_expect_str_eq(read->snapshot, "fine");
  cr_expect_str_eq(read->version, "1.0");
  cr_expect_eq(read->status, STATUS_FAILED);
  cr_assert_eq(read->hosts->len, 1);
  cr_expect_str_eq(((const DeploymentHost *)read->hosts->pdata[0])->name, "web1");
}

Test(import, a_snapshot_that_the_hosts_lost_stays_only_if_they_tell_of_the_same_content) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Deployment) same = foreign('b', STATUS_SUCCEEDED), other = foreign('c', STATUS_SUCCEEDED);
  g_autoptr(Deployment) told_same = foreign('b', STATUS_SUCCEEDED);
  g_autoptr(Deployment) told_other = foreign('c', STATUS_SUCCEEDED), read = NULL;
  same->move = other->move = MOVE_NONE;
  describe(same, "good", "fine", "web1");
  describe(other, "evil", "bad", "web1");
  describe(told_same, "good", NULL, "web1");
  describe(told_other, "good", NULL, "web1");
  cr_expect(take_in(same, NULL, 0) && take_in(other, NULL, 0));
  cr_expect(take_in(told_same, NULL, 0) && take_in(told_other, NULL, 0));
  cr_expect_str_eq(told_same->snapshot, "fine");
  assert_works(history_get_deployment(history, told_other->id, &read, &error));
  cr_expect_null(read->snapshot);
}

Test(import, a_release_alone_becomes_what_it_is_here) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Release) first = foreign_release('a', "1.0", "11"), same = foreign_release('b', "1.0", "11");
  assert_works(history_take_release(history, first, &error));
  assert_works(history_take_release(history, same, &error));
  cr_expect_eq(first->id, 1);
  cr_expect_eq(same->id, 1);
  cr_expect_str_eq(same->uid, first->uid);
}

Test(import, releases_are_as_old_as_they_were_made_and_not_as_they_were_heard_of) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) all = NULL, one = NULL;
  g_autoptr(Release) ahead = foreign_release('b', "3.0", "33"), old = foreign_release('a', "1.0", "11");
  bool is_older = false, is_newer = true;
  gint64 second = add_release(history, "2.0", NULL);
  ahead->created_at = g_get_real_time() + G_TIME_SPAN_DAY; /* that clock was wrong */
  assert_works(history_take_release(history, old, &error));
  assert_works(history_take_release(history, ahead, &error));
  gint64 newest = add_release(history, "4.0", NULL);
  assert_works(history_list_releases(history, 0, &all, &error));
  assert_works(history_list_releases(history, 1, &one, &error));
  for (guint i = 0; i <= all->len; i++) {
    g_autoptr(GPtrArray) since = NULL;
    gint64 oldest = i < all->len ? ((const Release *)all->pdata[i])->id : 4711;
    assert_works(history_list_releases_since(history, oldest, &since, &error));
    cr_expect_eq(since->len, i < all->len ? i + 1 : all->len);
    for (guint j = 0; j < since->len; j++)
      cr_expect_eq(((const Release *)since->pdata[j])->id, ((const Release *)all->pdata[j])->id);
  }
  const gint64 expected[] = {newest, ahead->id, second, old->id};
  cr_assert_eq(all->len, G_N_ELEMENTS(expected));
  for (guint i = 0; i < all->len; i++)
    cr_expect_eq(((Release *)all->pdata[i])->id, expected[i], "%u", i);
  cr_assert_eq(one->len, 1);
  cr_expect_eq(((Release *)one->pdata[0])->id, newest);
  assert_works(history_is_older_release(history, old->id, second, &is_older, &error));
  assert_works(history_is_older_release(history, second, old->id, &is_newer, &error));
  cr_expect(is_older);
  cr_expect_not(is_newer);
}

Test(import, what_a_transaction_did_not_commit_never_was) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) releases = NULL;
  {
    g_auto(HistoryTransaction) dropped = {0};
    assert_works(history_begin_transaction(history, &dropped, &error));
    add_release(history, "1.0", NULL);
  }
  {
    g_auto(HistoryTransaction) kept = {0};
    assert_works(history_begin_transaction(history, &kept, &error));
    add_release(history, "2.0", NULL);
    add_release(history, "3.0", NULL);
    assert_works(history_commit_transaction(&kept, &error));
  }
  assert_works(history_list_releases(history, 0, &releases, &error));
  cr_assert_eq(releases->len, 2);
  cr_expect_str_eq(((const Release *)releases->pdata[1])->version, "2.0");
}
