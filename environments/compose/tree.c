/* Reading what Compose mounts into content-addressed FileTrees. Times, owners and the order of a folder never
 * count. */
#include "environments/compose/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/errors.h"
#include "support/files.h"
#include "support/poison.h"

enum { FILE_CAP = 64 << 20, TOTAL_CAP = 512 << 20, ENTRY_CAP = 100000, PERMISSIONS = 0777 };

ProjectFile *project_file_new(const char *path, guint mode, GBytes *bytes) {
  ProjectFile *file = g_new0(ProjectFile, 1);
  file->path = g_strdup(path);
  file->mode = mode & PERMISSIONS;
  file->bytes = bytes == NULL ? NULL : g_bytes_ref(bytes);
  return file;
}

void project_file_free(ProjectFile *file) {
  if (file == NULL)
    return;
  g_clear_pointer(&file->bytes, g_bytes_unref);
  g_free(file->path);
  g_free(file);
}

void file_tree_free(FileTree *tree) {
  if (tree == NULL)
    return;
  g_clear_pointer(&tree->entries, g_ptr_array_unref);
  g_free(tree->hash);
  g_free(tree->source);
  g_free(tree);
}

static gint compare_paths(gconstpointer a, gconstpointer b) {
  return strcmp((*(ProjectFile *const *)a)->path, (*(ProjectFile *const *)b)->path);
}

char *file_tree_hash(bool is_folder, GPtrArray *entries) {
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  g_checksum_update(checksum, (const guchar *)(is_folder ? "folder\n" : "file\n"), -1);
  for (guint i = 0; i < entries->len; i++) {
    const ProjectFile *entry = entries->pdata[i];
    gsize length = 0;
    const void *bytes = entry->bytes == NULL ? NULL : g_bytes_get_data(entry->bytes, &length);
    /* Lengths in front, so that no two trees can give the same bytes. */
    g_autofree char *header = g_strdup_printf("%c %03o %zu %zu ", entry->bytes == NULL ? 'd' : 'f',
                                              entry->mode, strlen(entry->path), length);
    g_checksum_update(checksum, (const guchar *)header, -1);
    g_checksum_update(checksum, (const guchar *)entry->path, -1);
    if (length > 0)
      g_checksum_update(checksum, bytes, (gssize)length);
  }
  return g_strdup(g_checksum_get_string(checksum));
}

static bool is_below(const char *path, const char *folder) {
  gsize length = strlen(folder);
  if (g_str_equal(folder, "/"))
    return true;
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Where root/path really is. */
static bool locate(const TreeBudget *budget, const char *path, char **place, struct stat *status,
                   GError **error) {
  g_autofree char *joined = g_build_filename(budget->root, path, NULL);
  char *real = realpath(joined, NULL); /* of malloc, as g_free's is since GLib 2.46 */
  g_autofree char *owned = real;
  if (real == NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "\"%s\" %s", path,
                errno == ENOENT ? "does not exist" : g_strerror(errno));
  if (!is_below(real, budget->root))
    return fail(error, SLIPWAY_ERROR_CONFIG,
                "\"%s\" is a symbolic link that leads out of the project folder, to %s", path, real);
  if (stat(real, status) != 0)
    return fail(error, SLIPWAY_ERROR_CONFIG, "\"%s\": %s", path, g_strerror(errno));
  if (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode))
    return fail(error, SLIPWAY_ERROR_CONFIG, "\"%s\" is neither a file nor a folder", path);
  *place = g_steal_pointer(&owned);
  return true;
}

static bool read_bytes(TreeBudget *budget, const char *path, const char *place, GBytes **bytes,
                       GError **error) {
  g_autoptr(GBytes) content = NULL;
  if (!file_read(place, FILE_CAP, &content, error))
    return prefix(error, "\"%s\": ", path);
  budget->bytes += g_bytes_get_size(content);
  if (budget->bytes > TOTAL_CAP)
    return fail(error, SLIPWAY_ERROR_CONFIG, "with \"%s\" the files to upload are larger than %d MiB in all",
                path, TOTAL_CAP >> 20);
  *bytes = g_steal_pointer(&content);
  return true;
}

