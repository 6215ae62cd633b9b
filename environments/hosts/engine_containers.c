/* Containers on the engine: a Compose project's, one in full, commands in them, and what they logged. */
#include <string.h>

#include "environments/hosts/engine_private.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/redact.h"
#include "support/text.h"

enum {
  TEXT_CAP = 64 << 10, /* bytes of a command's output or a log that are kept */
  RAW_CAP = 16 << 20,  /* bytes of them that are read */
  FRAME_HEADER = 8,    /* stream, three zeros, length (big-endian) */
  NANOSECONDS_PER_MS = 1000 * 1000,
};

/* The engine's own defaults for what an image's HEALTHCHECK leaves open. */
enum { CHECK_INTERVAL_MS = 30 * 1000, CHECK_TIMEOUT_MS = 30 * 1000, CHECK_RETRIES = 3 };

void engine_container_free(EngineContainer *container) {
  if (container == NULL)
    return;
  g_free(container->id);
  g_free(container->name);
  g_free(container->service);
  g_free(container->image);
  g_free(container->config_hash);
  g_free(container->directory);
  g_free(container->state);
  g_free(container);
}

void container_state_free(ContainerState *state) {
  if (state == NULL)
    return;
  g_free(state->id);
  g_free(state->service);
  g_free(state->image);
  g_free(state->status);
  g_free(state->problem);
  g_free(state->restart_policy);
  g_free(state->health);
  g_free(state->probe_output);
  if (state->check != NULL)
    g_ptr_array_unref(state->check);
  g_free(state);
}

/* A container's text field, "" when absent: callers compare these. */
static char *text_of(const cJSON *object, const char *key) {
  const char *text = json_string(object, key);
  return g_strdup(text == NULL ? "" : text);
}

static gint64 time_of(const cJSON *object, const char *key) {
  const char *text = json_string(object, key);
  gint64 time = 0;
  return text != NULL && time_parse(text, &time) && time > 0 ? time : 0; /* year 1 means never */
}

static void add_strings(GPtrArray *argv, const cJSON *array) {
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, array) {
    if (cJSON_IsString(item))
      g_ptr_array_add(argv, g_strdup(item->valuestring));
  }
}

/* ["CMD", word…] or ["CMD-SHELL", text] as an argv; NULL for ["NONE"] and for none at all. */
static GPtrArray *parse_check(const cJSON *config) {
  const cJSON *test = json_path(config, "Healthcheck", "Test", NULL);
  const cJSON *kind = cJSON_GetArrayItem(test, 0);
  if (!cJSON_IsString(kind))
    return NULL;
  g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
  if (strcmp(kind->valuestring, "CMD-SHELL") == 0) {
    add_strings(argv, json_array(config, "Shell"));
    if (argv->len == 0) {
      g_ptr_array_add(argv, g_strdup("/bin/sh"));
      g_ptr_array_add(argv, g_strdup("-c"));
    }
  } else if (strcmp(kind->valuestring, "CMD") != 0)
    return NULL;
  guint before = argv->len;
  add_strings(argv, test);
  if (argv->len == before + 1)
    return NULL; /* the kind alone */
  g_ptr_array_remove_index(argv, before);
  return g_steal_pointer(&argv);
}

static void parse_health(ContainerState *container, const cJSON *health) {
  const char *status = json_string(health, "Status");
  if (status == NULL || strcmp(status, "none") == 0)
    return;
  container->health = g_strdup(status);
  container->failed_probes = (guint)CLAMP(json_integer(health, "FailingStreak", 0), 0, G_MAXINT);
  const cJSON *log = json_array(health, "Log");
  const cJSON *last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
  container->probe_output = g_strdup(json_string(last, "Output"));
  container->probe_exit_code = (int)json_integer(last, "ExitCode", 0);
}

static gint64 check_time(const cJSON *check, const char *key, gint64 fallback) {
  gint64 time = json_integer(check, key, 0) / NANOSECONDS_PER_MS;
  return time > 0 ? time : fallback;
}

