/* Texts from templates, and what a Compose file says of images. */
#include "deployer/commands/starter.h"

#include <string.h>

#include "environments/compose/image_reference.h"
#include "environments/config/config.h"
#include "environments/config/interpolate.h"
#include "init_templates.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/yaml.h"

#include "support/poison.h"

enum { LARGEST_FILE = 1 << 20, LONGEST_APP = 40 };

/* In the order in which Compose looks. */
static const char *const compose_names[] = {"compose.yaml", "compose.yml", "docker-compose.yaml",
                                            "docker-compose.yml"};

typedef struct {
  char *service, *name; /* as ImageReference.name */
  bool is_built, is_hub;
} FoundImage;

static void found_image_free(FoundImage *image) {
  g_free(image->service);
  g_free(image->name);
  g_free(image);
}

void starter_free(Starter *starter) {
  if (starter == NULL)
    return;
  g_free(starter->app);
  g_free(starter->slipway);
  g_free(starter->compose);
  g_free(starter->compose_path);
  g_clear_pointer(&starter->images, g_ptr_array_unref);
  g_clear_pointer(&starter->others, g_ptr_array_unref);
  g_clear_pointer(&starter->lacking, g_ptr_array_unref);
  g_free(starter);
}

/* "My Shop_2" -> "my-shop-2". Caller frees. */
static char *app_of(const char *folder) {
  g_autofree char *name = g_path_get_basename(folder);
  g_autoptr(GString) app = g_string_new(NULL);
  for (const char *c = name; *c != '\0' && app->len < LONGEST_APP; c++) {
    if (g_ascii_isalnum(*c))
      g_string_append_c(app, g_ascii_tolower(*c));
    else if (app->len > 0 && app->str[app->len - 1] != '-')
      g_string_append_c(app, '-');
  }
  while (app->len > 0 && app->str[app->len - 1] == '-')
    g_string_truncate(app, app->len - 1);
  return g_strdup(app->len > 0 ? app->str : "app");
}

static const char *nothing(const char *name, void *data) {
  (void)name;
  (void)data;
  return NULL;
}

/* An image whose variables have no default cannot be named yet; false. */
static bool image_name(const char *text, ImageReference *reference) {
  g_autofree char *plain = NULL;
  return interpolate(text, nothing, NULL, &plain, NULL) && image_reference_parse(plain, reference, NULL);
}

static void look_at_service(const char *service, const YamlNode *node, Starter *starter, GPtrArray *found) {
  const YamlNode *image = yaml_get(node, "image");
  g_auto(ImageReference) reference = {0};
  if (image == NULL || image->kind != YAML_SCALAR || !image_name(image->text, &reference)) {
    g_ptr_array_add(starter->lacking, g_strdup(service));
    return;
  }
  FoundImage *one = g_new0(FoundImage, 1);
  one->service = g_strdup(service);
  one->name = g_strdup(reference.name);
  one->is_built = yaml_get(node, "build") != NULL;
  one->is_hub = g_str_equal(reference.registry, "docker.io");
  g_ptr_array_add(found, one);
}

static bool look_at_compose(const char *path, const char *file, Starter *starter, GPtrArray *found,
                            GError **error) {
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(YamlDocument) document = NULL;
  gsize length = 0;
  if (!file_read(path, LARGEST_FILE, &bytes, error))
    return false;
  const char *text = g_bytes_get_data(bytes, &length);
  if (!yaml_parse(file, text != NULL ? text : "", length, &document, error))
    return false;
  const YamlNode *services = document->root != NULL ? yaml_get(document->root, "services") : NULL;
  if (services == NULL || services->kind != YAML_MAPPING || services->items->len == 0)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s has no services", file);
  for (guint i = 0; i < services->items->len; i++)
    look_at_service(((const YamlNode *)services->keys->pdata[i])->text, services->items->pdata[i], starter,
                    found);
  return true;
}

