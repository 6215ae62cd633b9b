/* The engine client's core: API version, one way to ask, clock and events. Images and containers have files
 * of their own. */
#include "environments/hosts/engine.h"

#include <stdio.h>
#include <string.h>

#include "environments/hosts/engine_private.h"
#include "environments/hosts/engine_wire.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

/* Minor versions of API 1: 1.41 is engine 20.10; what we know was tried up to 1.43. Engines up to 28 (1.51)
 * still speak that; newer ones name the least that they do, but not in a ping. */
enum { API_LEAST = 41, API_NEWEST = 43, API_PINGED = 51 };

static bool parse_api(const char *text, gint64 *minor) {
  return text != NULL && g_str_has_prefix(text, "1.") && number_parse(text + 2, 0, 9999, minor);
}

bool engine_choose_api(const cJSON *version, char **api, GError **error) {
  gint64 newest = 0, least = 0;
  const char *name = json_string(version, "Version");
  if (!parse_api(json_string(version, "ApiVersion"), &newest))
    return fail(error, SLIPWAY_ERROR_UNREADY, "what answers on the engine's socket is no Docker engine");
  if (newest < API_LEAST)
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "engine %s is too old (API 1.%" G_GINT64_FORMAT
                "): slipway needs Docker Engine 20.10 (API 1.%d) or newer",
                name == NULL ? "?" : name, newest, API_LEAST);
  if (!parse_api(json_string(version, "MinAPIVersion"), &least))
    least = 0;
  *api = g_strdup_printf("1.%" G_GINT64_FORMAT, MAX(MIN(newest, API_NEWEST), least));
  return true;
}

cJSON *engine_read_ping(const HttpReply *reply) {
  gint64 newest = 0;
  const char *api = http_reply_header(reply, "api-version");
  const char *server = http_reply_header(reply, "server"); /* "Docker/20.10.24 (linux)" */
  const char *slash = server == NULL ? NULL : strchr(server, '/');
  if (reply->status != 200 || slash == NULL || !parse_api(api, &newest) || newest > API_PINGED)
    return NULL;
  g_autofree char *name = g_strndup(slash + 1, strcspn(slash + 1, " "));
  cJSON *version = cJSON_CreateObject();
  json_set_string(version, "Version", name);
  json_set_string(version, "ApiVersion", api);
  return version;
}

static void take_platform(Engine *engine, const cJSON *version) {
  g_free(engine->architecture);
  g_free(engine->os);
  engine->architecture = g_strdup(json_string(version, "Arch"));
  engine->os = g_strdup(json_string(version, "Os"));
}

static bool ask_version(Engine *engine, cJSON **version, GError **error) {
  if (!engine_call(engine, &(EngineCall){.doing = "ask for its version", .path = "/version"}, version, error))
    return false;
  take_platform(engine, *version);
  return true;
}

static Engine *engine_of(Host *host) {
  Engine *engine = g_new0(Engine, 1);
  engine->host = host;
  engine->base = g_strdup("http://engine");
  return engine;
}

/* For each /version an engine runs runc and docker-init to ask for theirs, which takes it 30 ms. */
static bool take_ping(Engine *engine, const HttpReply *ping, GError **error) {
  g_autofree char *api = NULL;
  g_autoptr(cJSON) version = engine_read_ping(ping);
  if ((version == NULL && !ask_version(engine, &version, error)) || !engine_choose_api(version, &api, error))
    return false;
  g_free(engine->base);
  engine->base = g_strdup_printf("http://engine/v%s", api);
  engine->version = g_strdup(json_string(version, "Version"));
  return true;
}

static bool ping(Engine *engine, GError **error) {
  const HttpRequest request = {.url = "http://engine/_ping"};
  g_auto(HttpReply) reply = {0};
  return engine->host->ops->request(engine->host, &request, &reply, error) &&
         take_ping(engine, &reply, error);
}

bool engine_new(Host *host, Engine **out, GError **error) {
  g_autoptr(Engine) engine = engine_of(host);
  if (!ping(engine, error))
    return false; /* NOLINT(clang-analyzer-unix.Malloc): clang 14 does not know the cleanup attribute */
  *out = g_steal_pointer(&engine);
  return true;
}

