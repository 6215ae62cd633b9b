/* A deployment's configuration snapshot: all that a rollback needs, as one JSON blob in the history whose
 * files are blobs too.
 *   {"format": 1, "images": {service: reference}, "project": {… compose_project_to_json}, "settings":
 * "slipway.yml text of this environment", "set": {variable: value of --set}, "secrets": {name:
 * snapshot_secret_hash or null}} The content hash covers images
 * and project alone: what the stack compares (design §4). */
#pragma once

#include "deployer/rollout/target.h"
#include "support/secret.h"

/* What a snapshot says of a secret: which key, and the value's hash with it (history_secret_key). Equal ones
 * are equal values; others are not, unless they differ before the ":" and so have different keys. NULL
 * without a key. Caller frees. */
char *snapshot_secret_hash(const Secret *value, GBytes *key);
/* The secrets that a deployment had: name -> snapshot_secret_hash, "" where that is not known. Empty for one
 * without a snapshot, or of a slipway that knew none. */
bool snapshot_read_secrets(History *history, const Deployment *deployment, GHashTable **hashes,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Stores the blobs; *snapshot and *content are sha256 in hex, owned by the caller. */
bool snapshot_write(History *history, const RolloutRequest *request, const Target *target, char **snapshot,
                    char **content, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The text of that blob, whose sha256 *snapshot is: what hosts keep. Caller frees. */
char *snapshot_text(const RolloutRequest *request, const Target *target);

typedef struct {
  char *sha256, *path; /* of a file; where a host has it, below its folder of the environment */
} SnapshotFile;
/* What the snapshot of deployment `uid`, as hosts keep it, refers to: SnapshotFile, each content once.
 * SLIPWAY_ERROR_STORE: it is none. */
bool snapshot_list_files(GBytes *text, const char *uid, GPtrArray **files, char **content,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Puts it in the history, with today's settings but for the health rules of then: a host has kept it, and
 * settings name what the controller runs. Its files are there. *snapshot: the sha256 of what became of it;
 * caller frees. SLIPWAY_ERROR_STORE. */
bool snapshot_adopt(const RolloutRequest *request, GBytes *text, char **snapshot,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* SLIPWAY_ERROR_STORE when the blob or a file of it is missing. */
bool snapshot_read(History *history, const Deployment *deployment, ComposeProject **project,
                   GHashTable **pinned, Config **recorded, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The settings alone: slipway.yml as far as it concerns that environment, with the hosts that the deployment
 * was for and absolute paths. */
bool snapshot_read_settings(History *history, const Deployment *deployment, Config **settings,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What --set said: name -> value; empty: nothing. */
bool snapshot_read_set(History *history, const Deployment *deployment, GHashTable **set,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
