/* Files of a project and of its trees. */
#include "deployer/rollout/contents.h"

#include "support/text.h"

#include "support/poison.h"

const char *content_kind_name(ContentKind kind) {
  static const char *const names[] = {
      [CONTENT_COMPOSE] = "compose", [CONTENT_BESIDE] = "file", [CONTENT_MOUNTED] = "mounted"};
  return names[kind];
}

static void content_free(Content *content) {
  g_free(content->path);
  g_clear_pointer(&content->bytes, g_bytes_unref);
  g_free(content->sha256);
  g_free(content);
}

/* A single mounted file has no path of its own below `folder`. */
static char *join(const char *folder, const char *path) {
  if (folder == NULL)
    return g_strdup(path);
  return path[0] == '\0' ? g_strdup(folder) : g_build_filename(folder, path, NULL);
}

static Content *add_content(GPtrArray *contents, ContentKind kind, const char *folder,
                            const ProjectFile *file) {
  Content *content = g_new0(Content, 1);
  gsize length = 0;
  const void *bytes = file->bytes != NULL ? g_bytes_get_data(file->bytes, &length) : NULL;
  content->path = join(folder, file->path);
  content->kind = kind;
  content->mode = file->mode;
  content->bytes = file->bytes != NULL ? g_bytes_ref(file->bytes) : NULL;
  content->sha256 = sha256_hex(bytes != NULL ? bytes : "", length);
  g_ptr_array_add(contents, content);
  return content;
}

static bool is_compose_file(const ComposeProject *project, const char *path) {
  return g_ptr_array_find_with_equal_func(project->compose, path, g_str_equal, NULL);
}

static bool is_secret(const ComposeProject *project, const FileTree *tree) {
  for (guint i = 0; i < project->objects->len; i++) {
    const ComposeObject *object = project->objects->pdata[i];
    if (g_str_equal(object->section, "secrets") && g_strcmp0(object->hash, tree->hash) == 0)
      return true;
  }
  return false;
}

GPtrArray *contents_of(const ComposeProject *project) {
  GPtrArray *contents = g_ptr_array_new_with_free_func((GDestroyNotify)content_free);
  for (guint i = 0; i < project->files->len; i++) {
    const ProjectFile *file = project->files->pdata[i];
    add_content(contents, is_compose_file(project, file->path) ? CONTENT_COMPOSE : CONTENT_BESIDE, NULL,
                file);
  }
  for (guint i = 0; i < project->trees->len; i++) {
    const FileTree *tree = project->trees->pdata[i];
    for (guint k = 0; k < tree->entries->len; k++)
      add_content(contents, CONTENT_MOUNTED, tree->source, tree->entries->pdata[k])->is_secret =
          is_secret(project, tree);
  }
  return contents;
}
