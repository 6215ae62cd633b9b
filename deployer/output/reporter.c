/* Keeps what is known of a running command, under one lock, and lets a style show it. */
#include "deployer/output/reporter.h"

#include <string.h>
#include <unistd.h>

#include "deployer/output/reporter_style.h"
#include "support/interrupt.h"
#include "support/json.h"
#include "support/redact.h"
#include "support/text.h"

#include "support/poison.h"

enum { TICK_US = 100000 };

struct Reporter {
  const ReporterStyle *style;
  Stage stage;
  GMutex lock; /* over all of stage */
  GCond ending;
  bool is_ending;
  GThread *timer; /* NULL: not started, or ended */
};

/* What others said, as it may be shown: without secrets and control characters. Caller frees. */
static char *showable(const char *text, bool keep_newlines) {
  g_autofree char *redacted = redact_text(text);
  return text_printable(redacted, keep_newlines);
}

static void service_state_free(gpointer data) {
  ServiceState *service = data;
  g_free(service->service);
  g_free(service->state);
  g_free(service);
}

HostLine *host_line_new(const char *name) {
  HostLine *line = g_new0(HostLine, 1);
  line->name = name != NULL ? text_printable(name, false) : NULL;
  line->services = g_ptr_array_new_with_free_func(service_state_free);
  return line;
}

void host_line_free(HostLine *line) {
  g_free(line->name);
  g_free(line->step);
  g_free(line->word);
  g_ptr_array_unref(line->services);
  g_free(line);
}

static void host_line_destroy(gpointer line) {
  host_line_free(line);
}

Reporter *reporter_new_on(const ReporterOptions *options, const ReporterStreams *streams) {
  Reporter *reporter = g_new0(Reporter, 1);
  Stage *stage = &reporter->stage;
  stage->options = *options;
  stage->streams = *streams;
  stage->progress.hosts = g_ptr_array_new_with_free_func(host_line_destroy);
  stage->progress.whole = host_line_new(NULL);
  stage->progress.started = streams->clock.elapsed();
  stage->screen.drawn = g_ptr_array_new_with_free_func(g_free);
  bool is_live = streams->is_terminal && !options->quiet;
  reporter->style = options->json ? &events_style : is_live ? &terminal_style : &plain_style;
  g_mutex_init(&reporter->lock);
  g_cond_init(&reporter->ending);
  return reporter;
}

Reporter *reporter_new(const ReporterOptions *options) {
  const char *terminal = g_getenv("TERM");
  bool is_dumb = terminal == NULL || terminal[0] == '\0' || strcmp(terminal, "dumb") == 0;
  const ReporterStreams streams = {
      .messages = stderr,
      .results = stdout,
      .is_terminal = isatty(STDERR_FILENO) != 0 && !is_dumb,
      .clock = {.wall = g_get_real_time, .elapsed = g_get_monotonic_time},
  };
  return reporter_new_on(options, &streams);
}

void reporter_finish(Reporter *reporter) {
  g_mutex_lock(&reporter->lock);
  bool was_running = reporter->timer != NULL;
  GThread *timer = g_steal_pointer(&reporter->timer);
  reporter->is_ending = true;
  g_cond_signal(&reporter->ending);
  g_mutex_unlock(&reporter->lock);
  if (!was_running)
    return;
  g_thread_join(timer);
  if (reporter->style->finish != NULL)
    reporter->style->finish(&reporter->stage);
}

void reporter_free(Reporter *reporter) {
  if (reporter == NULL)
    return;
  reporter_finish(reporter);
  Stage *stage = &reporter->stage;
  g_free(stage->progress.title);
  g_free(stage->progress.phase);
  g_ptr_array_unref(stage->progress.hosts);
  host_line_free(stage->progress.whole);
  g_ptr_array_unref(stage->screen.drawn);
  g_mutex_clear(&reporter->lock);
  g_cond_clear(&reporter->ending);
  g_free(reporter);
}

