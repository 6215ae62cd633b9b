/* Images on the engine: look up, tag, remove, and pull with progress in bytes. */
#include <string.h>

#include "environments/hosts/engine_private.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum {
  PULL_ANSWER_MS = 5 * 60 * 1000, /* the engine answers once it has reached the registry, or given it up */
  PULL_SILENCE_MS =
      10 * 60 * 1000, /* nothing from any pull: a big layer is still being unpacked, or the engine hangs */
  PULL_WAIT_MS = 1000,
  LAYERS_CAP = 100 * 1000,
};

void engine_image_free(EngineImage *image) {
  if (image == NULL)
    return;
  g_free(image->id);
  g_ptr_array_unref(image->tags);
  g_ptr_array_unref(image->digests);
  g_ptr_array_unref(image->diff_ids);
  g_free(image);
}

static GPtrArray *strings_of(const cJSON *array) {
  GPtrArray *strings = g_ptr_array_new_with_free_func(g_free);
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, array) {
    if (cJSON_IsString(item))
      g_ptr_array_add(strings, g_strdup(item->valuestring));
  }
  return strings;
}

EngineImage *engine_parse_image(const cJSON *json) {
  EngineImage *image = g_new0(EngineImage, 1);
  image->id = g_strdup(json_string(json, "Id"));
  image->tags = strings_of(json_array(json, "RepoTags"));
  image->digests = strings_of(json_array(json, "RepoDigests"));
  image->diff_ids = strings_of(json_path(json, "RootFS", "Layers", NULL));
  image->size = json_integer(json, "Size", 0);
  return image;
}

static void add_inspection(EngineCalls *calls, const char *name) {
  g_autofree char *escaped = engine_escape_name(name);
  engine_calls_add(calls, NULL, true, g_strdup_printf("inspect image %s", name),
                   g_strdup_printf("/images/%s/json", escaped));
}

bool engine_find_image(Engine *engine, const char *name, EngineImage **image, GError **error) {
  g_autoptr(EngineCalls) calls = engine_calls_new();
  g_autoptr(GPtrArray) answers = NULL;
  add_inspection(calls, name);
  if (!engine_calls_run(engine, calls, &answers, error))
    return false;
  const cJSON *json = g_ptr_array_index(answers, 0);
  *image = json == NULL ? NULL : engine_parse_image(json);
  return true;
}

bool engine_survey(Engine *engine, const char *project, const GPtrArray *names, GPtrArray **containers,
                   GHashTable **images, GError **error) {
  g_autoptr(EngineCalls) calls = engine_calls_new();
  g_autoptr(GPtrArray) answers = NULL;
  engine_calls_add_list(calls, project);
  for (guint i = 0; i < names->len; i++)
    add_inspection(calls, g_ptr_array_index(names, i));
  if (!engine_calls_run(engine, calls, &answers, error) ||
      !engine_take_list(engine, g_ptr_array_index(answers, 0), containers, error))
    return false;
  *images = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)engine_image_free);
  for (guint i = 0; i < names->len; i++) {
    const cJSON *json = g_ptr_array_index(answers, i + 1);
    if (json != NULL)
      g_hash_table_insert(*images, g_strdup(g_ptr_array_index(names, i)), engine_parse_image(json));
  }
  return true;
}

bool engine_list_images(Engine *engine, GPtrArray **out, GError **error) {
  g_autoptr(cJSON) list = NULL;
  if (!engine_call(engine, &(EngineCall){.doing = "list its images", .path = "/images/json"}, &list, error))
    return false;
  g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func((GDestroyNotify)engine_image_free);
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, list) {
    const char *id = json_string(item, "Id");
    g_autoptr(EngineImage) image = NULL;
    if (id != NULL && !engine_find_image(engine, id, &image, error))
      return false;
    if (image != NULL) /* else removed since the list was made */
      g_ptr_array_add(images, g_steal_pointer(&image));
  }
  *out = g_steal_pointer(&images);
  return true;
}

