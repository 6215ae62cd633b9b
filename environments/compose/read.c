/* compose_project_read: what slipway needs to know of an environment's Compose files, all problems in one go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "environments/compose/image_reference.h"
#include "environments/compose/project.h"
#include "environments/compose/reader.h"
#include "support/errors.h"
#include "support/poison.h"

enum { EXTENDS_CAP = 16 };

static const char *const object_sections[] = {"configs", "secrets", NULL};

static void service_draft_free(ServiceDraft *draft) {
  g_free(draft->name);
  g_free(draft->image);
  g_free(draft->where);
  g_hash_table_unref(draft->mounts);
  g_hash_table_unref(draft->uses);
  g_free(draft);
}

static void object_draft_free(ObjectDraft *draft) {
  g_free(draft->section);
  g_free(draft->name);
  g_free(draft->path);
  g_free(draft->where);
  g_free(draft);
}

static ServiceDraft *service_draft(Reader *reader, const YamlNode *name) {
  ServiceDraft *draft = g_hash_table_lookup(reader->services, name->text);
  if (draft != NULL)
    return draft;
  draft = g_new0(ServiceDraft, 1);
  draft->name = g_strdup(name->text);
  draft->where = reader_where(reader, name);
  draft->mounts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)mount_draft_free);
  draft->uses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_insert(reader->services, draft->name, draft);
  return draft;
}

/* One `env_file` entry: a path, or v2's {path, required}. */
static void read_env_file(Reader *reader, const YamlNode *entry) {
  const YamlNode *path_node = entry->kind == YAML_MAPPING ? yaml_get(entry, "path") : entry;
  g_autofree char *where = reader_where(reader, entry);
  if (path_node == NULL) {
    reader_problem(reader, where, "an env_file has no path");
    return;
  }
  g_autofree char *text = reader_text(reader, path_node, "env_file");
  if (text == NULL || is_host_path(text))
    return;
  g_autofree char *path = reader_path(reader, where, text);
  bool is_required = true;
  const YamlNode *required = entry->kind == YAML_MAPPING ? yaml_get(entry, "required") : NULL;
  if (required != NULL && !yaml_boolean(required, &is_required)) {
    reader_problem(reader, where, "env_file's required must be true or false");
    return;
  }
  if (path == NULL)
    return;
  g_autofree char *place = g_build_filename(reader->budget.root, path, NULL);
  if (is_required || g_file_test(place, G_FILE_TEST_EXISTS))
    reader_take_file(reader, where, path);
}

static void read_env_files(Reader *reader, const YamlNode *node) {
  if (yaml_is_null(node))
    return;
  if (node->kind != YAML_SEQUENCE) {
    read_env_file(reader, node);
    return;
  }
  for (guint i = 0; i < node->items->len; i++)
    read_env_file(reader, node->items->pdata[i]);
}

/* A service's own `configs:` or `secrets:`: names, or mappings with `source`. */
static void read_uses(Reader *reader, ServiceDraft *service, const char *section, const YamlNode *list) {
  if (list == NULL || list->kind != YAML_SEQUENCE)
    return;
  for (guint i = 0; i < list->items->len; i++) {
    const YamlNode *use = list->items->pdata[i];
    const YamlNode *source = use->kind == YAML_MAPPING ? yaml_get(use, "source") : use;
    g_autofree char *name = source == NULL ? NULL : reader_text(reader, source, section);
    if (name != NULL)
      g_hash_table_add(service->uses, g_strconcat(section, "/", name, NULL));
  }
}

static void read_service(Reader *reader, ServiceDraft *service, const YamlNode *services,
                         const YamlNode *node, guint depth);

