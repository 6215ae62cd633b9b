/* Making a release: what was asked for is checked, then resolved, then given its version, revision and times.
 */
#include "pipelines/release.h"

#include <string.h>

#include "environments/compose/image_reference.h"
#include "pipelines/provenance.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum { WORD_CAP = 128 };

static const char LABEL_VERSION[] = "org.opencontainers.image.version";
static const char LABEL_REVISION[] = "org.opencontainers.image.revision";
static const char LABEL_CREATED[] = "org.opencontainers.image.created";

/* Tags that mean something else tomorrow: no versions. */
static const char *const MOVING_TAGS[] = {
    "latest", "main",    "master", "head",    "trunk",   "develop", "dev",  "edge",       "nightly", "stable",
    "next",   "current", "test",   "testing", "staging", "release", "prod", "production", NULL};

/* One image of the release in the making. */
typedef struct {
  const char *name;         /* of slipway.yml */
  char *wanted;             /* "repository:tag" or "repository@sha256:…" */
  char *tag;                /* of `wanted` or NULL */
  char *pinned;             /* once resolved */
  RegistryImage *described; /* once resolved */
} Part;

static void part_free(void *data) {
  Part *part = data;
  g_free(part->wanted);
  g_free(part->tag);
  g_free(part->pinned);
  registry_image_free(part->described);
  g_free(part);
}

/* ---- what is asked for
 * ----------------------------------------------------------------------------------------------- */

static const NamedValue *find_named(GPtrArray *values, const char *name) {
  for (guint i = 0; values != NULL && i < values->len; i++) {
    const NamedValue *value = values->pdata[i];
    if (strcmp(value->name, name) == 0)
      return value;
  }
  return NULL;
}

static bool fail_unknown_name(const Config *config, const char *name, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < config->images->len; i++)
    g_ptr_array_add(names, ((NamedValue *)config->images->pdata[i])->name);
  g_ptr_array_add(names, NULL);
  const char *near = nearest_word(name, (const char *const *)names->pdata);
  g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
  if (near != NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "--image %s: slipway.yml has no such image; did you mean \"%s\"?",
                name, near);
  return fail(error, SLIPWAY_ERROR_USAGE, "--image %s: slipway.yml has no such image, only %s", name, all);
}

static bool check_names(const Config *config, GPtrArray *images, GError **error) {
  for (guint i = 0; images != NULL && i < images->len; i++) {
    const NamedValue *image = images->pdata[i];
    if (find_named(config->images, image->name) == NULL)
      return fail_unknown_name(config, image->name, error);
    if (find_named(images, image->name) != image)
      return fail(error, SLIPWAY_ERROR_USAGE, "--image %s is given twice", image->name);
  }
  return true;
}

/* `reference` as --image has it -> what it wants of `repository`. */
static bool expand_reference(const NamedValue *image, const char *reference, char **wanted, GError **error) {
  g_auto(ImageReference) parsed = {0};
  if (*reference == ':' || *reference == '@') {
    *wanted = g_strconcat(image->value, reference, NULL);
    return true;
  }
  if (!image_reference_parse(reference, &parsed, error))
    return recast(error, SLIPWAY_ERROR_USAGE);
  if (!image_same_repository(reference, image->value))
    return fail(error, SLIPWAY_ERROR_USAGE,
                "slipway.yml has %s for this image (for a tag of it, write %s=:%s)", image->value,
                image->name, parsed.tag == NULL ? "TAG" : parsed.tag);
  *wanted = g_strconcat(image->value, parsed.tag == NULL ? "" : ":", parsed.tag == NULL ? "" : parsed.tag,
                        parsed.digest == NULL ? "" : "@", parsed.digest, NULL);
  return true;
}

/* *part is NULL when the request says nothing of this image. */
static bool plan_part(const NamedValue *image, const ReleaseRequest *request, Part **part, GError **error) {
  const NamedValue *named = find_named(request->images, image->name);
  g_autofree char *wanted = NULL;
  g_auto(ImageReference) parsed = {0};
  if (named == NULL && request->tag == NULL) {
    *part = NULL;
    return true;
  }
  if (named == NULL)
    wanted = g_strconcat(image->value, ":", request->tag, NULL);
  else if (!expand_reference(image, named->value, &wanted, error))
    return prefix(error, "--image %s=%s: ", image->name, named->value);
  if (!image_reference_parse(wanted, &parsed, error)) {
    recast(error, SLIPWAY_ERROR_USAGE);
    return prefix(error, "%s %s: ", named == NULL ? "--tag" : "--image",
                  named == NULL ? request->tag : image->name);
  }
  *part = g_new0(Part, 1);
  (*part)->name = image->name;
  (*part)->wanted = g_steal_pointer(&wanted);
  (*part)->tag = g_steal_pointer(&parsed.tag);
  return true;
}

static bool plan_parts(const Config *config, const ReleaseRequest *request, GPtrArray **parts,
                       GError **error) {
  g_autoptr(GPtrArray) planned = g_ptr_array_new_with_free_func(part_free);
  g_autoptr(GString) missing = g_string_new(NULL);
  if (!check_names(config, request->images, error))
    return false;
  for (guint i = 0; i < config->images->len; i++) {
    const NamedValue *image = config->images->pdata[i];
    Part *part = NULL;
    if (!plan_part(image, request, &part, error))
      return false;
    if (part != NULL)
      g_ptr_array_add(planned, part);
    else
      g_string_append_printf(missing, "%s%s", missing->len == 0 ? "" : ", ", image->name);
  }
  if (missing->len > 0)
    return fail(
        error, SLIPWAY_ERROR_USAGE,
        "which image is meant for %s? A release needs all of them: --tag TAG, or --image NAME=REF for each",
        missing->str);
  *parts = g_steal_pointer(&planned);
  return true;
}

