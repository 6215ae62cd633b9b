/* ComposeProject as a value: making and freeing it. */
#include "environments/compose/project.h"

#include "environments/compose/tree.h"
#include "support/poison.h"

static void mount_free(ComposeMount *mount) {
  g_free(mount->service);
  g_free(mount->target);
  g_free(mount->hash);
  cJSON_Delete(mount->options);
  g_free(mount);
}

static void object_free(ComposeObject *object) {
  g_free(object->section);
  g_free(object->name);
  g_free(object->hash);
  g_clear_pointer(&object->services, g_ptr_array_unref);
  g_free(object);
}

static void service_free(ComposeService *service) {
  g_free(service->name);
  g_free(service->image);
  g_clear_pointer(&service->profiles, g_ptr_array_unref);
  g_free(service);
}

static void named_value_free(NamedValue *value) {
  g_free(value->name);
  g_free(value->value);
  g_free(value);
}

ComposeProject *compose_project_new(void) {
  ComposeProject *project = g_new0(ComposeProject, 1);
  project->compose = g_ptr_array_new_with_free_func(g_free);
  project->files = g_ptr_array_new_with_free_func((GDestroyNotify)project_file_free);
  project->trees = g_ptr_array_new_with_free_func((GDestroyNotify)file_tree_free);
  project->mounts = g_ptr_array_new_with_free_func((GDestroyNotify)mount_free);
  project->objects = g_ptr_array_new_with_free_func((GDestroyNotify)object_free);
  project->services = g_ptr_array_new_with_free_func((GDestroyNotify)service_free);
  project->variables = g_ptr_array_new_with_free_func((GDestroyNotify)named_value_free);
  return project;
}

void compose_project_free(ComposeProject *project) {
  if (project == NULL)
    return;
  g_ptr_array_unref(project->compose);
  g_ptr_array_unref(project->files);
  g_ptr_array_unref(project->trees);
  g_ptr_array_unref(project->mounts);
  g_ptr_array_unref(project->objects);
  g_ptr_array_unref(project->services);
  g_ptr_array_unref(project->variables);
  g_free(project);
}

static void add_variable(ComposeProject *project, const char *name, const char *value) {
  NamedValue *copy = g_new0(NamedValue, 1);
  copy->name = g_strdup(name);
  copy->value = g_strdup(value);
  g_ptr_array_add(project->variables, copy);
}

void compose_project_copy_variables(ComposeProject *project, GPtrArray *variables) {
  for (guint i = 0; variables != NULL && i < variables->len; i++) {
    const NamedValue *value = variables->pdata[i];
    add_variable(project, value->name, value->value);
  }
}

bool compose_service_runs(const ComposeService *service, const GPtrArray *profiles) {
  for (guint i = 0; profiles != NULL && i < profiles->len; i++)
    if (g_ptr_array_find_with_equal_func(service->profiles, profiles->pdata[i], g_str_equal, NULL))
      return true;
  return service->profiles->len == 0;
}

GHashTable *compose_services_running(const ComposeProject *project, const GPtrArray *profiles) {
  GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < project->services->len; i++) {
    ComposeService *service = project->services->pdata[i];
    if (compose_service_runs(service, profiles))
      g_hash_table_add(names, service->name);
  }
  return names;
}
