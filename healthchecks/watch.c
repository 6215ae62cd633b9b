/* The watch over a project's containers: take events, look at what they touched, probe, judge; until all is
 * well or something failed. */
#include <string.h>

#include "healthchecks/watch_private.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum {
  MS = 1000,
  LOOK_EVERY_MS = 250, /* at least: is_cancelled is asked, http checks are repeated */
  FETCH_LEAST_MS = 1000,
  FETCH_MOST_MS = 5000,
};

static void subject_free(Subject *subject) {
  g_free(subject->id);
  g_free(subject->service);
  container_state_free(subject->state);
  health_judgement_clear(&subject->judgement);
  g_free(subject->probe);
  g_free(subject);
}

static Subject *find_subject(const HealthWatch *watch, const char *id) {
  for (guint i = 0; i < watch->subjects->len; i++) {
    Subject *subject = watch->subjects->pdata[i];
    if (strcmp(subject->id, id) == 0)
      return subject;
  }
  return NULL;
}

static void add_subject(HealthWatch *watch, const char *id, const char *service, bool was_there) {
  Subject *subject = g_new0(Subject, 1);
  subject->id = g_strdup(id);
  subject->service = g_strdup(service);
  subject->is_stale = true;
  subject->memory = (HealthMemory){.watched_from = watch->began, .was_there = was_there};
  g_ptr_array_add(watch->subjects, subject);
}

static bool is_listed(const GPtrArray *containers, const char *id) {
  for (guint i = 0; i < containers->len; i++)
    if (strcmp(((const EngineContainer *)containers->pdata[i])->id, id) == 0)
      return true;
  return false;
}

/* Drops subjects that are gone, adds those that are new. */
static void take_list(HealthWatch *watch, const GPtrArray *containers, bool was_there) {
  for (guint i = watch->subjects->len; i-- > 0;)
    if (!is_listed(containers, ((const Subject *)watch->subjects->pdata[i])->id))
      g_ptr_array_remove_index(watch->subjects, i);
  for (guint i = 0; i < containers->len; i++) {
    const EngineContainer *container = containers->pdata[i];
    if (find_subject(watch, container->id) == NULL)
      add_subject(watch, container->id, container->service, was_there);
  }
  watch->is_list_stale = false;
}

bool health_watch_begin(Engine *engine, const char *project, const GPtrArray *containers, HealthWatch **out,
                        GError **error) {
  g_autoptr(HealthWatch) watch = g_new0(HealthWatch, 1);
  g_autoptr(GPtrArray) asked = NULL;
  watch->engine = engine;
  watch->project = g_strdup(project);
  watch->subjects = g_ptr_array_new_with_free_func((GDestroyNotify)subject_free);
  watch->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  if (!engine_now(engine, &watch->began, error) || !engine_watch(engine, project, &watch->events, error) ||
      (containers == NULL && !engine_list_containers(engine, project, &asked, error)))
    return false;
  take_list(watch, containers != NULL ? containers : asked, true);
  *out = g_steal_pointer(&watch);
  return true;
}

bool health_watch_begun(HealthWatch *watch, GError **error) {
  return engine_watch_begun(watch->engine, watch->events, error);
}

bool health_watch_new(Engine *engine, const char *project, HealthWatch **out, GError **error) {
  g_autoptr(HealthWatch) watch = NULL;
  if (!health_watch_begin(engine, project, NULL, &watch, error) || !health_watch_begun(watch, error))
    return false;
  *out = g_steal_pointer(&watch);
  return true;
}

void health_watch_free(HealthWatch *watch) {
  if (watch == NULL)
    return;
  http_stream_free(watch->events);
  g_clear_pointer(&watch->listed, g_ptr_array_unref);
  g_ptr_array_unref(watch->subjects);
  g_hash_table_unref(watch->told);
  g_free(watch->project);
  g_free(watch);
}

/* Containers come and go with these; all else happens to one that is there. */
static bool changes_the_list(const char *action) {
  return strcmp(action, "create") == 0 || strcmp(action, "destroy") == 0;
}