/* Within one file, a service takes over what it extends before its own keys count. */
static void read_extends(Reader *reader, ServiceDraft *service, const YamlNode *services,
                         const YamlNode *extends, guint depth) {
  g_autofree char *where = reader_where(reader, extends);
  if (yaml_get(extends, "file") != NULL) {
    reader_problem(reader, where,
                   "service \"%s\": extends with a file is not supported yet; "
                   "list both files under `compose:` in slipway.yml instead",
                   service->name);
    return;
  }
  const YamlNode *name_node = extends->kind == YAML_MAPPING ? yaml_get(extends, "service") : extends;
  g_autofree char *name = name_node == NULL ? NULL : reader_text(reader, name_node, "extends");
  const YamlNode *base = name == NULL ? NULL : yaml_get(services, name);
  if (base == NULL)
    reader_problem(reader, where, "service \"%s\" extends \"%s\", which this file does not have",
                   service->name, name != NULL ? name : "");
  else if (depth >= EXTENDS_CAP)
    reader_problem(reader, where, "service \"%s\" extends itself, or more than %d services in a row",
                   service->name, EXTENDS_CAP);
  else
    read_service(reader, service, services, base, depth + 1);
}

static void read_image(Reader *reader, ServiceDraft *service, const YamlNode *node) {
  g_autofree char *image = reader_text(reader, node, "image");
  if (image == NULL)
    image =
        g_strdup(node->text != NULL ? node->text : ""); /* already a problem; do not call it missing too */
  g_free(service->image);
  service->image = g_steal_pointer(&image);
  g_free(service->where);
  service->where = reader_where(reader, node);
}

static void read_service(Reader *reader, ServiceDraft *service, const YamlNode *services,
                         const YamlNode *node, guint depth) {
  if (yaml_is_null(node))
    return;
  if (node->kind != YAML_MAPPING) {
    g_autofree char *where = reader_where(reader, node);
    reader_problem(reader, where, "service \"%s\" must be a mapping", service->name);
    return;
  }
  const YamlNode *extends = yaml_get(node, "extends"), *image = yaml_get(node, "image");
  if (!yaml_is_null(extends))
    read_extends(reader, service, services, extends, depth);
  if (!yaml_is_null(image))
    read_image(reader, service, image);
  service->has_build = service->has_build || !yaml_is_null(yaml_get(node, "build"));
  read_volumes(reader, service, yaml_get(node, "volumes"));
  read_env_files(reader, yaml_get(node, "env_file"));
  for (const char *const *section = object_sections; *section != NULL; section++)
    read_uses(reader, service, *section, yaml_get(node, *section));
}

/* A top-level config or secret; without `file:` it is none of ours. */
static void read_object(Reader *reader, const char *section, const YamlNode *name, const YamlNode *node) {
  const YamlNode *file = yaml_get(node, "file");
  if (yaml_is_null(file))
    return;
  g_autofree char *text = reader_text(reader, file, "file");
  if (text == NULL)
    return;
  ObjectDraft *draft = g_new0(ObjectDraft, 1);
  draft->section = g_strdup(section);
  draft->name = g_strdup(name->text);
  draft->where = reader_where(reader, file);
  draft->path = is_host_path(text) ? NULL : reader_path(reader, draft->where, text);
  g_hash_table_replace(reader->objects, g_strconcat(section, "/", name->text, NULL), draft);
}

static void read_objects(Reader *reader, const char *section, const YamlNode *objects) {
  if (objects == NULL || objects->kind != YAML_MAPPING)
    return;
  for (guint i = 0; i < objects->items->len; i++)
    read_object(reader, section, objects->keys->pdata[i], objects->items->pdata[i]);
}

static void read_root(Reader *reader, const YamlNode *root) {
  const YamlNode *include = yaml_get(root, "include"), *services = yaml_get(root, "services");
  if (include != NULL) {
    g_autofree char *where = reader_where(reader, include);
    reader_problem(reader, where,
                   "include is not supported yet; list the file under `compose:` in slipway.yml instead");
  }
  if (services != NULL && services->kind == YAML_MAPPING) {
    for (guint i = 0; i < services->items->len; i++) {
      ServiceDraft *service = service_draft(reader, services->keys->pdata[i]);
      read_service(reader, service, services, services->items->pdata[i], 0);
    }
  } else if (!yaml_is_null(services)) {
    g_autofree char *where = reader_where(reader, services);
    reader_problem(reader, where, "services must be a mapping");
  }
  for (const char *const *section = object_sections; *section != NULL; section++)
    read_objects(reader, *section, yaml_get(root, *section));
}

