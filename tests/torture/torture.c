/* Breaks a deployment at each of its remote effects, one after another, in every way there is, and holds what
 * slipway then says against what the hosts really run (design §2.3, §2.4).
 *
 *   torture [--shells] SCENARIO [STRIDE [JOBS]]    every STRIDEth of all points, by JOBS processes
 *   torture [--shells] SCENARIO KIND HOST EFFECT   one point, with what slipway said
 *
 * The hosts are models of what the scripts do, which are quick enough for every point; with --shells they
 * have shells that run the scripts themselves. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environments/hosts/host.h"
#include "support/text.h"
#include "verdict.h"

#include "support/poison.h"

enum { MOST_JOBS = 16 };

static const Scenario scenarios[] = {
    {"first", {KIND_DEPLOY, "prod", "r1"}, "none", 1, false, false, false},
    {"first-unhealthy", {KIND_DEPLOY, "prod", "r1"}, "none", 1, true, false, false},
    {"deploy", {KIND_DEPLOY, "prod", "r3"}, "two", 3, false, false, false},
    {"deploy-unhealthy", {KIND_DEPLOY, "prod", "r3"}, "two", 3, true, false, false},
    {"deploy-twice", {KIND_DEPLOY, "prod", "r3"}, "two", 3, false, true, false},
    {"promote", {KIND_PROMOTE, "prod", NULL}, "two", 3, false, false, true},
    {"promote-unhealthy", {KIND_PROMOTE, "prod", NULL}, "two", 3, true, false, false},
    {"rollback", {KIND_ROLLBACK, "prod", NULL}, "two", 1, false, false, false},
    {"rollback-unhealthy", {KIND_ROLLBACK, "prod", NULL}, "two", 1, true, false, true},
};

/* Where the harm is done. */
typedef struct {
  FaultKind kind;
  guint host, effect;
} Point;

/* Of all jobs together. */
typedef struct {
  gint points, struck, runs, complaints, ended[256], kinds[FAULT_KINDS];
} Tally;

typedef struct {
  World *world;
  const Scenario *scenario;
  Tally *tally;
  bool is_verbose;
} Job;

static void run_at(const Job *job, const Point *point) {
  *job->world->end = (RunEnd){0};
  job->world->plan->kind = point->kind;
  job->world->plan->host = point->host;
  job->world->plan->effect = point->effect;
  job->world->plan->is_far = job->scenario->is_far;
  world_run(job->world, &job->scenario->command);
  g_atomic_int_inc(&job->tally->runs);
}

static void show_log(const Job *job, const char *title) {
  g_autofree char *path = g_build_filename(job->world->folder, "run.log", NULL);
  g_autofree char *text = NULL;
  if (job->is_verbose && g_file_get_contents(path, &text, NULL, NULL))
    (void)printf("---- %s, which ended with %d\n%s%s\n", title, job->world->end->status, text,
                 job->world->end->message);
  (void)fflush(stdout); /* or the next child prints it again */
}

static void report(const Job *job, const Point *point, const Verdict *verdict) {
  if (verdict->complaints->len == 0)
    return;
  g_atomic_int_inc(&job->tally->complaints);
  (void)printf("%s %s %u %u (%s), exit %d:\n%s", job->scenario->name, fault_kind_name(point->kind),
               point->host, point->effect, verdict->struck, verdict->status, verdict->complaints->str);
  (void)fflush(stdout);
}

/* Another point for each, the same at every run. */
static Point second_point(const Point *first, const World *world) {
  guint host = (first->host + first->effect) % PROD_HOSTS;
  guint count = MAX((guint)world->plan->counts[host], 1);
  return (Point){FAULT_NONE + 1 + (first->effect * 5 + first->host + first->kind) % (FAULT_KINDS - 1), host,
                 1 + (first->effect * 7 + first->kind * 3) % count};
}

static void torment_again(const Job *job, const Point *first, Verdict *verdict) {
  const Point point = second_point(first, job->world);
  verdict_begin(verdict, job->world, job->scenario);
  verdict->was_unsettled = true;
  run_at(job, &point);
  verdict_on_harm(verdict);
  show_log(job, "the command that was harmed again");
}

/* One point: the harm, then the same command without any. */
static void torment(const Job *job, const Point *point) {
  static const Point nowhere = {FAULT_NONE, 0, 0};
  World *world = job->world;
  g_auto(Verdict) verdict = {0};
  g_auto(Verdict) second = {0};
  world_load(world, job->scenario->start);
  if (job->scenario->is_unhealthy)
    world_sicken(world, job->scenario->release);
  verdict_begin(&verdict, world, job->scenario);
  run_at(job, point);
  g_atomic_int_inc(&job->tally->points);
  g_atomic_int_inc(&job->tally->kinds[point->kind]);
  g_atomic_int_add(&job->tally->struck, world->plan->has_struck);
  g_atomic_int_inc(&job->tally->ended[world->end->status & 255]);
  verdict_on_harm(&verdict);
  show_log(job, "the command that was harmed");
  if (job->scenario->is_twice && point->kind != FAULT_NONE)
    torment_again(job, point, &second);
  world_heal(world);
  if (!verdict.is_done) {
    run_at(job, &nowhere);
    show_log(job, "the same command again");
  }
  verdict_on_repetition(&verdict);
  report(job, point, &verdict);
  if (second.complaints == NULL)
    return;
  verdict_on_repetition(&second);
  report(job, point, &second);
}

