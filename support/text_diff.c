/* Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986) on what is left between
 * the common beginning and end. */
#include "support/text_diff.h"

#include <string.h>

#include "support/poison.h"

enum { MOST_EDITS = 1000, DIFFABLE_BYTES = 256 << 10 }; /* edits: 4 MB of trace */

typedef struct {
  char sign; /* ' ', '-' or '+' */
  const char *line;
  guint from, to; /* index of the line that comes next in either text */
} Edit;

typedef struct {
  GPtrArray *from, *to; /* char *: lines with their newlines */
  GArray *edits;
} Diff;

static GPtrArray *split_lines(const char *text) {
  GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
  while (*text != '\0') {
    const char *newline = strchr(text, '\n');
    gsize length = newline != NULL ? (gsize)(newline - text) + 1 : strlen(text);
    g_ptr_array_add(lines, g_strndup(text, length));
    text += length;
  }
  return lines;
}

static bool is_same(const Diff *diff, gint from, gint to) {
  return strcmp(diff->from->pdata[from], diff->to->pdata[to]) == 0;
}

static void add_edit(Diff *diff, char sign, gint from, gint to) {
  const char *line = sign == '+' ? diff->to->pdata[to] : diff->from->pdata[from];
  const Edit edit = {.sign = sign, .line = line, .from = (guint)from, .to = (guint)to};
  g_array_append_val(diff->edits, edit);
}

/* The part of both texts that is compared: [x, x_end) and [y, y_end). */
typedef struct {
  gint x, x_end, y, y_end;
} Part;

/* How far each diagonal reaches after `edits` edits: reach[diagonal + edits], -edits … edits. */
typedef struct {
  GPtrArray *reaches; /* gint *, by number of edits */
} Trace;

static gint reach_at(const Trace *trace, gint edits, gint diagonal) {
  const gint *reach = trace->reaches->pdata[edits];
  return ABS(diagonal) > edits ? -1 : reach[diagonal + edits];
}

/* Whether the way to `diagonal` with `edits` edits comes from the one above: an added line. */
static bool comes_by_adding(const Trace *trace, gint edits, gint diagonal) {
  return diagonal == -edits || (diagonal != edits && reach_at(trace, edits - 1, diagonal - 1) <
                                                         reach_at(trace, edits - 1, diagonal + 1));
}

static gint start_on(const Trace *trace, gint edits, gint diagonal) {
  if (edits == 0)
    return 0;
  return comes_by_adding(trace, edits, diagonal) ? reach_at(trace, edits - 1, diagonal + 1)
                                                 : reach_at(trace, edits - 1, diagonal - 1) + 1;
}

/* Fills the trace until the end is reached; the number of edits, or -1: too many. */
static gint find_edits(const Diff *diff, const Part *part, Trace *trace) {
  gint width = part->x_end - part->x, height = part->y_end - part->y;
  for (gint edits = 0; edits <= MOST_EDITS; edits++) {
    gint *reach = g_new0(gint, 2 * edits + 1);
    g_ptr_array_add(trace->reaches, reach);
    for (gint diagonal = -edits; diagonal <= edits; diagonal += 2) {
      gint x = start_on(trace, edits, diagonal);
      while (x < width && x - diagonal < height && is_same(diff, part->x + x, part->y + x - diagonal))
        x++;
      reach[diagonal + edits] = x;
      if (x >= width && x - diagonal >= height)
        return edits;
    }
  }
  return -1;
}

static void add_replacement(Diff *diff, const Part *part) {
  for (gint x = part->x; x < part->x_end; x++)
    add_edit(diff, '-', x, part->y);
  for (gint y = part->y; y < part->y_end; y++)
    add_edit(diff, '+', part->x_end, y);
}

/* From the end back to the start, then turned round. */
static void add_shortest(Diff *diff, const Part *part, const Trace *trace, gint edits) {
  guint first = diff->edits->len;
  gint x = part->x_end - part->x, y = part->y_end - part->y;
  for (; edits >= 0; edits--) {
    gint diagonal = x - y, start = start_on(trace, edits, diagonal);
    for (; x > start; x--, y--)
      add_edit(diff, ' ', part->x + x - 1, part->y + y - 1);
    if (edits == 0)
      break;
    if (comes_by_adding(trace, edits, diagonal))
      add_edit(diff, '+', part->x + x, part->y + --y);
    else
      add_edit(diff, '-', part->x + --x, part->y + y);
  }
  for (guint low = first, high = diff->edits->len; low + 1 < high; low++, high--) {
    Edit *one = &g_array_index(diff->edits, Edit, low), *other = &g_array_index(diff->edits, Edit, high - 1);
    Edit kept = *one;
    *one = *other;
    *other = kept;
  }
}

