/* What the files of the watch share: the containers under watch. */
#pragma once

#include "healthchecks/health.h"
#include "healthchecks/judge.h"

/* A container under watch. Times are the host's (engine_now). */
typedef struct {
  char *id;
  char *service;
  ContainerState *state; /* as last inspected; NULL: not yet */
  bool is_stale;         /* something happened to it since */
  HealthMemory memory;
  HealthJudgement judgement;
  /* Our own run of the image's check: one at a time, since the engine cannot end it. */
  char *probe; /* the exec that runs, or NULL */
  gint64 probe_began;
  gint64 probe_start; /* the container's start that it is about */
  gint64 next_probe;
} Subject;

struct HealthWatch {
  Engine *engine;
  char *project;
  HttpStream *events;
  gint64 began;
  GPtrArray *subjects; /* Subject */
  GPtrArray *listed;   /* EngineContainer: as last asked, or NULL */
  GHashTable *told;    /* service -> the word last passed to on_state */
  bool is_list_stale;  /* containers came or went */
};

/* Early probes (probe.c): starts one where it is time to. */
void probe_when_due(HealthWatch *watch, Subject *subject, gint64 now);
/* The exec that an event says has ended may be our probe. */
void probe_note_end(Subject *subject, const EngineEvent *event, gint64 now);

/* The http checks (http_checks.c), asked once each. *problem is NULL when all answer as expected, else "URL:
 * what it did instead". */
void http_checks_ask(Engine *engine, const HealthConfig *config, HttpClient *client, guint timeout_ms,
                     char **problem);

/* Why (explain.c): fails with SLIPWAY_ERROR_DEPLOY and all there is to say about the subjects that are judged
 * to have failed. */
bool explain_failures(HealthWatch *watch, GError **error);
