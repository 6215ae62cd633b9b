/* What a running command tells people and machines, from any thread: on a terminal one live line per host,
 * otherwise plain lines with times, with --json one event a line on stdout (design §4). Everything but
 * results goes to stderr. */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>
#include <stdbool.h>

typedef struct Reporter Reporter;

typedef struct {
  bool json;    /* events on stdout, nothing else there */
  bool quiet;   /* -q: only warnings and the result */
  bool verbose; /* -v: every step, also on a terminal */
  bool color;   /* colour where the stream is a terminal (main has looked at NO_COLOR and --no-color) */
  bool yes;     /* -y */
} ReporterOptions;

Reporter *reporter_new(const ReporterOptions *options);
void reporter_free(Reporter *reporter); /* ends the live lines */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reporter, reporter_free)

/* The hosts that will have a live line, in order (char *). Starts the clock. */
void reporter_start(Reporter *reporter, const char *title, GPtrArray *hosts);
/* A phase of design §6 begins: "ready", "prepare", "apply", … */
void reporter_phase(Reporter *reporter, const char *phase);
/* host NULL: the deployment as a whole. */
void reporter_step_begin(Reporter *reporter, const char *host, const char *step);
void reporter_step_end(Reporter *reporter, const char *host, const char *step, bool succeeded,
                       const char *detail, gint64 duration_ms);
void reporter_pull(Reporter *reporter, const char *host, gint64 done_bytes, gint64 total_bytes);
void reporter_health(Reporter *reporter, const char *host, const char *service, const char *state);
/* A line that a task of `step` wrote. */
void reporter_task(Reporter *reporter, const char *host, const char *step, const char *line);
/* A host's own last word, kept beside its live line: "healthy in 1.2s", "restored", … */
void reporter_host_done(Reporter *reporter, const char *host, bool succeeded, const char *word);
/* Lines for people; also events ("log" with level). */
void reporter_note(Reporter *reporter, const char *format, ...) G_GNUC_PRINTF(2, 3);
void reporter_warn(Reporter *reporter, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The last event of a running command, {"event":"result", …result}; takes ownership. Without --json nothing
 * is printed. */
void reporter_result(Reporter *reporter, cJSON *result);

/* Ends the live lines and the timer: what is printed after this stands below them. Notes and warnings still
 * work. */
void reporter_finish(Reporter *reporter);

/* Asks on the terminal ("… [y/N] "); --yes answers. False: no, or nobody can answer (then *nobody is true;
 * may be NULL). */
bool reporter_confirm(Reporter *reporter, const char *question, bool *nobody);
