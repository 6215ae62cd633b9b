/* Making releases: images that a build pushed, resolved to digests, with version, revision and times (design §1, §4 `release create`). */
#pragma once

#include "environments/config/config.h"
#include "pipelines/history/history.h"
#include "pipelines/registry.h"

typedef struct {
  const char *tag;             /* for every image of slipway.yml that `images` does not name; NULL: then all must be named */
  GPtrArray *images;           /* NamedValue: --image NAME=REF; REF is a full reference, or ":tag", or "@sha256:…" */
  const char *version, *revision, *build_url; /* NULL: from the OCI labels (org.opencontainers.image.version/revision/created), GIT_COMMIT, BUILD_URL, the git repository */
} ReleaseRequest;

/* Resolves and records; *existed as in history_add_release. */
bool release_create(History *history, const Config *config, Registry *registry, const ReleaseRequest *request,
                    Release **release, bool *existed, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Digests for every service: own images from the release, the others from its pins, and what has none yet is resolved. *services: service name -> reference.
 * *fresh: image string -> reference, those that were resolved now (for history_set_pin; kept in pipeline environments only). `repin`: forget the kept pins. */
bool release_pin_services(const Config *config, const Release *release, GHashTable *pins, bool repin, GPtrArray *services,
                          Registry *registry, GHashTable **pinned, GHashTable **fresh, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Who is acting: $BUILD_USER_ID, else $BUILD_URL, else login@machine (design §4). Caller frees. */
char *actor_name(void);
/* HEAD of the repository that `directory` is in, and whether its tree is dirty; *revision NULL when there is none (or no git). */
void repository_state(const char *directory, char **revision, bool *is_dirty, gint64 *committed_at);
