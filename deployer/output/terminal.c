/* One live line per host, redrawn in place. Rendering is a pure function; drawing moves the cursor. */
#include <string.h>
#include <unistd.h>

#include "deployer/output/columns.h"
#include "deployer/output/reporter_style.h"
#include "support/text.h"

#include "support/poison.h"

enum { LONGEST_NAME = 24, ELAPSED_WIDTH = 8, DEFAULT_WIDTH = 80, DEFAULT_HEIGHT = 24, NARROWEST = 20 };

typedef struct {
  const char *mark;
  const char *color; /* SGR parameters */
} Mark;

static const Mark mark_done = {"✓", "32"}, mark_failed = {"✗", "31"}, mark_active = {"•", "36"},
                  mark_waiting = {" ", "0"};

static const Mark *mark_of(const HostLine *line) {
  if (line->step != NULL)
    return &mark_active;
  if (!line->is_done)
    return &mark_waiting;
  return line->succeeded ? &mark_done : &mark_failed;
}

static bool is_active(const HostLine *line) {
  return line->step != NULL;
}

static bool has_failed(const HostLine *line) {
  return line->step == NULL && line->is_done && !line->succeeded;
}

static bool is_any(const HostLine *line) {
  (void)line;
  return true;
}

static char *doing(const HostLine *line) {
  if (line->step == NULL)
    return g_strdup(line->word != NULL ? line->word : "waiting");
  if (line->pull_total > 0) {
    g_autofree char *bytes = pull_words(line->pull_done, line->pull_total);
    return g_strdup_printf("%s  %s", line->step, bytes);
  }
  if (line->services->len > 0) {
    g_autofree char *services = services_words(line);
    return g_strdup_printf("%s  %s", line->step, services);
  }
  return g_strdup(line->step);
}

static char *elapsed_words(gint64 since, gint64 now) {
  return duration_for_people((now - since) / 1000);
}

static char *render_host(const HostLine *line, gint64 now, guint name_width, guint width, bool color) {
  const Mark *mark = mark_of(line);
  g_autofree char *name = columns_pad(line->name, name_width);
  g_autofree char *what = doing(line);
  g_autoptr(GString) rest = g_string_new(NULL);
  guint taken = 2 + name_width + 2 + ELAPSED_WIDTH;
  if (is_active(line) && width > taken) {
    g_autofree char *padded = columns_pad(what, width - taken);
    g_autofree char *elapsed = elapsed_words(line->step_started, now);
    g_string_printf(rest, " %s  %s%*s", name, padded, ELAPSED_WIDTH, elapsed);
  } else {
    g_string_printf(rest, " %s  %s", name, what);
  }
  g_autofree char *cut = columns_cut(rest->str, width - 1);
  g_strchomp(cut);
  if (!color)
    return g_strconcat(mark->mark, cut, NULL);
  return g_strdup_printf("\033[%sm%s\033[0m%s", mark->color, mark->mark, cut);
}

static char *render_title(const Progress *progress, gint64 now, guint width, bool color) {
  g_autoptr(GString) title = g_string_new(progress->title);
  if (progress->phase != NULL)
    g_string_append_printf(title, " · %s", progress->phase);
  if (progress->whole->step != NULL)
    g_string_append_printf(title, " · %s", progress->whole->step);
  g_autofree char *elapsed = elapsed_words(progress->started, now);
  g_string_append_printf(title, " · %s", elapsed);
  g_autofree char *cut = columns_cut(title->str, width);
  return color ? g_strdup_printf("\033[1m%s\033[0m", cut) : g_steal_pointer(&cut);
}

static guint count_lines(GPtrArray *hosts, bool (*matches)(const HostLine *)) {
  guint count = 0;
  for (guint i = 0; i < hosts->len; i++)
    count += matches(hosts->pdata[i]) ? 1 : 0;
  return count;
}

/* Which hosts are shown when not all fit: those at work, then those that failed, then the others. Returns a
 * set of lines. */
