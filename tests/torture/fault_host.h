/* A row of HostOps that stands before another (model.h, or the `local` one with its shell), counts the
 * effects on each host, and does harm at the one that it is told. Every host has a home folder of its own,
 * FOLDER/hosts/NAME, and its engine at FOLDER/NAME.sock. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum { FAULT_HOSTS = 4, FAULT_NAME = 200, FAULT_EFFECTS = 1000 };

typedef enum {
  FAULT_NONE,
  FAULT_FAIL_BEFORE, /* it fails, and did nothing */
  FAULT_FAIL_AFTER,  /* it is said to have failed, and took effect */
  FAULT_KILL_BEFORE, /* SIGKILL for the process … */
  FAULT_KILL_AFTER,
  FAULT_KILL_DURING, /* … a few milliseconds into the effect */
  FAULT_CUT_BEFORE,  /* from here on nothing reaches this host … */
  FAULT_CUT_AFTER,   /* … its answer to this is lost, too */
  FAULT_TERM,        /* SIGTERM for the process (a Jenkins abort), and the effect happens */
  FAULT_STORE,       /* from here on the history cannot be written */
  FAULT_KINDS,
} FaultKind;
const char *fault_kind_name(FaultKind kind);
bool fault_kills(FaultKind kind);
/* In memory that the process shares with those who want to know. */
typedef struct {
  const char *folder;
  const char *hosts[FAULT_HOSTS];
  FaultKind kind;
  guint host;      /* which of `hosts` … */
  guint effect;    /* … and which of its effects, from 1 */
  bool has_shells; /* the `local` row below, and not the model */
  bool is_far;     /* calls that do not depend on each other go at once, and are one effect: "dial" */
  gint counts[FAULT_HOSTS];
  bool is_change[FAULT_HOSTS][FAULT_EFFECTS]; /* or it only asks; [0] is effect 1 */
  gint has_struck;
  char struck[FAULT_NAME]; /* "alpha: shell upload" */
} FaultPlan;

/* Whether `kind` shall strike at this effect (from 1) of those that `counted` has seen. Where nothing
 * changes, "after" is "before": the world is the same, and so is what slipway learns; and without a shell
 * nothing goes on by itself when slipway dies in the middle. Some kinds strike at every third effect only,
 * another third on each host. */
bool fault_is_due(FaultKind kind, const FaultPlan *counted, guint host, guint effect);

/* host_new makes such hosts from now on. */
void fault_install(FaultPlan *plan);
