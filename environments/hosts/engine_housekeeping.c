/* What housekeeping asks of the engine: what containers hold on to, what removing an image freed, and the
 * removal of a Compose project without Compose. */
#include <string.h>

#include "environments/hosts/engine_private.h"
#include "support/errors.h"
#include "support/poison.h"

/* ---- what is in use --------------------------------------------------------------------------------------
 */

void engine_use_free(EngineUse *use) {
  if (use == NULL)
    return;
  g_hash_table_unref(use->images);
  g_hash_table_unref(use->sources);
  g_free(use);
}

static void add_use(EngineUse *use, const cJSON *container) {
  const char *image = json_string(container, "ImageID");
  if (image != NULL)
    g_hash_table_add(use->images, g_strdup(image));
  const cJSON *mount = NULL;
  cJSON_ArrayForEach(mount, json_array(container, "Mounts")) {
    const char *source = json_string(mount, "Source");
    if (source != NULL && *source != '\0')
      g_hash_table_add(use->sources, g_strdup(source));
  }
}

bool engine_list_use(Engine *engine, EngineUse **out, GError **error) {
  g_autoptr(cJSON) list = NULL;
  const EngineCall call = {.doing = "list all containers", .path = "/containers/json?all=1"};
  if (!engine_call(engine, &call, &list, error))
    return false;
  g_autoptr(EngineUse) use = g_new0(EngineUse, 1);
  use->images = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  use->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  const cJSON *container = NULL;
  cJSON_ArrayForEach(container, list) add_use(use, container);
  *out = g_steal_pointer(&use);
  return true; /* NOLINT(clang-analyzer-unix.Malloc): clang 14 does not know the cleanup attribute */
}

/* ---- images ----------------------------------------------------------------------------------------------
 */

bool engine_list_image_names(Engine *engine, GPtrArray **out, GError **error) {
  g_autoptr(cJSON) list = NULL;
  if (!engine_call(engine, &(EngineCall){.doing = "list its images", .path = "/images/json"}, &list, error))
    return false;
  GPtrArray *images = g_ptr_array_new_with_free_func((GDestroyNotify)engine_image_free);
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, list) {
    if (json_string(item, "Id") != NULL)
      g_ptr_array_add(images, engine_parse_image(item));
  }
  *out = images;
  return true;
}

/* Sizes of the layers that have one, topmost first, out of an image's history. Layers without content cannot
 * be told from steps that made no layer. */
static GArray *parse_layer_sizes(const cJSON *history) {
  GArray *sizes = g_array_new(FALSE, FALSE, sizeof(gint64));
  const cJSON *entry = NULL;
  cJSON_ArrayForEach(entry, history) {
    gint64 size = json_integer(entry, "Size", 0);
    if (size > 0)
      g_array_append_val(sizes, size);
  }
  return sizes;
}

/* The engine names what it deleted: the image, then each of its layers that nothing else needs, which are the
 * topmost. Where empty layers leave open which those are, less is counted rather than more. */
gint64 engine_freed_bytes(const cJSON *history, guint layers, const cJSON *answer) {
  guint deleted = 0;
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, answer) deleted += json_string(item, "Deleted") != NULL ? 1 : 0;
  if (deleted == 0)
    return 0;
  g_autoptr(GArray) sizes = parse_layer_sizes(history);
  guint gone = deleted - 1;
  guint empty = layers > sizes->len ? layers - sizes->len : 0;
  guint counted = gone >= layers ? sizes->len : MIN(gone > empty ? gone - empty : 0, sizes->len);
  gint64 bytes = 0;
  for (guint i = 0; i < counted; i++)
    bytes += g_array_index(sizes, gint64, i);
  return bytes;
}

bool engine_remove_image_name(Engine *engine, const char *name, gint64 *freed, GError **error) {
  g_autofree char *escaped = engine_escape_name(name);
  g_autofree char *image_path = g_strdup_printf("/images/%s/json", escaped);
  g_autofree char *history_path = g_strdup_printf("/images/%s/history", escaped);
  g_autofree char *path = g_strdup_printf("/images/%s", escaped);
  g_autofree char *doing = g_strdup_printf("remove image %s", name);
  g_autoptr(cJSON) image = NULL;
  g_autoptr(cJSON) history = NULL;
  g_autoptr(cJSON) answer = NULL;
  const EngineCall ask_image = {.doing = doing, .path = image_path, .may_be_absent = true};
  const EngineCall ask_history = {.doing = doing, .path = history_path, .may_be_absent = true};
  const EngineCall removal = {.doing = doing, .method = "DELETE", .path = path, .may_be_absent = true};
  if (!engine_call(engine, &ask_image, &image, error) ||
      !engine_call(engine, &ask_history, &history, error) || !engine_call(engine, &removal, &answer, error))
    return false;
  const cJSON *layers = json_path(image, "RootFS", "Layers", NULL);
  *freed += engine_freed_bytes(history, (guint)cJSON_GetArraySize(layers), answer);
  return true;
}

