/* Comparing maps of names to values, which is what images, variables and files come down to. */
#include "deployer/rollout/compare.h"

#include <string.h>

#include "deployer/rollout/contents.h"
#include "support/redact.h"
#include "support/text_diff.h"

#include "support/poison.h"

#define FILE_SUBJECT "file "
enum { DIFF_CONTEXT = 3, DIFF_LINES = 40 };

static void plan_change_free(PlanChange *change) {
  g_free(change->subject);
  g_free(change->from);
  g_free(change->to);
  g_free(change->diff);
  g_free(change);
}

static void add_change(GPtrArray *changes, const char *kind, const char *name, const char *from,
                       const char *to) {
  if (g_strcmp0(from, to) == 0)
    return;
  PlanChange *change = g_new0(PlanChange, 1);
  change->subject = g_strconcat(kind, name, NULL);
  change->from = g_strdup(from);
  change->to = g_strdup(to);
  g_ptr_array_add(changes, change);
}

/* Both are char * -> char *. */
static void compare_maps(GPtrArray *changes, const char *kind, GHashTable *before, GHashTable *after) {
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  GHashTable *maps[] = {before, after};
  for (guint i = 0; i < G_N_ELEMENTS(maps); i++) {
    GHashTableIter iterator;
    gpointer name = NULL;
    g_hash_table_iter_init(&iterator, maps[i]);
    while (g_hash_table_iter_next(&iterator, &name, NULL))
      g_hash_table_add(names, name);
  }
  g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_keys(names), (GCompareFunc)strcmp);
  for (const GList *name = sorted; name != NULL; name = name->next)
    add_change(changes, kind, name->data, g_hash_table_lookup(before, name->data),
               g_hash_table_lookup(after, name->data));
}

static GHashTable *new_map(void) {
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static GHashTable *variables_of(const ComposeProject *project) {
  GHashTable *map = new_map();
  for (guint i = 0; project != NULL && i < project->variables->len; i++) {
    const NamedValue *variable = g_ptr_array_index(project->variables, i);
    g_hash_table_insert(map, g_strdup(variable->name), g_strdup(variable->value));
  }
  return map;
}

/* A project's files by their path. */
typedef struct {
  GPtrArray *contents; /* Content */
  GHashTable *words;   /* path -> "HASH mode MODE" */
  GHashTable *by_path; /* path -> Content */
} Files;

static void files_of(const ComposeProject *project, Files *files) {
  files->words = new_map();
  files->by_path = g_hash_table_new(g_str_hash, g_str_equal);
  files->contents = project != NULL ? contents_of(project) : g_ptr_array_new();
  for (guint i = 0; i < files->contents->len; i++) {
    Content *content = files->contents->pdata[i];
    g_hash_table_insert(files->words, g_strdup(content->path),
                        g_strdup_printf("%.12s mode %03o", content->sha256, content->mode));
    g_hash_table_insert(files->by_path, content->path, content);
  }
}

static void files_clear(Files *files) {
  g_clear_pointer(&files->by_path, g_hash_table_unref);
  g_clear_pointer(&files->words, g_hash_table_unref);
  g_clear_pointer(&files->contents, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Files, files_clear)

/* Caller frees; NULL: it is there on one side only, only the mode differs, or it may not be shown. */
static char *describe_change(const Content *before, const Content *after) {
  gsize from_length = 0, to_length = 0;
  if (before == NULL || after == NULL || before->bytes == NULL || after->bytes == NULL || before->is_secret ||
      after->is_secret || g_str_equal(before->sha256, after->sha256))
    return NULL;
  const char *from_bytes = g_bytes_get_data(before->bytes, &from_length);
  const char *to_bytes = g_bytes_get_data(after->bytes, &to_length);
  if (!text_is_diffable(from_bytes, from_length) || !text_is_diffable(to_bytes, to_length))
    return g_strdup_printf("changed, %zu → %zu bytes\n", from_length, to_length);
  g_autofree char *from = g_strndup(from_bytes != NULL ? from_bytes : "", from_length);
  g_autofree char *to = g_strndup(to_bytes != NULL ? to_bytes : "", to_length);
  char *diff = text_diff(from, to, DIFF_CONTEXT, DIFF_LINES);
  redact_in_place(&diff);
  return diff;
}

static void add_diffs(GPtrArray *changes, guint first, const Files *before, const Files *after) {
  for (guint i = first; i < changes->len; i++) {
    PlanChange *change = g_ptr_array_index(changes, i);
    const char *path = change->subject + strlen(FILE_SUBJECT);
    change->diff = describe_change(g_hash_table_lookup(before->by_path, path),
                                   g_hash_table_lookup(after->by_path, path));
  }
}

GPtrArray *compare_images(GHashTable *before, GHashTable *after) {
  g_autoptr(GHashTable) nothing = new_map();
  GPtrArray *changes = g_ptr_array_new_with_free_func((GDestroyNotify)plan_change_free);
  compare_maps(changes, "", before != NULL ? before : nothing, after);
  return changes;
}

GPtrArray *compare_projects(const ComposeProject *before, const ComposeProject *after) {
  GPtrArray *changes = g_ptr_array_new_with_free_func((GDestroyNotify)plan_change_free);
  g_autoptr(GHashTable) variables_before = variables_of(before);
  g_autoptr(GHashTable) variables_after = variables_of(after);
  g_auto(Files) files_before = {0};
  g_auto(Files) files_after = {0};
  files_of(before, &files_before);
  files_of(after, &files_after);
  compare_maps(changes, "variable ", variables_before, variables_after);
  guint first_file = changes->len;
  compare_maps(changes, FILE_SUBJECT, files_before.words, files_after.words);
  add_diffs(changes, first_file, &files_before, &files_after);
  return changes;
}

/* Both with the same key, and not the same hash: "KEY:HASH" (snapshot.h). */
static bool is_changed(const char *before, const char *after) {
  const char *end = strchr(before, ':');
  return end != NULL && strncmp(before, after, (gsize)(end + 1 - before)) == 0 && strcmp(before, after) != 0;
}

void compare_secret_hashes(GHashTable *before, GHashTable *after, GPtrArray *changes) {
  g_autoptr(GHashTable) words_before = new_map();
  g_autoptr(GHashTable) words_after = new_map();
  GHashTableIter iterator;
  gpointer name = NULL, hash = NULL;
  g_hash_table_iter_init(&iterator, before);
  while (g_hash_table_iter_next(&iterator, &name, NULL))
    g_hash_table_insert(words_before, g_strdup(name), g_strdup("set"));
  g_hash_table_iter_init(&iterator, after);
  while (g_hash_table_iter_next(&iterator, &name, &hash)) {
    const char *old = g_hash_table_lookup(before, name);
    bool has_changed = old != NULL && is_changed(old, hash);
    g_hash_table_insert(words_after, g_strdup(name), g_strdup(has_changed ? "changed" : "set"));
  }
  compare_maps(changes, "secret ", words_before, words_after);
}
