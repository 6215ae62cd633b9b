/* Is what slipway said true? Of one point: what the hosts ran before, after the harm, and after the same
 * command ran again; held against exit status and history. */
#pragma once

#include "world.h"

typedef struct {
  const char *name;
  Command command;
  const char *start; /* the world's state that it begins in */
  guint release;     /* what shall run at the end, from 1 … */
  bool is_unhealthy; /* on one host, the first time */
  bool is_twice;     /* the command is harmed again when it is repeated, and only then left in peace */
  bool is_far;       /* what does not depend on each other is asked at once (HostOps.is_far) */
} Scenario;

typedef struct {
  World *world;
  const Scenario *scenario;
  GString *complaints; /* a line each */
  HostTruth before[PROD_HOSTS], harmed[PROD_HOSTS], final[PROD_HOSTS];
  int status;              /* of the command that was harmed: world.h */
  char struck[FAULT_NAME]; /* the effect */
  gint64 deployment;       /* of that command */
  bool was_unsettled;      /* before it: an earlier one was harmed, too */
  bool was_killed;         /* or could not write how it ended */
  gint64 newest;           /* deployment before that command */
  bool is_done;            /* it succeeded all the same, and to repeat it would ask for something else */
} Verdict;

void verdict_clear(Verdict *verdict);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verdict, verdict_clear)

void verdict_begin(Verdict *verdict, World *world, const Scenario *scenario);
/* After the command that was harmed. */
void verdict_on_harm(Verdict *verdict);
/* After the same command again, without harm. */
void verdict_on_repetition(Verdict *verdict);
