/* A one-off container of a service, from Compose's files in a release folder to its removal. */
#pragma once

#include "environments/hosts/engine_one_off.h"
#include "environments/hosts/facts.h"

typedef struct {
  Host *host;
  const HostFacts *facts;
  Engine *engine;
  const char *place; /* Compose's project */
  const char *uid;   /* of the release folder, which is there */
  const char *service;
  const char *name;        /* of the container: one_off_name */
  const char *const *argv; /* NULL-terminated */
  bool is_removed;         /* by the engine; else by one_off_run, when artifacts have been copied */
  EngineSession session;
  const GPtrArray *artifacts; /* char *: "PATH" or "PATH:DESTINATION"; NULL: none */
  const char *directory;      /* absolute: destinations are relative to it */
  /* What went wrong beside the command: artifacts that are not there, a container that stays. With
   * session.data. */
  void (*on_problem)(const char *problem, void *data);
} OneOff;

/* "PLACE--KIND-ID"; `kind` is "task" or "run". Caller frees. */
char *one_off_name(const char *place, const char *kind, const char *id);

/* Runs it to its end. *exit_code -1: the session was cancelled, and the container stopped. *has_started, also
 * with failure: the command began. SLIPWAY_ERROR_UNREADY. */
bool one_off_run(const OneOff *one_off, bool *has_started, int *exit_code,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes what a slipway that was killed left behind of deployments' tasks, and templates of runs that are an
 * hour old. Only for who holds the lock. *count: how many. */
bool one_off_remove_leftovers(Engine *engine, const char *place, guint *count,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
