/* What to tell of a container that failed: the reason, the last probe's output, the end of its log. */
#include <string.h>

#include "healthchecks/watch_private.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/redact.h"
#include "support/text.h"

enum {
  LINES = 20,         /* of the log, and of a probe's output */
  OWN_PROBE_MS = 700, /* the reason is to be known within a second */
};

/* The last lines of `text`, each indented and labelled. */
static void add_lines(GString *report, const char *label, const char *text) {
  g_autofree char *redacted = redact_cut_text(text); /* before lines of a value are left out */
  g_autofree char *printable = text_printable(redacted, true);
  g_auto(GStrv) lines = g_strsplit(g_strchomp(printable), "\n", -1);
  guint count = g_strv_length(lines);
  for (guint i = count > LINES ? count - LINES : 0; i < count; i++)
    g_string_append_printf(report, "\n  %s: %s", label, lines[i]);
}

static bool says_something(const char *text) {
  return text != NULL && text[strspn(text, " \t\r\n")] != '\0';
}

/* The engine keeps the output of its own probes; where it has made none yet, ours are all there is: run it
 * once more and look. */
static char *own_probe_output(HealthWatch *watch, const Subject *subject) {
  const ContainerState *state = subject->state;
  char *output = NULL;
  g_autoptr(GError) problem = NULL;
  if (state->check == NULL || strcmp(state->status, "running") != 0)
    return NULL;
  guint limit = (guint)MIN(state->check_timeout_ms, OWN_PROBE_MS);
  gint64 began = g_get_monotonic_time();
  if (engine_exec_output(watch->engine, subject->id, state->check, limit, &output, &problem))
    return output;
  bool is_late = g_get_monotonic_time() - began >= (gint64)limit * 1000;
  return is_late ? g_strdup_printf("(no answer within %u ms)", limit) : g_strdup(problem->message);
}

static void add_probe(HealthWatch *watch, Subject *subject, GString *report) {
  if (subject->state->health == NULL)
    return;
  ContainerState *fresh = NULL;
  if (engine_inspect_container(watch->engine, subject->id, &fresh, NULL) && fresh != NULL) {
    container_state_free(subject->state);
    subject->state = fresh;
  }
  g_autofree char *own = subject->state->probe_output == NULL ? own_probe_output(watch, subject) : NULL;
  const char *output = own != NULL ? own : subject->state->probe_output;
  if (says_something(output))
    add_lines(report, "probe", output);
  else if (strcmp(subject->state->status, "running") == 0)
    add_lines(report, "probe", "(no output)");
}

static void add_log(HealthWatch *watch, const Subject *subject, GString *report) {
  g_autofree char *text = NULL;
  g_autoptr(GError) problem = NULL;
  if (!engine_log_tail(watch->engine, subject->id, LINES, &text, &problem))
    add_lines(report, "log", problem->message);
  else if (says_something(text))
    add_lines(report, "log", text);
}

bool explain_failures(HealthWatch *watch, GError **error) {
  g_autoptr(GString) report = g_string_new(NULL);
  for (guint i = 0; i < watch->subjects->len; i++) {
    Subject *subject = watch->subjects->pdata[i];
    if (subject->judgement.verdict != HEALTH_FAILED)
      continue;
    g_autofree char *reason = text_printable(subject->judgement.reason, false);
    g_string_append_printf(report, "%s%s: %s", report->len == 0 ? "" : "\n", subject->service, reason);
    add_probe(watch, subject, report);
    add_log(watch, subject, report);
  }
  return fail(error, SLIPWAY_ERROR_DEPLOY, "%s", report->str);
}