static void add_tag(EngineCalls *calls, const EngineTag *tag) {
  g_autofree char *name = engine_escape_name(tag->name);
  g_autofree char *repository = http_escape(tag->repository);
  g_autofree char *word = http_escape(tag->tag);
  engine_calls_add(calls, "POST", false,
                   g_strdup_printf("tag %s as %s:%s", tag->name, tag->repository, tag->tag),
                   g_strdup_printf("/images/%s/tag?repo=%s&tag=%s", name, repository, word));
}

bool engine_tag_images(Engine *engine, const EngineTag *tags, guint count, GError **error) {
  g_autoptr(EngineCalls) calls = engine_calls_new();
  g_autoptr(GPtrArray) answers = NULL;
  for (guint i = 0; i < count; i++)
    add_tag(calls, &tags[i]);
  return engine_calls_run(engine, calls, &answers, error);
}

bool engine_tag_image(Engine *engine, const char *name, const char *repository, const char *tag,
                      GError **error) {
  return engine_tag_images(engine, &(EngineTag){name, repository, tag}, 1, error);
}

bool engine_remove_image(Engine *engine, const char *name, GError **error) {
  g_autofree char *escaped = engine_escape_name(name);
  g_autofree char *path = g_strdup_printf("/images/%s", escaped);
  g_autofree char *doing = g_strdup_printf("remove image %s", name);
  const EngineCall call = {.doing = doing, .method = "DELETE", .path = path, .may_be_absent = true};
  return engine_call(engine, &call, NULL, error);
}

typedef struct {
  gint64 done, total; /* bytes; total 0: not told yet */
} PullLayer;

PullTally *pull_tally_new(void) {
  PullTally *tally = g_new0(PullTally, 1);
  tally->layers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return tally;
}

void pull_tally_free(PullTally *tally) {
  if (tally == NULL)
    return;
  g_hash_table_unref(tally->layers);
  g_free(tally);
}

static PullLayer *tally_layer(PullTally *tally, const char *id) {
  PullLayer *layer = g_hash_table_lookup(tally->layers, id);
  if (layer == NULL && g_hash_table_size(tally->layers) < LAYERS_CAP) {
    layer = g_new0(PullLayer, 1);
    g_hash_table_insert(tally->layers, g_strdup(id), layer);
  }
  return layer;
}

static void tally_set(PullTally *tally, PullLayer *layer, gint64 done, gint64 total) {
  tally->done += done - layer->done;
  tally->total += total - layer->total;
  *layer = (PullLayer){.done = done, .total = total};
}

static const char *const after_download[] = {"Verifying Checksum", "Download complete", "Extracting",
                                             "Pull complete", NULL};

bool pull_tally_line(PullTally *tally, const char *line, char **problem, GError **error) {
  g_autoptr(cJSON) json = NULL;
  if (!json_parse(line, strlen(line), "the engine's progress report", &json, error))
    return false;
  const char *words = json_string(json_object(json, "errorDetail"), "message");
  if (words == NULL)
    words = json_string(json, "error");
  *problem = words == NULL ? NULL : text_printable(words, false);
  const char *id = json_string(json, "id");
  const char *status = json_string(json, "status");
  if (id == NULL || status == NULL)
    return true;
  const cJSON *detail = json_object(json, "progressDetail");
  bool is_moving = strcmp(status, "Downloading") == 0;
  bool is_complete = g_strv_contains(after_download, status);
  PullLayer *layer = is_moving || is_complete ? tally_layer(tally, id) : NULL;
  if (layer == NULL)
    return true;
  gint64 total = CLAMP(json_integer(detail, "total", 0), layer->total, G_MAXINT64 / LAYERS_CAP);
  gint64 current = CLAMP(json_integer(detail, "current", 0), layer->done, total);
  tally_set(tally, layer, is_complete ? total : current, total);
  return true;
}

static bool fail_pull(const char *reference, const char *words, GError **error) {
  return fail(error, SLIPWAY_ERROR_UNREADY, "cannot pull %s: %s", reference, words);
}

