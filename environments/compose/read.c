/* compose_project_read: what slipway needs to know of an environment's Compose files, all problems in one go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "environments/compose/project.h"
#include "environments/compose/reader.h"
#include "support/errors.h"
#include "support/poison.h"

enum { TEXTS_BLOCK = 1024 };

static const char *const object_sections[] = {"configs", "secrets", NULL};

static void object_draft_free(ObjectDraft *draft) {
  g_free(draft->section);
  g_free(draft->name);
  g_free(draft->path);
  g_free(draft->where);
  g_free(draft);
}

bool is_content_of_secret(const Reader *reader, const char *section, const char *name) {
  return g_str_equal(section, "secrets") && g_hash_table_contains(reader->mounted, name);
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
  bool is_ours = !is_host_path(text) && !is_content_of_secret(reader, section, name->text);
  draft->path = is_ours ? reader_path(reader, draft->where, text) : NULL;
  g_hash_table_replace(reader->objects, g_strconcat(section, "/", name->text, NULL), draft);
}

static void read_objects(Reader *reader, const char *section, const YamlNode *objects) {
  if (objects == NULL || objects->kind != YAML_MAPPING)
    return;
  for (guint i = 0; i < objects->items->len; i++)
    read_object(reader, section, objects->keys->pdata[i], objects->items->pdata[i]);
}

static void read_root(Reader *reader, const YamlNode *root) {
  read_services(reader, yaml_get(root, "services"));
  for (const char *const *section = object_sections; *section != NULL; section++)
    read_objects(reader, *section, yaml_get(root, *section));
  read_includes(reader, yaml_get(root, "include"), read_root);
}

static void read_compose_file(Reader *reader, const char *path) {
  const YamlNode *root = reader_open(reader, path, path);
  reader->file = path;
  if (root != NULL)
    read_root(reader, root);
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

/* A file, or a folder with all that is in it, of slipway.yml's `files:`. */
static void take_along(Reader *reader, const char *named) {
  static const char where[] = "files: of slipway.yml";
  g_autofree char *path = compose_path(reader, named);
  g_autoptr(FileTree) tree = NULL;
  g_autoptr(GError) error = NULL;
  if (path == NULL)
    return;
  if (!file_tree_read(&reader->budget, path, &tree, &error)) {
    reader_problem(reader, where, "%s", error->message);
    return;
  }
  for (guint i = 0; i < tree->entries->len; i++) {
    const ProjectFile *entry = tree->entries->pdata[i];
    g_autofree char *place =
        *entry->path == '\0' ? g_strdup(path) : g_build_filename(path, entry->path, NULL);
    if (g_hash_table_contains(reader->files, place))
      continue;
    ProjectFile *file = project_file_new(place, entry->mode, entry->bytes);
    g_ptr_array_add(reader->project->files, file);
    g_hash_table_insert(reader->files, file->path, file);
  }
}

static void read_all(Reader *reader, GPtrArray *paths, GPtrArray *files) {
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
  for (guint i = 0; files != NULL && i < files->len; i++)
    take_along(reader, files->pdata[i]);
  reader_complete(reader);
  reader->folder = NULL;
}

static void add_values(Reader *reader, GPtrArray *values) {
  for (guint i = 0; values != NULL && i < values->len; i++) {
    const NamedValue *value = values->pdata[i];
    g_hash_table_insert(reader->values, value->name, value->value);
  }
}

/* Their values are not here: nothing that is read may depend on one. */
static void add_secrets(Reader *reader, GPtrArray *secrets) {
  for (guint i = 0; secrets != NULL && i < secrets->len; i++) {
    const SecretConfig *secret = secrets->pdata[i];
    g_autofree char *mark = g_strconcat(SECRET_MARK, secret->name, SECRET_MARK, NULL);
    if (secret->mount != NULL)
      g_hash_table_insert(reader->mounted, secret->mount, secret->name);
    else
      g_hash_table_insert(reader->values, secret->name, g_string_chunk_insert(reader->texts, mark));
  }
}

static Reader *reader_new(GPtrArray *variables, GPtrArray *builtins, GPtrArray *secrets) {
  Reader *reader = g_new0(Reader, 1);
  reader->values = g_hash_table_new(g_str_hash, g_str_equal);
  reader->mounted = g_hash_table_new(g_str_hash, g_str_equal);
  reader->services = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)service_draft_free);
  reader->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)object_draft_free);
  reader->files = g_hash_table_new(g_str_hash, g_str_equal);
  reader->documents =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)yaml_document_free);
  reader->trees = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  reader->project = compose_project_new();
  reader->problems = g_string_new(NULL);
  reader->texts = g_string_chunk_new(TEXTS_BLOCK);
  add_values(reader, variables);
  add_values(reader, builtins);
  add_secrets(reader, secrets);
  return reader;
}

static void reader_free(Reader *reader) {
  g_hash_table_unref(reader->values);
  g_hash_table_unref(reader->mounted);
  g_hash_table_unref(reader->services);
  g_hash_table_unref(reader->objects);
  g_hash_table_unref(reader->files);
  g_hash_table_unref(reader->documents);
  g_hash_table_unref(reader->trees);
  compose_project_free(reader->project);
  g_string_free(reader->problems, TRUE);
  g_string_chunk_free(reader->texts);
  g_free(reader);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reader, reader_free)

bool compose_project_read(const char *directory, GPtrArray *paths, GPtrArray *files, GPtrArray *variables,
                          GPtrArray *builtins, GPtrArray *secrets, ComposeProject **project, GError **error) {
  g_autofree char *root = realpath(directory, NULL);
  if (root == NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s: the project folder cannot be opened: %s", directory,
                g_strerror(errno));
  g_autoptr(Reader) reader = reader_new(variables, builtins, secrets);
  reader->budget.root = root;
  read_all(reader, paths, files);
  if (reader->problems->len > 0)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s", reader->problems->str);
  compose_project_copy_variables(reader->project, variables);
  *project = g_steal_pointer(&reader->project);
  return true;
}
