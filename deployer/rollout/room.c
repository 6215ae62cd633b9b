/* Comparing what a host must take in with what is free there. */
#include "deployer/rollout/room.h"

#include "host_scripts.h"
#include "pipelines/estimate.h"
#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

/* A pull keeps the compressed layer until it is unpacked, to about twice to three times its size (gzip on
 * system trees). */
enum { UNPACKED_PER_PULLED = 3 };
/* Debian's and Alpine's trees hold a file per 10 to 30 kB; some more for the layer's and the container's own
 * folders. */
enum { BYTES_PER_INODE = 16384, INODES_BESIDES = 200 };
enum { UPLOAD_BESIDES = 1 << 20 };

struct Manifests {
  GMutex mutex;
  Registry *registry;
  GHashTable *images; /* "reference os/architecture" -> RegistryImage */
};

Manifests *manifests_new(GPtrArray *insecure_registries) {
  Manifests *manifests = g_new0(Manifests, 1);
  g_mutex_init(&manifests->mutex);
  manifests->registry = registry_new(insecure_registries);
  manifests->images =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)registry_image_free);
  return manifests;
}

void manifests_free(Manifests *manifests) {
  if (manifests == NULL)
    return;
  g_hash_table_unref(manifests->images);
  registry_free(manifests->registry);
  g_mutex_clear(&manifests->mutex);
  g_free(manifests);
}

/* Borrowed from `manifests`. The registry is asked under the lock: the others wait for the answer, which is
 * theirs too. */
static bool describe(Manifests *manifests, Engine *engine, const char *reference, RegistryImage **image,
                     GError **error) {
  const char *os = NULL, *architecture = NULL;
  if (!engine_platform(engine, &os, &architecture, error))
    return false;
  g_autofree char *key = g_strdup_printf("%s %s/%s", reference, os, architecture);
  g_mutex_lock(&manifests->mutex);
  RegistryImage *found = g_hash_table_lookup(manifests->images, key);
  bool ok =
      found != NULL || registry_describe(manifests->registry, reference, os, architecture, &found, error);
  if (ok && !g_hash_table_contains(manifests->images, key))
    g_hash_table_insert(manifests->images, g_steal_pointer(&key), found);
  g_mutex_unlock(&manifests->mutex);
  *image = found;
  return ok;
}

bool find_missing_images(Worker *worker, GPtrArray **references, GError **error) {
  g_autoptr(GPtrArray) missing = g_ptr_array_new();
  g_autoptr(GPtrArray) wanted = target_references(worker->rollout->target, worker->config);
  g_autoptr(GPtrArray) unused = NULL;
  if (worker->images == NULL &&
      !engine_survey(worker->engine, worker->rollout->place, wanted, &unused, &worker->images, error))
    return false;
  for (guint i = 0; i < wanted->len; i++)
    if (!g_hash_table_contains(worker->images, g_ptr_array_index(wanted, i)))
      g_ptr_array_add(missing, g_ptr_array_index(wanted, i));
  *references = g_steal_pointer(&missing);
  return true;
}

static bool describe_all(Worker *worker, const GPtrArray *references, GPtrArray *images, GError **error) {
  for (guint i = 0; i < references->len; i++) {
    RegistryImage *image = NULL;
    if (!describe(worker->rollout->manifests, worker->engine, g_ptr_array_index(references, i), &image,
                  error))
      return false;
    g_ptr_array_add(images, image);
  }
  return true;
}

bool estimate_missing(Worker *worker, const GPtrArray *references, gint64 *bytes, GError **error) {
  g_autoptr(GPtrArray) images = g_ptr_array_new();
  g_autoptr(GPtrArray) there = NULL;
  g_autoptr(GPtrArray) chains = g_ptr_array_new();
  *bytes = 0;
  if (references->len == 0)
    return true;
  if (!describe_all(worker, references, images, error) || !engine_list_images(worker->engine, &there, error))
    return false;
  for (guint i = 0; i < there->len; i++)
    g_ptr_array_add(chains, ((const EngineImage *)g_ptr_array_index(there, i))->diff_ids);
  *bytes = estimate_pull(images, chains);
  return true;
}

