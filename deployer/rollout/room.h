/* Is there room on a host for what it must pull and take in? Asked before the first byte is pulled (design
 * §2.2). */
#pragma once

#include "deployer/rollout/crew.h"

/* The manifests of what hosts lack, each fetched once for all of them. Safe for several threads. */
typedef struct Manifests Manifests;
Manifests *manifests_new(GPtrArray *insecure_registries); /* borrowed */
void manifests_free(Manifests *manifests);

/* What the engine does not have of the target's images: references (borrowed from the target), each once. */
bool find_missing_images(Worker *worker, GPtrArray **references, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Compressed bytes that the host must pull for them: an estimate (pipelines/estimate.h). Asks about every
 * image on the host. */
bool estimate_missing(Worker *worker, const GPtrArray *references, gint64 *bytes,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* SLIPWAY_ERROR_UNREADY with the numbers when the engine's data root has too little space or too few inodes
 * to pull them. */
bool require_room_for_pull(Worker *worker, const GPtrArray *references,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for an upload of `bytes` to the release folder, from what was seen when the host was opened. */
bool require_room_for_upload(const Worker *worker, gint64 bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