bool engine_begin(Host *host, Engine **out, GError **error) {
  g_autoptr(Engine) engine = engine_of(host);
  const WireRequest request = {.doing = "ask for its version", .path = "/_ping"};
  if (!engine_wire_send_all(engine, &request, 1, &engine->question, error))
    return false; /* NOLINT(clang-analyzer-unix.Malloc): as above */
  *out = g_steal_pointer(&engine);
  return true;
}

/* What came to nothing is asked again: by now there are better words for why. */
bool engine_finish(Engine *engine, GError **error) {
  g_autoptr(EngineWire) question = g_steal_pointer(&engine->question);
  g_auto(HttpReply) reply = {0};
  return engine_wire_next(question, "ask for its version", &reply, NULL) ? take_ping(engine, &reply, error)
                                                                         : ping(engine, error);
}

void engine_free(Engine *engine) {
  if (engine == NULL)
    return;
  engine_wire_free(engine->question);
  g_free(engine->base);
  g_free(engine->version);
  g_free(engine->architecture);
  g_free(engine->os);
  g_free(engine->data_root);
  g_free(engine);
}

const char *engine_version(const Engine *engine) {
  return engine->version;
}

/* The reply's clock stands for the middle of the exchange. */
static void learn_clock(Engine *engine, const cJSON *info, gint64 asked, gint64 answered) {
  const char *text = json_string(info, "SystemTime");
  gint64 time = 0;
  if (text == NULL || !time_parse(text, &time))
    time = g_get_real_time(); /* an engine that does not say: take the clocks to be equal */
  engine->clock_offset = time - (asked + answered) / 2;
  engine->is_clock_known = true;
}

static void take_info(Engine *engine, const cJSON *info, gint64 asked, gint64 answered) {
  learn_clock(engine, info, asked, answered);
  g_free(engine->data_root);
  engine->data_root = g_strdup(json_string(info, "DockerRootDir"));
}

/* Who pulls wants both /version and /info. */
static bool ask_all(Engine *engine, GError **error) {
  g_autoptr(EngineCalls) calls = engine_calls_new();
  g_autoptr(GPtrArray) answers = NULL;
  const gint64 asked = g_get_monotonic_time();
  engine_calls_add(calls, NULL, false, g_strdup("ask for its version"), g_strdup("/version"));
  engine_calls_add(calls, NULL, false, g_strdup("describe itself"), g_strdup("/info"));
  if (!engine_calls_run(engine, calls, &answers, error))
    return false;
  take_platform(engine, g_ptr_array_index(answers, 0));
  take_info(engine, g_ptr_array_index(answers, 1), asked, g_get_monotonic_time());
  return true;
}

bool engine_platform(Engine *engine, const char **os, const char **architecture, GError **error) {
  if (engine->os == NULL && !ask_all(engine, error))
    return false;
  if (engine->os == NULL || engine->architecture == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "the engine does not say what it runs on");
  *os = engine->os;
  *architecture = engine->architecture;
  return true;
}

Host *engine_host(const Engine *engine) {
  return engine->host;
}

bool engine_fail(const char *doing, long status, const char *body, GError **error) {
  g_autoptr(cJSON) json = NULL;
  const char *message =
      json_parse(body, strlen(body), "the engine's reply", &json, NULL) ? json_string(json, "message") : NULL;
  g_autofree char *words = text_printable(message == NULL ? body : message, false);
  return fail(error, SLIPWAY_ERROR_UNREADY, "the engine cannot %s: %s (status %ld)", doing,
              *words == '\0' ? "no reason given" : words, status);
}

/* `json` may be NULL. */
static bool take_reply(const EngineCall *call, const HttpReply *reply, cJSON **json, GError **error) {
  bool is_absent = reply->status == 404 && call->may_be_absent;
  if (!is_absent && reply->status / 100 != 2)
    return engine_fail(call->doing, reply->status, reply->body->str, error);
  g_autoptr(cJSON) parsed = NULL;
  if (json != NULL && !is_absent && reply->body->len > 0 &&
      !json_parse(reply->body->str, reply->body->len, "the engine's reply", &parsed, error))
    return false;
  if (json != NULL)
    *json = g_steal_pointer(&parsed);
  return true;
}