/* As the docker client asks: a digest goes where a tag would. */
static bool start_pull(Engine *engine, const EnginePull *pull, HttpStream **out, GError **error) {
  const char *at = strchr(pull->reference, '@');
  if (at == NULL)
    return fail_pull(pull->reference, "it is not pinned by a digest", error);
  g_autofree char *repository = g_strndup(pull->reference, (gsize)(at - pull->reference));
  g_autofree char *escaped = http_escape(repository);
  g_autofree char *digest = http_escape(at + 1);
  g_autofree char *url =
      g_strdup_printf("%s/images/create?fromImage=%s&tag=%s", engine->base, escaped, digest);
  g_autofree char *auth = pull->auth == NULL ? NULL : g_strdup_printf("X-Registry-Auth: %s", pull->auth);
  const char *const headers[] = {auth, NULL};
  const HttpRequest request = {.method = "POST", .url = url, .headers = headers, .is_answered_later = true};
  return engine->host->ops->stream(engine->host, &request, out, error) ||
         prefix(error, "cannot pull %s: ", pull->reference);
}

/* A pull that is refused before it begins has a status of its own and one line; a later failure is a line
 * among others. */
static bool check_pull(const HttpStream *stream, const char *reference, const char *line, PullTally *tally,
                       GError **error) {
  g_autofree char *problem = NULL;
  g_autofree char *doing = g_strdup_printf("pull %s", reference);
  if (http_stream_status(stream) != 200)
    return engine_fail(doing, http_stream_status(stream), line, error);
  if (*line != '\0' && !pull_tally_line(tally, line, &problem, error))
    return prefix(error, "cannot pull %s: ", reference);
  return problem == NULL || fail_pull(reference, problem, error);
}

/* Takes what has arrived. *is_over: the reply has ended, without a failure in it. */
static bool read_pull(HttpStream *stream, const char *reference, PullTally *tally, bool *is_over,
                      bool *is_silent, GError **error) {
  for (;;) {
    HttpStreamState state = HTTP_STREAM_TIMEOUT;
    g_autofree char *line = NULL;
    if (!http_stream_next(stream, 0, &state, &line, error))
      return prefix(error, "cannot pull %s: ", reference);
    if (state == HTTP_STREAM_TIMEOUT)
      return true;
    *is_silent = false;
    *is_over = state == HTTP_STREAM_END;
    if (!check_pull(stream, reference, line == NULL ? "" : line, tally, error))
      return false;
    if (*is_over)
      return true;
  }
}

/* Reads all streams until each has ended. `streams` and `references` shrink together. */
static bool follow_pulls(GPtrArray *streams, GPtrArray *references, EnginePullProgress progress, void *data,
                         GError **error) {
  g_autoptr(PullTally) tally = pull_tally_new();
  gint64 heard = g_get_monotonic_time();
  while (streams->len > 0) {
    bool is_silent = true;
    for (guint i = streams->len; i-- > 0;) {
      bool is_over = false;
      if (!read_pull(streams->pdata[i], references->pdata[i], tally, &is_over, &is_silent, error))
        return false;
      if (is_over) {
        g_ptr_array_remove_index(streams, i);
        g_ptr_array_remove_index(references, i);
      }
    }
    if (!is_silent && progress != NULL)
      progress(tally->done, tally->total, data);
    if (!is_silent)
      heard = g_get_monotonic_time();
    if (streams->len > 0 && g_get_monotonic_time() - heard > (gint64)PULL_SILENCE_MS * 1000)
      return fail_pull(references->pdata[0], "the engine has said nothing for 5 minutes", error);
    if (streams->len > 0)
      http_stream_wait_any((HttpStream *const *)streams->pdata, streams->len, PULL_WAIT_MS);
  }
  return true; /* NOLINT(clang-analyzer-unix.Malloc): clang 14 does not know the cleanup attribute */
}

bool engine_pull(Engine *engine, const EnginePull *pulls, guint count, EnginePullProgress progress,
                 void *data, GError **error) {
  g_autoptr(GPtrArray) streams = g_ptr_array_new_with_free_func((GDestroyNotify)http_stream_free);
  g_autoptr(GPtrArray) references = g_ptr_array_new();
  for (guint i = 0; i < count; i++) {
    g_autoptr(HttpStream) stream = NULL;
    if (!start_pull(engine, &pulls[i], &stream, error))
      return false;
    g_ptr_array_add(streams, g_steal_pointer(&stream));
    g_ptr_array_add(references, (char *)pulls[i].reference);
  }
  return follow_pulls(streams, references, progress, data, error) || host_explain(engine->host, error);
}
