/* Image references as Docker writes them (distribution reference grammar): repository[:tag][@digest]. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  char *registry;   /* host[:port]; "docker.io" when none is written */
  char *repository; /* path in the registry; "library/nginx" for "nginx" */
  char *tag;        /* NULL when absent (then "latest" if there is no digest either) */
  char *digest;     /* "sha256:…" or NULL */
  char *name;       /* the repository as written, without tag and digest: "nginx",
                       "registry.example.org/journal/web" */
} ImageReference;

void image_reference_clear(ImageReference *reference);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ImageReference, image_reference_clear)

/* SLIPWAY_ERROR_CONFIG, with the reason. */
bool image_reference_parse(const char *text, ImageReference *reference,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Both name the same repository ("nginx", "docker.io/library/nginx"). False when either does not parse. */
bool image_same_repository(const char *a, const char *b);
/* "repository@sha256:…": the name as written and the digest. Caller frees. */
char *image_pinned(const ImageReference *reference, const char *digest);