typedef struct {
  TreeBudget *budget;
  GPtrArray *entries;
  GPtrArray *open; /* char *: real paths of the folders being read, to notice a link that leads back up */
} Walk;

static bool walk_folder(Walk *walk, const char *path, const char *place, const char *inside, GError **error);

static bool walk_entry(Walk *walk, const char *path, const char *inside, GError **error) {
  g_autofree char *place = NULL;
  struct stat status;
  if (!g_utf8_validate(path, -1, NULL))
    return fail(error, SLIPWAY_ERROR_CONFIG, "\"%s\": a file name is not UTF-8", path);
  if (++walk->budget->entries > ENTRY_CAP)
    return fail(error, SLIPWAY_ERROR_CONFIG, "with \"%s\" there are more than %d files to upload", path,
                ENTRY_CAP);
  if (!locate(walk->budget, path, &place, &status, error))
    return false;
  if (S_ISDIR(status.st_mode)) {
    guint before = walk->entries->len;
    if (!walk_folder(walk, path, place, inside, error))
      return false;
    if (walk->entries->len == before) /* only an empty folder needs an entry */
      g_ptr_array_add(walk->entries, project_file_new(inside, status.st_mode, NULL));
    return true;
  }
  g_autoptr(GBytes) bytes = NULL;
  if (!read_bytes(walk->budget, path, place, &bytes, error))
    return false;
  g_ptr_array_add(walk->entries, project_file_new(inside, status.st_mode, bytes));
  return true;
}

static bool walk_folder(Walk *walk, const char *path, const char *place, const char *inside, GError **error) {
  if (g_ptr_array_find_with_equal_func(walk->open, place, g_str_equal, NULL))
    return fail(error, SLIPWAY_ERROR_CONFIG, "\"%s\" is a symbolic link to a folder that it is in", path);
  g_autoptr(GError) cause = NULL;
  g_autoptr(GDir) folder = g_dir_open(place, 0, &cause);
  if (folder == NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "\"%s\": %s", path, cause->message);
  g_ptr_array_add(walk->open, g_strdup(place));
  for (const char *name; (name = g_dir_read_name(folder)) != NULL;) {
    g_autofree char *entry_path = g_build_filename(path, name, NULL);
    g_autofree char *entry_inside = *inside == '\0' ? g_strdup(name) : g_build_filename(inside, name, NULL);
    if (!walk_entry(walk, entry_path, entry_inside, error))
      return false;
  }
  g_ptr_array_set_size(walk->open, (gint)walk->open->len - 1);
  return true;
}

bool file_tree_read(TreeBudget *budget, const char *path, FileTree **tree, GError **error) {
  g_autofree char *place = NULL;
  struct stat status;
  if (!locate(budget, path, &place, &status, error))
    return false;
  g_autoptr(FileTree) result = g_new0(FileTree, 1);
  result->source = g_strdup(path);
  result->is_folder = S_ISDIR(status.st_mode);
  result->entries = g_ptr_array_new_with_free_func((GDestroyNotify)project_file_free);
  g_autoptr(GPtrArray) open = g_ptr_array_new_with_free_func(g_free);
  Walk walk = {.budget = budget, .entries = result->entries, .open = open};
  if (result->is_folder ? !walk_folder(&walk, path, place, "", error) : !walk_entry(&walk, path, "", error))
    return false;
  g_ptr_array_sort(result->entries, compare_paths);
  result->hash = file_tree_hash(result->is_folder, result->entries);
  *tree = g_steal_pointer(&result);
  return true;
}

bool project_file_read(TreeBudget *budget, const char *path, ProjectFile **file, GError **error) {
  g_autofree char *place = NULL;
  g_autoptr(GBytes) bytes = NULL;
  struct stat status;
  if (!locate(budget, path, &place, &status, error) || !read_bytes(budget, path, place, &bytes, error))
    return false;
  *file = project_file_new(path, status.st_mode, bytes);
  return true;
}
