/* Streams of containers: their logs, and commands in them. */
#include "environments/hosts/engine_attach.h"

#include "environments/hosts/engine_frames.h"
#include "environments/hosts/engine_private.h"
#include "environments/hosts/engine_session.h"
#include "environments/hosts/engine_wire.h"
#include "support/errors.h"
#include "support/poison.h"

enum { LOOK_MS = 100, LONGEST_LINE = 16 << 10 };

static bool has_terminal(Engine *engine, const char *container, bool *is_terminal, GError **error) {
  g_autofree char *escaped = engine_escape_name(container);
  g_autofree char *path = g_strdup_printf("/containers/%s/json", escaped);
  g_autofree char *doing = g_strdup_printf("inspect container %.12s", container);
  g_autoptr(cJSON) json = NULL;
  if (!engine_call(engine, &(EngineCall){.doing = doing, .path = path}, &json, error))
    return false;
  *is_terminal = json_boolean(json_object(json, "Config"), "Tty", false);
  return true;
}

typedef struct {
  Frames frames;
  LogLines streams[2]; /* stdout, stderr */
} Log;

static void out_line(const char *line, void *data) {
  const EngineLogs *logs = data;
  logs->on_line(line, false, logs->data);
}

static void error_line(const char *line, void *data) {
  const EngineLogs *logs = data;
  logs->on_line(line, true, logs->data);
}

static void take_output(const char *bytes, gsize length, bool is_stderr, void *data) {
  Log *log = data;
  log_lines_add(&log->streams[is_stderr ? 1 : 0], bytes, length, log->frames.is_start);
}

static bool read_log(EngineWire *wire, const EngineLogs *logs, Log *log, GError **error) {
  g_autoptr(GByteArray) pending = g_byte_array_new();
  WireState state = WIRE_DATA;
  while (state != WIRE_END) {
    if (logs->is_cancelled != NULL && logs->is_cancelled(logs->data))
      return true;
    if (!engine_wire_read(wire, LOOK_MS, &state, pending, error))
      return false;
    frames_take(&log->frames, pending, take_output, log);
    for (guint i = 0; state == WIRE_TIMEOUT && i < G_N_ELEMENTS(log->streams); i++)
      log_lines_rest(&log->streams[i]);
  }
  return true;
}

bool engine_follow_logs(Engine *engine, const char *container, const EngineLogs *logs, GError **error) {
  Log log = {0};
  g_autoptr(EngineWire) wire = NULL;
  g_autofree char *escaped = engine_escape_name(container);
  g_autofree char *since = logs->since == NULL ? NULL : http_escape(logs->since);
  g_autofree char *tail = logs->tail < 0 ? g_strdup("all") : g_strdup_printf("%d", logs->tail);
  g_autofree char *path = g_strdup_printf(
      "/containers/%s/logs?stdout=1&stderr=1&follow=%d&timestamps=%d&tail=%s%s%s", escaped, logs->follow,
      logs->timestamps, tail, since == NULL ? "" : "&since=", since == NULL ? "" : since);
  g_autofree char *doing = g_strdup_printf("read the log of container %.12s", container);
  if (!has_terminal(engine, container, &log.frames.is_raw, error) ||
      !engine_wire_open(engine, &(WireRequest){.doing = doing, .path = path}, &wire, error))
    return false;
  if (logs->on_open != NULL)
    logs->on_open(logs->data);
  void (*const on_line[])(const char *line, void *data) = {out_line, error_line};
  for (guint i = 0; i < G_N_ELEMENTS(log.streams); i++)
    log.streams[i] = (LogLines){.lines = {g_string_new(NULL), LONGEST_LINE, on_line[i], (void *)logs},
                                .redacted = redact_stream_new(),
                                .has_times = logs->timestamps};
  bool is_read = read_log(wire, logs, &log, error);
  for (guint i = 0; i < G_N_ELEMENTS(log.streams); i++)
    log_lines_end(&log.streams[i]);
  return is_read;
}

/* --- commands in running containers --------------------------------------------------------------------- */

/* How the command ended; the stream may have ended because the connection was lost. */
static bool find_exit_code(Engine *engine, const char *exec, int *exit_code, GError **error) {
  g_autofree char *path = g_strdup_printf("/exec/%s/json", exec);
  g_autoptr(cJSON) json = NULL;
  if (!engine_call(engine, &(EngineCall){.doing = "ask how the command ended", .path = path}, &json, error))
    return false;
  if (json_boolean(json, "Running", false))
    return fail(error, SLIPWAY_ERROR_UNREADY, "the connection was lost; the command may still be running");
  *exit_code = (int)json_integer(json, "ExitCode", -1);
  return *exit_code >= 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY, "the engine does not say how the command ended");
}

bool engine_exec_attached(Engine *engine, const EngineExec *exec, int *exit_code, GError **error) {
  const EngineSession *session = &exec->session;
  g_autofree char *id = NULL;
  const ExecStreams streams = {
      .has_input = session->input >= 0, .has_output = true, .is_terminal = session->is_terminal};
  if (!engine_create_exec(engine, exec->container, exec->argv, &streams, &id, error))
    return false;
  g_autoptr(cJSON) body = cJSON_CreateObject();
  json_set_boolean(body, "Detach", false);
  json_set_boolean(body, "Tty", session->is_terminal);
  g_autofree char *escaped = engine_escape_name(id);
  g_autofree char *path = g_strdup_printf("/exec/%s/start", escaped);
  g_autofree char *resize = g_strdup_printf("/exec/%s/resize", escaped);
  g_autofree char *doing = g_strdup_printf("run a command in container %.12s", exec->container);
  g_autoptr(EngineWire) wire = NULL;
  bool was_cancelled = false;
  const WireRequest request = {
      .doing = doing, .method = "POST", .path = path, .body = body, .is_upgraded = true};
  if (!engine_wire_open(engine, &request, &wire, error) ||
      !engine_session_run(engine, wire, session, resize, &was_cancelled, error))
    return false;
  if (was_cancelled) {
    *exit_code = -1;
    return true;
  }
  return find_exit_code(engine, escaped, exit_code, error);
}
