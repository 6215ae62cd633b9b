/* Streams of containers: their logs. */
#include "environments/hosts/engine_attach.h"

#include "environments/hosts/engine_frames.h"
#include "environments/hosts/engine_private.h"
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

/* The lines of stdout and of stderr. */
typedef struct {
  const EngineLogs *logs;
  Lines streams[2];
} LogLines;

static void out_line(const char *line, void *data) {
  const EngineLogs *logs = data;
  logs->on_line(line, false, logs->data);
}

static void error_line(const char *line, void *data) {
  const EngineLogs *logs = data;
  logs->on_line(line, true, logs->data);
}

static void take_output(const char *bytes, gsize length, bool is_stderr, void *data) {
  LogLines *lines = data;
  lines_add(&lines->streams[is_stderr ? 1 : 0], bytes, length);
}

static bool read_log(EngineWire *wire, const EngineLogs *logs, Frames *frames, LogLines *lines,
                     GError **error) {
  g_autoptr(GByteArray) pending = g_byte_array_new();
  WireState state = WIRE_DATA;
  while (state != WIRE_END) {
    if (logs->is_cancelled != NULL && logs->is_cancelled(logs->data))
      return true;
    if (!engine_wire_read(wire, LOOK_MS, &state, pending, error))
      return false;
    frames_take(frames, pending, take_output, lines);
  }
  return true;
}

bool engine_follow_logs(Engine *engine, const char *container, const EngineLogs *logs, GError **error) {
  Frames frames = {0};
  g_autoptr(EngineWire) wire = NULL;
  g_autofree char *escaped = engine_escape_name(container);
  g_autofree char *since = logs->since == NULL ? NULL : http_escape(logs->since);
  g_autofree char *tail = logs->tail < 0 ? g_strdup("all") : g_strdup_printf("%d", logs->tail);
  g_autofree char *path = g_strdup_printf(
      "/containers/%s/logs?stdout=1&stderr=1&follow=%d&timestamps=%d&tail=%s%s%s", escaped, logs->follow,
      logs->timestamps, tail, since == NULL ? "" : "&since=", since == NULL ? "" : since);
  g_autofree char *doing = g_strdup_printf("read the log of container %.12s", container);
  if (!has_terminal(engine, container, &frames.is_raw, error) ||
      !engine_wire_open(engine, &(WireRequest){.doing = doing, .path = path}, &wire, error))
    return false;
  LogLines lines = {.streams = {{g_string_new(NULL), LONGEST_LINE, out_line, (void *)logs},
                                {g_string_new(NULL), LONGEST_LINE, error_line, (void *)logs}}};
  bool is_read = read_log(wire, logs, &frames, &lines, error);
  for (guint i = 0; i < G_N_ELEMENTS(lines.streams); i++)
    lines_end(&lines.streams[i]);
  return is_read;
}
