/* A release and where it was verified, as a file that another history takes in: `history export`, `history
 * import --file`. Build agents come and go, and their histories with them.
 *
 * One JSON document (docs/guide.md, "Verification that travels"):
 *
 *   {"slipway_export": 1, "app", "name": "r7",
 *    "release": {…release_json}, "pins": {image: reference},
 *    "deployments": [{…deployment_json, "touched", "snapshot": sha256 or null}],
 *    "approvals": [{…approval_json}],
 *    "blobs": {sha256: base64},
 *    "sha256": of all else as canonical JSON}
 *
 * The checksum finds damage and careless changes, no forger: a file is to be trusted like the history that it
 * goes to. */
#pragma once

#include "deployer/rollout/rollout.h"

/* The deployments by which it is verified in each environment, with the snapshots that a rollback to them
 * needs (left out with a warning where they are too large), its pins and approvals. Of `request`: config,
 * history, reporter. */
bool travel_export(const RolloutRequest *request, const Release *release, cJSON **document,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  char *there;            /* what it was called in the other history: "r7" */
  Release *release;       /* as it is here */
  GPtrArray *deployments; /* Deployment: those that were new; they vouch (MOVE_NONE) */
  guint known;            /* how many were not */
  guint approvals;        /* how many were new */
} TravelReport;
void travel_report_clear(TravelReport *report);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TravelReport, travel_report_clear)

/* All of it or, when it contradicts what is known (SLIPWAY_ERROR_REFUSED: the same version or deployment with
 * other images, another pin) or cannot be recorded, nothing, in one transaction; again is nothing new.
 * SLIPWAY_ERROR_USAGE: no such file, damaged, too large, of another application, of a newer slipway. */
bool travel_import(const RolloutRequest *request, const char *path, TravelReport *report,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What both sides agree on. */
enum { TRAVEL_FORMAT = 1, TRAVEL_FILE_CAP = 64 << 20 };
/* sha256 over `document` without its own. Caller frees. */
char *travel_checksum(const cJSON *document);
