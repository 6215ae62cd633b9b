/* What `status` knows of one environment, and its JSON (design §4). */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>
#include <stdbool.h>

#include "pipelines/history/history.h"

/* Borrows everything but the strings said to be owned. */
typedef struct {
  const char *name;
  bool is_ephemeral;         /* `current` is what was verified there last: nothing runs now */
  const Deployment *current; /* that brought what it runs; NULL: nothing */
  const Deployment
      *last; /* the newest attempt, when it is not `current` and its end is unclear or still to come; NULL */
  const Hold *hold; /* in force; NULL: not held */
  GPtrArray *hosts; /* DeploymentHost: those configured, as the last attempt left them; owned */
  GPtrArray
      *joined;      /* char *: hosts that have nothing yet of what it runs: new ones; owned, names borrowed */
  GPtrArray *left;  /* char *: hosts that it ran on and that are none of it any more; likewise */
  GPtrArray *bad;   /* char *: "r5"; owned */
  char *promotable; /* "r8" or NULL; owned */
  bool asks_command;    /* promotable, and the gate's command is still to be asked */
  char *waiting;        /* "r9", which waits for that, or NULL; owned */
  char *waiting_for;    /* or NULL; owned */
  gint64 waiting_until; /* when it is over without anybody's doing; 0: not known */
} EnvironmentStatus;
void environment_status_free(EnvironmentStatus *status);

/* {app, environments: […]}; `statuses`: EnvironmentStatus. Caller owns. */
cJSON *status_json(const char *app, GPtrArray *statuses);

/* {reason, by, since}, or null for NULL. Caller owns. */
cJSON *hold_json(const Hold *hold);
