/* Reading what Compose mounts into content-addressed FileTrees (design §5, files/HASH). */
#pragma once

#include "environments/compose/compose.h"

/* What one project may take along in all, and where it may take it from. */
typedef struct {
  const char *root; /* real path of the project root: nothing outside is read */
  guint64 bytes;    /* read so far */
  guint entries;
} TreeBudget;

/* Reads the file or folder at root/path; symbolic links are followed as long as they stay below the root.
 * SLIPWAY_ERROR_CONFIG, naming the path: missing, outside, special file, a name that is not UTF-8, more than
 * the budget. */
bool file_tree_read(TreeBudget *budget, const char *path, FileTree **tree,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* One file, by the same rules. */
bool project_file_read(TreeBudget *budget, const char *path, ProjectFile **file,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* sha256 over what a container can see: sorted paths, permission bits, contents. Caller frees. */
char *file_tree_hash(bool is_folder, GPtrArray *entries);
void file_tree_free(FileTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FileTree, file_tree_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProjectFile, project_file_free)
