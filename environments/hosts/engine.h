/* The Docker Engine API (https://docs.docker.com/engine/api/, v1.41 is engine 20.10) through a Host, typed.
 * One thread at a time. Failures are SLIPWAY_ERROR_UNREADY with the engine's own message. */
#pragma once

#include "environments/hosts/host.h"

typedef struct Engine Engine;
/* Negotiates the API version (GET /_ping). The host must be open, and outlive the engine. */
bool engine_new(Host *host, Engine **engine, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same in two halves, for a host that is reached (host.h) and not open yet: the first does not wait for
 * the answer, the second does; until then nothing else may be asked. */
bool engine_begin(Host *host, Engine **engine, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool engine_finish(Engine *engine, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void engine_free(Engine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Engine, engine_free)
const char *engine_version(const Engine *engine); /* "20.10.24" */
/* "linux", "amd64" (Go's names, as manifests use). Asks once. */
bool engine_platform(Engine *engine, const char **os, const char **architecture,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
Host *engine_host(const Engine *engine); /* borrowed */

/* The time on the engine's host, in microseconds since its epoch, such that it can be compared with
 * ContainerState's times. Asked once (with engine_info, if that comes first), then carried on by this
 * machine's monotonic clock. */
bool engine_now(Engine *engine, gint64 *now, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* It is known otherwise: the engine's clock minus this machine's monotonic one, microseconds. */
void engine_know_clock(Engine *engine, gint64 offset);

/* The data root and what is free there as the engine's host sees it (df is up to the caller). Caller frees
 * *data_root. */
bool engine_info(Engine *engine, char **data_root, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  char *id;            /* config digest "sha256:…" */
  GPtrArray *tags;     /* char *: RepoTags */
  GPtrArray *digests;  /* char *: RepoDigests */
  GPtrArray *diff_ids; /* char *: RootFS.Layers */
  gint64 size;         /* bytes of all its layers */
} EngineImage;
void engine_image_free(EngineImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EngineImage, engine_image_free)

/* By any name; *image is NULL when the engine does not have it. */
bool engine_find_image(Engine *engine, const char *name, EngineImage **image,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All images, with diff_ids (one request each): for estimates. *images: EngineImage, free function set. */
bool engine_list_images(Engine *engine, GPtrArray **images, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* `repository` without tag. */
bool engine_tag_image(Engine *engine, const char *name, const char *repository, const char *tag,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Several, in one round trip. */
typedef struct {
  const char *name, *repository, *tag;
} EngineTag;
bool engine_tag_images(Engine *engine, const EngineTag *tags, guint count,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Removes one name (never forced); absent is success. */
bool engine_remove_image(Engine *engine, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  const char *reference; /* repository@sha256:… */
  const char *auth;      /* X-Registry-Auth (base64url JSON) or NULL */
} EnginePull;
typedef void (*EnginePullProgress)(gint64 done, gint64 total,
                                   void *data); /* bytes downloaded of those known so far */
/* Pulls all at once (a stream each). The first failure is the error, with the reference and the registry's
 * words. */
bool engine_pull(Engine *engine, const EnginePull *pulls, guint count, EnginePullProgress progress,
                 void *data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A container of a Compose project, by labels; one-off containers (`run`) are left out. */
typedef struct {
  char *id;
  char *name;
  char *service;
  char *image;       /* as created: "repository@sha256:…" */
  char *config_hash; /* com.docker.compose.config-hash */
  char *directory;   /* com.docker.compose.project.working_dir: whose Compose files it is made from */
  char *state;       /* "running", "exited", … */
} EngineContainer;
void engine_container_free(EngineContainer *container);
bool engine_list_containers(Engine *engine, const char *project, GPtrArray **containers,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, and which images there are of `names` (char *): name -> EngineImage. One round trip. */
bool engine_survey(Engine *engine, const char *project, const GPtrArray *names, GPtrArray **containers,
                   GHashTable **images, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  char *id;
  char *service;
  char *image;
  char *status; /* created restarting running removing paused exited dead */
  int exit_code;
  bool oom_killed;
  char *problem; /* State.Error, or NULL */
  guint restart_count;
  char *restart_policy;           /* "no" "always" "on-failure" "unless-stopped" ("" is "no") */
  gint64 started_at, finished_at; /* microseconds, the host's clock; 0: never */
  char *health;                   /* NULL without a HEALTHCHECK; "starting" "healthy" "unhealthy" */
  guint failed_probes;            /* in a row, up to now */
  char *probe_output;             /* of the last probe in State.Health.Log, or NULL */
  int probe_exit_code;
  GPtrArray *check; /* char *: Config.Healthcheck.Test as argv (CMD-SHELL becomes /bin/sh -c …, or the image's
                       Shell), or NULL */
  gint64 check_timeout_ms, check_interval_ms, check_start_period_ms;
  guint check_retries;
} ContainerState;
void container_state_free(ContainerState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContainerState, container_state_free)
/* The project's containers (NULL: they are not asked for), and each of `ids` (char *) in full: *states has
 * NULL for one that is gone. One round trip. */
bool engine_look(Engine *engine, const char *project, const GPtrArray *ids, GPtrArray **containers,
                 GPtrArray **states, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* *state is NULL when there is no such container (any more). */
bool engine_inspect_container(Engine *engine, const char *id, ContainerState **state,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What all containers on the engine hold on to: of every project and of none, stopped ones too. */
typedef struct {
  GHashTable *images;  /* set of image ids */
  GHashTable *sources; /* set of what they mount: paths on the engine's host */
} EngineUse;
void engine_use_free(EngineUse *use);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EngineUse, engine_use_free)
/* What is in use, and all images, without diff_ids. One round trip. *images: EngineImage, free function set.
 */
bool engine_list_use(Engine *engine, EngineUse **use, GPtrArray **images,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Removes `names`, then `references` (char *), as engine_remove_image does, and adds to *freed the bytes of
 * the layers that went with the references: none while something else needs the image. One round trip: after
 * a failure, others of them may be gone too. */
bool engine_remove_images(Engine *engine, const GPtrArray *names, const GPtrArray *references, gint64 *freed,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Containers of a Compose project, one-off ones too. */
bool engine_count_project(Engine *engine, const char *project, guint *count,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Stops and removes, by label, the project's containers, networks and, if asked, volumes: for where Compose
 * has no files to go by. *stays: why a network is still there (a container of another project is in it), or
 * NULL; caller frees. */
bool engine_remove_project(Engine *engine, const char *project, bool with_volumes, char **stays,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Stops a container as it wants to be stopped, and removes it; its volumes stay. Absent is success. */
bool engine_end_container(Engine *engine, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The project's container events (a live stream: use http_stream_next, engine_parse_event), from when
 * engine_watch_begun says so: the first does not wait. */
bool engine_watch(Engine *engine, const char *project, HttpStream **stream,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool engine_watch_begun(Engine *engine, HttpStream *events, GError **error) G_GNUC_WARN_UNUSED_RESULT;
typedef struct {
  char *action;    /* "start" "die" "health_status: healthy" "exec_die" … */
  char *container; /* id */
  char *exec_id;   /* exec_* only */
  char *service;   /* of Compose; NULL: of none, or a one-off container */
  int exit_code;   /* die, exec_die */
} EngineEvent;
void engine_event_clear(EngineEvent *event);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EngineEvent, engine_event_clear)
bool engine_parse_event(const char *line, EngineEvent *event, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Starts a command detached in a running container; its end comes as an exec_die event. Caller frees
 * *exec_id. */
bool engine_exec_start(Engine *engine, const char *container, GPtrArray *argv, char **exec_id,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs a command in a running container and returns what it wrote, at most 64 KiB; fails when it takes longer
 * than timeout_ms. Caller frees *text. */
bool engine_exec_output(Engine *engine, const char *container, GPtrArray *argv, guint timeout_ms, char **text,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The last `lines` of stdout and stderr, demultiplexed, at most 64 KiB. Caller frees. */
bool engine_log_tail(Engine *engine, const char *container, guint lines, char **text,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
