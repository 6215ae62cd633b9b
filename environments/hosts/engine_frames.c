/* Frames and lines, from bytes that come in any pieces. */
#include "environments/hosts/engine_frames.h"

#include <string.h>

#include "support/poison.h"

enum { HEADER = 8, STDERR = 2 };

static void begin_frame(Frames *frames, GByteArray *pending) {
  const guint8 *header = pending->data;
  frames->is_stderr = header[0] == STDERR;
  frames->left = (guint32)header[4] << 24 | (guint32)header[5] << 16 | (guint32)header[6] << 8 | header[7];
  frames->is_start = true;
  g_byte_array_remove_range(pending, 0, HEADER);
}

void frames_take(Frames *frames, GByteArray *pending, FrameOutput output, void *data) {
  while (pending->len > 0) {
    if (frames->is_raw)
      frames->left = pending->len;
    if (frames->left == 0 && pending->len < HEADER)
      return;
    if (frames->left == 0)
      begin_frame(frames, pending);
    const guint count = MIN(frames->left, pending->len);
    if (count == 0)
      continue;
    output((const char *)pending->data, count, frames->is_stderr, data);
    g_byte_array_remove_range(pending, 0, count);
    frames->left -= count;
    frames->is_start = false;
  }
}

static void end_line(Lines *lines) {
  lines->on_line(lines->begun->str, lines->data);
  g_string_truncate(lines->begun, 0);
}

void lines_add(Lines *lines, const char *bytes, gsize length) {
  for (gsize i = 0; i < length; i++) {
    if (bytes[i] == '\n' || lines->begun->len >= lines->longest)
      end_line(lines);
    if (bytes[i] != '\n')
      g_string_append_c(lines->begun, bytes[i] != '\0' ? bytes[i] : '?');
  }
}

void lines_end(Lines *lines) {
  if (lines->begun->len > 0)
    end_line(lines);
  g_string_free(lines->begun, TRUE);
  lines->begun = NULL;
}

/* "2026-11-21T15:00:00.123456789Z " where a line goes on; how many bytes of it these are. */
static gsize skip_time(LogLines *log, const char *bytes, gsize length, bool begins_frame) {
  if (begins_frame)
    log->is_skipping = log->has_times && log->is_open && length > 0 && g_ascii_isdigit(*bytes);
  if (!log->is_skipping)
    return 0;
  const char *space = memchr(bytes, ' ', length);
  log->is_skipping = space == NULL;
  return space != NULL ? (gsize)(space + 1 - bytes) : length;
}

void log_lines_add(LogLines *log, const char *bytes, gsize length, bool begins_frame) {
  g_autoptr(GString) shown = g_string_new(NULL);
  const gsize skipped = skip_time(log, bytes, length, begins_frame);
  if (skipped == length)
    return;
  log->is_open = bytes[length - 1] != '\n';
  redact_stream_add(log->redacted, bytes + skipped, length - skipped, shown);
  lines_add(&log->lines, shown->str, shown->len);
}

static void flush(LogLines *log) {
  g_autoptr(GString) shown = g_string_new(NULL);
  redact_stream_flush(log->redacted, shown);
  lines_add(&log->lines, shown->str, shown->len);
}

void log_lines_rest(LogLines *log) {
  if (!log->is_open)
    flush(log);
}

void log_lines_end(LogLines *log) {
  flush(log);
  lines_end(&log->lines);
  g_clear_pointer(&log->redacted, redact_stream_free);
}