static GHashTable *choose_lines(GPtrArray *hosts, guint room) {
  static bool (*const order[])(const HostLine *) = {is_active, has_failed, is_any};
  GHashTable *chosen = g_hash_table_new(NULL, NULL);
  for (gsize pass = 0; pass < G_N_ELEMENTS(order); pass++)
    for (guint i = 0; i < hosts->len && g_hash_table_size(chosen) < room; i++)
      if (order[pass](hosts->pdata[i]))
        g_hash_table_add(chosen, hosts->pdata[i]);
  return chosen;
}

static bool is_done(const HostLine *line) {
  return line->step == NULL && line->is_done;
}

static char *render_rest(GPtrArray *hosts, guint hidden, guint width) {
  guint failed = count_lines(hosts, has_failed);
  g_autofree char *text =
      g_strdup_printf("  … %u more; of all %u: %u at work, %u done, %u failed", hidden, hosts->len,
                      count_lines(hosts, is_active), count_lines(hosts, is_done) - failed, failed);
  return columns_cut(text, width);
}

static guint longest_name(GPtrArray *hosts) {
  guint width = 0;
  for (guint i = 0; i < hosts->len; i++)
    width = MAX(width, columns_of(((const HostLine *)hosts->pdata[i])->name));
  return MIN(width, LONGEST_NAME);
}

GPtrArray *terminal_render(const Progress *progress, gint64 now, guint width, guint height, bool color) {
  GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
  GPtrArray *hosts = progress->hosts;
  g_ptr_array_add(lines, render_title(progress, now, width, color));
  bool fits = height == 0 || hosts->len + 1 <= height;
  guint room = fits ? hosts->len : height - MIN(height, 2);
  g_autoptr(GHashTable) chosen = choose_lines(hosts, room);
  for (guint i = 0; i < hosts->len; i++)
    if (g_hash_table_contains(chosen, hosts->pdata[i]))
      g_ptr_array_add(lines, render_host(hosts->pdata[i], now, longest_name(hosts), width, color));
  if (!fits)
    g_ptr_array_add(lines, render_rest(hosts, hosts->len - g_hash_table_size(chosen), width));
  return lines;
}

/* Columns of a rendered line: colour sequences take none. */
static guint visible_columns(const char *line) {
  g_autoptr(GString) plain = g_string_new(NULL);
  for (const char *at = line; *at != '\0'; at++) {
    if (*at == '\033')
      at = strchr(at, 'm');
    else
      g_string_append_c(plain, *at);
  }
  return columns_of(plain->str);
}

/* Rows that the block takes now: a window made narrower has wrapped its lines. */
static guint rows_on_screen(const Screen *screen, guint width) {
  guint rows = 0;
  for (guint i = 0; i < screen->drawn->len; i++) {
    guint columns = visible_columns(screen->drawn->pdata[i]);
    rows += MAX(1, (columns + width - 1) / width);
  }
  return rows;
}

static guint screen_width(const Stage *stage, WindowSize *size) {
  *size = window_size(fileno(stage->streams.messages));
  return size->width > 0 ? MAX(size->width, NARROWEST) : DEFAULT_WIDTH;
}

static void move_to_top(Stage *stage, GString *out, guint width) {
  guint rows = rows_on_screen(&stage->screen, width);
  if (rows > 0)
    g_string_append_printf(out, "\033[%uA\r", rows);
}

static void put(const Stage *stage, const GString *out) {
  g_autofree char *local =
      g_get_charset(NULL) ? NULL
                          : g_convert_with_fallback(out->str, -1, "ASCII", "UTF-8", "?", NULL, NULL, NULL);
  (void)fputs(local != NULL ? local : out->str, stage->streams.messages);
  (void)fflush(stage->streams.messages);
}

static bool is_same(GPtrArray *a, GPtrArray *b) {
  if (a->len != b->len)
    return false;
  for (guint i = 0; i < a->len; i++)
    if (strcmp(a->pdata[i], b->pdata[i]) != 0)
      return false;
  return true;
}