static gpointer run_timer(gpointer data) {
  Reporter *reporter = data;
  g_mutex_lock(&reporter->lock);
  while (!reporter->is_ending) {
    reporter->style->tick(&reporter->stage);
    g_cond_wait_until(&reporter->ending, &reporter->lock, g_get_monotonic_time() + TICK_US);
  }
  g_mutex_unlock(&reporter->lock);
  return NULL;
}

/* With the lock held. A host that was not announced gets its line now. */
static HostLine *line_of(Reporter *reporter, const char *host) {
  Progress *progress = &reporter->stage.progress;
  if (host == NULL)
    return progress->whole;
  for (guint i = 0; i < progress->hosts->len; i++) {
    HostLine *line = progress->hosts->pdata[i];
    if (strcmp(line->name, host) == 0)
      return line;
  }
  HostLine *line = host_line_new(host);
  g_ptr_array_add(progress->hosts, line);
  return line;
}

static void tell(Reporter *reporter, Report report) {
  reporter->style->tell(&reporter->stage, &report);
}

static gint64 now(const Reporter *reporter) {
  return reporter->stage.streams.clock.elapsed();
}

void reporter_start(Reporter *reporter, const char *title, GPtrArray *hosts) {
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  Progress *progress = &reporter->stage.progress;
  g_free(progress->title);
  progress->title = showable(title, false);
  progress->started = now(reporter);
  for (guint i = 0; i < hosts->len; i++)
    line_of(reporter, hosts->pdata[i]);
  tell(reporter, (Report){.kind = REPORT_START, .line = progress->whole, .text = progress->title});
  if (reporter->timer == NULL && !reporter->is_ending && reporter->style->tick != NULL)
    reporter->timer = g_thread_new("reporter", run_timer, reporter);
}

void reporter_phase(Reporter *reporter, const char *phase) {
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  Progress *progress = &reporter->stage.progress;
  g_free(progress->phase);
  progress->phase = g_strdup(phase);
  tell(reporter, (Report){.kind = REPORT_PHASE, .line = progress->whole, .text = phase});
}

void reporter_step_begin(Reporter *reporter, const char *host, const char *step) {
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  HostLine *line = line_of(reporter, host);
  g_free(line->step);
  line->step = showable(step, false);
  line->step_started = now(reporter);
  line->is_step_said = false;
  line->pull_done = line->pull_total = line->pull_said = 0;
  g_ptr_array_set_size(line->services, 0);
  tell(reporter, (Report){.kind = REPORT_STEP_BEGIN, .line = line, .step = line->step});
}

/* What stands beside the host when it is not at work; takes ownership of `word`, of which the first line is
 * kept. */
static void set_word(HostLine *line, bool succeeded, char *word) {
  g_free(line->word);
  line->word = g_strdelimit(word, "\n", '\0');
  line->is_done = true;
  line->succeeded = succeeded;
}

void reporter_step_end(Reporter *reporter, const char *host, const char *step, bool succeeded,
                       const char *detail, gint64 duration_ms) {
  g_autofree char *printable_step = showable(step, false);
  g_autofree char *printable = detail != NULL ? showable(detail, true) : NULL;
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  HostLine *line = line_of(reporter, host);
  g_clear_pointer(&line->step, g_free);
  line->pull_total = 0;
  if (!succeeded)
    set_word(line, false,
             g_strdup_printf("%s failed: %s", printable_step, printable != NULL ? printable : "?"));
  tell(reporter, (Report){.kind = REPORT_STEP_END,
                          .line = line,
                          .step = printable_step,
                          .text = printable,
                          .succeeded = succeeded,
                          .duration_ms = duration_ms});
}

void reporter_pull(Reporter *reporter, const char *host, gint64 done_bytes, gint64 total_bytes) {
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  HostLine *line = line_of(reporter, host);
  line->pull_done = done_bytes;
  line->pull_total = total_bytes;
  if (done_bytes == 0 && total_bytes == 0)
    return; /* nothing is known yet */
  tell(reporter, (Report){.kind = REPORT_PULL, .line = line});
}

