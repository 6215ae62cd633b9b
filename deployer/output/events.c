/* --json: one event a line on stdout (design §4). */
#include "deployer/output/reporter_style.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum { PULL_EVERY_US = G_USEC_PER_SEC };

void events_write(Stage *stage, const char *name, cJSON *event) {
  g_autoptr(cJSON) rest = event;
  g_autofree char *time = time_format(stage->streams.clock.wall());
  g_autoptr(cJSON) line = cJSON_CreateObject();
  json_set_string(line, "time", time);
  json_set_string(line, "event", name);
  while (rest->child != NULL) {
    cJSON *item = cJSON_DetachItemViaPointer(rest, rest->child);
    g_autofree char *key = g_strdup(item->string);
    json_set(line, key, item);
  }
  g_autofree char *text = json_print(line);
  (void)fprintf(stage->streams.results, "%s\n", text);
  (void)fflush(stage->streams.results);
}

static cJSON *event_about(const Stage *stage, const Report *report) {
  cJSON *event = cJSON_CreateObject();
  json_set_string(event, "host", report->line->name);
  json_set_string(event, "phase", stage->progress.phase);
  return event;
}

static void write_step(Stage *stage, const Report *report, const char *step, const char *status) {
  cJSON *event = event_about(stage, report);
  json_set_string(event, "step", step);
  json_set_string(event, "status", status);
  if (report->kind == REPORT_STEP_END)
    json_set_integer(event, "duration_ms", report->duration_ms);
  json_set_string(event, "detail", report->text);
  events_write(stage, "step", event);
}

static void write_pull(Stage *stage, const Report *report) {
  HostLine *line = report->line;
  gint64 now = stage->streams.clock.elapsed();
  if (line->pull_said != 0 && now - line->pull_said < PULL_EVERY_US)
    return;
  line->pull_said = now;
  cJSON *event = event_about(stage, report);
  json_set_integer(event, "done_bytes", line->pull_done);
  json_set_integer(event, "total_bytes", line->pull_total);
  events_write(stage, "pull", event);
}

static void write_health(Stage *stage, const Report *report) {
  cJSON *event = event_about(stage, report);
  json_set_string(event, "service", report->step);
  json_set_string(event, "state", report->text);
  events_write(stage, "health", event);
}

static void write_task(Stage *stage, const Report *report) {
  cJSON *event = event_about(stage, report);
  json_set_string(event, "step", report->step);
  json_set_string(event, "line", report->text);
  events_write(stage, "task", event);
}

static void write_log(Stage *stage, const Report *report, const char *level) {
  cJSON *event = event_about(stage, report);
  json_set_string(event, "level", level);
  json_set_string(event, "message", report->text);
  events_write(stage, "log", event);
}

static void events_tell(Stage *stage, const Report *report) {
  if (stage->options.quiet && report->kind != REPORT_WARNING)
    return;
  const char *outcome = report->succeeded ? "ok" : "failed";
  switch (report->kind) {
  case REPORT_START:
  case REPORT_NOTE:
    write_log(stage, report, "info");
    break;
  case REPORT_WARNING:
    write_log(stage, report, "warning");
    break;
  case REPORT_PHASE:
    break; /* every event carries it */
  case REPORT_STEP_BEGIN:
    write_step(stage, report, report->step, "running");
    break;
  case REPORT_STEP_END:
    write_step(stage, report, report->step, outcome);
    break;
  case REPORT_PULL:
    write_pull(stage, report);
    break;
  case REPORT_HEALTH:
    write_health(stage, report);
    break;
  case REPORT_TASK:
    write_task(stage, report);
    break;
  case REPORT_HOST_DONE:
    write_step(stage, report, "done", outcome);
    break;
  }
}

const ReporterStyle events_style = {.tell = events_tell};