static void read_compose_file(Reader *reader, const char *path) {
  reader_take_file(reader, path, path);
  const ProjectFile *file = g_hash_table_lookup(reader->files, path);
  if (file == NULL)
    return;
  gsize length = 0;
  const char *text = g_bytes_get_data(file->bytes, &length);
  g_autoptr(YamlDocument) document = NULL;
  g_autoptr(GError) error = NULL;
  reader->file = path;
  if (!yaml_parse(path, text != NULL ? text : "", length, &document, &error)) {
    g_string_append_printf(reader->problems, "%s%s", reader->problems->len > 0 ? "\n" : "", error->message);
    return;
  }
  if (document->root != NULL && document->root->kind == YAML_MAPPING)
    read_root(reader, document->root);
  else
    reader_problem(reader, path, "is not a Compose file: a mapping with `services:` was expected");
}

static gint compare_texts(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that what is made of them does not depend on the hash table. Borrowed keys. */
static GPtrArray *sorted_keys(GHashTable *table) {
  GPtrArray *keys = g_ptr_array_new();
  GHashTableIter iterator;
  g_hash_table_iter_init(&iterator, table);
  for (void *key; g_hash_table_iter_next(&iterator, &key, NULL);)
    g_ptr_array_add(keys, key);
  g_ptr_array_sort(keys, compare_texts);
  return keys;
}

static void finish_mounts(Reader *reader, const ServiceDraft *draft) {
  g_autoptr(GPtrArray) targets = sorted_keys(draft->mounts);
  for (guint i = 0; i < targets->len; i++) {
    MountDraft *mount_draft = g_hash_table_lookup(draft->mounts, targets->pdata[i]);
    if (mount_draft->path == NULL)
      continue;
    const char *hash = reader_take_tree(reader, mount_draft->where, mount_draft->path);
    ComposeMount *mount = g_new0(ComposeMount, 1);
    mount->service = g_strdup(draft->name);
    mount->target = g_strdup(mount_draft->target);
    mount->hash = g_strdup(hash);
    mount->options = g_steal_pointer(&mount_draft->options);
    g_ptr_array_add(reader->project->mounts, mount);
  }
}

static void finish_service(Reader *reader, const ServiceDraft *draft) {
  g_autoptr(GError) error = NULL;
  g_auto(ImageReference) reference = {0};
  if (draft->image == NULL && draft->has_build)
    reader_problem(reader, draft->where,
                   "service \"%s\" has only build:, and slipway never builds; give it the image: "
                   "that its build pushes",
                   draft->name);
  else if (draft->image == NULL)
    reader_problem(reader, draft->where, "service \"%s\" has no image:", draft->name);
  else if (reader->problems->len == 0 && !image_reference_parse(draft->image, &reference, &error))
    reader_problem(reader, draft->where, "service \"%s\": %s", draft->name, error->message);
  ComposeService *service = g_new0(ComposeService, 1);
  service->name = g_strdup(draft->name);
  service->image = g_strdup(draft->image);
  service->has_build = draft->has_build;
  g_ptr_array_add(reader->project->services, service);
  finish_mounts(reader, draft);
}

static void finish_object(Reader *reader, const char *key, const ObjectDraft *draft,
                          GPtrArray *service_names) {
  if (draft->path == NULL)
    return;
  ComposeObject *object = g_new0(ComposeObject, 1);
  object->section = g_strdup(draft->section);
  object->name = g_strdup(draft->name);
  object->hash = g_strdup(reader_take_tree(reader, draft->where, draft->path));
  object->services = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < service_names->len; i++) {
    const ServiceDraft *service = g_hash_table_lookup(reader->services, service_names->pdata[i]);
    if (g_hash_table_contains(service->uses, key))
      g_ptr_array_add(object->services, g_strdup(service->name));
  }
  g_ptr_array_add(reader->project->objects, object);
}

static gint compare_files(gconstpointer a, gconstpointer b) {
  return strcmp((*(ProjectFile *const *)a)->path, (*(ProjectFile *const *)b)->path);
}