/* ---- what it is called
 * ----------------------------------------------------------------------------------------------- */

/* A version or revision has to be typed, and read in a table. */
static bool is_word(const char *text) {
  if (!g_ascii_isalnum(*text) || strnlen(text, WORD_CAP + 1) > WORD_CAP)
    return false;
  for (const char *at = text; *at != '\0'; at++)
    if (!g_ascii_isalnum(*at) && strchr("._+-~:/", *at) == NULL)
      return false;
  return true;
}

static bool check_words(const ReleaseRequest *request, GError **error) {
  const struct {
    const char *option, *value;
  } rows[] = {{"--version", request->version}, {"--revision", request->revision}};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    if (rows[i].value != NULL && !is_word(rows[i].value))
      return fail(
          error, SLIPWAY_ERROR_USAGE,
          "%s: begin with a letter or digit, then letters, digits and . _ + - ~ : / (at most %d in all)",
          rows[i].option, WORD_CAP);
  return true;
}

static const char *label_of(const Part *part, const char *label) {
  const char *value = g_hash_table_lookup(part->described->labels, label);
  return value == NULL || !is_word(value) ? NULL : value;
}

/* What all images that have this label agree on; NULL. Borrowed. */
static const char *agreed_label(GPtrArray *parts, const char *label) {
  const char *agreed = NULL;
  for (guint i = 0; i < parts->len; i++) {
    const char *value = label_of(parts->pdata[i], label);
    if (value != NULL && agreed != NULL && strcmp(value, agreed) != 0)
      return NULL;
    agreed = value == NULL ? agreed : value;
  }
  return agreed;
}

/* The tag that all images have, unless it moves; NULL. Borrowed. */
static const char *agreed_tag(GPtrArray *parts) {
  const char *tag = ((Part *)parts->pdata[0])->tag;
  for (guint i = 0; i < parts->len; i++)
    if (tag == NULL || g_strcmp0(((Part *)parts->pdata[i])->tag, tag) != 0)
      return NULL;
  g_autofree char *lower = g_ascii_strdown(tag, -1);
  return is_word(tag) && !g_strv_contains(MOVING_TAGS, lower) ? tag : NULL;
}

static const char *environment_word(const char *name) {
  const char *value = g_getenv(name);
  return value == NULL || !is_word(value) ? NULL : value;
}

static const char *first_of(const char *const *candidates, guint count) {
  for (guint i = 0; i < count; i++)
    if (candidates[i] != NULL)
      return candidates[i];
  return NULL;
}

/* The newest build time that the labels tell; 0. */
static gint64 newest_created(GPtrArray *parts) {
  gint64 newest = 0, created = 0;
  for (guint i = 0; i < parts->len; i++) {
    const char *text = label_of(parts->pdata[i], LABEL_CREATED);
    if (text != NULL && time_parse(text, &created))
      newest = MAX(newest, created);
  }
  return newest;
}

/* No version is one that history_add_release makes of the revision. */
static void name_release(Release *release, const char *directory, const ReleaseRequest *request,
                         GPtrArray *parts) {
  g_autofree char *head = NULL;
  bool is_dirty = false;
  gint64 head_time = 0;
  const char *revisions[] = {request->revision, agreed_label(parts, LABEL_REVISION),
                             environment_word("GIT_COMMIT")};
  const char *versions[] = {request->version, agreed_label(parts, LABEL_VERSION), agreed_tag(parts)};
  const char *revision = first_of(revisions, G_N_ELEMENTS(revisions));
  if (revision == NULL)
    repository_state(directory, &head, &is_dirty, &head_time);
  release->version = g_strdup(first_of(versions, G_N_ELEMENTS(versions)));
  release->revision = g_strdup(revision != NULL ? revision : head);
  release->committed_at = revision != NULL ? commit_time(directory, revision) : head_time;
  if (release->committed_at == 0)
    release->committed_at = newest_created(parts);
  const char *build_url = request->build_url != NULL ? request->build_url : g_getenv("BUILD_URL");
  if (build_url != NULL && *build_url != '\0')
    release->build_url = text_printable(build_url, false);
}

/* ---- making it
 * ------------------------------------------------------------------------------------------------------- */

static bool resolve_parts(Registry *registry, GPtrArray *parts, GError **error) {
  for (guint i = 0; i < parts->len; i++) {
    Part *part = parts->pdata[i];
    if (!registry_resolve(registry, part->wanted, &part->pinned, error) ||
        !registry_describe(registry, part->pinned, NULL, NULL, &part->described, error))
      return prefix(error, "image %s: ", part->name);
  }
  return true;
}

static void add_images(Release *release, GPtrArray *parts) {
  for (guint i = 0; i < parts->len; i++) {
    const Part *part = parts->pdata[i];
    ReleaseImage *image = g_new0(ReleaseImage, 1);
    image->name = g_strdup(part->name);
    image->reference = g_strdup(part->pinned);
    g_ptr_array_add(release->images, image);
  }
}

bool release_create(History *history, const Config *config, Registry *registry, const ReleaseRequest *request,
                    Release **release, bool *existed, GError **error) {
  g_autoptr(GPtrArray) parts = NULL;
  g_autoptr(Release) made = release_new();
  if (!check_words(request, error) || !plan_parts(config, request, &parts, error))
    return false;
  g_assert(parts != NULL);
  if (parts->len == 0)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: no images, so there is nothing to release", config->path);
  if (!resolve_parts(registry, parts, error))
    return false;
  add_images(made, parts);
  name_release(made, config->directory, request, parts);
  if (!history_add_release(history, made, existed, error))
    return false;
  *release = g_steal_pointer(&made);
  return true;
}
