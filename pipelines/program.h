/* A local program that is asked something (git, a credential helper): its own argv and no shell, a deadline,
 * a cap on what it may say. What it writes to stderr is thrown away. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  int exit_code;   /* 128 + signal when it was killed */
  GString *output; /* its stdout; zeroed when freed, for it may hold a secret */
} ProgramReply;
void program_reply_clear(ProgramReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ProgramReply, program_reply_clear)

/* `argv[0]` is looked for in $PATH; `input` (at most 4 KiB) is its stdin, NULL: nothing. `reply` is
 * zero-initialised by the caller and written on success only. SLIPWAY_ERROR_UNREADY: it cannot be started,
 * takes longer than timeout_ms (then it is killed), or says more than 64 KiB. A non-zero exit is no failure.
 */
bool program_ask(const char *const *argv, const char *input, guint timeout_ms, ProgramReply *reply,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
