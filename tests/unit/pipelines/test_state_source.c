/* A state that was read from the history, a part of it at first, says what the fold over all of it says. */
#include "pipelines/state_source.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <unistd.h>

enum { RELEASES = 25, STORIES = 40, LENGTH = 260, FIRST = 16 };

static char *folder, *path;
static History *history;
static GRand *dice;
static guint parts; /* states that were made from a part */

static void make_history(void) {
  g_autoptr(GError) error = NULL;
  folder = g_dir_make_tmp("slipway-state-XXXXXX", NULL);
  path = g_build_filename(folder, "journal.db", NULL);
  cr_assert(history_open(path, HISTORY_WRITE, &history, &error), "%s", error != NULL ? error->message : "");
}

static void drop_history(void) {
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  g_clear_pointer(&history, history_free);
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *file = g_strconcat(path, suffixes[i], NULL);
    (void)unlink(file);
  }
  cr_assert_eq(g_rmdir(folder), 0);
  g_clear_pointer(&folder, g_free);
  g_clear_pointer(&path, g_free);
}

static bool one_in(gint32 count) {
  return g_rand_int_range(dice, 0, count) == 0;
}

/* ---- a history that nobody would make ---- */

static void add_releases(void) {
  g_autoptr(GError) error = NULL;
  for (guint i = 0; i < RELEASES; i++) {
    g_autoptr(Release) release = release_new();
    bool existed = false;
    release->version = g_strdup_printf("1.%u", i);
    g_ptr_array_add(release->images, release_image_new("web", release->version));
    cr_assert(history_add_release(history, release, &existed, &error));
  }
}

typedef struct {
  DeploymentStatus status;
  int exit_code;
  bool touched;
  HostStatus first, second;
} Outcome;

/* The first is what most come to. */
static const Outcome outcomes[] = {
    {STATUS_SUCCEEDED, 0, true, HOST_CHANGED, HOST_UNCHANGED},
    {STATUS_SUCCEEDED, 0, false, HOST_UNCHANGED, HOST_UNCHANGED},
    {STATUS_SUCCEEDED, 0, true, HOST_CHANGED, HOST_SKIPPED},
    {STATUS_FAILED, 1, true, HOST_RESTORED, HOST_FAILED},
    {STATUS_FAILED, 1, false, HOST_PENDING, HOST_PENDING},
    {STATUS_FAILED, 3, false, HOST_PENDING, HOST_PENDING},
    {STATUS_BROKEN, 5, true, HOST_CHANGED, HOST_UNKNOWN},
    {STATUS_INTERRUPTED, 130, true, HOST_RESTORED, HOST_RESTORED},
};

static void add_host(Deployment *deployment, const char *name, HostStatus status) {
  DeploymentHost *host = deployment_host_new(name, NULL);
  host->status = status;
  g_ptr_array_add(deployment->hosts, host);
}

/* Mostly newer and newer ones. */
static gint64 choose_release(guint index) {
  return one_in(3) ? g_rand_int_range(dice, 1, RELEASES + 1) : 1 + (gint64)index * RELEASES / LENGTH;
}

static void give_release(Deployment *deployment, gint64 release) {
  deployment->release = release;
  deployment->images = g_strdup_printf("images of r%" G_GINT64_FORMAT, release);
  deployment->content =
      one_in(30) ? NULL : g_strdup_printf("r%" G_GINT64_FORMAT ":%d", release, g_rand_int_range(dice, 0, 3));
}

static GPtrArray *all_of(const char *environment) {
  g_autoptr(GError) error = NULL;
  GPtrArray *all = NULL;
  cr_assert(history_list_deployments(history, environment, 0, &all, &error));
  return all;
}

