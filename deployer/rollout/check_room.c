/* `slipway check ENV`: is there room for what the environment is likely to get next? */
#include "deployer/rollout/check.h"
#include "deployer/rollout/next.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/room.h"
#include "support/errors.h"
#include "support/parallel.h"
#include "support/text.h"

#include "support/poison.h"

/* *detail: what the host lacks; it is an error when that does not fit. */
static bool find_room(Worker *worker, char **detail, GError **error) {
  g_autoptr(GPtrArray) missing = NULL;
  gint64 bytes = 0;
  if (!find_missing_images(worker, &missing, error) ||
      (missing->len > 0 &&
       (!require_room_for_pull(worker, missing, error) || !estimate_missing(worker, missing, &bytes, error))))
    return false;
  g_autofree char *size = size_for_people(bytes);
  *detail = missing->len == 0
                ? g_strdup("has all images")
                : g_strdup_printf("lacks %u, about %s to pull; there is room", missing->len, size);
  return true;
}

typedef struct {
  Worker *worker;
  bool fits;
  char *detail;
  GError *problem;
} Question;

static void ask(gpointer data, gpointer unused) {
  Question *question = data;
  (void)unused;
  question->fits = find_room(question->worker, &question->detail, &question->problem);
}

static void ask_hosts(const Rollout *rollout, const char *release, GPtrArray *answers) {
  guint count = rollout->workers->len;
  g_autofree Question *questions = g_new0(Question, count);
  g_autoptr(GPtrArray) asked = g_ptr_array_new();
  for (guint i = 0; i < count; i++) {
    questions[i].worker = g_ptr_array_index(rollout->workers, i);
    if (questions[i].worker->error == NULL)
      g_ptr_array_add(asked, &questions[i]);
  }
  parallel_run(asked, CREW_THREADS, ask, NULL);
  for (guint i = 0; i < count; i++) {
    g_autoptr(GError) problem = questions[i].problem;
    g_autofree char *detail = questions[i].detail;
    if (questions[i].worker->error == NULL) /* else `ssh` or `engine` has said it */
      check_add(answers, questions[i].worker->config->name, "room", questions[i].fits,
                g_strdup_printf("%s: %s", release, questions[i].fits ? detail : problem->message));
  }
}

static bool ask_about(const RolloutRequest *request, const Situation *situation, Target *target,
                      GPtrArray *answers, GError **error) {
  if (!target_pin(request, target, error))
    return false;
  g_autoptr(Deployment) record = rollout_make_record(request, target);
  g_autoptr(Rollout) rollout = rollout_new(request, situation, target, record);
  g_autoptr(GError) unreachable = NULL; /* each host's row has said it */
  g_autofree char *release =
      g_strdup_printf("r%" G_GINT64_FORMAT " (%s)", target->release->id, target->release->version);
  if (!phase_connect(rollout, NULL, &unreachable))
    g_clear_error(&unreachable);
  ask_hosts(rollout, release, answers);
  return true;
}

void check_room(const RolloutRequest *request, GPtrArray *answers) {
  g_autoptr(Situation) situation = NULL;
  g_autoptr(GError) problem = NULL;
  g_auto(Next) next = {0};
  if (!situation_read(request->history, request->config, request->environment->name, 0, &situation,
                      &problem)) {
    check_add(answers, NULL, "history", false, g_strdup(problem->message));
    return;
  }
  bool is_asked = resolve_next(request, situation, &next, &problem) &&
                  (next.target == NULL || ask_about(request, situation, next.target, answers, &problem));
  if (!is_asked &&
      !error_is(problem, SLIPWAY_ERROR_USAGE)) /* which says that there is nothing to ask about */
    check_add(answers, NULL, "room", false, g_strdup(problem->message));
}