/* What there is to break, by a run that nothing breaks. */
static void count_effects(const Job *job, FaultPlan *counted) {
  static const Point nowhere = {FAULT_NONE, 0, 0};
  torment(job, &nowhere);
  world_load(job->world, job->scenario->start);
  if (job->scenario->is_unhealthy)
    world_sicken(job->world, job->scenario->release);
  run_at(job, &nowhere);
  *counted = *job->world->plan;
  if (!counted->has_shells && !world_agrees(job->world))
    g_atomic_int_inc(&job->tally->complaints);
}

/* Every STRIDEth point, of which this job takes its share. */
static void torment_all(const Job *job, guint stride, guint share, guint jobs) {
  g_autofree FaultPlan *counted = g_new0(FaultPlan, 1);
  guint index = 0;
  count_effects(job, counted);
  if (share == 0)
    (void)printf("%s: %d + %d + %d effects\n", job->scenario->name, counted->counts[0], counted->counts[1],
                 counted->counts[2]);
  (void)fflush(stdout);
  for (guint host = 0; host < PROD_HOSTS; host++)
    for (guint effect = 1; effect <= (guint)counted->counts[host]; effect++)
      for (FaultKind kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++) {
        if (!fault_is_due(kind, counted, host, effect))
          continue;
        if (index % stride == 0 && index / stride % jobs == share)
          torment(job, &(Point){kind, host, effect});
        index++;
      }
}

static void begin_job(World *world) {
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
  world_populate(world);
}

static pid_t start_job(const Scenario *scenario, World *world, Tally *tally, guint stride, guint share,
                       guint jobs) {
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  const Job job = {world, scenario, tally, false};
  begin_job(world);
  torment_all(&job, stride, share, jobs);
  _exit(0);
}

static World *make_world(guint share, bool has_shells) {
  const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();
  g_autofree char *folder = g_strdup_printf("%s/torture-%d-%u", place, (int)getpid(), share);
  return world_new(folder, has_shells);
}

static void print_tally(const Scenario *scenario, const Tally *tally, guint stride, double seconds) {
  (void)printf("%s: %d points", scenario->name, tally->points);
  if (stride > 1)
    (void)printf(" (every %uth)", stride);
  (void)printf(", %d of them struck, %d runs, %d complaints, %.1f s;", tally->struck, tally->runs,
               tally->complaints, seconds);
  for (FaultKind kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++)
    (void)printf(" %s ×%d", fault_kind_name(kind), tally->kinds[kind]);
  (void)printf("; exits");
  for (guint i = 0; i < G_N_ELEMENTS(tally->ended); i++)
    if (tally->ended[i] > 0 && i == G_N_ELEMENTS(tally->ended) - 1)
      (void)printf(" killed ×%d", tally->ended[i]);
    else if (tally->ended[i] > 0)
      (void)printf(" %u ×%d", i, tally->ended[i]);
  (void)printf("\n");
}

static int torture(const Scenario *scenario, bool has_shells, guint stride, guint jobs) {
  World *worlds[MOST_JOBS];
  pid_t pids[MOST_JOBS];
  bool is_well = true;
  const gint64 began = g_get_monotonic_time();
  Tally *tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (guint i = 0; i < jobs; i++)
    worlds[i] = make_world(i, has_shells);
  for (guint i = 0; i < jobs; i++)
    pids[i] = start_job(scenario, worlds[i], tally, stride, i, jobs);
  for (guint i = 0; i < jobs; i++) {
    int status = 0;
    is_well = waitpid(pids[i], &status, 0) == pids[i] && status == 0 && is_well;
    world_free(worlds[i]);
  }
  print_tally(scenario, tally, stride, (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC);
  is_well = is_well && tally->complaints == 0 && tally->points > 0;
  (void)munmap(tally, sizeof *tally);
  return is_well ? 0 : 1;
}

static int torture_at(const Scenario *scenario, bool has_shells, const Point *point) {
  Tally tally = {0};
  World *world = make_world(0, has_shells);
  const Job job = {world, scenario, &tally, true};
  pid_t pid = fork();
  if (pid == 0) {
    begin_job(world);
    torment(&job, point);
    (void)fflush(stdout);
    _exit(tally.complaints == 0 ? 0 : 1);
  }
  int status = 0;
  (void)waitpid(pid, &status, 0);
  world_free(world);
  return status == 0 ? 0 : 1;
}

static FaultKind find_kind(const char *name) {
  FaultKind kind = FAULT_NONE;
  while (kind < FAULT_KINDS && !g_str_equal(fault_kind_name(kind), name))
    kind++;
  return kind;
}

static guint number(const char *text, guint most) {
  gint64 value = 0;
  if (!number_parse(text, 0, most, &value))
    g_error("%s is no number up to %u", text, most);
  return (guint)value;
}

int main(int argc, char **argv) {
  const Scenario *scenario = NULL;
  bool has_shells = argc > 1 && g_str_equal(argv[1], "--shells");
  argc -= has_shells ? 1 : 0;
  argv += has_shells ? 1 : 0;
  http_global_init();
  host_global_init();
  (void)signal(SIGPIPE, SIG_IGN);
  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS(scenarios); i++)
    if (g_str_equal(scenarios[i].name, argv[1]))
      scenario = &scenarios[i];
  if (scenario == NULL || argc > 5) {
    (void)fprintf(stderr, "usage: torture [--shells] SCENARIO [STRIDE [JOBS]] | SCENARIO KIND HOST EFFECT\n");
    return 2;
  }
  if (argc == 5) {
    const Point point = {find_kind(argv[2]), number(argv[3], PROD_HOSTS - 1), number(argv[4], 10000)};
    return torture_at(scenario, has_shells, &point);
  }
  return torture(scenario, has_shells, argc > 2 ? MAX(number(argv[2], 10000), 1) : 1,
                 argc > 3 ? MAX(number(argv[3], MOST_JOBS), 1) : 2);
}
