/* Containers that are started for one command: like a service's, and gone afterwards. Compose makes a
 * template that never runs (scripts/compose.sh, action template); it is copied here with another command,
 * because Compose itself lets nobody choose before the start what the container's stdin and terminal are.
 * Failures are SLIPWAY_ERROR_UNREADY. */
#pragma once

#include "environments/hosts/engine_attach.h"

typedef struct {
  const char *template;    /* name or id of that container */
  const char *name;        /* of the new one */
  const char *const *argv; /* instead of the service's command; NULL-terminated */
  bool is_removed;         /* by the engine as soon as it has ended, whatever becomes of slipway */
  guint grace_s;           /* when the session is cancelled: asked to stop, and killed so much later */
  EngineSession session;
} EngineOneOff;

/* A container with the template's image, environment, mounts and networks, but no health check, restarts or
 * published ports. Caller frees *id. */
bool engine_one_off_create(Engine *engine, const EngineOneOff *order, char **id,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Starts it, is its stdin and stdout until it has ended, and tells how; when the session is cancelled the
 * container is stopped first, and *exit_code is -1. *has_started (also with failure): its command began. */
bool engine_one_off_run(Engine *engine, const EngineOneOff *order, const char *id, bool *has_started,
                        int *exit_code, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Running or not, with its anonymous volumes; absent is success. */
bool engine_remove_container(Engine *engine, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  char *id, *name;
  char *state;    /* "created", "running", "exited" … */
  gint64 created; /* microseconds since the epoch, the host's clock */
} OneOffContainer;
void one_off_container_free(OneOffContainer *container);
/* Of a Compose project, by label; OneOffContainer, free function set. */
bool engine_list_one_offs(Engine *engine, const char *project, GPtrArray **containers,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Copies a file or folder out of a container, running or not: `path` is relative to its working folder, what
 * is there becomes `destination` (an absolute path here). At most 1 GiB. *left_out: links and the like that
 * were not copied. SLIPWAY_ERROR_UNREADY, also when there is no such file. */
bool engine_copy_out(Engine *engine, const char *id, const char *path, const char *destination,
                     guint *left_out, GError **error) G_GNUC_WARN_UNUSED_RESULT;
