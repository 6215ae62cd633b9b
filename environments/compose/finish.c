/* From the drafts that reading left to the ComposeProject: what all files together say. */
#include <string.h>

#include "environments/compose/image_reference.h"
#include "environments/compose/reader.h"
#include "support/poison.h"

static gint compare_texts(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, so that what is made of them does not depend on the hash table. Borrowed keys. */
static GPtrArray *sorted_keys(GHashTable *table) {
  GPtrArray *keys = g_ptr_array_new();
  GHashTableIter iterator;
  g_hash_table_iter_init(&iterator, table);
  for (void *key; g_hash_table_iter_next(&iterator, &key, NULL);)
    g_ptr_array_add(keys, key);
  g_ptr_array_sort(keys, compare_texts);
  return keys;
}

static void finish_mounts(Reader *reader, const ServiceDraft *draft) {
  g_autoptr(GPtrArray) targets = sorted_keys(draft->mounts);
  for (guint i = 0; i < targets->len; i++) {
    MountDraft *mount_draft = g_hash_table_lookup(draft->mounts, targets->pdata[i]);
    if (mount_draft->path == NULL)
      continue;
    const char *hash = reader_take_tree(reader, mount_draft->where, mount_draft->path);
    ComposeMount *mount = g_new0(ComposeMount, 1);
    mount->service = g_strdup(draft->name);
    mount->target = g_strdup(mount_draft->target);
    mount->hash = g_strdup(hash);
    mount->options = g_steal_pointer(&mount_draft->options);
    g_ptr_array_add(reader->project->mounts, mount);
  }
}

static void finish_service(Reader *reader, const ServiceDraft *draft) {
  g_autoptr(GError) error = NULL;
  g_auto(ImageReference) reference = {0};
  if (draft->image == NULL && draft->has_build)
    reader_problem(reader, draft->where,
                   "service \"%s\" has only build:, and slipway never builds; give it the image: "
                   "that its build pushes",
                   draft->name);
  else if (draft->image == NULL)
    reader_problem(reader, draft->where, "service \"%s\" has no image:", draft->name);
  else if (reader->problems->len == 0 && !image_reference_parse(draft->image, &reference, &error))
    reader_problem(reader, draft->where, "service \"%s\": %s", draft->name, error->message);
  ComposeService *service = g_new0(ComposeService, 1);
  service->name = g_strdup(draft->name);
  service->image = g_strdup(draft->image);
  service->has_build = draft->has_build;
  service->profiles = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GPtrArray) profiles = sorted_keys(draft->profiles);
  for (guint i = 0; i < profiles->len; i++)
    g_ptr_array_add(service->profiles, g_strdup(profiles->pdata[i]));
  g_ptr_array_add(reader->project->services, service);
  finish_mounts(reader, draft);
  check_ports(reader, draft);
}

static void finish_object(Reader *reader, const char *key, const ObjectDraft *draft,
                          GPtrArray *service_names) {
  bool is_secret = is_content_of_secret(reader, draft->section, draft->name);
  if (draft->path == NULL && !is_secret)
    return;
  ComposeObject *object = g_new0(ComposeObject, 1);
  object->section = g_strdup(draft->section);
  object->name = g_strdup(draft->name);
  object->hash = is_secret ? NULL : g_strdup(reader_take_tree(reader, draft->where, draft->path));
  object->services = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < service_names->len; i++) {
    const ServiceDraft *service = g_hash_table_lookup(reader->services, service_names->pdata[i]);
    if (g_hash_table_contains(service->uses, key))
      g_ptr_array_add(object->services, g_strdup(service->name));
  }
  g_ptr_array_add(reader->project->objects, object);
}

/* A `mount` that no Compose file waits for would be a secret that nobody gets. */
static void require_mounted(Reader *reader) {
  g_autoptr(GPtrArray) names = sorted_keys(reader->mounted);
  for (guint i = 0; i < names->len; i++) {
    const char *name = names->pdata[i];
    g_autofree char *key = g_strconcat("secrets/", name, NULL);
    if (!g_hash_table_contains(reader->objects, key))
      reader_problem(reader, g_hash_table_lookup(reader->mounted, name),
                     "its mount \"%s\" is not among the secrets of the Compose files; there it says "
                     "secrets: {%s: {file: ./%s}}, and that file need not exist",
                     name, name, name);
  }
}

static gint compare_files(gconstpointer a, gconstpointer b) {
  return strcmp((*(ProjectFile *const *)a)->path, (*(ProjectFile *const *)b)->path);
}

static gint compare_trees(gconstpointer a, gconstpointer b) {
  return strcmp((*(FileTree *const *)a)->hash, (*(FileTree *const *)b)->hash);
}

/* What all files together say: replaced mounts and objects are gone, so only what counts has to exist. */
void reader_complete(Reader *reader) {
  g_autoptr(GPtrArray) names = sorted_keys(reader->services);
  g_autoptr(GPtrArray) objects = sorted_keys(reader->objects);
  for (guint i = 0; i < names->len; i++)
    finish_service(reader, g_hash_table_lookup(reader->services, names->pdata[i]));
  for (guint i = 0; i < objects->len; i++)
    finish_object(reader, objects->pdata[i], g_hash_table_lookup(reader->objects, objects->pdata[i]), names);
  require_mounted(reader);
  g_ptr_array_sort(reader->project->files, compare_files);
  g_ptr_array_sort(reader->project->trees, compare_trees);
}
