/* The secrets of a deployment (design §3, §4): asked for in phase `ready`, or taken from what the hosts kept;
 * on a host in the release's env file, or in a file of FOLDER/secrets that a Compose secret is rewritten to;
 * in the snapshot as keyed hashes. Their values are in no other place. */
#pragma once

#include "deployer/rollout/crew.h"
#include "environments/secrets/secrets.h"
#include "support/secret.h"

typedef struct {
  SecretConfig config; /* where its value comes from today, and where it goes; borrowed strings */
  Secret *value;       /* NULL: not asked for, or it could not be had */
  Secret *kept;        /* NULL before phase_secrets, or no host has it: the value of hosts, for all of them */
  char *problem;       /* then why, or NULL: not asked for */
  char *hash;          /* what the snapshot says (snapshot.h), or NULL: not known */
} TargetSecret;

/* Fills in target->secrets: those of today's configuration; of a target from a snapshot those that it had,
 * each from where today's configuration says, or said then. Before the snapshot is written. Where a host may
 * have kept it (rollback, --as-is), or with `may_lack`, one that cannot be had is no failure yet.
 * Asked again, it only says what is lacking. SLIPWAY_ERROR_UNREADY naming all that fail,
 * SLIPWAY_ERROR_INTERRUPTED. */
bool target_ask_secrets(const RolloutRequest *request, Target *target, bool may_lack,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the snapshot will say of them, as snapshot_read_secrets gives it. Caller frees. */
GHashTable *target_secret_hashes(const Target *target);

/* Once the hosts are connected: what each of them keeps is read and registered for redaction (its containers
 * may write it), and used where the target lacks a value (with a warning), or first with --secrets kept. All
 * hosts get the same: for a rollback what any of them keeps of the very deployment that is put back, else
 * what any has now; for `--as-is` the other way round. (One that was rotated between by a deployment of the
 * same content has the older value with the older deployment; --to names the newer.) SLIPWAY_ERROR_UNREADY
 * naming those that nobody has. */
bool phase_secrets(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for a plan, of the hosts without an error; what fails on a host is its error, and what nobody has
 * is left out. */
void plan_secrets(Rollout *rollout);

/* ---- what a release has of them on the worker's host: release_own_files and the bundle -----------
 */
void worker_append_secrets(const Worker *worker, SecretText **env);
/* Name of a Compose secret -> name of its file in FOLDER/secrets. It changes with the value, and tells
 * nothing of it: an HMAC with random bytes that only the host keeps. */
GHashTable *worker_secret_names(const Worker *worker);
/* ProjectFile: those files. */
GPtrArray *worker_secret_files(const Worker *worker);
/* For the manifest: {"API_KEY": null, "TLS_KEY": "name of its file"}. */
cJSON *worker_secrets_json(const Worker *worker);

void target_secret_free(TargetSecret *secret);
/* Of one worker, NULL before phase_secrets. */
struct HostSecrets;
void host_secrets_free(struct HostSecrets *secrets);
