/* Copying the template, and the life of the copy. */
#include "environments/hosts/engine_one_off.h"

#include <string.h>

#include "environments/hosts/engine_private.h"
#include "environments/hosts/engine_session.h"
#include "support/errors.h"
#include "support/poison.h"

/* The mount that keeps the template from starting, as scripts/compose.sh says it. */
#define TEMPLATE_MOUNT  "/proc/slipway-template:"
#define TEMPLATE_TARGET "/slipway-template"

enum { LOOK_MS = 100, SHORT_ID = 12 };

static bool inspect(Engine *engine, const char *name, cJSON **json, GError **error) {
  g_autofree char *escaped = engine_escape_name(name);
  g_autofree char *path = g_strdup_printf("/containers/%s/json", escaped);
  g_autofree char *doing = g_strdup_printf("inspect container %s", name);
  return engine_call(engine, &(EngineCall){.doing = doing, .path = path}, json, error);
}

/* --- the copy ------------------------------------------------------------------------------------------- */

static void drop_template_mount(cJSON *config, cJSON *host) {
  cJSON *binds = cJSON_GetObjectItemCaseSensitive(host, "Binds");
  for (int i = cJSON_GetArraySize(binds) - 1; i >= 0; i--) {
    const cJSON *bind = cJSON_GetArrayItem(binds, i);
    if (cJSON_IsString(bind) && g_str_has_prefix(bind->valuestring, TEMPLATE_MOUNT))
      cJSON_DeleteItemFromArray(binds, i);
  }
  cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(config, "Volumes"),
                                          TEMPLATE_TARGET);
}

static void set_own(cJSON *config, const EngineOneOff *order) {
  const EngineSession *session = &order->session;
  cJSON *command = cJSON_CreateArray();
  for (const char *const *word = order->argv; *word != NULL; word++)
    cJSON_AddItemToArray(command, cJSON_CreateString(*word));
  json_set(config, "Cmd", command);
  json_set_boolean(config, "Tty", session->is_terminal);
  json_set_boolean(config, "OpenStdin", session->input >= 0);
  json_set_boolean(config, "StdinOnce", session->input >= 0); /* its end is passed on */
  json_set_boolean(config, "AttachStdin", session->input >= 0);
  json_set_boolean(config, "AttachStdout", true);
  json_set_boolean(config, "AttachStderr", true);
  static const char *const none[] = {"NONE"};
  cJSON *check = cJSON_CreateObject();
  json_set(check, "Test", cJSON_CreateStringArray(none, G_N_ELEMENTS(none)));
  json_set(config, "Healthcheck", check);
}

static void set_host(cJSON *host, const EngineOneOff *order) {
  static const char *const not_for_it[] = {"PortBindings", "PublishAllPorts", "ContainerIDFile",
                                           "ConsoleSize"};
  for (guint i = 0; i < G_N_ELEMENTS(not_for_it); i++)
    cJSON_DeleteItemFromObjectCaseSensitive(host, not_for_it[i]);
  json_set_boolean(host, "AutoRemove", order->is_removed);
  cJSON *policy = cJSON_CreateObject();
  json_set_string(policy, "Name", "no");
  json_set(host, "RestartPolicy", policy);
}

/* The body of POST /containers/create: Config's fields, and HostConfig. */
static cJSON *describe_copy(cJSON *template, const EngineOneOff *order) {
  cJSON *body = cJSON_DetachItemFromObjectCaseSensitive(template, "Config");
  cJSON *host = cJSON_DetachItemFromObjectCaseSensitive(template, "HostConfig");
  body = cJSON_IsObject(body) ? body : cJSON_CreateObject();
  host = cJSON_IsObject(host) ? host : cJSON_CreateObject();
  const char *id = json_string(template, "Id");
  const char *hostname = json_string(body, "Hostname");
  if (id != NULL && hostname != NULL && strncmp(id, hostname, SHORT_ID) == 0)
    cJSON_DeleteItemFromObjectCaseSensitive(body, "Hostname"); /* nobody chose it */
  drop_template_mount(body, host);
  set_own(body, order);
  set_host(host, order);
  json_set(body, "HostConfig", host);
  return body;
}