static void compare(Diff *diff) {
  Part part = {.x_end = (gint)diff->from->len, .y_end = (gint)diff->to->len};
  while (part.x < part.x_end && part.y < part.y_end && is_same(diff, part.x, part.y)) {
    add_edit(diff, ' ', part.x, part.y);
    part.x++;
    part.y++;
  }
  gint same_end = 0;
  for (; part.x < part.x_end && part.y < part.y_end && is_same(diff, part.x_end - 1, part.y_end - 1);
       same_end++) {
    part.x_end--;
    part.y_end--;
  }
  Trace trace = {.reaches = g_ptr_array_new_with_free_func(g_free)};
  gint edits = find_edits(diff, &part, &trace);
  if (edits < 0)
    add_replacement(diff, &part);
  else
    add_shortest(diff, &part, &trace, edits);
  g_ptr_array_unref(trace.reaches);
  for (gint i = 0; i < same_end; i++)
    add_edit(diff, ' ', part.x_end + i, part.y_end + i);
}

static const Edit *edit_at(const Diff *diff, guint index) {
  return &g_array_index(diff->edits, Edit, index);
}

/* The first change from `index` on, or the number of edits. */
static guint next_change(const Diff *diff, guint index) {
  while (index < diff->edits->len && edit_at(diff, index)->sign == ' ')
    index++;
  return index;
}

/* Where the hunk ends that has a change at `change`: changes with little between them share one. */
static guint end_of_hunk(const Diff *diff, guint change, guint context) {
  for (;;) {
    guint after = change;
    while (after < diff->edits->len && edit_at(diff, after)->sign != ' ')
      after++;
    change = next_change(diff, after);
    if (change == diff->edits->len || change - after > 2 * context)
      return MIN(after + context, diff->edits->len);
  }
}

/* "FIRST,COUNT"; of none, the line before. Caller frees. */
static char *range(guint first, guint count) {
  return g_strdup_printf("%u,%u", count == 0 ? first : first + 1, count);
}

static void add_hunk(const Diff *diff, guint first, guint end, GPtrArray *lines) {
  guint removed = 0, added = 0;
  for (guint i = first; i < end; i++) {
    removed += edit_at(diff, i)->sign != '+' ? 1 : 0;
    added += edit_at(diff, i)->sign != '-' ? 1 : 0;
  }
  g_autofree char *before = range(edit_at(diff, first)->from, removed);
  g_autofree char *after = range(edit_at(diff, first)->to, added);
  g_ptr_array_add(lines, g_strdup_printf("@@ -%s +%s @@\n", before, after));
  for (guint i = first; i < end; i++) {
    const Edit *edit = edit_at(diff, i);
    bool is_ended = g_str_has_suffix(edit->line, "\n");
    g_ptr_array_add(lines, g_strdup_printf("%c%s%s", edit->sign, edit->line, is_ended ? "" : "\n"));
    if (!is_ended)
      g_ptr_array_add(lines, g_strdup("\\ No newline at end of file\n"));
  }
}

static char *join(const GPtrArray *lines, guint most_lines) {
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < MIN(lines->len, most_lines); i++)
    g_string_append(text, lines->pdata[i]);
  if (lines->len > most_lines)
    g_string_append_printf(text, "… %u more line%s\n", lines->len - most_lines,
                           lines->len - most_lines == 1 ? "" : "s");
  return g_string_free(text, FALSE);
}

char *text_diff(const char *from, const char *to, guint context, guint most_lines) {
  if (strcmp(from, to) == 0)
    return NULL;
  g_autoptr(GPtrArray) before = split_lines(from);
  g_autoptr(GPtrArray) after = split_lines(to);
  g_autoptr(GArray) edits = g_array_new(FALSE, FALSE, sizeof(Edit));
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
  Diff diff = {.from = before, .to = after, .edits = edits};
  compare(&diff);
  guint end = 0;
  for (guint change = next_change(&diff, 0); change < edits->len; change = next_change(&diff, end)) {
    guint first = change - MIN(context, change - end);
    end = end_of_hunk(&diff, change, context);
    add_hunk(&diff, first, end, lines);
  }
  return join(lines, most_lines);
}

bool text_is_diffable(const void *bytes, gsize length) {
  return length <= DIFFABLE_BYTES && g_utf8_validate(bytes != NULL ? bytes : "", (gssize)length, NULL);
}
