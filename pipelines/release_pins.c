/* Which digest each service of an environment runs. */
#include "environments/compose/compose.h"
#include "environments/compose/image_reference.h"
#include "pipelines/release.h"
#include "support/errors.h"
#include "support/poison.h"

/* The image of slipway.yml with this repository; NULL: not one of ours. */
static const NamedValue *own_image(const Config *config, const char *image) {
  for (guint i = 0; i < config->images->len; i++) {
    const NamedValue *own = config->images->pdata[i];
    if (image_same_repository(own->value, image))
      return own;
  }
  return NULL;
}

static bool pin_own(const Release *release, const NamedValue *own, char **reference, GError **error) {
  const char *recorded = release_image(release, own->name);
  if (recorded == NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG,
                "release r%" G_GINT64_FORMAT
                " has no image \"%s\", which slipway.yml names: make a new release",
                release->id, own->name);
  *reference = g_strdup(recorded);
  return true;
}

/* `fresh` is both: what was resolved already for another service, and where a new one goes. */
static bool pin_other(GHashTable *kept, Registry *registry, const char *image, GHashTable *fresh,
                      char **reference, GError **error) {
  g_auto(ImageReference) parsed = {0};
  if (!image_reference_parse(image, &parsed, error))
    return false;
  if (parsed.digest != NULL) {
    *reference = image_pinned(&parsed, parsed.digest);
    return true;
  }
  const char *known = kept == NULL ? NULL : g_hash_table_lookup(kept, image);
  if (known == NULL)
    known = g_hash_table_lookup(fresh, image);
  if (known != NULL) {
    *reference = g_strdup(known);
    return true;
  }
  if (!registry_resolve(registry, image, reference, error))
    return false;
  g_hash_table_insert(fresh, g_strdup(image), g_strdup(*reference));
  return true;
}

bool release_pin_services(const Config *config, const Release *release, GHashTable *pins, bool repin,
                          GPtrArray *services, Registry *registry, GHashTable **pinned, GHashTable **fresh,
                          GError **error) {
  g_autoptr(GHashTable) references = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr(GHashTable) resolved = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; i < services->len; i++) {
    const ComposeService *service = services->pdata[i];
    const NamedValue *own = own_image(config, service->image);
    char *reference = NULL;
    bool is_pinned =
        own != NULL ? pin_own(release, own, &reference, error)
                    : pin_other(repin ? NULL : pins, registry, service->image, resolved, &reference, error);
    if (!is_pinned)
      return prefix(error, "service %s: ", service->name);
    g_hash_table_insert(references, g_strdup(service->name), reference);
  }
  *pinned = g_steal_pointer(&references);
  *fresh = g_steal_pointer(&resolved);
  return true;
}
