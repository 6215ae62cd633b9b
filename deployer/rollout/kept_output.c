/* A head that fills up, then a tail that forgets its own beginning. */
#include "deployer/rollout/kept_output.h"

#include <string.h>

#include "support/poison.h"

enum { HEAD_CAP = 128 << 10, TAIL_CAP = 127 << 10, LAST_LINES = 20 };

struct KeptOutput {
  GString *head, *tail;
  bool is_head_full;
  gint64 lost; /* bytes between them */
  GQueue last; /* char * */
};

KeptOutput *kept_output_new(void) {
  KeptOutput *kept = g_new0(KeptOutput, 1);
  kept->head = g_string_new(NULL);
  kept->tail = g_string_new(NULL);
  g_queue_init(&kept->last);
  return kept;
}

void kept_output_free(KeptOutput *kept) {
  if (kept == NULL)
    return;
  g_string_free(kept->head, TRUE);
  g_string_free(kept->tail, TRUE);
  g_queue_clear_full(&kept->last, g_free);
  g_free(kept);
}

/* Whole lines go. */
static void shorten_tail(KeptOutput *kept, gsize cap) {
  if (kept->tail->len <= cap)
    return;
  const gsize least = kept->tail->len - cap;
  const char *end = memchr(kept->tail->str + least - 1, '\n', kept->tail->len - least + 1);
  const gsize gone = end == NULL ? kept->tail->len : (gsize)(end - kept->tail->str) + 1;
  g_string_erase(kept->tail, 0, (gssize)gone);
  kept->lost += (gint64)gone;
}

void kept_output_add(KeptOutput *kept, const char *line) {
  kept->is_head_full |= kept->head->len + strlen(line) + 1 > HEAD_CAP;
  GString *into = kept->is_head_full ? kept->tail : kept->head;
  g_string_append(into, line);
  g_string_append_c(into, '\n');
  if (kept->tail->len > (gsize)2 * TAIL_CAP) /* now and then, not for every line */
    shorten_tail(kept, TAIL_CAP);
  g_queue_push_tail(&kept->last, g_strdup(line));
  if (kept->last.length > LAST_LINES)
    g_free(g_queue_pop_head(&kept->last));
}

char *kept_output_text(const KeptOutput *kept, gint64 *lost) {
  KeptOutput end = {.tail = g_string_new(kept->tail->str), .lost = kept->lost};
  shorten_tail(&end, TAIL_CAP);
  GString *text = g_string_new(kept->head->str);
  if (end.lost > 0)
    g_string_append_printf(text, "… (%" G_GINT64_FORMAT " bytes are not kept) …\n", end.lost);
  g_string_append(text, end.tail->str);
  g_string_free(end.tail, TRUE);
  *lost = end.lost;
  return g_string_free(text, FALSE);
}

char *kept_output_tail(const KeptOutput *kept) {
  GString *text = g_string_new(kept->last.length > 0 ? ":" : "");
  for (const GList *line = kept->last.head; line != NULL; line = line->next)
    g_string_append_printf(text, "\n  %s", (const char *)line->data);
  return g_string_free(text, FALSE);
}
