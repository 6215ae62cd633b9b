/* Lines with times, for a Jenkins log and for everything else that is no terminal. */
#include <string.h>

#include "deployer/output/columns.h"
#include "deployer/output/reporter_style.h"
#include "support/text.h"

#include "support/poison.h"

enum {
  PULL_EVERY_US = 5 * G_USEC_PER_SEC,
  SAY_BEGINNING_AFTER_US = G_USEC_PER_SEC /* quicker steps are one line, at their end */
};

static guint name_width(const Progress *progress) {
  guint width = 0;
  for (guint i = 0; i < progress->hosts->len; i++)
    width = MAX(width, columns_of(((const HostLine *)progress->hosts->pdata[i])->name));
  return width;
}

/* "08:31:02 web2  text"; further lines of `text` are indented below. */
static void write_line(const Stage *stage, const char *host, const char *text) {
  g_autoptr(GDateTime) wall = g_date_time_new_from_unix_local(stage->streams.clock.wall() / G_USEC_PER_SEC);
  g_autofree char *clock = g_date_time_format(wall, "%H:%M:%S");
  g_autoptr(GString) line = g_string_new(clock);
  if (host != NULL) {
    g_autofree char *name = columns_pad(host, name_width(&stage->progress));
    g_string_append_printf(line, " %s ", name);
  }
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    if (i == 0 || lines[i][0] != '\0')
      g_string_append_printf(line, "%s%s\n", i == 0 ? " " : "           ", lines[i]);
  (void)fputs(line->str, stage->streams.messages);
  (void)fflush(stage->streams.messages);
}

static void G_GNUC_PRINTF(3, 4) say(const Stage *stage, const HostLine *about, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  write_line(stage, about->name, text);
}

static void say_beginning(const Stage *stage, HostLine *line) {
  line->is_step_said = true;
  say(stage, line, "%s …", line->step);
}

static void say_end(const Stage *stage, const Report *report) {
  g_autofree char *duration = duration_for_people(report->duration_ms);
  bool has_detail = report->text != NULL && report->text[0] != '\0';
  say(stage, report->line, "%s %s, %s%s%s", report->step, report->succeeded ? "ok" : "FAILED", duration,
      has_detail ? ": " : "", has_detail ? report->text : "");
}

static void say_pull(const Stage *stage, HostLine *line) {
  gint64 now = stage->streams.clock.elapsed();
  if (line->pull_said != 0 && now - line->pull_said < PULL_EVERY_US)
    return;
  line->pull_said = now;
  g_autofree char *words = pull_words(line->pull_done, line->pull_total);
  say(stage, line, "pull %s", words);
}

static void plain_tell(Stage *stage, const Report *report) {
  if (report->kind == REPORT_WARNING) {
    say(stage, report->line, "warning: %s", report->text);
    return;
  }
  if (stage->options.quiet)
    return;
  switch (report->kind) {
  case REPORT_START:
  case REPORT_NOTE:
    say(stage, report->line, "%s", report->text);
    break;
  case REPORT_PHASE:
    say(stage, report->line, "-- %s", report->text);
    break;
  case REPORT_STEP_BEGIN:
    if (stage->options.verbose)
      say_beginning(stage, report->line);
    break;
  case REPORT_STEP_END:
    say_end(stage, report);
    break;
  case REPORT_PULL:
    say_pull(stage, report->line);
    break;
  case REPORT_HEALTH:
    /* Every container begins so. */
    if (stage->options.verbose || strcmp(report->text, "starting") != 0)
      say(stage, report->line, "health %s: %s", report->step, report->text);
    break;
  case REPORT_TASK:
    say(stage, report->line, "%s | %s", report->step, report->text);
    break;
  case REPORT_HOST_DONE:
    say(stage, report->line, "%s%s", report->succeeded ? "done: " : "FAILED: ", report->text);
    break;
  case REPORT_WARNING:
    break;
  }
}

static void say_if_slow(const Stage *stage, HostLine *line) {
  if (line->step != NULL && !line->is_step_said &&
      stage->streams.clock.elapsed() - line->step_started >= SAY_BEGINNING_AFTER_US)
    say_beginning(stage, line);
}

static void plain_tick(Stage *stage) {
  if (stage->options.quiet)
    return;
  say_if_slow(stage, stage->progress.whole);
  for (guint i = 0; i < stage->progress.hosts->len; i++)
    say_if_slow(stage, stage->progress.hosts->pdata[i]);
}

const ReporterStyle plain_style = {.tell = plain_tell, .tick = plain_tick};

char *pull_words(gint64 done_bytes, gint64 total_bytes) {
  static const struct {
    gint64 from;
    double divisor;
    const char *unit;
  } units[] = {{1000000000, 1e9, "GB"}, {1000000, 1e6, "MB"}, {1000, 1e3, "kB"}, {0, 1, "B"}};
  gsize i = 0;
  while (MAX(total_bytes, done_bytes) < units[i].from)
    i++;
  int decimals = units[i].divisor > 1 ? 1 : 0;
  double done = (double)done_bytes / units[i].divisor;
  if (total_bytes <= 0)
    return g_strdup_printf("%.*f %s", decimals, done, units[i].unit);
  return g_strdup_printf("%.*f of %.*f %s", decimals, done, decimals, (double)total_bytes / units[i].divisor,
                         units[i].unit);
}

char *services_words(const HostLine *line) {
  GString *words = g_string_new(NULL);
  for (guint i = 0; i < line->services->len; i++) {
    const ServiceState *service = line->services->pdata[i];
    g_string_append_printf(words, "%s%s %s", i > 0 ? ", " : "", service->service, service->state);
  }
  return g_string_free(words, FALSE);
}
