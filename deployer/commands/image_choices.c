/* --tag, --image and their like, as a ReleaseRequest. */
#include "deployer/commands/image_choices.h"

#include <string.h>

#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

static void named_value_free(gpointer data) {
  NamedValue *named = data;
  g_free(named->name);
  g_free(named->value);
  g_free(named);
}

bool image_choices_are_given(const ImageChoices *choices) {
  return choices->tag != NULL || choices->images != NULL;
}

static bool require_image_name(const Config *config, const char *name, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < config->images->len; i++) {
    const NamedValue *image = config->images->pdata[i];
    if (strcmp(image->name, name) == 0)
      return true;
    g_ptr_array_add(names, image->name);
  }
  g_ptr_array_add(names, NULL);
  const char *nearest = nearest_word(name, (const char *const *)names->pdata);
  if (nearest != NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "--image: slipway.yml has no image \"%s\"; did you mean \"%s\"?",
                name, nearest);
  names->pdata[names->len - 1] = NULL;
  g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
  return fail(error, SLIPWAY_ERROR_USAGE, "--image: slipway.yml has no image \"%s\"; it has: %s", name, list);
}

static bool add_image(const Config *config, const char *text, GPtrArray *named, GError **error) {
  const char *equals = strchr(text, '=');
  if (equals == NULL || equals == text || equals[1] == '\0')
    return fail(error, SLIPWAY_ERROR_USAGE, "--image wants NAME=REF, not \"%s\"", text);
  NamedValue *image = g_new0(NamedValue, 1);
  g_ptr_array_add(named, image);
  image->name = g_strndup(text, (gsize)(equals - text));
  image->value = g_strdup(equals + 1);
  for (guint i = 0; i + 1 < named->len; i++)
    if (strcmp(((const NamedValue *)named->pdata[i])->name, image->name) == 0)
      return fail(error, SLIPWAY_ERROR_USAGE, "--image %s was given twice", image->name);
  return require_image_name(config, image->name, error);
}

bool image_choices_request(const ImageChoices *choices, const Config *config, GPtrArray **named,
                           ReleaseRequest *request, GError **error) {
  g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func(named_value_free);
  for (guint i = 0; choices->images != NULL && i < choices->images->len; i++)
    if (!add_image(config, choices->images->pdata[i], images, error))
      return false;
  *request = (ReleaseRequest){.tag = choices->tag,
                              .images = images,
                              .version = choices->version,
                              .revision = choices->revision,
                              .build_url = choices->build_url};
  *named = g_steal_pointer(&images);
  return true;
}

bool image_choices_check(const ImageChoices *choices, const char *release, GError **error) {
  bool has_images = image_choices_are_given(choices);
  if (has_images && release != NULL)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "both a release (\"%s\") and %s were given; a release has its images already", release,
                choices->tag != NULL ? "--tag" : "--image");
  bool has_labels = choices->version != NULL || choices->revision != NULL || choices->build_url != NULL;
  if (has_labels && !has_images)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "--version, --revision and --build-url describe a new release: add --tag or --image");
  return true;
}
