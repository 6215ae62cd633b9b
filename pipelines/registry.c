/* What a registry's manifests, indexes and configs mean. */
#include "pipelines/registry.h"

#include <string.h>

#include "pipelines/registry_client.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/poison.h"
#include "support/text.h"

/* All four, or a registry converts and answers with the digest of something else. */
static const char MANIFEST_TYPES[] = "application/vnd.oci.image.index.v1+json, "
                                     "application/vnd.docker.distribution.manifest.list.v2+json, "
                                     "application/vnd.oci.image.manifest.v1+json, "
                                     "application/vnd.docker.distribution.manifest.v2+json";

enum { INDEX_DEPTH = 3 };

/* What a platform is called by the kernel -> by Go, and so by registries. */
static const struct {
  const char *kernel, *go;
} ARCHITECTURES[] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"},
                     {"armv6l", "arm"},   {"i686", "386"},      {"i386", "386"}};

typedef struct {
  const char *os, *architecture; /* architecture NULL: any */
} Platform;

void registry_layer_free(RegistryLayer *layer) {
  if (layer == NULL)
    return;
  g_free(layer->digest);
  g_free(layer->diff_id);
  g_free(layer);
}

void registry_image_free(RegistryImage *image) {
  if (image == NULL)
    return;
  g_hash_table_unref(image->labels);
  g_ptr_array_unref(image->layers);
  g_free(image->created);
  g_free(image);
}

static bool is_digest(const char *text) {
  if (text == NULL || !g_str_has_prefix(text, "sha256:") || strlen(text) != strlen("sha256:") + 64)
    return false;
  return strspn(text + strlen("sha256:"), "0123456789abcdef") == 64;
}

static char *digest_of(const GString *body) {
  g_assert(body != NULL);
  g_autofree char *hex = sha256_hex(body->str, body->len);
  return g_strconcat("sha256:", hex, NULL);
}

/* "tag 1.2" or "image sha256:…", for errors. */
static char *describe_wanted(const char *wanted) {
  return g_strconcat(is_digest(wanted) ? "image " : "tag ", wanted, NULL);
}

/* HEAD costs no rate limit and no body; NULL where it does not tell (old registries, proxies that allow GET
 * only). */
static bool ask_digest(Registry *registry, const ImageReference *image, const char *wanted, char **digest,
                       GError **error) {
  g_autofree char *path = g_strconcat("manifests/", wanted, NULL), *what = describe_wanted(wanted);
  g_auto(HttpReply) reply = {0};
  RegistryQuestion question = {.method = "HEAD", .path = path, .accept = MANIFEST_TYPES};
  if (!registry_ask(registry, image, &question, &reply, error))
    return false;
  if (reply.status == 401 || reply.status == 403 || reply.status == 404 || reply.status == 429)
    return registry_refuse(image, what, &reply, error);
  const char *told = http_reply_header(&reply, "docker-content-digest");
  *digest = reply.status == 200 && is_digest(told) ? g_strdup(told) : NULL;
  return true;
}

/* `what` names it in errors. The bytes are what `digest` promises; digest NULL: whatever they are. */
static bool fetch(Registry *registry, const ImageReference *image, const char *path, const char *what,
                  const char *digest, HttpReply *reply, GError **error) {
  g_auto(HttpReply) answer = {0};
  RegistryQuestion question = {.method = "GET", .path = path, .accept = MANIFEST_TYPES};
  if (g_str_has_prefix(path, "blobs/"))
    question.accept = NULL;
  if (!registry_ask(registry, image, &question, &answer, error))
    return false;
  if (answer.status != 200)
    return registry_refuse(image, what, &answer, error);
  g_autofree char *actual = digest_of(answer.body);
  if (digest != NULL && strcmp(actual, digest) != 0)
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "registry %s sent something else than %s of %s (its digest is %s): do not trust it, or what "
                "is between",
                image->registry, what, image->repository, actual);
  *reply = answer;
  answer = (HttpReply){0};
  return true;
}

static bool hash_manifest(Registry *registry, const ImageReference *image, const char *wanted, char **digest,
                          GError **error) {
  g_autofree char *path = g_strconcat("manifests/", wanted, NULL), *what = describe_wanted(wanted);
  g_auto(HttpReply) reply = {0};
  if (!fetch(registry, image, path, what, is_digest(wanted) ? wanted : NULL, &reply, error))
    return false;
  *digest = digest_of(reply.body);
  return true;
}

