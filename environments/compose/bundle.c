/* What is uploaded for a release: the archive that scripts/upload.sh unpacks, and the env file that
 * scripts/compose.sh reads. */
#include <string.h>

#include "environments/compose/archive.h"
#include "environments/compose/compose.h"
#include "support/poison.h"

static void append_assignment(GString *env, const NamedValue *value) {
  g_auto(GStrv) parts = g_strsplit(value->value, "'", -1);
  g_autofree char *escaped = g_strjoinv("'\\''", parts);
  g_string_append_printf(env, "%s='%s'\n", value->name, escaped);
}

char *compose_env_file(GPtrArray *variables, GPtrArray *builtins) {
  GString *env = g_string_new(NULL);
  for (guint i = 0; variables != NULL && i < variables->len; i++)
    append_assignment(env, variables->pdata[i]);
  for (guint i = 0; builtins != NULL && i < builtins->len; i++)
    append_assignment(env, builtins->pdata[i]);
  return g_string_free(env, FALSE);
}

static void add_text(Archive *archive, const char *path, const char *text) {
  g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
  archive_add(archive, path, 0644, bytes);
}

static void add_files(Archive *archive, const char *folder, GPtrArray *files) {
  for (guint i = 0; files != NULL && i < files->len; i++) {
    const ProjectFile *file = files->pdata[i];
    g_autofree char *path = g_strconcat(folder, file->path, NULL);
    archive_add(archive, path, file->mode, file->bytes);
  }
}

static void add_tree(Archive *archive, const FileTree *tree) {
  g_autofree char *place = g_strconcat("files/", tree->hash, NULL);
  if (!tree->is_folder) {
    const ProjectFile *file = tree->entries->pdata[0];
    archive_add(archive, place, file->mode, file->bytes);
    return;
  }
  g_autofree char *folder = g_strconcat(place, "/", NULL);
  archive_add(archive, place, 0755, NULL);
  add_files(archive, folder, tree->entries);
}

/* compose.sh wants the Compose files, a path a line, and an env file that is empty: Compose would read a
 * `.env` beside them. */
GBytes *compose_bundle(const ComposeProject *project, GPtrArray *extra, GPtrArray *secrets,
                       GHashTable *present) {
  Archive *archive = archive_new();
  g_autoptr(GString) list = g_string_new(NULL);
  for (guint i = 0; i < project->compose->len; i++)
    g_string_append_printf(list, "%s\n", (const char *)project->compose->pdata[i]);
  add_text(archive, "release/compose.list", list->str);
  add_text(archive, "release/empty.env", "");
  add_files(archive, "release/project/", project->files);
  add_files(archive, "release/", extra);
  add_files(archive, "secrets/", secrets);
  for (guint i = 0; i < project->trees->len; i++) {
    const FileTree *tree = project->trees->pdata[i];
    if (present == NULL || !g_hash_table_contains(present, tree->hash))
      add_tree(archive, tree);
  }
  add_text(archive, "complete", ""); /* the last: it is there when all is */
  return archive_finish(archive);
}
