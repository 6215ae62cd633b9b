/* The options that name images and make a release of them, shared by `release create` and `deploy`.
 */
#pragma once

#include "deployer/commands/command.h"
#include "pipelines/release.h"

typedef struct {
  const char *tag;
  GPtrArray *images; /* const char *: NAME=REF */
  const char *version, *revision, *build_url;
} ImageChoices;

/* Rows for a choices struct that has an ImageChoices at offset `base`. */
/* clang-format off */
#define IMAGE_OPTIONS(base)                                                                                  \
  {'t', OPTION_TEXT, "tag", "TAG", (base) + offsetof(ImageChoices, tag),                                     \
   "this tag of every image in slipway.yml, resolved to digests now"},                                       \
  {'i', OPTION_LIST, "image", "NAME=REF", (base) + offsetof(ImageChoices, images),                           \
   "one image: NAME as in slipway.yml, REF a reference, \":tag\" or \"@sha256:…\"; repeatable"}

#define LABEL_OPTIONS(base)                                                                                  \
  {0, OPTION_TEXT, "version", "V", (base) + offsetof(ImageChoices, version),                                 \
   "the release's version; default: the image's org.opencontainers.image.version label"},                    \
  {0, OPTION_TEXT, "revision", "SHA", (base) + offsetof(ImageChoices, revision),                             \
   "the source revision; default: the image's label, $GIT_COMMIT, or git's HEAD"},                           \
  {0, OPTION_TEXT, "build-url", "URL", (base) + offsetof(ImageChoices, build_url),                           \
   "where the build can be seen; default: $BUILD_URL"}
/* clang-format on */

/* True when --tag or --image was given. */
bool image_choices_are_given(const ImageChoices *choices);
/* Fills `request`; what it needs besides argv is in *named (NamedValue), which has to outlive it.
 * SLIPWAY_ERROR_USAGE: a NAME=REF that is none, a NAME that slipway.yml does not have, or --version and its
 * like without an image. */
bool image_choices_request(const ImageChoices *choices, const Config *config, GPtrArray **named,
                           ReleaseRequest *request, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* For deploy: RELEASE and --tag or --image exclude each other. */
bool image_choices_check(const ImageChoices *choices, const char *release,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
