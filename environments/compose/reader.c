/* What all parts of reading a Compose file share: places, problems, interpolated text, paths below the
 * project root. */
#include "environments/compose/reader.h"

#include <string.h>

#include "environments/config/interpolate.h"
#include "support/errors.h"
#include "support/poison.h"

char *reader_where(const Reader *reader, const YamlNode *node) {
  return g_strdup_printf("%s:%u:%u", reader->file, node->line, node->column);
}

void reader_problem(Reader *reader, const char *where, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_string_append_printf(reader->problems, "%s%s: ", reader->problems->len > 0 ? "\n" : "", where);
  g_string_append_vprintf(reader->problems, format, arguments);
  va_end(arguments);
}

static const char *look_up(const char *name, void *data) {
  return g_hash_table_lookup(data, name);
}

char *reader_text(Reader *reader, const YamlNode *node, const char *what) {
  g_autofree char *where = reader_where(reader, node);
  if (node->kind != YAML_SCALAR) {
    reader_problem(reader, where, "%s must be a text", what);
    return NULL;
  }
  g_autoptr(GError) error = NULL;
  char *text = NULL;
  if (!interpolate(node->text, look_up, reader->values, &text, &error)) {
    reader_problem(reader, where, "%s: %s", what, error->message);
    return NULL;
  }
  g_auto(GStrv) parts = g_strsplit(text, SECRET_MARK, 3);
  if (parts[0] == NULL || parts[1] == NULL)
    return text;
  g_free(text);
  reader_problem(reader, where,
                 "%s depends on the secret %s, and would show it on the host and in the history", what,
                 parts[1]);
  return NULL;
}

bool is_host_path(const char *path) {
  return *path == '/' || *path == '~';
}

char *reader_path(Reader *reader, const char *where, const char *text) {
  g_autofree char *joined = g_build_filename(reader->folder, text, NULL);
  g_auto(GStrv) parts = g_strsplit(joined, "/", -1);
  g_autoptr(GPtrArray) kept = g_ptr_array_new();
  for (char **part = parts; *part != NULL; part++) {
    if (**part == '\0' || g_str_equal(*part, "."))
      continue;
    if (!g_str_equal(*part, "..")) {
      g_ptr_array_add(kept, *part);
    } else if (kept->len == 0) {
      reader_problem(reader, where,
                     "\"%s\" is outside the project folder %s; only what is below the folder of slipway.yml "
                     "can be uploaded",
                     text, reader->budget.root);
      return NULL;
    } else {
      g_ptr_array_remove_index(kept, kept->len - 1);
    }
  }
  if (kept->len == 0)
    return g_strdup(".");
  g_ptr_array_add(kept, NULL);
  return g_strjoinv("/", (char **)kept->pdata);
}

GPtrArray *reader_texts(Reader *reader, const YamlNode *node, const char *what) {
  GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
  if (node == NULL || yaml_is_null(node))
    return texts;
  bool is_list = node->kind == YAML_SEQUENCE;
  for (guint i = 0; i < (is_list ? node->items->len : 1); i++) {
    char *text = reader_text(reader, is_list ? node->items->pdata[i] : node, what);
    if (text != NULL)
      g_ptr_array_add(texts, text);
  }
  return texts;
}

bool is_reset(const YamlNode *node) {
  return node != NULL && g_strcmp0(node->tag, "!reset") == 0;
}

bool replaces_earlier(const YamlNode *node) {
  return is_reset(node) || (node != NULL && g_strcmp0(node->tag, "!override") == 0);
}

const ProjectFile *reader_take_file(Reader *reader, const char *where, const char *path) {
  ProjectFile *file = g_hash_table_lookup(reader->files, path);
  if (file != NULL)
    return file;
  g_autoptr(GError) error = NULL;
  if (!project_file_read(&reader->budget, path, &file, &error)) {
    reader_problem(reader, where, "%s", error->message);
    return NULL;
  }
  g_ptr_array_add(reader->project->files, file);
  g_hash_table_insert(reader->files, file->path, file);
  return file;
}

static YamlDocument *parse_compose_file(Reader *reader, const char *where, const char *path) {
  const ProjectFile *file = reader_take_file(reader, where, path);
  g_autoptr(YamlDocument) document = NULL;
  g_autoptr(GError) error = NULL;
  gsize length = 0;
  if (file == NULL)
    return NULL;
  const char *text = g_bytes_get_data(file->bytes, &length);
  if (!yaml_parse(path, text != NULL ? text : "", length, &document, &error)) {
    g_string_append_printf(reader->problems, "%s%s", reader->problems->len > 0 ? "\n" : "", error->message);
    return NULL;
  }
  if (document->root != NULL && document->root->kind == YAML_MAPPING)
    return g_steal_pointer(&document);
  reader_problem(reader, path, "is not a Compose file: a mapping with `services:` was expected");
  return NULL;
}

const YamlNode *reader_open(Reader *reader, const char *where, const char *path) {
  gpointer known = NULL;
  if (!g_hash_table_lookup_extended(reader->documents, path, NULL, &known)) {
    known = parse_compose_file(reader, where, path);
    g_hash_table_insert(reader->documents, g_strdup(path), known);
  }
  return known != NULL ? ((const YamlDocument *)known)->root : NULL;
}

const char *reader_take_tree(Reader *reader, const char *where, const char *path) {
  const char *known = g_hash_table_lookup(reader->trees, path);
  if (known != NULL)
    return known;
  g_autoptr(GError) error = NULL;
  g_autoptr(FileTree) tree = NULL;
  if (!file_tree_read(&reader->budget, path, &tree, &error)) {
    reader_problem(reader, where, "%s", error->message);
    return NULL;
  }
  char *hash = g_strdup(tree->hash);
  g_hash_table_insert(reader->trees, g_strdup(path), hash);
  for (guint i = 0; i < reader->project->trees->len; i++)
    if (g_str_equal(((FileTree *)reader->project->trees->pdata[i])->hash, hash))
      return hash;
  g_ptr_array_add(reader->project->trees, g_steal_pointer(&tree));
  return hash;
}
