/* Running a program of the user's own on the controller: an argv and no shell, a deadline, its output line by
 * line. It leads a process group of its own, so that Ctrl-C is for slipway to handle and ending it ends what
 * it started too. (A program that is asked for an answer: pipelines/program.h.) */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "support/secret.h"

typedef struct {
  const char *const *argv;        /* argv[0] without "/" is looked for in $PATH, else from `directory` on */
  const char *const *environment; /* NAME=VALUE, all of it */
  const char *directory;
  gint64 timeout_ms;
  /* Asked about ten times a second; true ends it. NULL: never. */
  bool (*is_cancelled)(void *data);
  /* Each line of stdout and stderr as it comes, printable, without its end; longer ones arrive in pieces of
   * 1000 bytes; redacted. NULL: not wanted. */
  void (*on_line)(const char *line, void *data);
  void *data;
  /* Where stdout goes (empty before), whole and apart: then lines are stderr's alone. More than output_cap
   * bytes are a failure. NULL: stdout is heard as stderr is. */
  SecretText **output;
  gsize output_cap;
  const char *input; /* its stdin; NULL: nothing */
  /* How it ended by itself, also when child_run fails: its exit status, or 128 and the signal's number as in
   * a shell. Not set when it was not started or had to be ended. NULL: not wanted. */
  int *exit_code;
} ChildOrder;

/* Runs it to its end. SLIPWAY_ERROR_DEPLOY: it could not be started, its exit status was
 * not 0, a signal ended it, or it took too long; the message says which, and the last 20 lines.
 * SLIPWAY_ERROR_INTERRUPTED: is_cancelled said so. To be ended, its process group gets SIGTERM, and SIGKILL
 * after 5 s. What it leaves in the background after ending well goes on, unheard. */
bool child_run(const ChildOrder *order, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Would child_run find argv[0]? SLIPWAY_ERROR_CONFIG, "NAME: not found …". */
bool child_check_program(const char *name, const char *directory, GError **error) G_GNUC_WARN_UNUSED_RESULT;
