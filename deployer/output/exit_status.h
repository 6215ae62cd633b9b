/* How a command ends: the one table from an error's kind to exit status, name and meaning (design §4). main
 * exits with it, a deployment's record carries it, --json names it, the man page lists it. */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>

#include "support/errors.h"

typedef struct {
  SlipwayErrorKind kind;
  int status;
  const char *name;    /* "refused": `kind` in JSON */
  const char *meaning; /* for people, one sentence without its full stop */
} ExitStatus;

/* A row per kind, ending with a row whose name is NULL. Status 0 (done) has none. */
extern const ExitStatus exit_statuses[];

/* The row of an error; one that is not from this program counts as SLIPWAY_ERROR_UNREADY. */
const ExitStatus *exit_status_of(const GError *error);
/* {"kind", "message"}; caller owns. */
cJSON *error_json(const GError *error);