/* As if no layer were there yet. */
static bool estimate_at_most(Worker *worker, const GPtrArray *references, gint64 *bytes, GError **error) {
  g_autoptr(GPtrArray) images = g_ptr_array_new();
  g_autoptr(GPtrArray) nothing = g_ptr_array_new();
  if (!describe_all(worker, references, images, error))
    return false;
  *bytes = estimate_pull(images, nothing);
  return true;
}

typedef struct {
  gint64 bytes, inodes; /* -1: not known */
} Room;

static Room room_for_pull(gint64 pulled) {
  gint64 unpacked = pulled * UNPACKED_PER_PULLED;
  return (Room){.bytes = unpacked, .inodes = unpacked / BYTES_PER_INODE + INODES_BESIDES};
}

static bool fits(Room needed, Room there) {
  return (there.bytes < 0 || needed.bytes <= there.bytes) &&
         (there.inodes < 0 || needed.inodes <= there.inodes);
}

static bool require(const char *folder, Room needed, Room there, GError **error) {
  g_autofree char *wanted = size_for_people(needed.bytes);
  g_autofree char *found = size_for_people(there.bytes);
  if (fits(needed, there))
    return true;
  if (there.bytes >= 0 && there.bytes < needed.bytes)
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "not enough disk: about %s needed, %s free in %s; nothing was pulled or changed. Free some "
                "(docker system df shows what takes it)",
                wanted, found, folder);
  return fail(error, SLIPWAY_ERROR_UNREADY,
              "not enough inodes: about %" G_GINT64_FORMAT " needed, %" G_GINT64_FORMAT
              " free in %s; nothing was pulled or changed. Remove what has many small files (df -i)",
              needed.inodes, there.inodes, folder);
}

/* "FOLDER BYTES INODES"; the folder may hold blanks. */
static bool parse_room(const char *line, Room *room) {
  g_auto(GStrv) words = g_strsplit(line, " ", -1);
  guint count = g_strv_length(words);
  Room parsed = {-1, -1};
  if (count < 3 || !number_parse(words[count - 2], 0, G_MAXINT64, &parsed.bytes))
    return false;
  if (!number_parse(words[count - 1], 0, G_MAXINT64, &parsed.inodes))
    parsed.inodes = -1;
  *room = parsed;
  return true;
}

/* Of the engine's data root; -1 where this user may not see that file system: then the pull will tell. */
static bool ask_room(Worker *worker, char **data_root, Room *room, GError **error) {
  g_auto(HostReply) reply = {0};
  if (!engine_info(worker->engine, data_root, error))
    return false;
  const char *argv[] = {*data_root, NULL};
  HostScript script = {.text = host_script_room, .argv = argv};
  if (!host_run(worker->host, &script, &reply, error))
    return false;
  if (!parse_room(g_strchomp(reply.out->str), room))
    *room = (Room){-1, -1};
  return true;
}

/* What is on the host already is asked only where it could make the difference: it costs a question per
 * image. */
bool require_room_for_pull(Worker *worker, const GPtrArray *references, GError **error) {
  g_autofree char *data_root = NULL;
  Room room = {-1, -1};
  gint64 bytes = 0;
  if (!estimate_at_most(worker, references, &bytes, error) || !ask_room(worker, &data_root, &room, error))
    return false;
  if (!fits(room_for_pull(bytes), room) && !estimate_missing(worker, references, &bytes, error))
    return false;
  return require(data_root, room_for_pull(bytes), room, error);
}

bool require_room_for_upload(const Worker *worker, gint64 bytes, GError **error) {
  const HostFacts *facts = worker->facts;
  Room needed = {.bytes = bytes * 2 + UPLOAD_BESIDES, .inodes = INODES_BESIDES};
  Room there = {.bytes = facts->free_bytes, .inodes = facts->free_inodes};
  return require(facts->folder, needed, there, error);
}
