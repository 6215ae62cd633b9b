/* What an environment is likely to get next: what a bare `plan ENV` shows, and `check ENV` looks for room
 * for. */
#pragma once

#include "deployer/rollout/target.h"

typedef struct {
  DeploymentKind kind; /* of the command that would do it */
  Target *target;      /* NULL: nothing (why in `note`) */
  GPtrArray *gates;    /* GateAnswer, or NULL */
  char *note;          /* or NULL */
} Next;
void next_clear(Next *next);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Next, next_clear)

/* With a release named, that; else what `promote` would take, or, where there is nothing newer, the release
 * that runs. `next` is zeroed before. */
bool resolve_next(const RolloutRequest *asked, const Situation *situation, Next *next,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
