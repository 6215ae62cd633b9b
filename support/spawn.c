/* posix_spawn with what every child of slipway needs. */
#include "support/spawn.h"

#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "support/poison.h"

int spawn_in_group(const SpawnOrder *order, pid_t *child) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
    posix_spawn_file_actions_adddup2(&actions, order->streams[i], i);
  if (order->directory != NULL)
    posix_spawn_file_actions_addchdir_np(&actions, order->directory);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, order->group);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  char **environment = order->environment != NULL ? (char **)order->environment : environ;
  const int cause =
      posix_spawnp(child, order->argv[0], &actions, &attributes, (char **)order->argv, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return cause;
}