bool registry_resolve(Registry *registry, const char *image, char **pinned, GError **error) {
  g_auto(ImageReference) reference = {0};
  g_autofree char *digest = NULL;
  if (!image_reference_parse(image, &reference, error))
    return false;
  const char *wanted = reference.digest != NULL ? reference.digest : reference.tag;
  if (wanted == NULL)
    wanted = "latest";
  if (!ask_digest(registry, &reference, wanted, &digest, error) ||
      (digest == NULL && !hash_manifest(registry, &reference, wanted, &digest, error)))
    return false;
  if (reference.digest != NULL && strcmp(digest, reference.digest) != 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "registry %s answers for another image than %s",
                reference.registry, image);
  *pinned = image_pinned(&reference, digest);
  return true;
}

static bool fetch_json(Registry *registry, const ImageReference *image, const char *kind, const char *digest,
                       cJSON **json, GError **error) {
  g_autofree char *path = g_strdup_printf("%s/%s", kind, digest), *what = describe_wanted(digest);
  g_auto(HttpReply) reply = {0};
  if (!fetch(registry, image, path, what, digest, &reply, error))
    return false;
  g_assert(reply.body != NULL);
  return json_parse(reply.body->str, reply.body->len, what, json, error);
}

static bool fail_malformed(const ImageReference *image, const char *digest, const char *why, GError **error) {
  return fail(error, SLIPWAY_ERROR_UNREADY, "%s/%s@%s is not a container image: %s", image->registry,
              image->repository, digest, why);
}

static const char *go_architecture(const char *name) {
  for (guint i = 0; name != NULL && i < G_N_ELEMENTS(ARCHITECTURES); i++)
    if (strcmp(name, ARCHITECTURES[i].kernel) == 0)
      return ARCHITECTURES[i].go;
  return name;
}

/* `object` has "os" and "architecture"; what it does not say it does not rule out. */
static bool is_for(const cJSON *object, const Platform *platform) {
  const char *os = json_string(object, "os"), *architecture = json_string(object, "architecture");
  if (os != NULL && *os != '\0' && strcmp(os, platform->os) != 0)
    return false;
  return platform->architecture == NULL || architecture == NULL || *architecture == '\0' ||
         strcmp(architecture, platform->architecture) == 0;
}

/* Build attestations stand in an index as images of the platform unknown/unknown. */
static bool is_attestation(const cJSON *entry) {
  const cJSON *platform = json_object(entry, "platform");
  return g_strcmp0(json_string(platform, "os"), "unknown") == 0 &&
         g_strcmp0(json_string(platform, "architecture"), "unknown") == 0;
}

static void append_platform(GString *list, const cJSON *object) {
  const char *os = json_string(object, "os"), *architecture = json_string(object, "architecture");
  g_autofree char *raw =
      g_strdup_printf("%s/%s", os == NULL ? "?" : os, architecture == NULL ? "?" : architecture);
  g_autofree char *safe = text_printable(raw, false);
  g_string_append_printf(list, "%s%s", list->len == 0 ? "" : ", ", safe);
}

static bool fail_platform(const ImageReference *image, const Platform *platform, const GString *there,
                          GError **error) {
  return fail(error, SLIPWAY_ERROR_UNREADY, "%s/%s has no image for %s/%s, only for %s", image->registry,
              image->repository, platform->os,
              platform->architecture == NULL ? "any" : platform->architecture,
              there->len == 0 ? "nothing" : there->str);
}

static bool choose_entry(const ImageReference *image, const cJSON *entries, const Platform *platform,
                         const char **digest, GError **error) {
  g_autoptr(GString) there = g_string_new(NULL);
  const cJSON *entry = NULL;
  cJSON_ArrayForEach(entry, entries) {
    if (is_attestation(entry))
      continue;
    const cJSON *offered = json_object(entry, "platform");
    if (is_for(offered, platform) && is_digest(json_string(entry, "digest"))) {
      *digest = json_string(entry, "digest");
      return true;
    }
    append_platform(there, offered);
  }
  return fail_platform(image, platform, there, error);
}

