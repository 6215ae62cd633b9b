/* Starting a child process in a group of its own: Ctrl-C is for slipway to handle, and a signal to the group
 * reaches all that the child has started. */
#pragma once

#include <sys/types.h>

typedef struct {
  const char *const *argv;        /* argv[0] is looked up in PATH */
  const char *const *environment; /* NAME=VALUE; NULL: this process's own */
  const char *directory;          /* where it starts; NULL: where this process is */
  const int *streams;             /* three: its stdin, stdout and stderr; the caller closes its own */
  pid_t group;                    /* to join; 0: a new one, whose id is the child's */
} SpawnOrder;

/* posix_spawnp(3), with all signals as they are by default and none blocked. 0, or why not (errno). */
int spawn_in_group(const SpawnOrder *order, pid_t *child);
