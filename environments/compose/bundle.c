/* What is uploaded for a release: the archive that scripts/upload.sh unpacks, and the env file that
 * scripts/compose.sh reads. */
#include <string.h>

#include "environments/compose/archive.h"
#include "environments/compose/compose.h"
#include "support/poison.h"

#define RELEASE "release"

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

static bool is_lacking(const FileTree *tree, GHashTable *present) {
  return present == NULL || !g_hash_table_contains(present, tree->hash);
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
static GBytes *pack_shared(const ComposeProject *project, GPtrArray *extra, GHashTable *present) {
  Archive *archive = archive_new();
  g_autoptr(GString) list = g_string_new(NULL);
  for (guint i = 0; i < project->compose->len; i++)
    g_string_append_printf(list, "%s\n", (const char *)project->compose->pdata[i]);
  add_text(archive, RELEASE "/compose.list", list->str);
  add_text(archive, RELEASE "/empty.env", "");
  add_files(archive, RELEASE "/project/", project->files);
  add_files(archive, RELEASE "/", extra);
  for (guint i = 0; i < project->trees->len; i++) {
    const FileTree *tree = project->trees->pdata[i];
    if (is_lacking(tree, present))
      add_tree(archive, tree);
  }
  return archive_pause(archive);
}

GBytes *compose_bundle_own(GPtrArray *extra, GPtrArray *secrets) {
  Archive *archive = archive_new();
  archive_assume(archive, RELEASE);
  add_files(archive, RELEASE "/", extra);
  add_files(archive, "secrets/", secrets);
  add_text(archive, "complete", ""); /* the last: it is there when all is */
  return archive_finish(archive);
}

/* ---- what many hosts share -------------------------------------------------------------------------------
 */

struct BundleShelf {
  GMutex lock;
  GHashTable *bundles; /* hashes of the trees in it -> GBytes */
};

BundleShelf *bundle_shelf_new(void) {
  BundleShelf *shelf = g_new0(BundleShelf, 1);
  g_mutex_init(&shelf->lock);
  shelf->bundles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
  return shelf;
}

void bundle_shelf_free(BundleShelf *shelf) {
  if (shelf == NULL)
    return;
  g_hash_table_unref(shelf->bundles);
  g_mutex_clear(&shelf->lock);
  g_free(shelf);
}

static char *name_trees(const ComposeProject *project, GHashTable *present) {
  GString *names = g_string_new(NULL);
  for (guint i = 0; i < project->trees->len; i++) {
    const FileTree *tree = project->trees->pdata[i];
    if (is_lacking(tree, present))
      g_string_append_printf(names, "%s ", tree->hash);
  }
  return g_string_free(names, FALSE);
}

/* Others wait while it is packed, rather than pack the same. */
GBytes *compose_bundle_shared(BundleShelf *shelf, const ComposeProject *project, GPtrArray *extra,
                              GHashTable *present) {
  g_autofree char *name = name_trees(project, present);
  g_mutex_lock(&shelf->lock);
  GBytes *bundle = g_hash_table_lookup(shelf->bundles, name);
  if (bundle == NULL) {
    bundle = pack_shared(project, extra, present);
    g_hash_table_insert(shelf->bundles, g_steal_pointer(&name), bundle);
  }
  g_bytes_ref(bundle);
  g_mutex_unlock(&shelf->lock);
  return bundle;
}