/* Puts the block on the screen, `above` (whole lines, or NULL) before it. */
static void draw(Stage *stage, const char *above, bool is_last) {
  if (stage->progress.title == NULL && above == NULL)
    return;
  WindowSize size;
  guint width = screen_width(stage, &size);
  guint height = is_last ? 0 : (size.height > 0 ? size.height : DEFAULT_HEIGHT) - 1;
  g_autoptr(GPtrArray) lines = stage->progress.title != NULL
                                   ? terminal_render(&stage->progress, stage->streams.clock.elapsed(),
                                                     width - 1, height, stage->options.color)
                                   : g_ptr_array_new_with_free_func(g_free);
  if (above == NULL && !is_last && is_same(lines, stage->screen.drawn))
    return;
  g_autoptr(GString) out = g_string_new(NULL);
  move_to_top(stage, out, width);
  if (above != NULL)
    g_string_append_printf(out, "\033[J%s", above);
  for (guint i = 0; i < lines->len; i++)
    g_string_append_printf(out, "%s\033[K\n", (const char *)lines->pdata[i]);
  g_string_append(out, "\033[J");
  put(stage, out);
  g_ptr_array_unref(stage->screen.drawn);
  stage->screen.drawn = g_steal_pointer(&lines);
}

static void terminal_tick(Stage *stage) {
  draw(stage, NULL, false);
}

static void forget_block(Stage *stage) {
  g_ptr_array_set_size(stage->screen.drawn, 0);
}

/* Nobody waits any more: a host that was not reached has no word. */
static void end_waiting(GPtrArray *hosts) {
  for (guint i = 0; i < hosts->len; i++) {
    HostLine *line = hosts->pdata[i];
    if (line->word == NULL)
      line->word = g_strdup("");
  }
}

static void terminal_finish(Stage *stage) {
  end_waiting(stage->progress.hosts);
  draw(stage, NULL, true);
  /* What follows stands below the block and never redraws it. */
  g_clear_pointer(&stage->progress.title, g_free);
  forget_block(stage);
}

static void terminal_pause(Stage *stage) {
  g_autoptr(GString) out = g_string_new(NULL);
  WindowSize size;
  move_to_top(stage, out, screen_width(stage, &size));
  g_string_append(out, "\033[J");
  put(stage, out);
  forget_block(stage);
}

static char *warning_line(const Stage *stage, const char *text) {
  return g_strdup_printf(stage->options.color ? "\033[33mwarning:\033[0m %s\n" : "warning: %s\n", text);
}

static char *step_line(const Report *report) {
  g_autofree char *duration = duration_for_people(report->duration_ms);
  const char *host = report->line->name != NULL ? report->line->name : "";
  return g_strdup_printf("%s%s%s %s, %s%s%s\n", host, host[0] != '\0' ? "  " : "", report->step,
                         report->succeeded ? "ok" : "failed", duration, report->text != NULL ? ": " : "",
                         report->text != NULL ? report->text : "");
}

/* What stays on the screen above the live lines; everything else is in them at the next tick. */
static void terminal_tell(Stage *stage, const Report *report) {
  g_autofree char *above = NULL;
  if (report->kind == REPORT_NOTE)
    above = g_strdup_printf("%s\n", report->text);
  else if (report->kind == REPORT_WARNING)
    above = warning_line(stage, report->text);
  else if (report->kind == REPORT_STEP_END && stage->options.verbose)
    above = step_line(report);
  else if (report->kind == REPORT_TASK)
    above = g_strdup_printf("%s%s%s | %s\n", report->line->name != NULL ? report->line->name : "",
                            report->line->name != NULL ? "  " : "", report->step, report->text);
  if (above != NULL)
    draw(stage, above, false);
}

const ReporterStyle terminal_style = {
    .tell = terminal_tell, .tick = terminal_tick, .finish = terminal_finish, .pause = terminal_pause};
