/* A /bin/sh that stays open behind three descriptors and answers script after script, one round trip each
 * (scripts/shell-loop.sh is its other half). The same over an SSH channel and for a local child.
 *
 *   A frame:  header of 32 bytes "SCRIPT_LENGTH INPUT_LENGTH\n" (zero-padded), script, input. No script: a
 * heartbeat. An answer: what the script wrote, then "MARKER STATUS\n" on stdout and "MARKER\n" on stderr. */
#pragma once

#include <pthread.h>

#include "environments/hosts/host.h"

enum {
  SHELL_IDLE_SECONDS = 10, /* without a frame for so long, the shell on the host ends, and its lock with it */
  SHELL_BEAT_MS = 3000,    /* so a heartbeat goes out this often */
  SHELL_PATIENCE = 10, /* times as long, both, without a lock: each heartbeat costs the host two processes */
};

typedef struct {
  pthread_mutex_t busy; /* held for a whole exchange; a heartbeat does not wait for it (not a GMutex: TSan) */
  int in, out, err;     /* `in` is a socket; it may be the same descriptor as `out` */
  char *marker;
  GString *unread[2]; /* what came on out and err behind the last answer */
  bool is_lost;       /* a script timed out or the shell ended: nothing more can be asked */
  bool is_patient;    /* it holds no lock */
  guint beats;        /* that were due, if it is patient */
} Shell;

/* No descriptors yet. A Shell does not move in memory. */
void shell_init(Shell *shell);
void shell_clear(Shell *shell); /* closes the descriptors */

/* The program to start on the host, NULL-terminated; g_strfreev. idle_seconds (without a lock, SHELL_PATIENCE
 * times as many) 0: waits for frames for ever. */
char **shell_argv(const Shell *shell, guint idle_seconds, const HostScript *opening);
/* The same as one command line for the user's login shell on the host. Caller frees. */
char *shell_command(const char *const *argv);
/* Takes the descriptors of the program just started, and waits for the opening script's answer. */
bool shell_start(Shell *shell, const int descriptors[3], const HostScript *opening, HostReply *reply,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool shell_run(Shell *shell, const HostScript *script, HostReply *reply,
               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Nothing more can be asked. */
bool shell_is_lost(Shell *shell);
/* From any thread, every SHELL_BEAT_MS; does nothing while a script runs. */
void shell_beat(Shell *shell);
/* Lets the shell end, and waits a moment until it did, so that the lock is free then. False when it did not.
 */
bool shell_end(Shell *shell);
