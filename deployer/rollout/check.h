/* The parts of `check ENV`. */
#pragma once

#include "deployer/rollout/rollout.h"

/* Adds a CheckAnswer; takes ownership of `text`. host NULL: not about a host. */
void check_add(GPtrArray *answers, const char *host, const char *subject, bool passes, char *text);
/* Is there room on every host for what the environment is likely to get next? Nothing is added where there is
 * no release to ask about. */
void check_room(const RolloutRequest *request, GPtrArray *answers);
