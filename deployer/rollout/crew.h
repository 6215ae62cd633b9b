/* One worker a host, and the rollout they share. Each worker is straight-line blocking code on one of a
 * bounded number of threads; hosts wait for each other only at the end of a crew_run (design §7: prepared, a
 * wave healthy, committed). */
#pragma once

#include "deployer/rollout/target.h"
#include "environments/hosts/engine.h"
#include "environments/hosts/facts.h"
#include "healthchecks/health.h"

/* What a failure, and an interrupt, mean. */
typedef enum {
  STAGE_READYING, /* no container is touched: work may be cut short */
  STAGE_BEFORE,   /* tasks that come before them: no container is touched, but what is begun is ended well */
  STAGE_APPLYING, /* containers change: what is begun is finished, then put back */
  STAGE_COMMITTING, /* every host is well on the new: from here only forward, even without the history */
  STAGE_RESTORING,  /* going back, even without the history */
} Stage;

/* Hosts worked on at once. */
enum { CREW_THREADS = 32 };

typedef struct {
  const RolloutRequest *request;
  const Situation *situation;
  Situation *fresh; /* read again under the locks, then `situation` is it; owned */
  Target *target;
  Deployment *deployment; /* the record (a worker writes only its own host's); id 0: a plan, in no history */
  char *place;            /* "APP--ENV", ephemeral: and the run; folder on the hosts and Compose project */
  HealthConfig *restore_health; /* borrowed or NULL: rules of what runs now, for putting it back */
  Config *restore_settings;     /* owns restore_health */
  struct Manifests *manifests;  /* room.h */
  BundleShelf *bundles;         /* what hosts are sent, and have in common */
  GBytes *snapshot;             /* in it (manifest.c); NULL until it is asked for */
  gint has_waited;              /* (atomic) for a lock: connections that were made before may be gone */
  const char *holder;           /* what the locks say, or NULL: not locked (borrowed) */
  Stage stage;
  const struct RolloutTask *task; /* at work (tasks.c), or NULL */
  GPtrArray *workers;             /* Worker, in the order of the inventory */
  GMutex exchange; /* held while a worker's host is exchanged, or aborted by another thread; and for
                      `snapshot` */
} Rollout;

typedef struct {
  Rollout *rollout;
  const HostConfig *config;
  DeploymentHost *record; /* borrowed from rollout->deployment */
  Host *host;
  HostFacts *facts; /* NULL until connected */
  Engine *engine;   /* NULL until connected */
  GPtrArray
      *containers; /* EngineContainer: of the project under the lock, before it is touched; NULL: not asked */
  GHashTable *images; /* name -> EngineImage: those of the target that were there then; NULL: not asked */
  HealthWatch *watch; /* from before `up` until the wait ends */
  bool is_touched;    /* a container may have been changed */
  bool is_skipped;    /* not worked on: not chosen (--host), or cannot be reached: then facts are NULL */
  bool is_out;        /* its before_host tasks began, after_host has not ended well: see host_tasks.h */
  const struct HostTask *task; /* at work (host_tasks.c), or NULL */
  const char *step_name;       /* the one at work, or NULL */
  gint64 step_started;         /* monotonic */
  gint64 step;                 /* it, as the history knows it; 0: not there */
  GError *error;               /* of the last crew_run, or NULL */
  struct HostSecrets *secrets; /* secrets.h; NULL until phase_secrets */
  struct HostPruned *pruned;   /* retention.h; borrowed, NULL unless the command is `prune` */
} Worker;

Rollout *rollout_new(const RolloutRequest *request, const Situation *situation, Target *target,
                     Deployment *deployment);
void rollout_free(
    Rollout *rollout); /* lets go of the hosts; request, situation, target and deployment are the caller's */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rollout, rollout_free)

/* A failure is followed by putting back what ran before: not so for a rollback, which never returns to what
 * it leaves, and with `on_failure: stop`, which asks for a person (design §4, §6). */
bool rollout_may_go_back(const Rollout *rollout);

/* --host names it, or names none. */
bool request_takes_host(const RolloutRequest *request, const HostConfig *host);
/* Those that are not skipped, in order; borrowed. */
GPtrArray *rollout_active(const Rollout *rollout);

typedef bool (*WorkerTask)(Worker *worker, GError **error);
/* Runs the task for each of `workers` (Worker *) at once and waits for all. False when any failed: *error is
 * the first in the order of the inventory, "NAME: …", and says how many others failed; each has its own in
 * worker->error. */
bool crew_run(GPtrArray *workers, WorkerTask task, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same of an earlier crew_run, once its callers have cleared the errors that do not matter. */
bool crew_succeeded(GPtrArray *workers, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Every worker of the rollout that is not skipped. */
bool crew_run_all(Rollout *rollout, WorkerTask task, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One step of design §6 on one host: said, recorded before (intent) and after (outcome). `run` may set
 * *detail (freed here). */
typedef bool (*WorkerStep)(Worker *worker, char **detail, GError **error);
bool worker_step(Worker *worker, const char *name, WorkerStep run, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same in two halves, for a step that others' work comes between. The second takes `problem`, and is
 * false with it; `name` is a constant. */
bool worker_step_begin(Worker *worker, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool worker_step_end(Worker *worker, const char *detail, GError *problem,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for the deployment as a whole; `id` as Worker.step. */
typedef bool (*RolloutStep)(Rollout *rollout, gint64 id, GError **error);
bool rollout_step(Rollout *rollout, const char *name, RolloutStep run,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes the worker's host record, to the history too when the deployment is in it. */
bool worker_record(Worker *worker, HostStatus status, const char *runs, const char *problem,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Compose on the host, for a release folder that is there (scripts/compose.sh): "config", "hash", "up",
 * "down". */
bool worker_compose(Worker *worker, const char *folder, const char *uid, const char *action, guint timeout_ms,
                    HostReply *reply, GError **error) G_GNUC_WARN_UNUSED_RESULT;
