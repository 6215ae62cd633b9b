/* Making releases: images that a build pushed, resolved to digests, with version, revision and times (design
 * §1, §4 `release create`). */
#pragma once

#include "environments/config/config.h"
#include "pipelines/history/history.h"
#include "pipelines/registry.h"

typedef struct {
  const char
      *tag; /* for every image of slipway.yml that `images` does not name; NULL: then all must be named */
  GPtrArray *images; /* NamedValue: --image NAME=REF; REF is a full reference, or ":tag", or "@sha256:…"; may
                        be NULL */
  const char *version, *revision,
      *build_url; /* NULL: from the OCI labels (org.opencontainers.image.version/revision/created), the tag
                     unless it is a moving one ("latest"), GIT_COMMIT, BUILD_URL, the git repository of the
                     configuration */
} ReleaseRequest;

/* Resolves and records; *existed as in history_add_release. SLIPWAY_ERROR_USAGE, before any registry is
 * asked: an image without
 * --tag or --image, a NAME that slipway.yml does not have, a REF of another repository, a version that cannot
 * be one. */
bool release_create(History *history, const Config *config, Registry *registry, const ReleaseRequest *request,
                    Release **release, bool *existed, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Digests for every service: own images (by repository, whatever tag or digest is written) from the release;
 * what carries a digest keeps it; the others from the release's pins, and what has none yet is resolved.
 * *pinned: service name -> reference. *fresh: image string -> reference, those that were resolved now (for
 * history_set_pin; kept in pipeline environments only). `services`: ComposeService; `pins` as
 * history_get_pins gives them, or NULL; `repin`: forget the kept pins. SLIPWAY_ERROR_CONFIG: no image
 * reference, or the release lacks an image of slipway.yml. */
bool release_pin_services(const Config *config, const Release *release, GHashTable *pins, bool repin,
                          GPtrArray *services, Registry *registry, GHashTable **pinned, GHashTable **fresh,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Who is acting: $BUILD_USER_ID, else $BUILD_URL, else login@machine (design §4). Caller frees. */
char *actor_name(void);
/* Is that a build ($BUILD_URL, $JENKINS_URL), with no word on who started it? */
bool actor_is_build(void);
/* HEAD of the repository that `directory` is in, and whether its tree is dirty (files that git does not track
 * aside); *revision NULL when there is none (or no git, or git refuses another user's repository).
 * *committed_at in microseconds; 0: unknown. */
void repository_state(const char *directory, char **revision, bool *is_dirty, gint64 *committed_at);