static bool handle_event(HealthWatch *watch, const char *line, GError **error) {
  g_auto(EngineEvent) event = {0};
  gint64 now = 0;
  if (!engine_parse_event(line, &event, error) || !engine_now(watch->engine, &now, error))
    return false;
  Subject *subject = find_subject(watch, event.container);
  if (changes_the_list(event.action) || subject == NULL)
    watch->is_list_stale = true;
  if (subject == NULL) {
    if (event.service != NULL && strcmp(event.action, "destroy") != 0) /* looked at along with the list */
      add_subject(watch, event.container, event.service, false);
    return true;
  }
  if (strcmp(event.action, "exec_die") == 0)
    probe_note_end(subject, &event, now);
  if (g_str_has_prefix(event.action, "exec_"))
    return true; /* the container itself is as it was */
  subject->is_stale = true;
  subject->memory.is_disturbed = true;
  if (strcmp(event.action, "die") == 0)
    subject->memory.ends++;
  return true;
}

/* Waits at most timeout_ms for an event, then takes all that have come. */
static bool take_events(HealthWatch *watch, int timeout_ms, GError **error) {
  for (;;) {
    HttpStreamState state = HTTP_STREAM_TIMEOUT;
    g_autofree char *line = NULL;
    if (!http_stream_next(watch->events, timeout_ms, &state, &line, error))
      return host_explain(engine_host(watch->engine), error);
    if (state == HTTP_STREAM_END)
      return fail(error, SLIPWAY_ERROR_UNREADY, "the engine stopped reporting events: did it restart?") ||
             host_explain(engine_host(watch->engine), error);
    if (state == HTTP_STREAM_TIMEOUT)
      return true;
    if (*line != '\0' && !handle_event(watch, line, error))
      return false;
    timeout_ms = 0;
  }
}

static GPtrArray *stale_ids(const HealthWatch *watch) {
  GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < watch->subjects->len; i++) {
    const Subject *subject = watch->subjects->pdata[i];
    if (subject->is_stale)
      g_ptr_array_add(ids, g_strdup(subject->id));
  }
  return ids;
}

/* One that is gone: its successor, if any, has an event of its own. */
static void take_states(HealthWatch *watch, const GPtrArray *ids, GPtrArray *states) {
  for (guint i = 0; i < ids->len; i++) {
    Subject *subject = find_subject(watch, ids->pdata[i]);
    if (states->pdata[i] == NULL) {
      g_ptr_array_remove(watch->subjects, subject);
      continue;
    }
    container_state_free(subject->state);
    subject->state = g_steal_pointer(&states->pdata[i]);
    subject->is_stale = false;
  }
}

/* Everything that is stale at once; what the list has besides needs another look. */
static bool refresh(HealthWatch *watch, GError **error) {
  for (;;) {
    g_autoptr(GPtrArray) ids = stale_ids(watch);
    g_autoptr(GPtrArray) states = NULL;
    g_autoptr(GPtrArray) containers = NULL;
    if (ids->len == 0 && !watch->is_list_stale)
      return true;
    if (!engine_look(watch->engine, watch->is_list_stale ? watch->project : NULL, ids, &containers, &states,
                     error))
      return false;
    take_states(watch, ids, states);
    if (containers == NULL)
      continue;
    take_list(watch, containers, false);
    g_clear_pointer(&watch->listed, g_ptr_array_unref);
    watch->listed = g_steal_pointer(&containers);
  }
}

bool health_watch_look(HealthWatch *watch, GPtrArray **containers, GError **error) {
  if (!take_events(watch, 0, error))
    return false;
  watch->is_list_stale = true;
  if (!refresh(watch, error))
    return false;
  *containers = g_ptr_array_ref(watch->listed);
  return true;
}

/* A service is as well as the worst of its containers. */
static const Subject *worst_of_service(const HealthWatch *watch, const char *service) {
  const Subject *worst = NULL;
  for (guint i = 0; i < watch->subjects->len; i++) {
    const Subject *subject = watch->subjects->pdata[i];
    if (strcmp(subject->service, service) == 0 &&
        (worst == NULL || subject->judgement.verdict > worst->judgement.verdict))
      worst = subject;
  }
  return worst;
}

static void tell(HealthWatch *watch, const HealthHooks *hooks, const char *what, const char *word) {
  if (g_strcmp0(g_hash_table_lookup(watch->told, what), word) == 0)
    return;
  g_hash_table_replace(watch->told, g_strdup(what), g_strdup(word));
  if (hooks != NULL && hooks->on_state != NULL)
    hooks->on_state(what, word, hooks->data);
}

