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

static EngineUse *parse_use(const cJSON *list) {
  g_autoptr(EngineUse) use = g_new0(EngineUse, 1);
  use->images = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  use->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  const cJSON *container = NULL;
  cJSON_ArrayForEach(container, list) add_use(use, container);
  return g_steal_pointer(&use); /* NOLINT(clang-analyzer-unix.Malloc): clang 14 does not know the attribute */
}

/* ---- images ----------------------------------------------------------------------------------------------
 */

static GPtrArray *parse_images(const cJSON *list) {
  GPtrArray *images = g_ptr_array_new_with_free_func((GDestroyNotify)engine_image_free);
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, list) {
    if (json_string(item, "Id") != NULL)
      g_ptr_array_add(images, engine_parse_image(item));
  }
  return images;
}

bool engine_list_use(Engine *engine, EngineUse **use, GPtrArray **images, GError **error) {
  g_autoptr(EngineCalls) calls = engine_calls_new();
  g_autoptr(GPtrArray) answers = NULL;
  engine_calls_add(calls, NULL, false, g_strdup("list all containers"), g_strdup("/containers/json?all=1"));
  engine_calls_add(calls, NULL, false, g_strdup("list its images"), g_strdup("/images/json"));
  if (!engine_calls_run(engine, calls, &answers, error))
    return false;
  *use = parse_use(g_ptr_array_index(answers, 0));
  *images = parse_images(g_ptr_array_index(answers, 1));
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

static void add_removal(EngineCalls *calls, const char *name) {
  g_autofree char *escaped = engine_escape_name(name);
  engine_calls_add(calls, "DELETE", true, g_strdup_printf("remove image %s", name),
                   g_strdup_printf("/images/%s", escaped));
}

/* What there was of it is asked just before. */
static void add_measured_removal(EngineCalls *calls, const char *name) {
  g_autofree char *escaped = engine_escape_name(name);
  engine_calls_add(calls, NULL, true, g_strdup_printf("remove image %s", name),
                   g_strdup_printf("/images/%s/json", escaped));
  engine_calls_add(calls, NULL, true, g_strdup_printf("remove image %s", name),
                   g_strdup_printf("/images/%s/history", escaped));
  add_removal(calls, name);
}

bool engine_remove_images(Engine *engine, const GPtrArray *names, const GPtrArray *references, gint64 *freed,
                          GError **error) {
  enum { CALLS_EACH = 3 };
  g_autoptr(EngineCalls) calls = engine_calls_new();
  g_autoptr(GPtrArray) answers = NULL;
  for (guint i = 0; i < names->len; i++)
    add_removal(calls, g_ptr_array_index(names, i));
  for (guint i = 0; i < references->len; i++)
    add_measured_removal(calls, g_ptr_array_index(references, i));
  if (!engine_calls_run(engine, calls, &answers, error))
    return false;
  for (guint i = 0; i < references->len; i++) {
    const gpointer *of = answers->pdata + names->len + (gsize)CALLS_EACH * i;
    const cJSON *layers = json_path(of[0], "RootFS", "Layers", NULL);
    *freed += engine_freed_bytes(of[1], (guint)cJSON_GetArraySize(layers), of[2]);
  }
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