/* As the rules say, or as no slipway would. */
static void aim(Deployment *deployment, guint index) {
  g_autoptr(GPtrArray) all = all_of("prod");
  g_autoptr(EnvironmentState) state = environment_state_new("prod", all);
  const Deployment *named =
      all->len > 0 && one_in(3) ? all->pdata[g_rand_int_range(dice, 0, (gint32)all->len)] : NULL;
  RollbackTarget target;
  deployment->kind = KIND_ROLLBACK;
  if (one_in(8) && index > 0) {
    deployment->restores = g_rand_int_range(dice, 0, (gint32)index) + 1;
    deployment->leaves = g_rand_int_range(dice, 0, (gint32)index) + 1;
    deployment->move = (StackMove)g_rand_int_range(dice, MOVE_PUSH, MOVE_NONE);
    give_release(deployment, choose_release(index));
  } else if (environment_rollback_target(state, named, &target, NULL)) {
    deployment->restores = target.restores->id;
    deployment->leaves = target.leaves != NULL ? target.leaves->id : 0;
    deployment->move = target.move;
    give_release(deployment, target.restores->release);
    g_free(deployment->content);
    deployment->content = g_strdup(target.restores->content);
  } else {
    deployment->kind = KIND_DOWN;
  }
}

static Deployment *invent(guint index, guint rollbacks) {
  Deployment *deployment = deployment_new();
  deployment->environment = g_strdup(one_in(6) ? "ci" : "prod");
  if (rollbacks > 0 && one_in((gint32)rollbacks)) {
    aim(deployment, index);
  } else if (one_in(40)) {
    deployment->kind = KIND_DOWN;
  } else {
    deployment->kind = one_in(2) ? KIND_PROMOTE : KIND_DEPLOY;
    deployment->move = one_in(15) ? MOVE_NONE : MOVE_PUSH;
    give_release(deployment, choose_release(index));
  }
  return deployment;
}

static void end(Deployment *deployment) {
  const Outcome *outcome =
      one_in(3) ? &outcomes[g_rand_int_range(dice, 0, G_N_ELEMENTS(outcomes))] : &outcomes[0];
  deployment->status = outcome->status;
  deployment->exit_code = outcome->exit_code;
  deployment->touched = outcome->touched;
  add_host(deployment, "web1", outcome->first);
  add_host(deployment, "web2", outcome->second);
}

/* Of another history: it ended before one that is recorded. */
static void import(Deployment *deployment, guint index) {
  g_autoptr(GError) error = NULL;
  bool existed = false;
  DeploymentImport import = {.deployment = deployment,
                             .before = g_rand_int_range(dice, 0, (gint32)index + 1)};
  g_autoptr(Release) release = NULL;
  deployment->uid = g_strdup_printf("imported%u", index);
  if (deployment->release != 0)
    cr_assert(history_get_release(history, deployment->release, &release, &error));
  import.release = release;
  cr_assert(history_import_deployment(history, &import, &existed, &error), "%s",
            error != NULL ? error->message : "");
}

static void record(Deployment *deployment) {
  g_autoptr(GError) error = NULL;
  const Deployment outcome = *deployment;
  cr_assert(history_begin_deployment(history, deployment, &error), "%s", error != NULL ? error->message : "");
  if (one_in(60))
    return; /* it runs */
  deployment->status = outcome.status;
  deployment->exit_code = outcome.exit_code;
  cr_assert(history_finish_deployment(history, deployment, &error), "%s",
            error != NULL ? error->message : "");
}

/* `rollbacks`: one in so many; 0: none. */
static void tell(guint rollbacks) {
  g_autoptr(GError) error = NULL;
  g_auto(HistoryTransaction) transaction = {0};
  cr_assert(history_begin_transaction(history, &transaction, &error));
  add_releases();
  for (guint i = 0; i < LENGTH; i++) {
    g_autoptr(Deployment) deployment = invent(i, rollbacks);
    end(deployment);
    if (i > 0 && one_in(25))
      import(deployment, i);
    else
      record(deployment);
  }
  cr_assert(history_commit_transaction(&transaction, &error));
}

/* ---- the comparison ---- */

static gint64 id_of(const Deployment *deployment) {
  return deployment != NULL ? deployment->id : 0;
}

#define assert_same(question)                                                                                \
  cr_assert_eq(id_of(EACH(part, question)), id_of(EACH(full, question)), "%s: d%d, not d%d", #question,      \
               (int)id_of(EACH(part, question)), (int)id_of(EACH(full, question)))