/* ---- a project without Compose ---------------------------------------------------------------------------
 */

enum { STOP_TIMEOUT_MS = 300 * 1000 };

/* A kind of thing that Compose labels with its project. */
typedef struct {
  const char *word;   /* for errors */
  const char *list;   /* path, without the filter */
  const char *array;  /* where the list is in the reply; NULL: it is the reply */
  const char *id;     /* the key of what names one */
  const char *remove; /* path of one: prefix */
  const char *how;    /* query of its removal */
} ProjectKind;

static const ProjectKind containers = {
    "container", "/containers/json?all=1&filters=", NULL, "Id", "/containers/", "?force=1"};
/* Their volumes without a name, too. */
static const ProjectKind containers_whole = {
    "container", "/containers/json?all=1&filters=", NULL, "Id", "/containers/", "?force=1&v=1"};
static const ProjectKind networks = {"network", "/networks?filters=", NULL, "Id", "/networks/", ""};
static const ProjectKind volumes = {"volume", "/volumes?filters=", "Volumes", "Name", "/volumes/", ""};

static bool list_kind(Engine *engine, const ProjectKind *kind, const char *project, cJSON **list,
                      GError **error) {
  g_autofree char *filter = engine_project_filter(project, NULL);
  g_autofree char *path = g_strconcat(kind->list, filter, NULL);
  g_autofree char *doing = g_strdup_printf("list the %ss of %s", kind->word, project);
  return engine_call(engine, &(EngineCall){.doing = doing, .path = path}, list, error);
}

/* Its own signal and grace period, as Compose would. An engine that answers otherwise removes it by force
 * next. */
static bool stop_container(Engine *engine, const char *id, GError **error) {
  g_autofree char *escaped = engine_escape_name(id);
  g_autofree char *url = g_strdup_printf("%s/containers/%s/stop", engine->base, escaped);
  g_auto(HttpReply) reply = {0};
  const HttpRequest request = {.method = "POST", .url = url, .timeout_ms = STOP_TIMEOUT_MS};
  return engine->host->ops->request(engine->host, &request, &reply, error);
}

static bool remove_one(Engine *engine, const ProjectKind *kind, const char *id, GError **error) {
  g_autofree char *escaped = engine_escape_name(id);
  g_autofree char *path = g_strconcat(kind->remove, escaped, kind->how, NULL);
  g_autofree char *doing = g_strdup_printf("remove %s %s", kind->word, id);
  const EngineCall call = {.doing = doing, .method = "DELETE", .path = path, .may_be_absent = true};
  bool may_run = kind == &containers || kind == &containers_whole;
  return (!may_run || stop_container(engine, id, error)) && engine_call(engine, &call, NULL, error);
}

static bool remove_kind(Engine *engine, const ProjectKind *kind, const char *project, GError **error) {
  g_autoptr(cJSON) reply = NULL;
  if (!list_kind(engine, kind, project, &reply, error))
    return false;
  const cJSON *list = reply;
  if (kind->array != NULL)
    list = json_array(reply, kind->array);
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, list) {
    const char *id = json_string(item, kind->id);
    if (id != NULL && !remove_one(engine, kind, id, error))
      return false;
  }
  return true;
}

bool engine_remove_project(Engine *engine, const char *project, bool with_volumes, char **stays,
                           GError **error) {
  g_autoptr(GError) problem = NULL;
  if (!remove_kind(engine, with_volumes ? &containers_whole : &containers, project, error))
    return false;
  bool is_network_gone = remove_kind(engine, &networks, project, &problem);
  if (with_volumes && !remove_kind(engine, &volumes, project, error))
    return false;
  *stays = is_network_gone ? NULL : g_strdup(problem->message);
  return true;
}

bool engine_count_project(Engine *engine, const char *project, guint *count, GError **error) {
  g_autoptr(cJSON) list = NULL;
  if (!list_kind(engine, &containers, project, &list, error))
    return false;
  *count = (guint)cJSON_GetArraySize(list);
  return true;
}

bool engine_end_container(Engine *engine, const char *id, GError **error) {
  return remove_one(engine, &containers, id, error);
}