/* How the whole project stands. */
typedef struct {
  bool has_failed;
  bool is_settled;
  gint64 next;     /* when that may change without an event */
  gint64 deadline; /* for what is asked after the containers: as long as the last of them had */
} Standing;

static void add_to_standing(Standing *standing, const Subject *subject, const HealthConfig *config,
                            gint64 now) {
  const HealthJudgement *judgement = &subject->judgement;
  gint64 from = MAX(subject->memory.first_start, subject->memory.watched_from);
  standing->deadline = MAX(standing->deadline, from + config->deadline_ms * MS);
  if (judgement->verdict == HEALTH_FAILED)
    standing->has_failed = true;
  if (judgement->verdict == HEALTH_WAITING) {
    standing->is_settled = false;
    standing->next = MIN(standing->next, judgement->deadline);
  } else if (now < judgement->settled_at) {
    standing->is_settled = false;
    standing->next = MIN(standing->next, judgement->settled_at);
  }
  if (config->early && subject->probe == NULL && health_wants_probe(&subject->memory, subject->state))
    standing->next = MIN(standing->next, subject->next_probe);
}

static Standing judge_all(HealthWatch *watch, const HealthConfig *config, const HealthHooks *hooks,
                          gint64 now) {
  Standing standing = {.is_settled = true,
                       .next = now + LOOK_EVERY_MS * MS,
                       .deadline = watch->began + config->deadline_ms * MS};
  for (guint i = 0; i < watch->subjects->len; i++) {
    Subject *subject = watch->subjects->pdata[i];
    health_judgement_clear(&subject->judgement);
    health_judge(&subject->memory, subject->state, config, now, &subject->judgement);
    if (config->early)
      probe_when_due(watch, subject, now);
    add_to_standing(&standing, subject, config, now);
  }
  for (guint i = 0; i < watch->subjects->len; i++) {
    const Subject *subject = watch->subjects->pdata[i];
    tell(watch, hooks, subject->service, worst_of_service(watch, subject->service)->judgement.word);
  }
  return standing;
}

/* *is_answered: all http checks were answered as expected. A failure only when there is no time left for
 * that. */
static bool check_http(HealthWatch *watch, const HealthConfig *config, const HealthHooks *hooks,
                       HttpClient *client, gint64 deadline, bool *is_answered, GError **error) {
  g_autofree char *problem = NULL;
  gint64 now = 0;
  if (!engine_now(watch->engine, &now, error))
    return false;
  guint timeout_ms = (guint)CLAMP((deadline - now) / MS, FETCH_LEAST_MS, FETCH_MOST_MS);
  http_checks_ask(watch->engine, config, client, timeout_ms, &problem);
  *is_answered = problem == NULL;
  if (problem == NULL)
    return true;
  g_autofree char *printable = text_printable(problem, false);
  tell(watch, hooks, "http", printable);
  if (!engine_now(watch->engine, &now, error))
    return false;
  g_autofree char *limit = duration_format(config->deadline_ms);
  return now < deadline || fail(error, SLIPWAY_ERROR_DEPLOY, "%s (still after %s)", printable, limit);
}

bool health_wait(HealthWatch *watch, const HealthConfig *config, const HealthHooks *hooks, GError **error) {
  g_autoptr(HttpClient) client = http_client_new();
  watch->is_list_stale |= watch->listed == NULL;
  for (gint64 wait_us = 0;;) {
    gint64 now = 0;
    if (!take_events(watch, (int)((wait_us + MS - 1) / MS), error) || !refresh(watch, error) ||
        !engine_now(watch->engine, &now, error))
      return false;
    if (hooks != NULL && hooks->is_cancelled != NULL && hooks->is_cancelled(hooks->data))
      return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted while waiting for containers to be well");
    Standing standing = judge_all(watch, config, hooks, now);
    if (standing.has_failed)
      return explain_failures(watch, error);
    bool is_answered = false;
    if (standing.is_settled &&
        !check_http(watch, config, hooks, client, standing.deadline, &is_answered, error))
      return false;
    if (is_answered)
      return true;
    if (!engine_now(watch->engine, &now, error))
      return false;
    wait_us = CLAMP(standing.next - now, 0, LOOK_EVERY_MS * MS);
  }
}
