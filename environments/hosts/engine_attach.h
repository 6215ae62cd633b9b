/* What containers write and read, as it comes. The engine puts stdout and stderr of a container without a
 * terminal into one stream, in frames with a header of 8 bytes (https://docs.docker.com/engine/api/, "Attach
 * to a container"); with a terminal there is one raw stream. Failures are SLIPWAY_ERROR_UNREADY. */
#pragma once

#include "environments/hosts/engine.h"

typedef struct {
  bool follow;       /* goes on until the container has ended */
  const char *since; /* seconds since the epoch, "1763736081.250"; NULL: all */
  int tail;          /* only so many lines from the end; negative: all */
  bool timestamps;   /* each line begins with its time, RFC 3339 in UTC, and a space */
  /* Asked ten times a second, and whenever something came; true ends it, as success. NULL: never. */
  bool (*is_cancelled)(void *data);
  /* Reading has begun: from here on the engine is free for other calls, also of other threads. NULL: never.
   */
  void (*on_open)(void *data);
  /* Each line without its end, redacted, else as the container wrote it (a NUL is '?'): text_printable before
   * a person sees it. Longer ones come in pieces of 16 KiB, which are cut after that. */
  void (*on_line)(const char *line, bool is_stderr, void *data);
  void *data;
} EngineLogs;

/* Until the container has ended (follow), the log is at its end, or is_cancelled. A container that is gone is
 * a failure. */
bool engine_follow_logs(Engine *engine, const char *container, const EngineLogs *logs,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A command's way to somebody who is there, or to who keeps what it writes. */
typedef struct {
  bool is_terminal; /* the container or command has a terminal: one raw stream, no frames */
  int input;        /* read and passed on to its end, and that is passed on too; -1: none */
  /* What it writes, as it comes. */
  void (*on_output)(const char *bytes, gsize length, bool is_stderr, void *data);
  /* Asked ten times a second, and whenever something came; true ends the session at once. NULL: never. */
  bool (*is_cancelled)(void *data);
  /* Of a terminal: its size, asked as often; false: not known. NULL: nobody sees it. */
  bool (*terminal_size)(guint *rows, guint *columns);
  void *data;
} EngineSession;

typedef struct {
  const char *container;
  const char *const *argv; /* NULL-terminated */
  EngineSession session;
} EngineExec;
/* Runs a command in a running container, and tells its exit code; -1: is_cancelled ended the session, and the
 * command may go on: the engine has no way to end it. */
bool engine_exec_attached(Engine *engine, const EngineExec *exec, int *exit_code,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
