/* Template, copy, session, artifacts, removal. */
#include "deployer/rollout/one_off.h"

#include <string.h>

#include "deployer/rollout/phases.h"
#include "environments/hosts/host_compose.h"
#include "support/errors.h"

#include "support/poison.h"

enum { COMPOSE_TIMEOUT_MS = 120 * 1000, GRACE_S = 10 };

#define TEMPLATE_SUFFIX "-template"
static const gint64 stale_us = (gint64)3600 * G_USEC_PER_SEC;

char *one_off_name(const char *place, const char *kind, const char *id) {
  return g_strdup_printf("%s--%s-%s", place, kind, id);
}

static void tell(const OneOff *one_off, const GError *problem) {
  if (one_off->on_problem != NULL)
    one_off->on_problem(problem->message, one_off->session.data);
}

static void remove_container(const OneOff *one_off, const char *name) {
  g_autoptr(GError) problem = NULL;
  if (!engine_remove_container(one_off->engine, name, &problem))
    tell(one_off, problem);
}

/* Compose always fails here, at the start; what counts is whether the container is there. */
static bool make_template(const OneOff *one_off, const char *name, GError **error) {
  const char *words[] = {"template", "--name", name, one_off->service, NULL};
  const ComposeCall call = {.folder = one_off->facts->folder,
                            .uid = one_off->uid,
                            .project = one_off->place,
                            .words = words,
                            .timeout_ms = COMPOSE_TIMEOUT_MS};
  g_auto(HostReply) reply = {0};
  g_autoptr(ContainerState) state = NULL;
  if (!host_compose(one_off->host, one_off->facts, &call, &reply, error) ||
      !engine_inspect_container(one_off->engine, name, &state, error))
    return false;
  if (state != NULL)
    return true;
  g_autofree char *reason = compose_reason(&reply);
  return fail(error, SLIPWAY_ERROR_UNREADY, "Compose makes no container of %s: %s", one_off->service, reason);
}

static bool create(const OneOff *one_off, const EngineOneOff *order, char **id, GError **error) {
  const bool is_created = make_template(one_off, order->template, error) &&
                          engine_one_off_create(one_off->engine, order, id, error);
  remove_container(one_off, order->template);
  return is_created;
}

/* While Compose was at work: then nothing is started. */
static bool is_cancelled(const OneOff *one_off, int *exit_code) {
  const EngineSession *session = &one_off->session;
  if (session->is_cancelled == NULL || !session->is_cancelled(session->data))
    return false;
  *exit_code = -1;
  return true;
}

static void copy_artifact(const OneOff *one_off, const char *id, const char *artifact) {
  const char *colon = strchr(artifact, ':');
  g_autofree char *path = g_strndup(artifact, colon != NULL ? (gsize)(colon - artifact) : strlen(artifact));
  g_autofree char *destination = g_build_filename(one_off->directory, colon != NULL ? colon + 1 : path, NULL);
  g_autoptr(GError) problem = NULL;
  guint left_out = 0;
  if (!engine_copy_out(one_off->engine, id, path, destination, &left_out, &problem) ||
      (left_out > 0 && !fail(&problem, SLIPWAY_ERROR_UNREADY,
                             "%u links and the like were not copied out of %s", left_out, path)))
    tell(one_off, problem);
}

bool one_off_run(const OneOff *one_off, bool *has_started, int *exit_code, GError **error) {
  g_autofree char *template = g_strconcat(one_off->name, TEMPLATE_SUFFIX, NULL);
  const EngineOneOff order = {.template = template,
                              .name = one_off->name,
                              .argv = one_off->argv,
                              .is_removed = one_off->is_removed,
                              .grace_s = GRACE_S,
                              .session = one_off->session};
  g_autofree char *id = NULL;
  *has_started = false;
  if (!create(one_off, &order, &id, error))
    return false;
  const bool is_run = is_cancelled(one_off, exit_code) ||
                      engine_one_off_run(one_off->engine, &order, id, has_started, exit_code, error);
  for (guint i = 0; *has_started && one_off->artifacts != NULL && i < one_off->artifacts->len; i++)
    copy_artifact(one_off, id, g_ptr_array_index(one_off->artifacts, i));
  if (!one_off->is_removed || !*has_started || !is_run)
    remove_container(one_off, id);
  return is_run;
}

/* Of a deployment's task: whoever has the lock is the only one who may run one. A `slipway run` needs no
 * lock, so only a template is known to be left behind, and only after a while. */
static bool is_leftover(const OneOffContainer *container, const char *place, gint64 now) {
  g_autofree char *tasks = one_off_name(place, "task", "");
  g_autofree char *runs = one_off_name(place, "run", "");
  if (g_str_has_prefix(container->name, tasks))
    return true;
  return g_str_has_prefix(container->name, runs) && g_str_equal(container->state, "created") &&
         now - container->created > stale_us;
}

bool one_off_remove_leftovers(Engine *engine, const char *place, guint *count, GError **error) {
  g_autoptr(GPtrArray) found = NULL;
  gint64 now = 0;
  *count = 0;
  if (!engine_list_one_offs(engine, place, &found, error))
    return false;
  for (guint i = 0; i < found->len; i++) {
    const OneOffContainer *container = g_ptr_array_index(found, i);
    if (!engine_now(engine, &now, error))
      return false;
    if (!is_leftover(container, place, now))
      continue;
    if (!engine_remove_container(engine, container->id, error))
      return false;
    ++*count;
  }
  return true;
}
