/* Taking apart what a container writes: frames of stdout and stderr, then lines. For engine_attach.c; pure,
 * so that tests can cut it anywhere. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "support/redact.h"

typedef void (*FrameOutput)(const char *bytes, gsize length, bool is_stderr, void *data);

/* Hands out what is whole of `pending`, and the known part of a frame that is not, and removes that. `left`
 * and `is_stderr` carry over from call to call; begin with zeros. */
typedef struct {
  bool is_raw;  /* a terminal: no frames */
  guint32 left; /* bytes of the frame that has begun */
  bool is_stderr;
  bool is_start; /* what is handed out is the beginning of a frame */
} Frames;
void frames_take(Frames *frames, GByteArray *pending, FrameOutput output, void *data);

/* Lines of one stream; a longer one comes in pieces. */
typedef struct {
  GString *begun;
  gsize longest; /* bytes of a piece */
  void (*on_line)(const char *line, void *data);
  void *data;
} Lines;
void lines_add(Lines *lines, const char *bytes, gsize length);
/* A last line without an end counts; frees what is kept. */
void lines_end(Lines *lines);

/* One stream of a log: lines that are redacted before any is cut. The engine itself writes a long line in
 * several frames, each with its time before it: only the first one stays. */
typedef struct {
  Lines lines;
  RedactStream *redacted; /* owned */
  bool has_times;         /* asked for */
  bool is_open;           /* a line has begun */
  bool is_skipping;       /* a time within a line, as far as it has come */
} LogLines;
void log_lines_add(LogLines *log, const char *bytes, gsize length, bool begins_frame);
/* Nothing comes for now: whole lines are not held back any longer. */
void log_lines_rest(LogLines *log);
void log_lines_end(LogLines *log);
