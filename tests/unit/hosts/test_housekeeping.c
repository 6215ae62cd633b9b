/* What the engine says of a removal, in bytes. */
#include <criterion/criterion.h>
#include <string.h>

#include "environments/hosts/engine_private.h"

/* Topmost first: a layer of 100, a step without a layer, one of 20, the base of 3. */
#define HISTORY  "[{\"Size\":100},{\"Size\":0},{\"Size\":20},{\"Size\":3}]"
#define UNTAGGED "{\"Untagged\":\"web@sha256:0f\"}"
#define IMAGE    "{\"Deleted\":\"sha256:0a\"}"
#define LAYER    "{\"Deleted\":\"sha256:0b\"}"

Test(engine_freed, is_what_the_engine_deleted_and_rather_less_than_more) {
  static const struct {
    const char *history;
    guint layers;
    const char *answer;
    gint64 bytes;
  } rows[] = {
      {HISTORY, 3, "[" UNTAGGED "]", 0},                              /* another name is left */
      {HISTORY, 3, "[" UNTAGGED "," IMAGE "]", 0},                    /* another image has all its layers */
      {HISTORY, 3, "[" UNTAGGED "," IMAGE "," LAYER "]", 100},        /* the base is shared */
      {HISTORY, 3, "[" IMAGE "," LAYER "," LAYER "," LAYER "]", 123}, /* nothing is */
      {HISTORY, 4, "[" IMAGE "," LAYER "," LAYER "]", 100},           /* one of the two may be empty */
      {HISTORY, 4, "[" IMAGE "," LAYER "," LAYER "," LAYER "," LAYER "]",
       123}, /* all are gone, empty or not */
      {"[]", 3, "[" IMAGE "," LAYER "]", 0},
      {"[{\"Size\":-5},{\"Size\":\"7\"}]", 2, "[" IMAGE "," LAYER "," LAYER "]", 0},
      {"null", 0, "{\"message\":\"no\"}", 0},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(cJSON) history = cJSON_Parse(rows[i].history);
    g_autoptr(cJSON) answer = cJSON_Parse(rows[i].answer);
    gint64 bytes = engine_freed_bytes(history, rows[i].layers, answer);
    cr_expect_eq(bytes, rows[i].bytes, "row %u: %d", i, (int)bytes);
  }
}