/* What is built here; where nothing says so, what is not Docker Hub's; else all. */
static bool is_own(const FoundImage *image, const GPtrArray *found) {
  bool is_any_built = false, is_any_elsewhere = false;
  for (guint i = 0; i < found->len; i++) {
    const FoundImage *other = found->pdata[i];
    is_any_built = is_any_built || other->is_built;
    is_any_elsewhere = is_any_elsewhere || !other->is_hub;
  }
  return is_any_built ? image->is_built : !is_any_elsewhere || !image->is_hub;
}

static bool has_text(const GPtrArray *texts, const char *text) {
  return g_ptr_array_find_with_equal_func((GPtrArray *)texts, text, g_str_equal, NULL);
}

/* "  web: registry.example.org/shop/web"; the name is the repository's last part, or the service's. */
static void add_row(GString *rows, GHashTable *names, const char *service, const char *repository) {
  g_autofree char *last = g_path_get_basename(repository);
  const char *name = g_hash_table_contains(names, last) ? service : last;
  if (!g_hash_table_add(names, g_strdup(name)))
    return;
  g_string_append_printf(rows, "%s  %s: %s", rows->len > 0 ? "\n" : "", name, repository);
}

/* Rows for `images:`. Caller frees. */
static char *choose_images(Starter *starter, const GPtrArray *found) {
  g_autoptr(GString) rows = g_string_new(NULL);
  g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < found->len; i++) {
    const FoundImage *image = found->pdata[i];
    GPtrArray *list = is_own(image, found) ? starter->images : starter->others;
    if (has_text(list, image->name))
      continue;
    g_ptr_array_add(list, g_strdup(image->name));
    if (list == starter->images)
      add_row(rows, names, image->service, image->name);
  }
  if (rows->len == 0) {
    char *invented = g_strdup_printf("registry.example.org/%s/web", starter->app);
    g_ptr_array_add(starter->images, invented);
    add_row(rows, names, "web", invented);
  }
  return g_strdup(rows->str);
}

/* `pairs`: what stands in the template and what replaces it, NULL-terminated. Caller frees. */
static char *fill_in(const char *template, const char *const *pairs) {
  g_autoptr(GString) text = g_string_new(template);
  for (; pairs[0] != NULL; pairs += 2)
    g_string_replace(text, pairs[0], pairs[1], 0);
  return g_strdup(text->str);
}

/* What is written has to be right. */
static bool write_slipway(Starter *starter, const char *folder, const char *rows, GError **error) {
  const char *const pairs[] = {"@APP@",     starter->app,          "@IMAGES@", rows,
                               "@COMPOSE@", starter->compose_path, NULL};
  g_autoptr(Config) config = NULL;
  starter->slipway = fill_in(init_template_slipway, pairs);
  return config_parse("slipway.yml", folder, starter->slipway, strlen(starter->slipway), &config, error);
}

bool starter_make(const char *folder, const char *app, Starter **starter, GError **error) {
  g_autoptr(Starter) made = g_new0(Starter, 1);
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)found_image_free);
  made->app = app != NULL ? g_strdup(app) : app_of(folder);
  made->images = g_ptr_array_new_with_free_func(g_free);
  made->others = g_ptr_array_new_with_free_func(g_free);
  made->lacking = g_ptr_array_new_with_free_func(g_free);
  for (gsize i = 0; i < G_N_ELEMENTS(compose_names) && made->compose_path == NULL; i++) {
    g_autofree char *path = g_build_filename(folder, compose_names[i], NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
      continue;
    if (!look_at_compose(path, compose_names[i], made, found, error))
      return false;
    made->compose_path = g_strdup(compose_names[i]);
  }
  bool is_new = made->compose_path == NULL;
  if (is_new)
    made->compose_path = g_strdup("compose.yml");
  g_autofree char *rows = choose_images(made, found);
  if (!write_slipway(made, folder, rows, error))
    return false;
  const char *const pairs[] = {"@IMAGE@", made->images->pdata[0], NULL};
  made->compose = is_new ? fill_in(init_template_compose, pairs) : NULL;
  *starter = g_steal_pointer(&made);
  return true;
}
