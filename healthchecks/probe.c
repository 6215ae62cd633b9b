/* Early probes: the image's own check, run by us while the engine still waits for its first interval to pass.
 */
#include <string.h>

#include "healthchecks/watch_private.h"
#include "support/poison.h"

enum {
  MS = 1000,
  EAGER_FOR_MS = 1000, /* most services are ready within the first second … */
  EAGER_EVERY_MS = 100,
  EVERY_MS = 250, /* … and a probe costs the host 40 ms of CPU */
};

static gint64 interval(const Subject *subject, gint64 now) {
  return (now - subject->memory.last_start < EAGER_FOR_MS * MS ? EAGER_EVERY_MS : EVERY_MS) * MS;
}

/* An exec of a start before this one ended with it, whether or not we were told. */
static void forget_old_probe(Subject *subject) {
  if (subject->probe_start == subject->state->started_at)
    return;
  g_clear_pointer(&subject->probe, g_free);
  subject->probe_start = subject->state->started_at;
  subject->next_probe = 0;
}

void probe_when_due(HealthWatch *watch, Subject *subject, gint64 now) {
  if (subject->state == NULL || !health_wants_probe(&subject->memory, subject->state))
    return;
  forget_old_probe(subject);
  if (subject->probe != NULL || now < subject->next_probe)
    return;
  g_autofree char *probe = NULL;
  subject->probe_began = now;
  subject->next_probe = now + interval(subject, now);
  /* A refusal (the container has just ended, its check cannot be run) says nothing that the engine will not
   * say itself. */
  if (engine_exec_start(watch->engine, subject->id, subject->state->check, &probe, NULL))
    subject->probe = g_steal_pointer(&probe);
}

void probe_note_end(Subject *subject, const EngineEvent *event, gint64 now) {
  if (subject->probe == NULL || event->exec_id == NULL || strcmp(subject->probe, event->exec_id) != 0)
    return;
  g_clear_pointer(&subject->probe, g_free);
  bool is_in_time = now - subject->probe_began <= subject->state->check_timeout_ms * MS;
  if (event->exit_code == 0 && is_in_time && subject->probe_start == subject->state->started_at)
    health_note_probe(&subject->memory);
}
