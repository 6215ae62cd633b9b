/* The history: releases, pins, deployments with their hosts and steps, holds, and configuration snapshots, in
 * one SQLite file (design §2.4, §4). STRICT tables, WAL, synchronous=FULL, BEGIN IMMEDIATE; a second slipway
 * on the same file waits (up to 60 s). All SQL is in this folder. Every failure is SLIPWAY_ERROR_STORE with
 * the file's path. Functions may be called from several threads (a mutex inside). Times: microseconds, UTC.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct History History;
/* One History per file and process (POSIX locks). In WRITE mode the -wal (emptied) and -shm files stay, so
 * that users who may only read can. READ works without write permission (of the file or folder) and on a file
 * that does not exist: then the history is empty. WRITE creates folder and file (0700, 0600) and migrates.
 * WAL is not for network file systems: there (statfs) journal_mode=DELETE is used, and history_note says so.
 * A file from a newer slipway is refused. WRITE also checks the file for damage: all of it each time, one of
 * more than 4 MB once a day and after the machine started. So any later call may be the first to meet damage
 * of a long one; it fails as opening would. */
typedef enum { HISTORY_READ, HISTORY_WRITE } HistoryMode;
bool history_open(const char *path, HistoryMode mode, History **history,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void history_free(History *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_free)
/* Something worth telling about how the file was opened, or NULL. Borrowed. */
const char *history_note(const History *history);

/* Several calls of one thread as one transaction: all that they write or, unless it is committed, nothing.
 * Other threads and processes wait meanwhile.
 *
 *   g_auto(HistoryTransaction) transaction = {0};
 *   if (!history_begin_transaction(history, &transaction, error))
 *     return false;
 *   …                                               // returning here rolls back
 *   return history_commit_transaction(&transaction, error);
 */
typedef struct {
  History *history; /* locked while set */
  bool is_open;
  bool is_inside; /* of one that a caller began, which locks, commits and rolls back */
} HistoryTransaction;
bool history_begin_transaction(History *history, HistoryTransaction *transaction,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool history_commit_transaction(HistoryTransaction *transaction, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void history_clear_transaction(HistoryTransaction *transaction);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HistoryTransaction, history_clear_transaction)

/* ---- releases ---- */
typedef struct {
  char *name, *reference; /* image name of slipway.yml, "repository@sha256:…" */
} ReleaseImage;
ReleaseImage *release_image_new(const char *name, const char *reference);
void release_image_free(ReleaseImage *image);

typedef struct {
  gint64 id; /* r7 is 7 */
  char *uid;
  char *version;       /* never NULL: the label, or the revision's start, or "rN" */
  char *revision;      /* or NULL */
  gint64 committed_at; /* 0: unknown */
  gint64 created_at;
  char *build_url;   /* or NULL */
  GPtrArray *images; /* ReleaseImage, sorted by name */
} Release;
Release *release_new(void);
void release_free(Release *release);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Release, release_free)
const char *release_image(const Release *release, const char *name); /* reference or NULL */
/* Is `text` of the form of a short name, "r7"? *id: its number. */
bool release_is_short_name(const char *text, gint64 *id);

/* Fills id, uid, created_at (and version when NULL) of a new one. A version that nobody gave is the
 * revision's start, or, when other images have that, "rN"; one that looks like "r7" is SLIPWAY_ERROR_USAGE.
 * The same images and version give the recorded release again (*existed = true, `release` gets its fields).
 * The same version with other images is SLIPWAY_ERROR_REFUSED, naming the release and the images that differ.
 */
bool history_add_release(History *history, Release *release, bool *existed,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* *release is NULL when there is none. */
bool history_get_release(History *history, gint64 id, Release **release,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Newest first: by when they were made, for an imported one has a higher id than others that are newer.
 * limit 0: all. */
bool history_list_releases(History *history, guint limit, GPtrArray **releases,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same: as new as `oldest` (its id), or newer; all when there is no such release: 0, since foreign keys
 * rule out others. */
bool history_list_releases_since(History *history, gint64 oldest, GPtrArray **releases,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Was `release` made before `than` (ids)? */
bool history_is_older_release(History *history, gint64 release, gint64 than, bool *is_older,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Pins of images that are not the release's own (sidecars): image string as written -> reference. GHashTable
 * of char *. */
bool history_get_pins(History *history, gint64 release, GHashTable **pins,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Replaces what was there (--repin). */
bool history_set_pin(History *history, gint64 release, const char *image, const char *reference,
                     const char *environment, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- blobs ---- */
/* Content-addressed by sha256 (hex). Putting what is there is nothing. */
bool history_put_blob(History *history, const char *sha256, GBytes *bytes,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool history_get_blob(History *history, const char *sha256, GBytes **bytes,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT; /* NULL: not there */

/* ---- secrets ---- */
/* The key of the hashes that secrets go by, in the file PATH.key (0600), made where it is missing: 32 bytes.
 * NULL: it cannot be read or made; then nobody can say which secret changed, and nothing else is lost. */
GBytes *history_secret_key(History *history);

/* ---- deployments ---- */
typedef enum {
  KIND_DEPLOY,
  KIND_PROMOTE,
  KIND_ROLLBACK,
  KIND_DOWN, /* `down`: nothing runs afterwards; has no release */
} DeploymentKind;
typedef enum {
  STATUS_RUNNING,
  STATUS_SUCCEEDED,
  STATUS_FAILED,
  STATUS_BROKEN,
  STATUS_INTERRUPTED
} DeploymentStatus;
typedef enum {
  HOST_PENDING,
  HOST_CHANGED,
  HOST_UNCHANGED,
  HOST_RESTORED,
  HOST_FAILED,
  HOST_SKIPPED,
  HOST_UNKNOWN
} HostStatus;
/* What success does to the environment's stack (design §4, "Which deployment is which"). Decided before,
 * applied only if it counts. */
typedef enum {
  MOVE_PUSH,
  MOVE_POP,
  MOVE_RETURN,
  MOVE_NONE, /* of another history's export: it vouches for its release, and changes nothing else */
} StackMove;
const char *deployment_kind_name(DeploymentKind kind);
const char *deployment_status_name(DeploymentStatus status);
const char *host_status_name(HostStatus status);
const char *stack_move_name(StackMove move);
/* False: no such word. */
bool deployment_kind_parse(const char *name, DeploymentKind *kind) G_GNUC_WARN_UNUSED_RESULT;
bool stack_move_parse(const char *name, StackMove *move) G_GNUC_WARN_UNUSED_RESULT;
bool host_status_parse(const char *name, HostStatus *status) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  char *name, *address; /* address NULL: local */
  HostStatus status;
  char *runs; /* uid of the deployment that the host runs as far as known, "" for nothing, NULL for unknown */
  char *error; /* or NULL */
} DeploymentHost;
DeploymentHost *deployment_host_new(const char *name, const char *address); /* pending; runs is not known */
void deployment_host_free(DeploymentHost *host);

typedef struct {
  gint64 id; /* d31 is 31 */
  char *uid;
  char *environment;
  gint64 release; /* id; 0: none (not known) */
  char *version;  /* the release's; filled in when read */
  DeploymentKind kind;
  DeploymentStatus status;
  int exit_code;   /* -1 while running */
  gint64 restores; /* deployment id that a rollback puts back; 0 */
  gint64 leaves;   /* deployment id that a rollback leaves; 0 */
  StackMove move;
  char *actor, *reason, *build_url, *config_revision; /* NULL: none */
  bool forced, config_dirty;
  bool touched;                   /* some container was changed */
  gint64 started_at, finished_at; /* finished_at 0 while running */
  char *images;                   /* JSON object text {service: "repo@sha256:…"}, canonical */
  char *content;    /* sha256 over images and configuration (what the stack compares); NULL until prepared */
  char *snapshot;   /* sha256 of the snapshot blob; NULL until prepared */
  char *message;    /* how it ended, one line or more, or NULL */
  char *controller; /* "host pid start-time boot-id" of the process that runs it, for "is it still there?" */
  GPtrArray *hosts; /* DeploymentHost, in order */
} Deployment;
Deployment *deployment_new(void);
void deployment_free(Deployment *deployment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Deployment, deployment_free)

/* Inserts it as `running` with its hosts; fills id, uid (unless set), started_at (unless set). */
bool history_begin_deployment(History *history, Deployment *deployment,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Once it is known: release, images, content, snapshot (put the blob first), restores, leaves, move,
 * config_*. */
bool history_update_deployment(History *history, const Deployment *deployment,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* By name; one that the deployment does not have yet is added. */
bool history_set_host(History *history, gint64 deployment, const DeploymentHost *host,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* status, exit_code, finished_at, touched, message and all hosts, in one transaction. From then on it has its
 * place in the order in which deployments ended. */
bool history_finish_deployment(History *history, const Deployment *deployment,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

bool history_get_deployment(History *history, gint64 id, Deployment **deployment,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Newest first: those that have not ended by id, then by the order in which they ended. That is not always
 * the order of their ids: one may have waited for a lock, another may have been imported. environment NULL:
 * all; limit 0: all. */
bool history_list_deployments(History *history, const char *environment, guint limit, GPtrArray **deployments,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of that environment, newest first, whatever says something about one of these releases (gint64): their
 * deployments, and the rollbacks that left one of these. */
bool history_list_deployments_about(History *history, const char *environment, const GArray *releases,
                                    GPtrArray **deployments, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The releases (gint64) whose deployments some rollback of that environment left, or tried to. */
bool history_list_left_releases(History *history, const char *environment, GArray **releases,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* How many of that environment have ended. */
bool history_count_ended(History *history, const char *environment, gint64 *count,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Those of `uids` (char *, as unique_id makes them) that are recorded, newest first. */
bool history_find_deployments(History *history, const GPtrArray *uids, GPtrArray **deployments,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A deployment that another history made. */
typedef struct {
  Deployment *deployment; /* all but id, release, version, restores and leaves, which are filled in; one that
                             has not ended is `running` */
  Release *release;       /* with uid, version and images; NULL: none. Becomes the recorded one */
  const char *restores, *leaves; /* uids; NULL or not recorded: none */
  gint64 before; /* it ended before this one, which is recorded and has ended; 0: it is the newest */
} DeploymentImport;
/* Records it, in one transaction. A uid that is recorded already: nothing, *existed; unless it was only
 * vouching (MOVE_NONE) and this one is not: then this one takes its place, with all that it says (a snapshot
 * that it lacks stays, if the content is the same). The release is the one of that uid, or
 * of the same version and images; where other images have its version, it is recorded as
 * VERSION+START-OF-UID. The snapshot's blob must be there. */
bool history_import_deployment(History *history, DeploymentImport *import, bool *existed,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for a release alone: `release` becomes what it is here. */
bool history_take_release(History *history, Release *release, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  gint64 id;
  gint64 deployment;
  char *host;   /* NULL: the deployment as a whole */
  char *step;   /* "connect", "pull", "upload", "up", "health", … */
  char *status; /* "running" "ok" "failed" */
  gint64 started_at, finished_at;
  char *detail; /* or NULL */
  char *output; /* what its task wrote, lines; NULL: it has no output */
  gint64 lost;  /* bytes that were left out of the output */
} DeploymentStep;
void deployment_step_free(DeploymentStep *step);
/* Intent before the effect, outcome after it. *id identifies the step. */
bool history_begin_step(History *history, gint64 deployment, const char *host, const char *step, gint64 *id,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool history_finish_step(History *history, gint64 id, const char *status, const char *detail,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What the step's task wrote, without secrets; replaces what was there. `lost`: bytes that are not in it. */
bool history_set_output(History *history, gint64 step, const char *text, gint64 lost,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool history_list_steps(History *history, gint64 deployment, GPtrArray **steps,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- holds
 * -----------------------------------------------------------------------------------------------------------
 */
/* No deployment but rollback goes to a held environment. Lifted ones stay on record. */
typedef struct {
  gint64 id;
  char *environment, *reason, *actor;
  gint64 since;
  gint64 lifted_at; /* 0: in force */
  char *lifted_by;  /* NULL: in force */
} Hold;
void hold_free(Hold *hold);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hold, hold_free)

/* Also where one is in force already: the newer is the one that counts, the older stays until both are
 * lifted. *hold may be NULL. */
bool history_add_hold(History *history, const char *environment, const char *reason, const char *actor,
                      Hold **hold, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The newest in force; *hold is NULL when there is none. */
bool history_get_hold(History *history, const char *environment, Hold **hold,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Lifts all that are in force. *lifted: what history_get_hold said until now; NULL: there was none. */
bool history_lift_holds(History *history, const char *environment, const char *actor, Hold **lifted,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Hold, newest first, lifted ones too; environment NULL: all; limit 0: all. */
bool history_list_holds(History *history, const char *environment, guint limit, GPtrArray **holds,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- approvals ---- */
typedef struct {
  gint64 id;
  char *environment;
  gint64 release; /* its id */
  char *person;   /* who agreed */
  char *actor;    /* who recorded that: the same, or, with is_claimed, somebody or a build that says so */
  bool is_claimed;
  char *reason; /* or NULL */
  gint64 approved_at;
} Approval;
void approval_free(Approval *approval);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Approval, approval_free)

/* Upper and lower case, and what follows an "@", make no other person. */
bool person_is_same(const char *a, const char *b);
/* Fills id, and approved_at unless set. *existed: that person approved that release there before; `approval`
 * becomes what is on record, and nothing is written. */
bool history_add_approval(History *history, Approval *approval, bool *existed,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Approval, oldest first, a person once a release and environment. environment NULL: all; release 0: all. */
bool history_list_approvals(History *history, const char *environment, gint64 release, GPtrArray **approvals,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same of one environment, about releases as new as `oldest` (its id), or newer; 0: about all. About none
 * when there is no such release, which foreign keys rule out. */
bool history_list_approvals_since(History *history, const char *environment, gint64 oldest,
                                  GPtrArray **approvals, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- naming ---- */
/* "r7", a version, or a unique start (at least 4 characters) of version or revision. An ambiguous or unknown
 * one is SLIPWAY_ERROR_USAGE with candidates. */
bool history_find_release(History *history, const char *name, Release **release,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
