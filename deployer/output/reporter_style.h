/* Between reporter.c and the ways it can show things (terminal.c, plain.c, events.c): what is known of a
 * running command, and one row of function pointers per way. Private to this folder and its tests. */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

#include "deployer/output/reporter.h"

typedef struct {
  char *service, *state;
} ServiceState;

/* What one host is doing; also one for the deployment as a whole (name NULL). Times: microseconds of
 * clock.elapsed. */
typedef struct {
  char *name;
  char *step; /* NULL: none is going on */
  gint64 step_started;
  bool is_step_said; /* plain: its beginning has been printed */
  gint64 pull_done, pull_total;
  gint64 pull_said;        /* 0: not yet */
  GPtrArray *services;     /* ServiceState, as they first appeared */
  bool is_done, succeeded; /* what `word` says; a later step (putting back, pruning) may still be going on */
  char *word;              /* the last one, once is_done */
} HostLine;

typedef struct {
  char *title, *phase; /* phase NULL before the first */
  gint64 started;
  GPtrArray *hosts; /* HostLine */
  HostLine *whole;
} Progress;

typedef enum {
  REPORT_START,
  REPORT_PHASE,
  REPORT_STEP_BEGIN,
  REPORT_STEP_END,
  REPORT_PULL,
  REPORT_HEALTH,
  REPORT_TASK,
  REPORT_HOST_DONE,
  REPORT_NOTE,
  REPORT_WARNING
} ReportKind;

/* One thing that just happened; Progress knows of it already. Texts are printable. */
typedef struct {
  ReportKind kind;
  HostLine *line;   /* whom it is about; Progress.whole for the deployment */
  const char *step; /* step, or service of REPORT_HEALTH */
  const char *text; /* detail, state, line, last word, or message; NULL: none */
  bool succeeded;
  gint64 duration_ms;
} Report;

typedef struct {
  gint64 (*wall)(void);    /* microseconds since the epoch */
  gint64 (*elapsed)(void); /* microseconds that never jump */
} ReporterClock;

typedef struct {
  FILE *messages, *results; /* stderr, stdout; borrowed */
  bool is_terminal;         /* messages go to one that understands cursor movement */
  ReporterClock clock;
} ReporterStreams;

typedef struct {
  guint drawn_lines, drawn_width; /* terminal: the block now on the screen */
  GPtrArray *drawn;               /* char *: its lines */
} Screen;

typedef struct {
  ReporterOptions options;
  ReporterStreams streams;
  Progress progress;
  Screen screen;
} Stage;

typedef struct {
  void (*tell)(Stage *stage, const Report *report);
  void (*tick)(Stage *stage);   /* ten times a second while it runs; may be NULL */
  void (*finish)(Stage *stage); /* may be NULL */
  void (*pause)(Stage *stage);  /* clears the way for a question; may be NULL */
} ReporterStyle;

extern const ReporterStyle terminal_style, plain_style, events_style;

/* For tests: as reporter_new, on other streams and clocks. */
Reporter *reporter_new_on(const ReporterOptions *options, const ReporterStreams *streams);

void host_line_free(HostLine *line);
HostLine *host_line_new(const char *name);
/* "12.3 of 40.1 MB"; caller frees. */
char *pull_words(gint64 done_bytes, gint64 total_bytes);
/* "web healthy, fpm starting"; caller frees. */
char *services_words(const HostLine *line);
/* One event line {time, event, …}: takes ownership of `event`. */
void events_write(Stage *stage, const char *name, cJSON *event);

/* The live block as lines (char *), the title first, each at most `width` columns, at most `height` lines (0:
 * any number). Pure. */
GPtrArray *terminal_render(const Progress *progress, gint64 now, guint width, guint height, bool color);
