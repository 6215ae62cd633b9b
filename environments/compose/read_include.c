/* `include:` of the Compose specification: Compose files that are read with a project folder of their own.
 * What they say of services and objects is part of the project; Compose refuses two that say it of one. */
#include <string.h>

#include "environments/compose/reader.h"
#include "support/dotenv.h"
#include "support/poison.h"

/* Files may include each other: there has to be an end. */
enum { INCLUDES_CAP = 200 };

/* What an included project sees differently. */
typedef struct {
  const char *file, *folder;
  GHashTable *values;
} Scope;

static Scope scope_of(const Reader *reader) {
  return (Scope){.file = reader->file, .folder = reader->folder, .values = reader->values};
}

static void enter(Reader *reader, const Scope *scope) {
  reader->file = scope->file;
  reader->folder = scope->folder;
  reader->values = scope->values;
}

typedef struct {
  Reader *reader;
  GHashTable *values;
} Addition;

static void add_value(const char *name, const SecretText *value, void *data) {
  const Addition *addition = data;
  GStringChunk *texts = addition->reader->texts;
  if (!g_hash_table_contains(addition->reader->values, name))
    g_hash_table_replace(addition->values, g_string_chunk_insert_const(texts, name),
                         g_string_chunk_insert_const(texts, value->str));
}

/* The project's own values, and what its env_file adds to them. */
static void add_values(Reader *reader, const char *where, const char *text, GHashTable *values) {
  g_autofree char *path = reader_path(reader, where, text);
  const ProjectFile *file = path == NULL ? NULL : reader_take_file(reader, where, path);
  if (file == NULL)
    return;
  gsize length = 0;
  const char *bytes = g_bytes_get_data(file->bytes, &length);
  const Addition addition = {reader, values};
  g_autoptr(GError) problem = NULL;
  if (!dotenv_parse(bytes != NULL ? bytes : "", length, add_value, (void *)&addition, &problem))
    reader_problem(reader, where, "env_file \"%s\": %s", text, problem->message);
}

static GHashTable *values_for(Reader *reader, const char *where, const YamlNode *env_file) {
  GHashTable *values = g_hash_table_new(g_str_hash, g_str_equal);
  GHashTableIter iterator;
  gpointer name = NULL, value = NULL;
  g_hash_table_iter_init(&iterator, reader->values);
  while (g_hash_table_iter_next(&iterator, &name, &value))
    g_hash_table_insert(values, name, value);
  g_autoptr(GPtrArray) paths = reader_texts(reader, env_file, "include.env_file");
  for (guint i = 0; i < paths->len; i++)
    add_values(reader, where, paths->pdata[i], values);
  return values;
}

/* Relative to the root; NULL for a path that is none of the project's (noted). Caller frees. */
static char *local_path(Reader *reader, const char *where, const char *text) {
  if (!is_host_path(text) && strstr(text, "://") == NULL)
    return reader_path(reader, where, text);
  reader_problem(reader, where, "include of \"%s\": only files of the project can go along", text);
  return NULL;
}

/* Where the included project's relative paths start. Caller frees. */
static char *folder_for(Reader *reader, const char *where, const YamlNode *entry, const char *first) {
  const YamlNode *node = yaml_get(entry, "project_directory");
  if (yaml_is_null(node))
    return g_path_get_dirname(first);
  g_autofree char *text = reader_text(reader, node, "include.project_directory");
  return text == NULL ? NULL : local_path(reader, where, text);
}

typedef void (*ReadRoot)(Reader *reader, const YamlNode *root);

static void read_files(Reader *reader, const char *where, const YamlNode *entry, const GPtrArray *paths,
                       ReadRoot read) {
  g_autofree char *folder = folder_for(reader, where, entry, paths->pdata[0]);
  if (folder == NULL)
    return;
  g_autoptr(GHashTable) values = values_for(reader, where, yaml_get(entry, "env_file"));
  const Scope own = scope_of(reader);
  for (guint i = 0; i < paths->len; i++) {
    const Scope included = {.file = paths->pdata[i], .folder = folder, .values = values};
    const YamlNode *root = reader_open(reader, where, paths->pdata[i]);
    enter(reader, &included);
    if (root != NULL)
      read(reader, root);
    enter(reader, &own);
  }
}

/* A path, or {path: one or several that are merged, project_directory, env_file}. */
static void read_include(Reader *reader, const YamlNode *entry, ReadRoot read) {
  g_autofree char *where = reader_where(reader, entry);
  bool is_long = entry->kind == YAML_MAPPING;
  g_autoptr(GPtrArray) texts = reader_texts(reader, is_long ? yaml_get(entry, "path") : entry, "include");
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < texts->len; i++) {
    char *path = local_path(reader, where, texts->pdata[i]);
    if (path != NULL)
      g_ptr_array_add(paths, path);
  }
  reader->includes += texts->len;
  if (is_long && texts->len == 0)
    reader_problem(reader, where, "an include has no path");
  else if (reader->includes > INCLUDES_CAP)
    reader_problem(reader, where, "more than %d files are included: does one include itself?", INCLUDES_CAP);
  else if (paths->len > 0 && paths->len == texts->len)
    read_files(reader, where, entry, paths, read);
}

void read_includes(Reader *reader, const YamlNode *include, ReadRoot read) {
  if (yaml_is_null(include))
    return;
  reader->project->has_include = true;
  if (include->kind != YAML_SEQUENCE) {
    g_autofree char *where = reader_where(reader, include);
    reader_problem(reader, where, "include must be a list");
    return;
  }
  for (guint i = 0; i < include->items->len && reader->includes <= INCLUDES_CAP; i++)
    read_include(reader, include->items->pdata[i], read);
}
