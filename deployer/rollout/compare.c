/* Comparing maps of names to values, which is what images, variables and files come down to. */
#include "deployer/rollout/compare.h"

#include <string.h>

#include "deployer/rollout/contents.h"

#include "support/poison.h"

static void plan_change_free(PlanChange *change) {
  g_free(change->subject);
  g_free(change->from);
  g_free(change->to);
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

static GHashTable *files_of(const ComposeProject *project) {
  GHashTable *map = new_map();
  g_autoptr(GPtrArray) contents = project != NULL ? contents_of(project) : NULL;
  for (guint i = 0; contents != NULL && i < contents->len; i++) {
    const Content *content = contents->pdata[i];
    g_hash_table_insert(map, g_strdup(content->path),
                        g_strdup_printf("%.12s mode %03o", content->sha256, content->mode));
  }
  return map;
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
  g_autoptr(GHashTable) files_before = files_of(before);
  g_autoptr(GHashTable) files_after = files_of(after);
  compare_maps(changes, "variable ", variables_before, variables_after);
  compare_maps(changes, "file ", files_before, files_after);
  return changes;
}
