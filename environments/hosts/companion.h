/* A companion of a connection (ssh, a proxy command): a child process between descriptors of ours, in a
 * process group apart from the terminal's: Ctrl-C is for slipway to handle, and a signal reaches all that the
 * child has started. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Our ends and the child's of its stdin, stdout and stderr. Scripts may open /dev/stdout, so that is a pipe;
 * stdin is a socket, which can be written to without SIGPIPE. The caller closes all six. */
bool companion_pipes(int own[3], int child[3], GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* argv[0] is looked up in PATH; `descriptors` become 0, 1 and 2 (the caller closes its own). `group`: the
 * process group to join, 0 for a new one, whose id is the child's. */
bool companion_start(const char *const *argv, const int descriptors[3], pid_t group, pid_t *child,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Waits until it has ended, at most so long. False when it has not; the child is gone otherwise. *status (or
 * NULL) as waitpid(2) says it. */
bool companion_wait(pid_t child, guint timeout_ms, int *status) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the group that the child leads, kindly as long as the child lives, and waits for the child. */
void companion_end(pid_t child);