bool engine_call(Engine *engine, const EngineCall *call, cJSON **json, GError **error) {
  g_autofree char *url = g_strconcat(engine->base, call->path, NULL);
  g_autofree char *body = call->body == NULL ? NULL : json_print(call->body);
  static const char *const headers[] = {"Content-Type: application/json", NULL};
  const HttpRequest request = {.method = call->method,
                               .url = url,
                               .headers = body == NULL ? NULL : headers,
                               .body = body,
                               .body_length = body == NULL ? 0 : strlen(body)};
  g_auto(HttpReply) reply = {0};
  return engine->host->ops->request(engine->host, &request, &reply, error) &&
         take_reply(call, &reply, json, error);
}

struct EngineCalls {
  GArray *calls;    /* EngineCall */
  GPtrArray *texts; /* that they are made of */
};

EngineCalls *engine_calls_new(void) {
  EngineCalls *calls = g_new0(EngineCalls, 1);
  calls->calls = g_array_new(FALSE, FALSE, sizeof(EngineCall));
  calls->texts = g_ptr_array_new_with_free_func(g_free);
  return calls;
}

void engine_calls_free(EngineCalls *calls) {
  if (calls == NULL)
    return;
  g_array_unref(calls->calls);
  g_ptr_array_unref(calls->texts);
  g_free(calls);
}

void engine_calls_add(EngineCalls *calls, const char *method, bool may_be_absent, char *doing, char *path) {
  const EngineCall call = {.doing = doing, .method = method, .path = path, .may_be_absent = may_be_absent};
  g_array_append_val(calls->calls, call);
  g_ptr_array_add(calls->texts, doing);
  g_ptr_array_add(calls->texts, path);
}

/* Those that have no answer yet. */
static bool call_in_turn(Engine *engine, const GArray *calls, GPtrArray *answers, GError **error) {
  for (guint i = answers->len; i < calls->len; i++) {
    cJSON *answer = NULL;
    if (!engine_call(engine, &g_array_index(calls, EngineCall, i), &answer, error))
      return false;
    g_ptr_array_add(answers, answer);
  }
  return true;
}

static bool send_all(Engine *engine, const GArray *calls, EngineWire **wire, GError **error) {
  g_autofree WireRequest *requests = g_new0(WireRequest, calls->len);
  for (guint i = 0; i < calls->len; i++) {
    const EngineCall *call = &g_array_index(calls, EngineCall, i);
    requests[i] = (WireRequest){.doing = call->doing, .method = call->method, .path = call->path};
  }
  return engine_wire_send_all(engine, requests, calls->len, wire, error);
}

static bool are_questions(const GArray *calls, guint from) {
  for (guint i = from; i < calls->len; i++)
    if (g_array_index(calls, EngineCall, i).method != NULL)
      return false;
  return true;
}

/* A reply may end the connection, as a proxy's do: nothing was done of what can be asked again. */
static bool may_go_on_in_turn(const EngineWire *wire, const GArray *calls, guint answered) {
  return answered > 0 && engine_wire_has_hung_up(wire) && are_questions(calls, answered);
}

/* On a connection of their own. It is not closed on what is still being done there: a refusal waits until all
 * have answered. */
static bool call_at_once(Engine *engine, const GArray *calls, GPtrArray *answers, GError **error) {
  g_autoptr(EngineWire) wire = NULL;
  g_autoptr(GError) problem = NULL; /* the first */
  bool is_cut = !send_all(engine, calls, &wire, &problem);
  for (guint i = 0; i < calls->len && !is_cut; i++) {
    const EngineCall *call = &g_array_index(calls, EngineCall, i);
    g_auto(HttpReply) reply = {0};
    g_autoptr(GError) found = NULL;
    cJSON *answer = NULL;
    is_cut = !engine_wire_next(wire, call->doing, &reply, &found);
    if (is_cut && problem == NULL && may_go_on_in_turn(wire, calls, i))
      return call_in_turn(engine, calls, answers, error);
    if ((is_cut || !take_reply(call, &reply, &answer, &found)) && problem == NULL)
      problem = g_steal_pointer(&found);
    g_ptr_array_add(answers, answer);
  }
  if (problem == NULL)
    return true;
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}

