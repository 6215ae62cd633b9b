/* What the Compose file being read says of its services: images, mounts, env_files, profiles, and what they
 * extend, in that file or another. */
#include <string.h>

#include "environments/compose/reader.h"
#include "support/poison.h"

enum { EXTENDS_CAP = 16 };

void service_draft_free(ServiceDraft *draft) {
  g_free(draft->name);
  g_free(draft->image);
  g_free(draft->where);
  g_hash_table_unref(draft->mounts);
  g_hash_table_unref(draft->uses);
  g_hash_table_unref(draft->profiles);
  g_ptr_array_unref(draft->ports);
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
  draft->profiles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  draft->ports = g_ptr_array_new_with_free_func((GDestroyNotify)port_draft_free);
  draft->scale = draft->replicas = 1;
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
  if (yaml_is_null(node) || is_reset(node))
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

static bool extend(Reader *reader, ServiceDraft *service, const YamlNode *services, const char *where,
                   const char *name, guint depth) {
  const YamlNode *base = yaml_get(services, name);
  if (base == NULL)
    reader_problem(reader, where, "service \"%s\" extends \"%s\", which %s does not have", service->name,
                   name, reader->file);
  else if (depth >= EXTENDS_CAP)
    reader_problem(reader, where, "service \"%s\" extends itself, or more than %d services in a row",
                   service->name, EXTENDS_CAP);
  else
    read_service(reader, service, services, base, depth + 1);
  return base != NULL && depth < EXTENDS_CAP;
}

/* Of another file, whose paths start at its own folder, in Compose 1.29 and v2 alike. Nothing else of that
 * file counts. */
static bool extend_from(Reader *reader, ServiceDraft *service, const char *file, const char *where,
                        const char *name, guint depth) {
  if (is_host_path(file)) {
    reader_problem(reader, where, "service \"%s\" extends \"%s\": only a file of the project can go along",
                   service->name, file);
    return false;
  }
  g_autofree char *path = reader_path(reader, where, file);
  const YamlNode *root = path == NULL ? NULL : reader_open(reader, where, path);
  if (root == NULL)
    return false;
  g_autofree char *folder = g_path_get_dirname(path);
  const char *own_file = reader->file, *own_folder = reader->folder;
  reader->file = path;
  reader->folder = folder;
  bool ok = extend(reader, service, yaml_get(root, "services"), where, name, depth);
  reader->file = own_file;
  reader->folder = own_folder;
  return ok;
}

/* A service takes over what it extends before its own keys count. */
static void read_extends(Reader *reader, ServiceDraft *service, const YamlNode *services,
                         const YamlNode *extends, guint depth) {
  g_autofree char *where = reader_where(reader, extends);
  const YamlNode *file_node = yaml_get(extends, "file");
  const YamlNode *name_node = extends->kind == YAML_MAPPING ? yaml_get(extends, "service") : extends;
  g_autofree char *name = name_node == NULL ? NULL : reader_text(reader, name_node, "extends");
  g_autofree char *file = yaml_is_null(file_node) ? NULL : reader_text(reader, file_node, "extends.file");
  if (name_node == NULL)
    reader_problem(reader, where, "service \"%s\": extends does not say which service", service->name);
  bool ok = name != NULL && (file == NULL ? extend(reader, service, services, where, name, depth)
                                          : extend_from(reader, service, file, where, name, depth));
  if (!ok && service->image == NULL)
    service->image = g_strdup(""); /* already a problem; do not call it missing too */
}

static void read_profiles(Reader *reader, ServiceDraft *service, const YamlNode *node) {
  if (replaces_earlier(node))
    g_hash_table_remove_all(service->profiles);
  if (is_reset(node))
    return;
  g_autoptr(GPtrArray) names = reader_texts(reader, node, "profiles");
  for (guint i = 0; i < names->len; i++)
    g_hash_table_add(service->profiles, g_strdup(names->pdata[i]));
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
  read_ports(reader, service, yaml_get(node, "ports"));
  read_replicas(reader, service, node);
  read_profiles(reader, service, yaml_get(node, "profiles"));
  read_env_files(reader, yaml_get(node, "env_file"));
  read_uses(reader, service, "configs", yaml_get(node, "configs"));
  read_uses(reader, service, "secrets", yaml_get(node, "secrets"));
}

void read_services(Reader *reader, const YamlNode *services) {
  if (services != NULL && services->kind == YAML_MAPPING) {
    for (guint i = 0; i < services->items->len; i++) {
      const YamlNode *name = services->keys->pdata[i], *node = services->items->pdata[i];
      if (replaces_earlier(node))
        g_hash_table_remove(reader->services, name->text);
      if (!is_reset(node))
        read_service(reader, service_draft(reader, name), services, node, 0);
    }
  } else if (!yaml_is_null(services)) {
    g_autofree char *where = reader_where(reader, services);
    reader_problem(reader, where, "services must be a mapping");
  }
}
