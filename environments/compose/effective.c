/* Compose's own word on what it would run, held against the pins: this catches whatever slipway's reading of
 * the files missed. */
#include <string.h>

#include "environments/compose/compose.h"
#include "environments/compose/image_reference.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/yaml.h"

/* The same repository and digest, however either is spelt: v2 may print the full name, and a tag besides the
 * digest. */
static bool is_pinned(const char *image, const char *pin) {
  g_auto(ImageReference) seen = {0}, wanted = {0};
  return image_same_repository(image, pin) && image_reference_parse(image, &seen, NULL) &&
         image_reference_parse(pin, &wanted, NULL) && seen.digest != NULL &&
         g_strcmp0(seen.digest, wanted.digest) == 0;
}

static void add_problem(GString *problems, const char *service, const char *image, const char *pin) {
  g_string_append_printf(problems, "%sservice %s would run %s", problems->len > 0 ? "; " : "", service,
                         image != NULL ? image : "an image of its own build");
  if (pin != NULL)
    g_string_append_printf(problems, " instead of %s", pin);
  else
    g_string_append(problems, ", which no pin is known for");
}

/* compose.sh gives Compose this folder instead of the release's own name, so a path below it is one that was
 * not rewritten. */
static void check_sources(GString *problems, const char *service, const YamlNode *volumes) {
  for (guint i = 0; volumes != NULL && volumes->kind == YAML_SEQUENCE && i < volumes->items->len; i++) {
    const YamlNode *volume = volumes->items->pdata[i];
    const YamlNode *source = volume->kind == YAML_MAPPING ? yaml_get(volume, "source") : volume;
    if (source != NULL && source->kind == YAML_SCALAR &&
        g_str_has_prefix(source->text, COMPOSE_RELEASE_FOLDER "/"))
      g_string_append_printf(
          problems, "%sservice %s would mount %s, which slipway did not see in the Compose files",
          problems->len > 0 ? "; " : "", service, source->text + strlen(COMPOSE_RELEASE_FOLDER "/"));
  }
}

static void check_service(GString *problems, const char *service, const YamlNode *node, GHashTable *pins) {
  const YamlNode *image_node = yaml_get(node, "image");
  const char *image = image_node != NULL && image_node->kind == YAML_SCALAR ? image_node->text : NULL;
  const char *pin = g_hash_table_lookup(pins, service);
  if (image == NULL || pin == NULL || !is_pinned(image, pin))
    add_problem(problems, service, image, pin);
  check_sources(problems, service, yaml_get(node, "volumes"));
}

/* Those of `these` that are not among `those`, sorted; borrowed. */
static GList *missing_from(GHashTable *those, GHashTable *these) {
  GList *names = NULL;
  GHashTableIter iterator;
  gpointer name = NULL;
  g_hash_table_iter_init(&iterator, these);
  while (g_hash_table_iter_next(&iterator, &name, NULL))
    if (!g_hash_table_contains(those, name))
      names = g_list_insert_sorted(names, name, (GCompareFunc)strcmp);
  return names;
}

static void compare_services(GString *problems, GHashTable *found, GHashTable *runs) {
  static const char *const words[] = {"would not run, although the host has its profiles",
                                      "would run, although the host has none of its profiles"};
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    g_autoptr(GList) names = i == 0 ? missing_from(found, runs) : missing_from(runs, found);
    for (const GList *name = names; name != NULL; name = name->next)
      g_string_append_printf(problems, "%sservice %s %s", problems->len > 0 ? "; " : "",
                             (const char *)name->data, words[i]);
  }
}

static bool conclude(const GString *problems, GError **error) {
  return problems->len == 0 || fail(error, SLIPWAY_ERROR_UNREADY,
                                    "Compose would not run exactly what is pinned: %s", problems->str);
}

bool compose_check_services(GHashTable *found, GHashTable *runs, GError **error) {
  g_autoptr(GString) problems = g_string_new(NULL);
  compare_services(problems, found, runs);
  return conclude(problems, error);
}

bool compose_check_effective(const char *yaml, gsize length, GHashTable *pins, GHashTable *runs,
                             GError **error) {
  g_autoptr(YamlDocument) document = NULL;
  if (!yaml_parse("compose config", yaml, length, &document, error)) {
    recast(error, SLIPWAY_ERROR_UNREADY);
    return prefix(error, "Compose's effective configuration cannot be read: ");
  }
  const YamlNode *services = yaml_get(document->root, "services");
  if (services == NULL || services->kind != YAML_MAPPING)
    return fail(error, SLIPWAY_ERROR_UNREADY, "Compose's effective configuration has no services");
  g_autoptr(GString) problems = g_string_new(NULL);
  g_autoptr(GHashTable) found = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < services->items->len; i++) {
    char *name = ((YamlNode *)services->keys->pdata[i])->text;
    check_service(problems, name, services->items->pdata[i], pins);
    g_hash_table_add(found, name);
  }
  if (runs != NULL)
    compare_services(problems, found, runs);
  return conclude(problems, error);
}
