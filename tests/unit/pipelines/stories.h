/* An environment's history from a line of text:
 *
 *   "deploy r1; deploy r2:b fail; rollback; rollback d1 broken; down"
 *
 * Deployments are d1, d2, … in order. A release's images are its name; what follows ":" is its configuration.
 * "vouch" is a deploy that another history tells of in an export. A rollback goes where
 * environment_rollback_target says at that point. The last word is how it ended (see `outcomes`); without one
 * it succeeded. */
#pragma once

#include "pipelines/state.h"

typedef struct {
  GPtrArray *deployments; /* newest first */
  EnvironmentState *state;
} Story;

void story_tell(const char *environment, const char *text, Story *story);
void story_clear(Story *story);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Story, story_clear)
/* d(id) */
Deployment *story_deployment(const Story *story, gint64 id);
