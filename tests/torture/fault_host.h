/* A row of HostOps that stands before the `local` one, counts the effects on each host, and does harm at the
 * one that it is told. Every host has a home folder of its own below `folder`, and its engine at
 * FOLDER/NAME.sock. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum { FAULT_HOSTS = 4, FAULT_NAME = 200 };

typedef enum {
  FAULT_NONE,
  FAULT_FAIL_BEFORE, /* it fails, and did nothing */
  FAULT_FAIL_AFTER,  /* it is said to have failed, and took effect */
  FAULT_KILL_BEFORE, /* SIGKILL for the process … */
  FAULT_KILL_AFTER,
  FAULT_KILL_DURING, /* … a few milliseconds into the effect */
  FAULT_CUT_BEFORE,  /* from here on nothing reaches this host … */
  FAULT_CUT_AFTER,   /* … its answer to this is lost, too */
  FAULT_KINDS,
} FaultKind;
const char *fault_kind_name(FaultKind kind);
bool fault_kills(FaultKind kind);

/* In memory that the process shares with those who want to know. */
typedef struct {
  const char *folder;
  const char *hosts[FAULT_HOSTS];
  FaultKind kind;
  guint host;   /* which of `hosts` … */
  guint effect; /* … and which of its effects, from 1 */
  gint counts[FAULT_HOSTS];
  gint has_struck;
  char struck[FAULT_NAME]; /* "alpha: shell upload" */
} FaultPlan;

/* host_new makes such hosts from now on. */
void fault_install(FaultPlan *plan);