#define EACH(state, question) ((state)->question)

static void compare_stack(const EnvironmentState *full, const EnvironmentState *part) {
  guint depth = part->source == NULL ? full->stack->len : ENVIRONMENT_STACK_DEPTH;
  cr_assert_geq(part->stack->len, depth);
  cr_assert_leq(part->stack->len, full->stack->len);
  for (guint i = 1; i <= depth; i++)
    cr_assert_eq(id_of(part->stack->pdata[part->stack->len - i]),
                 id_of(full->stack->pdata[full->stack->len - i]));
}

static void compare_release(const EnvironmentState *full, const EnvironmentState *part, gint64 release) {
  const Deployment *left = NULL, *right = NULL;
  cr_assert_eq(environment_marks_bad(part, release, &left), environment_marks_bad(full, release, &right));
  cr_assert_eq(id_of(left), id_of(right));
  cr_assert_eq(environment_has_verified(part, release), environment_has_verified(full, release));
  cr_assert_eq(id_of(environment_verified_by(part, release)), id_of(environment_verified_by(full, release)));
  cr_assert_eq(id_of(environment_newest_of(part, release)), id_of(environment_newest_of(full, release)));
  cr_assert_eq(id_of(environment_attempt_of(part, release)), id_of(environment_attempt_of(full, release)));
}

static void compare_target(const EnvironmentState *full, const EnvironmentState *part, gint64 id) {
  g_autoptr(GError) here = NULL, there = NULL;
  RollbackTarget left = {0}, right = {0};
  bool ok = environment_rollback_target(part, environment_deployment(part, id), &left, &here);
  cr_assert_eq(ok, environment_rollback_target(full, environment_deployment(full, id), &right, &there));
  cr_assert_str_eq(ok ? "" : here->message, ok ? "" : there->message);
  cr_assert_eq(id_of(left.restores), id_of(right.restores));
  cr_assert_eq(id_of(left.leaves), id_of(right.leaves));
  cr_assert_eq(left.move, right.move);
  cr_assert_eq(left.is_already_restored, right.is_already_restored);
}

static gint compare_numbers(gconstpointer a, gconstpointer b) {
  return *(const gint64 *)a < *(const gint64 *)b ? -1 : *(const gint64 *)a > *(const gint64 *)b;
}

static void compare_bad(const EnvironmentState *full, const EnvironmentState *part) {
  g_autoptr(GArray) left = environment_bad_releases(part);
  g_autoptr(GArray) right = environment_bad_releases(full);
  g_array_sort(left, compare_numbers);
  g_array_sort(right, compare_numbers);
  cr_assert_eq(left->len, right->len);
  for (guint i = 0; i < left->len; i++)
    cr_assert_eq(g_array_index(left, gint64, i), g_array_index(right, gint64, i));
}

static void compare(const EnvironmentState *full, const EnvironmentState *part, guint way) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) releases = NULL;
  assert_same(last);
  assert_same(newest_counting);
  assert_same(down);
  assert_same(running);
  compare_stack(full, part);
  if (way % 2 == 1)
    compare_bad(full, part);
  cr_assert(history_list_releases(history, way % 3 == 1 ? 5 : 0, &releases, &error));
  if (way % 3 > 0)
    environment_state_expect(part, releases);
  for (gint64 release = 0; release <= RELEASES + 1; release++)
    compare_release(full, part, release);
  for (gint64 id = 0; id <= LENGTH + 1; id += way % 2 == 0 ? 1 : 7) {
    cr_assert_eq(id_of(environment_deployment(part, id)), id_of(environment_deployment(full, id)));
    compare_target(full, part, id);
  }
  compare_bad(full, part);
  cr_assert(environment_state_check(part, &error));
}

static bool is_odd(const Deployment *deployment, gint64 besides) {
  return deployment->id == besides || (deployment->status == STATUS_RUNNING && deployment->id % 2 == 1);
}

static GPtrArray *all_but(gint64 besides) {
  GPtrArray *all = all_of("prod");
  for (guint i = all->len; i > 0; i--)
    if (is_odd(all->pdata[i - 1], besides))
      g_ptr_array_remove_index(all, i - 1);
  return all;
}