/* The create request may name one network only (until API 1.44); the others follow. */
static bool connect_networks(Engine *engine, const cJSON *template, const char *first, const char *id,
                             GError **error) {
  const cJSON *networks = json_path(template, "NetworkSettings", "Networks", NULL);
  const cJSON *network = NULL;
  cJSON_ArrayForEach(network, networks) {
    if (g_strcmp0(network->string, first) == 0)
      continue;
    g_autoptr(cJSON) body = cJSON_CreateObject();
    json_set_string(body, "Container", id);
    g_autofree char *escaped = engine_escape_name(network->string);
    g_autofree char *path = g_strdup_printf("/networks/%s/connect", escaped);
    g_autofree char *doing = g_strdup_printf("connect a container to network %s", network->string);
    const EngineCall call = {.doing = doing, .path = path, .body = body};
    if (!engine_call(engine, &call, NULL, error))
      return false;
  }
  return true;
}

bool engine_one_off_create(Engine *engine, const EngineOneOff *order, char **out, GError **error) {
  g_autoptr(cJSON) template = NULL;
  g_autoptr(cJSON) reply = NULL;
  if (!inspect(engine, order->template, &template, error))
    return false;
  g_autoptr(cJSON) body = describe_copy(template, order);
  g_autofree char *network = g_strdup(json_string(json_object(body, "HostConfig"), "NetworkMode"));
  g_autofree char *escaped = engine_escape_name(order->name);
  g_autofree char *path = g_strdup_printf("/containers/create?name=%s", escaped);
  g_autofree char *doing = g_strdup_printf("create container %s", order->name);
  const EngineCall call = {.doing = doing, .path = path, .body = body};
  if (!engine_call(engine, &call, &reply, error))
    return false;
  g_autofree char *id = g_strdup(json_string(reply, "Id"));
  if (id == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "the engine created no container %s", order->name);
  if (!connect_networks(engine, template, network, id, error)) {
    (void)!engine_remove_container(engine, id, NULL);
    return false;
  }
  *out = g_steal_pointer(&id);
  return true;
}

/* --- its life ------------------------------------------------------------------------------------------- */

static bool open_attach(Engine *engine, const EngineSession *session, const char *id, EngineWire **wire,
                        GError **error) {
  g_autofree char *path = g_strdup_printf("/containers/%s/attach?stream=1&stdout=1&stderr=1&stdin=%d", id,
                                          session->input >= 0 ? 1 : 0);
  const WireRequest request = {
      .doing = "attach to the container", .method = "POST", .path = path, .is_upgraded = true};
  return engine_wire_open(engine, &request, wire, error);
}

/* Asked before the start: afterwards it may be gone already. */
static bool open_wait(Engine *engine, const char *id, EngineWire **wire, GError **error) {
  g_autofree char *path = g_strdup_printf("/containers/%s/wait?condition=next-exit", id);
  const WireRequest request = {.doing = "wait for the container", .method = "POST", .path = path};
  return engine_wire_open(engine, &request, wire, error);
}

static bool start(Engine *engine, const char *id, GError **error) {
  g_autofree char *path = g_strdup_printf("/containers/%s/start", id);
  const EngineCall call = {.doing = "start the container", .method = "POST", .path = path};
  return engine_call(engine, &call, NULL, error);
}

/* A command may close its stdout and stderr and work on: only the session says when that is too long. */
static bool read_exit_code(EngineWire *wait, const EngineSession *session, bool *was_cancelled,
                           int *exit_code, GError **error) {
  g_autoptr(GByteArray) words = g_byte_array_new();
  g_autoptr(cJSON) json = NULL;
  WireState state = WIRE_DATA;
  while (state != WIRE_END) {
    if (!engine_wire_read(wait, LOOK_MS, &state, words, error))
      return prefix(error, "how the command ended is not known: ");
    *was_cancelled =
        state == WIRE_TIMEOUT && session->is_cancelled != NULL && session->is_cancelled(session->data);
    if (*was_cancelled)
      return true;
  }
  if (!json_parse((const char *)words->data, words->len, "the engine's answer", &json, NULL) ||
      json_integer(json, "StatusCode", -1) < 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "the engine does not say how the command ended");
  *exit_code = (int)json_integer(json, "StatusCode", -1);
  return true;
}

