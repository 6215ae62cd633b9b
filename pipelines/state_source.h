/* For state.c: what an EnvironmentState that was read from the history gets from there when it is asked.
 * Where all deployments were folded (state->source is NULL) each of these does nothing, and finds nothing. */
#pragma once

#include "pipelines/state.h"

/* The state as if all deployments had been folded, from the newest of them: all but what it says about
 * releases, and about what is below the upper `depth` of the stack. NULL: that needs more of them. */
EnvironmentState *state_of_newest(const char *environment, GPtrArray *deployments, guint depth);

/* Afterwards the tables are right about this release; about all that any rollback left. */
void state_source_learn(const EnvironmentState *state, gint64 release);
void state_source_learn_left(const EnvironmentState *state);
const Deployment *state_source_find(const EnvironmentState *state, gint64 id);
const Deployment *state_source_find_uid(const EnvironmentState *state, const char *uid);
void state_source_free(StateSource *source);