ContainerState *engine_parse_container(const cJSON *json) {
  ContainerState *container = g_new0(ContainerState, 1);
  const cJSON *state = json_object(json, "State");
  const cJSON *config = json_object(json, "Config");
  const cJSON *check = json_object(config, "Healthcheck");
  container->id = text_of(json, "Id");
  container->service = text_of(json_object(config, "Labels"), "com.docker.compose.service");
  container->image = text_of(config, "Image");
  container->status = text_of(state, "Status");
  container->exit_code = (int)json_integer(state, "ExitCode", 0);
  container->oom_killed = json_boolean(state, "OOMKilled", false);
  const char *problem = json_string(state, "Error");
  container->problem = problem == NULL || *problem == '\0' ? NULL : g_strdup(problem);
  container->restart_count = (guint)CLAMP(json_integer(json, "RestartCount", 0), 0, G_MAXINT);
  const char *policy = json_string(json_path(json, "HostConfig", "RestartPolicy", NULL), "Name");
  container->restart_policy = g_strdup(policy == NULL || *policy == '\0' ? "no" : policy);
  container->started_at = time_of(state, "StartedAt");
  container->finished_at = time_of(state, "FinishedAt");
  parse_health(container, json_object(state, "Health"));
  container->check = parse_check(config);
  container->check_timeout_ms = check_time(check, "Timeout", CHECK_TIMEOUT_MS);
  container->check_interval_ms = check_time(check, "Interval", CHECK_INTERVAL_MS);
  container->check_start_period_ms = check_time(check, "StartPeriod", 0);
  gint64 retries = json_integer(check, "Retries", 0);
  container->check_retries = retries > 0 ? (guint)MIN(retries, G_MAXINT) : CHECK_RETRIES;
  return container;
}

static void add_inspection(EngineCalls *calls, const char *id) {
  g_autofree char *escaped = engine_escape_name(id);
  engine_calls_add(calls, NULL, true, g_strdup_printf("inspect container %.12s", id),
                   g_strdup_printf("/containers/%s/json", escaped));
}

bool engine_look(Engine *engine, const char *project, const GPtrArray *ids, GPtrArray **containers,
                 GPtrArray **states, GError **error) {
  g_autoptr(EngineCalls) calls = engine_calls_new();
  g_autoptr(GPtrArray) answers = NULL;
  for (guint i = 0; i < ids->len; i++)
    add_inspection(calls, g_ptr_array_index(ids, i));
  if (project != NULL)
    engine_calls_add_list(calls, project);
  if (!engine_calls_run(engine, calls, &answers, error) ||
      (project != NULL && !engine_take_list(engine, g_ptr_array_index(answers, ids->len), containers, error)))
    return false;
  *states = g_ptr_array_new_with_free_func((GDestroyNotify)container_state_free);
  for (guint i = 0; i < ids->len; i++) {
    const cJSON *json = g_ptr_array_index(answers, i);
    g_ptr_array_add(*states, json == NULL ? NULL : engine_parse_container(json));
  }
  return true;
}

bool engine_inspect_container(Engine *engine, const char *id, ContainerState **state, GError **error) {
  g_autoptr(GPtrArray) ids = g_ptr_array_new();
  g_autoptr(GPtrArray) states = NULL;
  g_ptr_array_add(ids, (char *)id);
  if (!engine_look(engine, NULL, ids, NULL, &states, error))
    return false;
  *state = g_steal_pointer(&states->pdata[0]);
  return true;
}

static EngineContainer *parse_listed(const cJSON *json) {
  EngineContainer *container = g_new0(EngineContainer, 1);
  const cJSON *labels = json_object(json, "Labels");
  const cJSON *name = cJSON_GetArrayItem(json_array(json, "Names"), 0);
  container->id = text_of(json, "Id");
  container->name = cJSON_IsString(name) ? g_strdup(name->valuestring + (name->valuestring[0] == '/' ? 1 : 0))
                                         : g_strdup(container->id);
  container->service = text_of(labels, "com.docker.compose.service");
  container->image = text_of(json, "Image");
  container->config_hash = text_of(labels, "com.docker.compose.config-hash");
  container->directory = text_of(labels, "com.docker.compose.project.working_dir");
  container->state = text_of(json, "State");
  return container;
}

static bool is_one_off(const cJSON *json) {
  const char *label = json_string(json_object(json, "Labels"), "com.docker.compose.oneoff");
  return label != NULL && g_ascii_strcasecmp(label, "true") == 0;
}