static gint compare_trees(gconstpointer a, gconstpointer b) {
  return strcmp((*(FileTree *const *)a)->hash, (*(FileTree *const *)b)->hash);
}

/* What all files together say: replaced mounts and objects are gone, so only what counts has to exist. */
static void finish(Reader *reader) {
  g_autoptr(GPtrArray) names = sorted_keys(reader->services);
  g_autoptr(GPtrArray) objects = sorted_keys(reader->objects);
  for (guint i = 0; i < names->len; i++)
    finish_service(reader, g_hash_table_lookup(reader->services, names->pdata[i]));
  for (guint i = 0; i < objects->len; i++)
    finish_object(reader, objects->pdata[i], g_hash_table_lookup(reader->objects, objects->pdata[i]), names);
  g_ptr_array_sort(reader->project->files, compare_files);
  g_ptr_array_sort(reader->project->trees, compare_trees);
}

/* "deploy/./compose.yml" -> "deploy/compose.yml"; NULL and noted when it is not below the root. */
static char *compose_path(Reader *reader, const char *path) {
  g_autofree char *absolute = g_canonicalize_filename(path, reader->budget.root);
  g_autofree char *in_root =
      g_str_equal(reader->budget.root, "/") ? g_strdup("/") : g_strconcat(reader->budget.root, "/", NULL);
  if (g_str_has_prefix(absolute, in_root))
    return g_strdup(absolute + strlen(in_root));
  reader_problem(reader, path, "is outside the project folder %s; move it below the folder of slipway.yml",
                 reader->budget.root);
  return NULL;
}

static void read_all(Reader *reader, GPtrArray *paths) {
  for (guint i = 0; i < paths->len; i++) {
    char *path = compose_path(reader, paths->pdata[i]);
    if (path != NULL)
      g_ptr_array_add(reader->project->compose, path);
  }
  GPtrArray *compose = reader->project->compose;
  g_autofree char *folder = g_path_get_dirname(compose->len > 0 ? compose->pdata[0] : "x");
  reader->folder = folder;
  for (guint i = 0; i < compose->len; i++)
    read_compose_file(reader, compose->pdata[i]);
  if (reader->problems->len == 0 && g_hash_table_size(reader->services) == 0)
    reader_problem(reader, compose->len > 0 ? compose->pdata[0] : "compose", "no file has services");
  finish(reader);
  reader->folder = NULL;
}

static void add_values(Reader *reader, GPtrArray *values) {
  for (guint i = 0; values != NULL && i < values->len; i++) {
    const NamedValue *value = values->pdata[i];
    g_hash_table_insert(reader->values, value->name, value->value);
  }
}

static Reader *reader_new(GPtrArray *variables, GPtrArray *builtins) {
  Reader *reader = g_new0(Reader, 1);
  reader->values = g_hash_table_new(g_str_hash, g_str_equal);
  reader->services = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)service_draft_free);
  reader->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)object_draft_free);
  reader->files = g_hash_table_new(g_str_hash, g_str_equal);
  reader->trees = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  reader->project = compose_project_new();
  reader->problems = g_string_new(NULL);
  add_values(reader, variables);
  add_values(reader, builtins);
  return reader;
}

static void reader_free(Reader *reader) {
  g_hash_table_unref(reader->values);
  g_hash_table_unref(reader->services);
  g_hash_table_unref(reader->objects);
  g_hash_table_unref(reader->files);
  g_hash_table_unref(reader->trees);
  compose_project_free(reader->project);
  g_string_free(reader->problems, TRUE);
  g_free(reader);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reader, reader_free)

bool compose_project_read(const char *directory, GPtrArray *paths, GPtrArray *variables, GPtrArray *builtins,
                          ComposeProject **project, GError **error) {
  g_autofree char *root = realpath(directory, NULL);
  if (root == NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: the project folder cannot be opened: %s", directory,
                g_strerror(errno));
  g_autoptr(Reader) reader = reader_new(variables, builtins);
  reader->budget.root = root;
  read_all(reader, paths);
  if (reader->problems->len > 0)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s", reader->problems->str);
  compose_project_copy_variables(reader->project, variables);
  *project = g_steal_pointer(&reader->project);
  return true;
}