static void compare_reading(DeploymentFilter *filter, guint first, guint way) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) read = NULL;
  g_autoptr(GPtrArray) all = filter != NULL ? all_but(0) : all_of("prod");
  g_autoptr(EnvironmentState) full = environment_state_new("prod", all);
  g_autoptr(EnvironmentState) part = NULL;
  cr_assert(environment_state_read_deep(history, "prod", first, ENVIRONMENT_STACK_DEPTH, filter, 0, &read,
                                        &part, &error));
  parts += part->source != NULL ? 1 : 0;
  compare(full, part, way);
}

Test(state_source, a_part_of_the_history_says_what_all_of_it_says, .timeout = 300) {
  static const guint rollbacks[] = {0, 40, 12, 5};
  dice = g_rand_new_with_seed(31);
  for (guint i = 0; i < STORIES; i++) {
    make_history();
    tell(rollbacks[i % G_N_ELEMENTS(rollbacks)]);
    for (guint way = 0; way < 6; way++)
      compare_reading(way % 2 == 0 ? NULL : is_odd, way < 3 ? FIRST : LENGTH / 2, way);
    drop_history();
  }
  cr_assert_gt(parts, STORIES * 2, "only %u states were made from a part", parts);
  g_rand_free(dice);
}

/* Beginning with so few that hardly any story goes without reading on. */
Test(state_source, reads_on_where_the_newest_do_not_say_it, .timeout = 300) {
  dice = g_rand_new_with_seed(7);
  for (guint i = 0; i < 8; i++) {
    make_history();
    tell(6);
    for (guint first = 1; first < 40; first += 3)
      compare_reading(NULL, first, first);
    drop_history();
  }
  g_rand_free(dice);
}

Test(state_source, an_empty_history_is_a_state_of_nothing) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) read = NULL;
  g_autoptr(EnvironmentState) state = NULL;
  make_history();
  cr_assert(environment_state_read(history, "prod", NULL, 0, &read, &state, &error));
  cr_assert_null(environment_top(state));
  cr_assert_null(environment_deployment(state, 1));
  cr_assert(environment_state_check(state, &error));
  drop_history();
}

static Deployment *begin(gint64 release) {
  g_autoptr(GError) error = NULL;
  Deployment *deployment = deployment_new();
  deployment->environment = g_strdup("prod");
  deployment->kind = KIND_DEPLOY;
  deployment->move = MOVE_PUSH;
  give_release(deployment, release);
  deployment->touched = true;
  add_host(deployment, "web1", HOST_CHANGED);
  cr_assert(history_begin_deployment(history, deployment, &error), "%s", error != NULL ? error->message : "");
  return deployment;
}

static void succeed(Deployment *deployment) {
  g_autoptr(GError) error = NULL;
  deployment->status = STATUS_SUCCEEDED;
  cr_assert(history_finish_deployment(history, deployment, &error), "%s",
            error != NULL ? error->message : "");
}

Test(state_source, what_ends_between_two_readings_ended_when_it_did) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) read = NULL;
  g_autoptr(EnvironmentState) state = NULL;
  dice = g_rand_new_with_seed(3);
  make_history();
  add_releases();
  for (gint64 release = 1; release < RELEASES; release++) {
    g_autoptr(Deployment) deployment = begin(release);
    succeed(deployment);
  }
  g_autoptr(Deployment) running = begin(RELEASES);
  cr_assert(environment_state_read_deep(history, "prod", FIRST, 4, NULL, 0, &read, &state, &error));
  cr_assert_not(environment_state_is_whole(state));
  succeed(running);
  const Deployment *verified = environment_verified_by(state, RELEASES);
  cr_assert_eq(id_of(verified), running->id);
  cr_expect_eq(verified->status, STATUS_SUCCEEDED);
  cr_expect_gt(verified->finished_at, 0, "a soak that counts from 1970 is over");
  cr_expect_eq(environment_deployment(state, running->id), verified);
  drop_history();
  g_rand_free(dice);
}