/* The list gives an image's id instead of the name it was created by once that name means another image, or
 * none. */
static bool restore_image_name(Engine *engine, EngineContainer *container, GError **error) {
  g_autoptr(ContainerState) state = NULL;
  if (strchr(container->image, '@') != NULL || !g_str_has_prefix(container->image, "sha256:"))
    return true;
  if (!engine_inspect_container(engine, container->id, &state, error))
    return false;
  if (state != NULL) {
    g_free(container->image);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): clang 14 does not know the cleanup attribute */
    container->image = g_strdup(state->image);
  }
  return true;
}

void engine_calls_add_list(EngineCalls *calls, const char *project) {
  g_autofree char *filter = engine_project_filter(project, NULL);
  engine_calls_add(calls, NULL, false, g_strdup_printf("list the containers of %s", project),
                   g_strdup_printf("/containers/json?all=1&filters=%s", filter));
}

bool engine_list_containers(Engine *engine, const char *project, GPtrArray **containers, GError **error) {
  g_autoptr(EngineCalls) calls = engine_calls_new();
  g_autoptr(GPtrArray) answers = NULL;
  engine_calls_add_list(calls, project);
  return engine_calls_run(engine, calls, &answers, error) &&
         engine_take_list(engine, g_ptr_array_index(answers, 0), containers, error);
}

bool engine_take_list(Engine *engine, const cJSON *list, GPtrArray **out, GError **error) {
  g_autoptr(GPtrArray) containers = g_ptr_array_new_with_free_func((GDestroyNotify)engine_container_free);
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, list) {
    if (is_one_off(item))
      continue;
    EngineContainer *container = parse_listed(item);
    g_ptr_array_add(containers, container);
    if (!restore_image_name(engine, container, error))
      return false;
  }
  *out = g_steal_pointer(&containers);
  return true;
}

bool engine_create_exec(Engine *engine, const char *container, const char *const *argv,
                        const ExecStreams *streams, char **exec_id, GError **error) {
  g_autoptr(cJSON) body = cJSON_CreateObject();
  cJSON *command = cJSON_AddArrayToObject(body, "Cmd");
  for (const char *const *word = argv; *word != NULL; word++)
    cJSON_AddItemToArray(command, cJSON_CreateString(*word));
  json_set_boolean(body, "AttachStdin", streams->has_input);
  json_set_boolean(body, "AttachStdout", streams->has_output);
  json_set_boolean(body, "AttachStderr", streams->has_output);
  json_set_boolean(body, "Tty", streams->is_terminal);
  g_autofree char *escaped = engine_escape_name(container);
  g_autofree char *path = g_strdup_printf("/containers/%s/exec", escaped);
  g_autofree char *doing = g_strdup_printf("run a command in container %.12s", container);
  g_autoptr(cJSON) json = NULL;
  if (!engine_call(engine, &(EngineCall){.doing = doing, .path = path, .body = body}, &json, error))
    return false;
  const char *id = json_string(json, "Id");
  if (id == NULL || *id == '\0')
    return fail(error, SLIPWAY_ERROR_UNREADY, "the engine started no command in container %.12s", container);
  *exec_id = g_strdup(id);
  return true;
}

static bool create_exec(Engine *engine, const char *container, const GPtrArray *argv, bool has_output,
                        char **exec_id, GError **error) {
  g_autoptr(GPtrArray) words = g_ptr_array_new();
  g_ptr_array_extend(words, (GPtrArray *)argv, NULL, NULL);
  g_ptr_array_add(words, NULL);
  return engine_create_exec(engine, container, (const char *const *)words->pdata,
                            &(ExecStreams){.has_output = has_output}, exec_id, error);
}

bool engine_exec_start(Engine *engine, const char *container, GPtrArray *argv, char **exec_id,
                       GError **error) {
  g_autofree char *id = NULL;
  if (!create_exec(engine, container, argv, false, &id, error))
    return false;
  g_autoptr(cJSON) body = cJSON_CreateObject();
  json_set_boolean(body, "Detach", true);
  g_autofree char *escaped = engine_escape_name(id);
  g_autofree char *path = g_strdup_printf("/exec/%s/start", escaped);
  g_autofree char *doing = g_strdup_printf("run a command in container %.12s", container);
  if (!engine_call(engine, &(EngineCall){.doing = doing, .path = path, .body = body}, NULL, error))
    return false;
  *exec_id = g_steal_pointer(&id);
  return true;
}

