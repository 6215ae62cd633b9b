/* Is a container well? A pure function of what was remembered of it, what the engine says now, and the time
 * (design §6, Health). Times are microseconds on the host's clock (engine_now). */
#pragma once

#include "environments/config/config.h"
#include "environments/hosts/engine.h"

typedef enum { HEALTH_WELL, HEALTH_WAITING, HEALTH_FAILED } HealthVerdict; /* in rising order of concern */

/* One container since the watch began. Zero but for the first two. */
typedef struct {
  gint64 watched_from;
  bool was_there;      /* before the watch began */
  bool is_disturbed;   /* something happened to it since: a start, an end, a change of health */
  guint ends;          /* how often it ended since the watch began */
  gint64 first_start;  /* seen; 0: it never got going */
  gint64 last_start;   /* the start that the next two are about */
  gint64 well_since;   /* 0: it is not, or not yet for all we know */
  bool is_probed_well; /* our own early probe succeeded */
} HealthMemory;

typedef struct {
  HealthVerdict verdict;
  gint64 settled_at; /* well: from when on that counts; 0: it does already */
  gint64 deadline;   /* waiting: when it will be a failure unless something happens; G_MAXINT64: never */
  char *word;        /* "starting", "healthy", "restarting (1 of 2)" … */
  char *reason;      /* failed: "exited with 1, restart policy no" */
} HealthJudgement;

void health_judgement_clear(HealthJudgement *judgement);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HealthJudgement, health_judgement_clear)

/* `judgement` is overwritten, not cleared. */
void health_judge(HealthMemory *memory, const ContainerState *state, const HealthConfig *config, gint64 now,
                  HealthJudgement *judgement);
/* Our own run of the check in the container's current start succeeded: as good as the engine's word until
 * that says otherwise. */
void health_note_probe(HealthMemory *memory);
/* Does the engine still have to make up its mind, so that an own probe could tell sooner? */
bool health_wants_probe(const HealthMemory *memory, const ContainerState *state);