bool engine_calls_run(Engine *engine, const EngineCalls *calls, GPtrArray **out, GError **error) {
  g_autoptr(GPtrArray) answers = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
  const bool is_at_once = engine->host->ops->is_far && calls->calls->len > 1;
  if (!(is_at_once ? call_at_once(engine, calls->calls, answers, error)
                   : call_in_turn(engine, calls->calls, answers, error)))
    return false;
  *out = g_steal_pointer(&answers);
  return true;
}

char *engine_escape_name(const char *name) {
  return g_uri_escape_string(name, "/:@", FALSE);
}

char *engine_project_filter(const char *project, const char *type) {
  g_autoptr(cJSON) filter = cJSON_CreateObject();
  g_autofree char *label = g_strdup_printf("com.docker.compose.project=%s", project);
  cJSON_AddItemToArray(cJSON_AddArrayToObject(filter, "label"), cJSON_CreateString(label));
  if (type != NULL)
    cJSON_AddItemToArray(cJSON_AddArrayToObject(filter, "type"), cJSON_CreateString(type));
  g_autofree char *text = json_print(filter);
  return http_escape(text);
}

bool engine_info(Engine *engine, char **data_root, GError **error) {
  g_autoptr(cJSON) info = NULL;
  gint64 asked = g_get_monotonic_time();
  if (engine->data_root == NULL) {
    if (!engine_call(engine, &(EngineCall){.doing = "describe itself", .path = "/info"}, &info, error))
      return false;
    take_info(engine, info, asked, g_get_monotonic_time());
  }
  if (engine->data_root == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "the engine does not say where it keeps its data");
  *data_root = g_strdup(engine->data_root);
  return true;
}

bool engine_now(Engine *engine, gint64 *now, GError **error) {
  g_autofree char *data_root = NULL;
  if (!engine->is_clock_known && !engine_info(engine, &data_root, error))
    return false;
  *now = g_get_monotonic_time() + engine->clock_offset;
  return true;
}

bool engine_watch(Engine *engine, const char *project, HttpStream **out, GError **error) {
  g_autofree char *filter = engine_project_filter(project, "container");
  g_autofree char *url = g_strdup_printf("%s/events?filters=%s", engine->base, filter);
  const HttpRequest request = {.url = url, .is_answered_later = true};
  return engine->host->ops->stream(engine->host, &request, out, error);
}

bool engine_watch_begun(Engine *engine, HttpStream *events, GError **error) {
  enum { ANSWER_MS = 60 * 1000 };
  return (http_stream_await(events, ANSWER_MS, error) || host_explain(engine->host, error)) &&
         (http_stream_status(events) == 200 ||
          engine_fail("report events", http_stream_status(events), "", error));
}

void engine_know_clock(Engine *engine, gint64 offset) {
  engine->clock_offset = offset;
  engine->is_clock_known = true;
}

void engine_event_clear(EngineEvent *event) {
  g_free(event->action);
  g_free(event->container);
  g_free(event->exec_id);
  g_free(event->service);
  *event = (EngineEvent){0};
}

bool engine_parse_event(const char *line, EngineEvent *event, GError **error) {
  g_autoptr(cJSON) json = NULL;
  if (!json_parse(line, strlen(line), "the engine's event", &json, error))
    return false;
  const cJSON *actor = json_object(json, "Actor");
  const cJSON *attributes = json_object(actor, "Attributes");
  const char *action = json_string(json, "Action");
  const char *container = json_string(actor, "ID");
  if (action == NULL || container == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "the engine sent an event without an action or a container");
  const char *code = json_string(attributes, "exitCode");
  const char *one_off = json_string(attributes, "com.docker.compose.oneoff");
  gint64 exit_code = 0;
  if (code != NULL && !number_parse(code, 0, G_MAXINT, &exit_code))
    exit_code = -1;
  *event = (EngineEvent){.action = g_strdup(action),
                         .container = g_strdup(container),
                         .exec_id = g_strdup(json_string(attributes, "execID")),
                         .service = one_off != NULL && g_ascii_strcasecmp(one_off, "true") == 0
                                        ? NULL
                                        : g_strdup(json_string(attributes, "com.docker.compose.service")),
                         .exit_code = (int)exit_code};
  return true;
}