/* Sends a request whose reply is what a command or a log wrote. */
static bool read_output(Engine *engine, const HttpRequest *request, const char *doing, char **text,
                        GError **error) {
  g_auto(HttpReply) reply = {0};
  if (!engine->host->ops->request(engine->host, request, &reply, error))
    return false;
  if (reply.status / 100 != 2)
    return engine_fail(doing, reply.status, reply.body->str, error);
  *text = engine_demultiplex(reply.body->str, reply.body->len, TEXT_CAP);
  return true;
}

bool engine_exec_output(Engine *engine, const char *container, GPtrArray *argv, guint timeout_ms, char **text,
                        GError **error) {
  g_autofree char *id = NULL;
  if (!create_exec(engine, container, argv, true, &id, error))
    return false;
  static const char body[] = "{\"Detach\":false,\"Tty\":false}";
  g_autofree char *escaped = engine_escape_name(id);
  g_autofree char *url = g_strdup_printf("%s/exec/%s/start", engine->base, escaped);
  g_autofree char *doing = g_strdup_printf("run a command in container %.12s", container);
  const char *const headers[] = {"Content-Type: application/json", NULL};
  const HttpRequest request = {.url = url,
                               .headers = headers,
                               .body = body,
                               .body_length = sizeof body - 1,
                               .timeout_ms = timeout_ms,
                               .reply_cap = RAW_CAP};
  return read_output(engine, &request, doing, text, error);
}

bool engine_log_tail(Engine *engine, const char *container, guint lines, char **text, GError **error) {
  g_autofree char *escaped = engine_escape_name(container);
  g_autofree char *url =
      g_strdup_printf("%s/containers/%s/logs?stdout=1&stderr=1&tail=%u", engine->base, escaped, lines);
  g_autofree char *doing = g_strdup_printf("read the log of container %.12s", container);
  return read_output(engine, &(HttpRequest){.url = url, .reply_cap = RAW_CAP}, doing, text, error);
}

static gsize frame_length(const guchar *header) {
  return (gsize)header[4] << 24 | (gsize)header[5] << 16 | (gsize)header[6] << 8 | (gsize)header[7];
}

/* A terminal's output has no frames, and no line of text begins like one. */
static bool is_framed(const char *bytes, gsize length) {
  const guchar *header = (const guchar *)bytes;
  return length >= FRAME_HEADER && header[0] <= 2 && header[1] == 0 && header[2] == 0 && header[3] == 0;
}

/* Redacted before it is cut, and cut where a line begins, so that no half of a value stays. What is far
 * before the end cannot reach into it, and is left out first. */
static void keep_end(GString *text, gsize cap) {
  if (text->len > 2 * cap)
    g_string_erase(text, 0, (gssize)(text->len - 2 * cap));
  g_autofree char *redacted = redact_text(text->str);
  g_string_assign(text, redacted);
  if (text->len <= cap)
    return;
  const char *newline = memchr(text->str + text->len - cap - 1, '\n', cap + 1);
  const bool has_line = newline != NULL && newline[1] != '\0';
  g_string_erase(text, 0, has_line ? newline + 1 - text->str : (gssize)(text->len - cap));
}

char *engine_demultiplex(const char *bytes, gsize length, gsize cap) {
  g_autoptr(GString) text = g_string_new(NULL);
  gsize at = 0;
  while (is_framed(bytes + at, length - at)) {
    gsize size = MIN(frame_length((const guchar *)bytes + at), length - at - FRAME_HEADER);
    g_string_append_len(text, bytes + at + FRAME_HEADER, (gssize)size);
    at += FRAME_HEADER + size;
  }
  if (at == 0)
    g_string_append_len(text, bytes, (gssize)length);
  if (text->len > cap)
    keep_end(text, cap);
  return g_string_free(g_steal_pointer(&text), FALSE);
}
