/* Frames and lines, from bytes that come in any pieces. */
#include "environments/hosts/engine_frames.h"

#include <string.h>

#include "support/poison.h"

enum { HEADER = 8, STDERR = 2 };

static void begin_frame(Frames *frames, GByteArray *pending) {
  const guint8 *header = pending->data;
  frames->is_stderr = header[0] == STDERR;
  frames->left = (guint32)header[4] << 24 | (guint32)header[5] << 16 | (guint32)header[6] << 8 | header[7];
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
