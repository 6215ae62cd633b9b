/* PlanChanges for people and for programs. */
#include "deployer/output/changes.h"

#include <stdio.h>

#include "deployer/output/table.h"
#include "deployer/output/words.h"
#include "deployer/rollout/rollout.h"
#include "support/json.h"
#include "support/redact.h"
#include "support/text.h"
#include "support/text_diff.h"

#include "support/poison.h"

static char *subject_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const PlanChange *)item)->subject);
}

static char *from_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const char *from = ((const PlanChange *)item)->from;
  return from != NULL ? reference_short(from) : g_strdup("-");
}

static char *to_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const char *to = ((const PlanChange *)item)->to;
  return to != NULL ? reference_short(to) : g_strdup("-");
}

char *changes_table(GPtrArray *changes, const char *subject, const char *from, const char *to) {
  const TableColumn columns[] = {
      {.title = subject, .cell = subject_cell},
      {.title = from, .cell = from_cell},
      {.title = to, .cell = to_cell},
      {0},
  };
  return table_render(columns, changes, NULL, 0);
}

/* A file's, or that of a value of several lines. Caller frees. */
static char *diff_of(const PlanChange *change, const char *from, const char *to) {
  enum { CONTEXT = 3, MOST_LINES = 200 };
  return change->diff != NULL ? g_strdup(change->diff) : text_diff(from, to, CONTEXT, MOST_LINES);
}

void changes_print(GPtrArray *changes) {
  for (guint i = 0; i < changes->len; i++) {
    const PlanChange *change = changes->pdata[i];
    const char *from = change->from != NULL ? change->from : "", *to = change->to != NULL ? change->to : "";
    bool is_long = change->diff != NULL || strchr(from, '\n') != NULL || strchr(to, '\n') != NULL;
    g_autofree char *text = is_long ? diff_of(change, from, to)
                                    : g_strdup_printf("%s -> %s", change->from != NULL ? from : "(none)",
                                                      change->to != NULL ? to : "(none)");
    redact_in_place(&text); /* also what hosts keep, which was not known when the diff was made */
    g_autofree char *shown = text_printable(text, true);
    (void)printf("%s%s%s%s", change->subject, is_long ? "\n" : "  ", shown, is_long ? "" : "\n");
  }
}

cJSON *changes_json(GPtrArray *changes) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; changes != NULL && i < changes->len; i++) {
    const PlanChange *change = changes->pdata[i];
    cJSON *json = cJSON_CreateObject();
    json_set_string(json, "subject", change->subject);
    json_set_string(json, "from", change->from);
    json_set_string(json, "to", change->to);
    if (change->diff != NULL)
      json_set_string(json, "diff", change->diff);
    cJSON_AddItemToArray(array, json);
  }
  return array;
}
