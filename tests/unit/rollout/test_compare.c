#include <criterion/criterion.h>
#include <string.h>

#include "deployer/rollout/compare.h"
#include "environments/compose/project.h"
#include "environments/compose/tree.h"

static GBytes *bytes_of(const char *text, gssize length) {
  return g_bytes_new(text, length < 0 ? strlen(text) : (gsize)length);
}

static void add_file(ComposeProject *project, const char *path, guint mode, const char *text, gssize length) {
  g_autoptr(GBytes) bytes = bytes_of(text, length);
  g_ptr_array_add(project->files, project_file_new(path, mode, bytes));
}

/* A single mounted file; `is_secret`: what the Compose files call a secret has it, too. */
static void add_tree(ComposeProject *project, const char *source, const char *text, bool is_secret) {
  g_autoptr(GBytes) bytes = bytes_of(text, -1);
  FileTree *tree = g_new0(FileTree, 1);
  tree->source = g_strdup(source);
  tree->entries = g_ptr_array_new_with_free_func((GDestroyNotify)project_file_free);
  g_ptr_array_add(tree->entries, project_file_new("", 0644, bytes));
  tree->hash = file_tree_hash(false, tree->entries);
  g_ptr_array_add(project->trees, tree);
  if (!is_secret)
    return;
  ComposeObject *object = g_new0(ComposeObject, 1);
  object->section = g_strdup("secrets");
  object->name = g_strdup(source);
  object->hash = g_strdup(tree->hash);
  object->services = g_ptr_array_new_with_free_func(g_free);
  g_ptr_array_add(project->objects, object);
}

static ComposeProject *project_with(const char *text, guint mode, const char *binary) {
  ComposeProject *project = compose_project_new();
  add_file(project, "text", 0644, text, -1);
  add_file(project, "script", mode, "#!/bin/sh\n", -1);
  add_file(project, "binary", 0644, binary, 4);
  add_tree(project, "mounted", text, false);
  g_autofree char *password = g_strconcat("word ", text, NULL);
  add_tree(project, "password", password, true);
  return project;
}

static const PlanChange *change_of(const GPtrArray *changes, const char *subject) {
  for (guint i = 0; i < changes->len; i++) {
    const PlanChange *change = changes->pdata[i];
    if (g_str_equal(change->subject, subject))
      return change;
  }
  cr_assert_fail("no %s", subject);
  return NULL;
}

Test(compare, shows_the_lines_of_a_text_file_and_no_secret) {
  g_autoptr(ComposeProject) before = project_with("one\ntwo\n", 0644, "a\0bc");
  g_autoptr(ComposeProject) after = project_with("one\n2\n", 0755, "a\0bd");
  g_autoptr(GPtrArray) changes = compare_projects(before, after);
  static const char diff[] = "@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
  cr_expect_eq(changes->len, 5);
  cr_expect_str_eq(change_of(changes, "file text")->diff, diff);
  cr_expect_str_eq(change_of(changes, "file binary")->diff, "changed, 4 → 4 bytes\n");
  cr_expect_null(change_of(changes, "file script")->diff);
  cr_expect_null(change_of(changes, "file password")->diff);
  cr_expect_str_eq(change_of(changes, "file mounted")->diff, diff);
}

Test(compare, has_no_lines_for_a_file_that_is_new_or_gone) {
  g_autoptr(ComposeProject) before = compose_project_new(), after = project_with("x\n", 0644, "abcd");
  g_autoptr(GPtrArray) added = compare_projects(before, after), removed = compare_projects(after, before);
  cr_expect_null(change_of(added, "file text")->diff);
  cr_expect_null(change_of(added, "file text")->from);
  cr_expect_eq(removed->len, added->len);
}
