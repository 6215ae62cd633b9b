/* Making an environment run a release: the phases of design §6. Commands fill a RolloutRequest and print what
 * comes back; everything that has to be decided is decided here. */
#pragma once

#include "deployer/output/reporter.h"
#include "environments/config/config.h"
#include "pipelines/gates.h"
#include "pipelines/history/history.h"
#include "pipelines/release.h"

typedef struct {
  const Config *config;
  const Environment *environment;
  History *history;
  Reporter *reporter;
  const char *command; /* as typed, for the lock's holder line and the history: "deploy prod r7" */
  DeploymentKind kind;
  const char *release; /* as named by the user; NULL: the kind's own choice. deploy and promote only */
  const ReleaseRequest *create; /* deploy with --tag or --image: make this release first; NULL otherwise */
  const char *to;               /* rollback --to: d31, r7 or a version; NULL: the one below the top */
  bool force;                   /* passes gates; needs reason */
  const char *reason;           /* or NULL */
  gint64 wait_lock_ms;          /* how long to wait for a host that another deployment holds; 0: be refused */
  bool repin;                   /* resolve images that are not the release's own anew */
  bool kept_secrets;     /* rollback: the values that the hosts kept, before those of today's providers */
  bool as_is;            /* deploy: the snapshot that the environment runs, not today's configuration */
  bool skip_unreachable; /* go on without hosts that cannot be connected */
  GPtrArray *only;       /* --host: char *; the others are skipped. NULL: all */
  bool volumes;          /* down: the project's volumes, too */
  bool adopt;            /* containers of the project's name that slipway did not start are replaced, too */
  bool dry_run;          /* prune: only say what would go */
  const GPtrArray *set;  /* deploy, promote: NamedValue, variables for this time alone; NULL: none */
} RolloutRequest;

/* Runs the whole of it. *deployment is the record as it ended (also when it failed, if it was begun); NULL
 * with success: nothing newer to promote (said through the reporter). Errors by kind as in support/errors.h:
 * CONFIG/USAGE, REFUSED, UNREADY, DEPLOY, BROKEN, STORE, INTERRUPTED. */
bool rollout_run(const RolloutRequest *request, Deployment **deployment,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `down`: nothing of the environment runs afterwards; recorded as a deployment without a release. *deployment
 * and errors as rollout_run's. */
bool rollout_down(const RolloutRequest *request, Deployment **deployment,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  char *subject; /* service name; or "variable NAME", "file PATH" */
  char *from,
      *to;    /* NULL: absent. References of images, values of variables, short hashes and modes of files */
  char *diff; /* of a file whose content changed: a unified diff, or, where it is no text or a large one,
                 "changed, 120 → 130 bytes"; with its newlines. NULL: neither, or a secret's */
} PlanChange;

typedef struct {
  char *name;
  char *problem;        /* NULL, or why the host could not be asked */
  GPtrArray *recreated; /* char *: services that Compose will create or recreate there */
  GPtrArray *removed;   /* char *: services that run there and are no longer in the files */
  gint64 pull_bytes;    /* an estimate; 0: nothing to pull; -1: not known */
  guint wave;           /* 1 … */
} PlanHost;

typedef struct {
  DeploymentKind kind;      /* of the command that would do it */
  Release *release;         /* what would be deployed; NULL: nothing (why in `note`) */
  char *note;               /* or NULL */
  char *current_release;    /* "r6" or NULL */
  char *current_version;    /* or NULL */
  GPtrArray *gates;         /* GateAnswer */
  GPtrArray *images;        /* PlanChange by service */
  GPtrArray *configuration; /* PlanChange */
  GPtrArray *hosts;         /* PlanHost */
} Plan;
void plan_free(Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)

/* What rollout_run with this request would do; without a release named, what `promote` would take, or, where
 * there is nothing newer, today's configuration for the release that runs. Contacts the hosts, changes
 * nothing, locks nothing. A host that cannot be reached is a problem in its row, no failure. */
bool rollout_plan(const RolloutRequest *request, Plan **plan, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  char *host;    /* NULL: not about a host (a registry) */
  char *subject; /* "ssh", "engine", "compose", "disk", "inodes", "clock", "room", "registry", "history",
                    "inventory", "secret" */
  bool passes;
  char *answer;
} CheckAnswer;
void check_answer_free(CheckAnswer *answer);
/* `check ENV`: asks every host and registry, and whether there is room for what ENV is likely to get next
 * (request->kind is KIND_DEPLOY). CheckAnswer, also those that do not pass. Caller frees. */
GPtrArray *rollout_check(const RolloutRequest *request);