/* False: that is what it was already. */
static bool note_service(HostLine *line, const char *name, const char *state) {
  for (guint i = 0; i < line->services->len; i++) {
    ServiceState *service = line->services->pdata[i];
    if (strcmp(service->service, name) != 0)
      continue;
    if (strcmp(service->state, state) == 0)
      return false;
    g_free(service->state);
    service->state = g_strdup(state);
    return true;
  }
  ServiceState *service = g_new0(ServiceState, 1);
  service->service = g_strdup(name);
  service->state = g_strdup(state);
  g_ptr_array_add(line->services, service);
  return true;
}

void reporter_health(Reporter *reporter, const char *host, const char *service, const char *state) {
  g_autofree char *name = showable(service, false);
  g_autofree char *printable = showable(state, false);
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  HostLine *line = line_of(reporter, host);
  if (note_service(line, name, printable))
    tell(reporter, (Report){.kind = REPORT_HEALTH, .line = line, .step = name, .text = printable});
}

void reporter_task(Reporter *reporter, const char *host, const char *step, const char *line) {
  g_autofree char *name = showable(step, false);
  g_autofree char *printable = showable(line, false);
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  tell(reporter,
       (Report){.kind = REPORT_TASK, .line = line_of(reporter, host), .step = name, .text = printable});
}

void reporter_host_done(Reporter *reporter, const char *host, bool succeeded, const char *word) {
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  HostLine *line = line_of(reporter, host);
  if (!succeeded && line->is_done && !line->succeeded)
    return; /* the step that failed has said more */
  set_word(line, succeeded, showable(word, false));
  g_clear_pointer(&line->step, g_free);
  tell(reporter,
       (Report){.kind = REPORT_HOST_DONE, .line = line, .text = line->word, .succeeded = succeeded});
}

static void G_GNUC_PRINTF(3, 0)
    say(Reporter *reporter, ReportKind kind, const char *format, va_list arguments) {
  g_autofree char *raw = g_strdup_vprintf(format, arguments);
  g_autofree char *text = showable(raw, true);
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  tell(reporter, (Report){.kind = kind, .line = reporter->stage.progress.whole, .text = text});
}

void reporter_note(Reporter *reporter, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(reporter, REPORT_NOTE, format, arguments);
  va_end(arguments);
}

void reporter_warn(Reporter *reporter, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(reporter, REPORT_WARNING, format, arguments);
  va_end(arguments);
}

void reporter_result(Reporter *reporter, cJSON *result) {
  g_autoptr(cJSON) owned = result;
  reporter_finish(reporter);
  if (!reporter->stage.options.json)
    return;
  json_redact(owned);
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  events_write(&reporter->stage, "result", g_steal_pointer(&owned));
}

/* One line from the terminal; gives up when interrupted, which a plain read would sit through (SA_RESTART).
 */
static bool read_yes(void) {
  enum { PATIENCE_MS = 200 };
  GString *answer = g_string_new(NULL);
  char byte = '\0';
  while (!interrupt_requested() && byte != '\n') {
    GPollFD input = {.fd = STDIN_FILENO, .events = G_IO_IN};
    if (g_poll(&input, 1, PATIENCE_MS) <= 0)
      continue;
    if (read(STDIN_FILENO, &byte, 1) != 1)
      break;
    g_string_append_c(answer, byte);
  }
  g_autofree char *text = g_ascii_strdown(g_strstrip(answer->str), -1);
  g_string_free(answer, TRUE);
  return byte == '\n' && (strcmp(text, "y") == 0 || strcmp(text, "yes") == 0);
}

bool reporter_confirm(Reporter *reporter, const char *question, bool *nobody) {
  Stage *stage = &reporter->stage;
  bool can_answer = isatty(STDIN_FILENO) != 0 && isatty(fileno(stage->streams.messages)) != 0;
  if (nobody != NULL)
    *nobody = !stage->options.yes && !can_answer;
  if (stage->options.yes || !can_answer)
    return stage->options.yes;
  /* The lock keeps the live lines off the screen while the question stands there. */
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&reporter->lock);
  if (reporter->style->pause != NULL)
    reporter->style->pause(stage);
  g_autofree char *printable = showable(question, true);
  (void)fprintf(stage->streams.messages, "%s [y/N] ", printable);
  (void)fflush(stage->streams.messages);
  return read_yes();
}
