/* A file that `history export` wrote, read and believed field by field (travel.h has its form). Pure but for
 * the reading. */
#pragma once

#include "deployer/rollout/travel.h"

typedef struct {
  char *name;             /* "r7" */
  Release *release;       /* id 0 */
  GHashTable *pins;       /* image -> reference */
  GPtrArray *deployments; /* Deployment, with their snapshots' hashes; succeeded, on all their hosts */
  GPtrArray *approvals;   /* Approval, release 0 */
  GHashTable *blobs;      /* sha256 -> GBytes, whose it is */
} Parcel;
void parcel_free(Parcel *parcel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Parcel, parcel_free)

/* `text` is of the file `path`. SLIPWAY_ERROR_USAGE: as travel_import. */
bool parcel_parse(const char *path, const char *text, gsize length, const char *app, Parcel **parcel,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool parcel_read(const char *path, const char *app, Parcel **parcel,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