/* Its own signal, then the engine's SIGKILL; what it says on the way out is still heard. */
static bool stop(Engine *engine, const EngineOneOff *order, const char *id, EngineWire *attach,
                 GError **error) {
  g_autofree char *url = g_strdup_printf("%s/containers/%s/stop?t=%u", engine->base, id, order->grace_s);
  g_auto(HttpReply) reply = {0};
  const HttpRequest request = {.method = "POST", .url = url, .timeout_ms = (order->grace_s + 60) * 1000};
  bool was_cancelled = false;
  EngineSession rest = order->session;
  rest.is_cancelled = NULL;
  rest.input = -1;
  rest.terminal_size = NULL;
  if (!engine->host->ops->request(engine->host, &request, &reply, error))
    return prefix(error, "cannot stop the container: ");
  return engine_session_run(engine, attach, &rest, NULL, &was_cancelled, error);
}

bool engine_one_off_run(Engine *engine, const EngineOneOff *order, const char *id, bool *has_started,
                        int *exit_code, GError **error) {
  g_autoptr(EngineWire) attach = NULL;
  g_autoptr(EngineWire) wait = NULL;
  bool was_cancelled = false;
  *has_started = false;
  if (!open_attach(engine, &order->session, id, &attach, error) || !open_wait(engine, id, &wait, error) ||
      !start(engine, id, error))
    return false;
  *has_started = true;
  g_autofree char *resize = g_strdup_printf("/containers/%s/resize", id);
  if (!engine_session_run(engine, attach, &order->session, resize, &was_cancelled, error) ||
      (!was_cancelled && !read_exit_code(wait, &order->session, &was_cancelled, exit_code, error)))
    return false;
  if (!was_cancelled)
    return true;
  if (!stop(engine, order, id, attach, error))
    return false;
  *exit_code = -1;
  return true;
}

bool engine_remove_container(Engine *engine, const char *id, GError **error) {
  g_autofree char *escaped = engine_escape_name(id);
  g_autofree char *path = g_strdup_printf("/containers/%s?force=1&v=1", escaped);
  g_autofree char *doing = g_strdup_printf("remove container %s", id);
  const EngineCall call = {.doing = doing, .method = "DELETE", .path = path, .may_be_absent = true};
  return engine_call(engine, &call, NULL, error);
}

/* --- what is there -------------------------------------------------------------------------------------- */

void one_off_container_free(OneOffContainer *container) {
  if (container == NULL)
    return;
  g_free(container->id);
  g_free(container->name);
  g_free(container->state);
  g_free(container);
}

static OneOffContainer *parse_one_off(const cJSON *json) {
  OneOffContainer *container = g_new0(OneOffContainer, 1);
  const cJSON *name = cJSON_GetArrayItem(json_array(json, "Names"), 0);
  const char *state = json_string(json, "State");
  container->id = g_strdup(json_string(json, "Id"));
  container->name =
      g_strdup(cJSON_IsString(name) ? name->valuestring + (name->valuestring[0] == '/' ? 1 : 0) : "");
  container->state = g_strdup(state != NULL ? state : "");
  container->created = json_integer(json, "Created", 0) * G_USEC_PER_SEC;
  return container;
}

bool engine_list_one_offs(Engine *engine, const char *project, GPtrArray **out, GError **error) {
  g_autoptr(cJSON) filter = cJSON_CreateObject();
  g_autofree char *label = g_strdup_printf("com.docker.compose.project=%s", project);
  cJSON *labels = cJSON_AddArrayToObject(filter, "label");
  cJSON_AddItemToArray(labels, cJSON_CreateString(label));
  cJSON_AddItemToArray(labels, cJSON_CreateString("com.docker.compose.oneoff=True"));
  g_autofree char *text = json_print(filter);
  g_autofree char *escaped = http_escape(text);
  g_autofree char *path = g_strdup_printf("/containers/json?all=1&filters=%s", escaped);
  g_autoptr(cJSON) list = NULL;
  if (!engine_call(engine, &(EngineCall){.doing = "list one-off containers", .path = path}, &list, error))
    return false;
  g_autoptr(GPtrArray) containers = g_ptr_array_new_with_free_func((GDestroyNotify)one_off_container_free);
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, list) if (json_string(item, "Id") != NULL)
      g_ptr_array_add(containers, parse_one_off(item));
  *out = g_steal_pointer(&containers);
  return true;
}
