/* A container registry's read side: OCI Distribution Specification v1.1 and Docker Registry HTTP API V2 on
 * support/http. Tags become digests of the index (or of the single manifest where there is no index), labels
 * and layers are read from the image's config. Anonymous, Basic (RFC 7617) and the Bearer token flow
 * (https://distribution.github.io/distribution/spec/auth/token/). HTTPS, but for loopback and
 * `insecure_registries`. Failures are SLIPWAY_ERROR_UNREADY and name registry, repository and what to do. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Registry Registry;
/* `insecure`: char *, host[:port]; borrowed, may be NULL. One Registry serves all registries; one thread at a
 * time; tokens are kept for its life. */
Registry *registry_new(GPtrArray *insecure);
void registry_free(Registry *registry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Registry, registry_free)

/* "repository[:tag][@digest]" -> "repository@sha256:…", the name as written. One with a digest is checked to
 * exist. Caller frees. SLIPWAY_ERROR_CONFIG when `image` is no image reference. */
bool registry_resolve(Registry *registry, const char *image, char **pinned,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
  char *digest;  /* "sha256:…" of the compressed layer */
  char *diff_id; /* of the unpacked layer */
  gint64 size;   /* compressed bytes */
} RegistryLayer;

typedef struct {
  GHashTable *labels; /* char * -> char *: config.Labels */
  GPtrArray *layers;  /* RegistryLayer, base first */
  char *created;      /* config's `created` or NULL */
} RegistryImage;
void registry_image_free(RegistryImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RegistryImage, registry_image_free)
void registry_layer_free(RegistryLayer *layer);

/* Whether the repository of `image` can be read with the credentials at hand; whether the tag exists is not
 * asked. */
bool registry_check(Registry *registry, const char *image, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The image for one platform; `os`/`architecture` NULL: linux and the first entry that is an image.
 * Architectures may be Go's
 * ("amd64") or the kernel's ("x86_64"). No such platform is SLIPWAY_ERROR_UNREADY listing those there are.
 * All that is read is checked against its digest. */
bool registry_describe(Registry *registry, const char *pinned, const char *os, const char *architecture,
                       RegistryImage **image, GError **error) G_GNUC_WARN_UNUSED_RESULT;