/* Follows indexes down to the manifest of one image. */
static bool find_manifest(Registry *registry, const ImageReference *image, const Platform *platform,
                          cJSON **manifest, GError **error) {
  g_autofree char *digest = g_strdup(image->digest);
  for (guint depth = 0; depth < INDEX_DEPTH; depth++) {
    g_autoptr(cJSON) json = NULL;
    const char *next = NULL;
    if (!fetch_json(registry, image, "manifests", digest, &json, error))
      return false;
    const cJSON *entries = json_array(json, "manifests"), *config = json_object(json, "config");
    if (entries != NULL &&
        config != NULL) /* CVE-2021-41190: it would mean different things to different readers */
      return fail_malformed(image, digest, "it is both an index and an image", error);
    if (entries == NULL && config == NULL)
      return fail_malformed(image, digest, "neither an index nor an image (built by a very old docker?)",
                            error);
    if (config != NULL) {
      *manifest = g_steal_pointer(&json);
      return true;
    }
    if (!choose_entry(image, entries, platform, &next, error))
      return false;
    g_free(digest);
    digest = g_strdup(next);
  }
  return fail_malformed(image, image->digest, "its indexes are nested too deep", error);
}

static bool read_layers(const ImageReference *image, const cJSON *manifest, const cJSON *config,
                        GPtrArray **layers, GError **error) {
  const cJSON *blobs = json_array(manifest, "layers"),
              *diffs = json_array(json_object(config, "rootfs"), "diff_ids");
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)registry_layer_free);
  if (blobs == NULL || diffs == NULL || cJSON_GetArraySize(blobs) != cJSON_GetArraySize(diffs))
    return fail_malformed(image, image->digest, "its layers and its config do not belong together", error);
  const cJSON *diff = diffs->child, *blob = NULL;
  cJSON_ArrayForEach(blob, blobs) {
    const char *digest = json_string(blob, "digest");
    gint64 size = json_integer(blob, "size", -1);
    if (!is_digest(digest) || !cJSON_IsString(diff) || size < 0)
      return fail_malformed(image, image->digest, "a layer has no digest or size", error);
    RegistryLayer *layer = g_new0(RegistryLayer, 1);
    layer->digest = g_strdup(digest);
    layer->diff_id = g_strdup(diff->valuestring);
    layer->size = size;
    g_ptr_array_add(found, layer);
    diff = diff->next;
  }
  *layers = g_steal_pointer(&found);
  return true;
}

static GHashTable *read_labels(const cJSON *config) {
  GHashTable *labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  const cJSON *label = NULL;
  cJSON_ArrayForEach(label, json_path(config, "config", "Labels", NULL)) {
    if (cJSON_IsString(label) && label->string != NULL)
      g_hash_table_replace(labels, g_strdup(label->string), g_strdup(label->valuestring));
  }
  return labels;
}

static bool read_image(const ImageReference *image, const cJSON *manifest, const cJSON *config,
                       const Platform *platform, RegistryImage **described, GError **error) {
  g_autoptr(GString) there = g_string_new(NULL);
  g_autoptr(GPtrArray) layers = NULL;
  append_platform(there, config);
  if (!is_for(config, platform))
    return fail_platform(image, platform, there, error);
  if (!read_layers(image, manifest, config, &layers, error))
    return false;
  RegistryImage *found = g_new0(RegistryImage, 1);
  found->labels = read_labels(config);
  found->layers = g_steal_pointer(&layers);
  found->created = g_strdup(json_string(config, "created"));
  *described = found;
  return true;
}

bool registry_describe(Registry *registry, const char *pinned, const char *os, const char *architecture,
                       RegistryImage **image, GError **error) {
  Platform platform = {.os = os == NULL ? "linux" : os, .architecture = go_architecture(architecture)};
  g_auto(ImageReference) reference = {0};
  g_autoptr(cJSON) manifest = NULL, config = NULL;
  if (!image_reference_parse(pinned, &reference, error))
    return false;
  if (!is_digest(reference.digest))
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: not an image pinned by sha256", pinned);
  if (!find_manifest(registry, &reference, &platform, &manifest, error))
    return false;
  const char *digest = json_string(json_object(manifest, "config"), "digest");
  if (!is_digest(digest))
    return fail_malformed(&reference, reference.digest, "it names no config", error);
  return fetch_json(registry, &reference, "blobs", digest, &config, error) &&
         read_image(&reference, manifest, config, &platform, image, error);
}

bool registry_check(Registry *registry, const char *image, GError **error) {
  g_auto(ImageReference) reference = {0};
  g_auto(HttpReply) reply = {0};
  RegistryQuestion question = {.method = "GET", .path = "tags/list?n=1"};
  if (!image_reference_parse(image, &reference, error) ||
      !registry_ask(registry, &reference, &question, &reply, error))
    return false;
  /* 404: nothing was pushed there yet, which is for `release create` to say. */
  return reply.status == 200 || reply.status == 404 ||
         registry_refuse(&reference, "the list of tags", &reply, error);
}
