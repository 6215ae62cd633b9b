/* What a torture case happens to: four hosts with their engines, a registry, a configuration and a history,
 * all below one folder; to be put into a known state, worked on by a slipway in a process of its own, and
 * looked at. */
#pragma once

#include "fault_host.h"
#include "pipelines/history/history.h"
#include "support/http.h"

/* ci has delta, prod the others. */
enum { PROD_HOSTS = 3, RELEASES = 3 };

typedef struct {
  int status; /* as the program would exit; -1: killed; -2: it did not end in time */
  char message[4096];
} RunEnd;

typedef struct {
  char *folder;
  pid_t engine;           /* fake_engine.py … */
  int engine_input;       /* … which ends when this is closed */
  guint port;             /* of the registry */
  char *images[RELEASES]; /* canonical JSON {service: reference} of each release */
  HttpClient *client;
  FaultPlan *plan; /* shared with the runs */
  RunEnd *end;     /* likewise */
} World;

/* Starts the engines. Its hosts have shells that run the scripts, or are models (model.h). Fails by ending
 * the program, as all of this does: nothing can be tested then. */
World *world_new(const char *folder, bool has_shells);
/* Ends the engines and removes the folder. */
void world_free(World *world);

typedef struct {
  DeploymentKind kind;
  const char *environment;
  const char *release; /* or NULL: the kind's own choice */
} Command;

/* In a child, until it and everything that it started has ended. Effects are counted from 0. */
void world_run(World *world, const Command *command);
/* The releases are in the history, and ci runs the first `releases` of them one after another. */
void world_populate(World *world);
void world_save(World *world, const char *name);
void world_load(World *world, const char *name);
/* Containers of release `number` (from 1) become unhealthy on the last host of prod; heal ends that
 * everywhere. */
void world_sicken(World *world, guint number);
void world_heal(World *world);

/* Does the model of prod's hosts tell what the scripts would? Prints what differs. */
bool world_agrees(const World *world);

typedef struct {
  char *runs;    /* canonical JSON {service: reference} of the containers there; "{}" for none */
  char *ids;     /* of the containers */
  char *current; /* uid of the folder that `current` names, or "" */
  char *noted;   /* last in the journal: "OUTCOME UID", or "" */
  char *problem; /* lock held, something half there; or NULL */
} HostTruth;

/* Of prod's hosts. */
void world_look(World *world, HostTruth truths[PROD_HOSTS]);
void host_truths_clear(HostTruth truths[PROD_HOSTS]);
