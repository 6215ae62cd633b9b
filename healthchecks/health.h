/* Are the containers of a Compose project well? (design §6, §7). Event-driven: subscribe, inspect once,
 * react; the image's own check is run meanwhile, so that ready is known when it is so. The judgement itself
 * is a pure state machine (judge.h). */
#pragma once

#include "environments/config/config.h"
#include "environments/hosts/engine.h"

typedef struct {
  /* A service's state in the field's words: "starting", "healthy", "running", "exited 0", "unhealthy",
   * "restarting (1 of 2)" … */
  void (*on_state)(const char *service, const char *state, void *data);
  /* Asked now and then (at least every 250 ms): true ends the waiting with SLIPWAY_ERROR_INTERRUPTED. May be
   * NULL. */
  bool (*is_cancelled)(void *data);
  void *data;
} HealthHooks;

/* Subscribes before Compose starts anything, so that no event is missed. */
typedef struct HealthWatch HealthWatch;
bool health_watch_new(Engine *engine, const char *project, HealthWatch **watch,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same without waiting: health_watch_begun does. `containers` (EngineContainer): what there is now, where
 * that is known; NULL: it is asked. */
bool health_watch_begin(Engine *engine, const char *project, const GPtrArray *containers, HealthWatch **watch,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool health_watch_begun(HealthWatch *watch, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* After `compose up`: the containers that there are, the caller drops the reference. */
bool health_watch_look(HealthWatch *watch, GPtrArray **containers, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void health_watch_free(HealthWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HealthWatch, health_watch_free)

/* After `compose up`: waits until every container of the project is well, has settled, and the http checks
 * answer. SLIPWAY_ERROR_DEPLOY: first line "service: reason", then indented lines: the last probe's output
 * and the log's tail. UNREADY when the engine cannot be asked. */
bool health_wait(HealthWatch *watch, const HealthConfig *config, const HealthHooks *hooks,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
