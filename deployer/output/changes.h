/* What differs, in words and as JSON: for `plan` and `diff`. */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>

/* `changes`: PlanChange. A table under these three titles, references cut short. Caller frees. */
char *changes_table(GPtrArray *changes, const char *subject, const char *from, const char *to);
/* A line each; what comes as several lines (a file's diff) below its subject. */
void changes_print(GPtrArray *changes);
cJSON *changes_json(GPtrArray *changes);
