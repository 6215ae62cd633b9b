/* Choosing among a host's images: only names that are this environment's own, and only what nobody needs. */
#include "deployer/rollout/prunable.h"

#include <string.h>

#include "deployer/rollout/phases.h"

#include "support/poison.h"

#define PROTECTING "slipway.local/"

char *image_protecting_name(const char *place, const char *reference) {
  g_auto(GStrv) parts = g_strsplit(reference, "@", 2);
  const char *slash = strrchr(parts[0], '/');
  return g_strdup_printf(PROTECTING "%s/%s", place, slash != NULL ? slash + 1 : parts[0]);
}

/* "…:HEX", as the tags below slipway.local/ are. */
static bool is_needed(const ImageRules *rules, const char *name) {
  const char *colon = strrchr(name, ':');
  g_autofree char *digest = colon != NULL ? g_strdup_printf("sha256:%s", colon + 1) : NULL;
  return digest == NULL /* not slipway's */ || g_hash_table_contains(rules->needed, digest);
}

static bool is_own(const ImageRules *rules, const char *name) {
  g_autofree char *own = g_strdup_printf(PROTECTING "%s/", rules->place);
  return g_str_has_prefix(name, own);
}

static bool has_tag(const EngineImage *image, const char *name) {
  for (guint i = 0; i < image->tags->len; i++)
    if (g_str_equal(g_ptr_array_index(image->tags, i), name))
      return true;
  return false;
}

/* Another application's, or another environment's, of this digest. */
static bool is_protected_by_another(const ImageRules *rules, const EngineImage *image, const char *hex) {
  for (guint i = 0; i < image->tags->len; i++) {
    const char *tag = g_ptr_array_index(image->tags, i);
    if (g_str_has_prefix(tag, PROTECTING) && !is_own(rules, tag) && g_str_has_suffix(tag, hex))
      return true;
  }
  return false;
}

static bool reference_goes(const ImageRules *rules, const EngineImage *image, const char *reference) {
  const char *hex = strrchr(reference, ':');
  if (strstr(reference, "@sha256:") == NULL || is_needed(rules, reference) ||
      is_protected_by_another(rules, image, hex))
    return false;
  g_autofree char *repository = image_protecting_name(rules->place, reference);
  g_autofree char *name = g_strconcat(repository, hex, NULL);
  return g_hash_table_contains(rules->superfluous, reference) || has_tag(image, name);
}

static void judge(const ImageRules *rules, const EngineImage *image, GPtrArray *names, GPtrArray *references,
                  gint64 *bytes) {
  guint before = names->len + references->len;
  if (g_hash_table_contains(rules->use->images, image->id))
    return;
  for (guint i = 0; i < image->tags->len; i++) {
    const char *tag = g_ptr_array_index(image->tags, i);
    if (is_own(rules, tag) && !is_needed(rules, tag))
      g_ptr_array_add(names, g_strdup(tag));
  }
  for (guint i = 0; i < image->digests->len; i++) {
    const char *reference = g_ptr_array_index(image->digests, i);
    if (reference_goes(rules, image, reference))
      g_ptr_array_add(references, g_strdup(reference));
  }
  guint going = names->len + references->len - before;
  if (going > 0 && going == image->tags->len + image->digests->len)
    *bytes += image->size;
}

void images_that_go(const ImageRules *rules, const GPtrArray *images, GPtrArray **names,
                    GPtrArray **references, gint64 *bytes) {
  *names = g_ptr_array_new_with_free_func(g_free);
  *references = g_ptr_array_new_with_free_func(g_free);
  *bytes = 0;
  for (guint i = 0; i < images->len; i++)
    judge(rules, g_ptr_array_index(images, i), *names, *references, bytes);
}
