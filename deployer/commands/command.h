/* A command is one row: what it is called, takes, needs and does. The parser, usage texts, the man page and
 * completion are all made from the rows; the dispatcher satisfies what a row needs before it runs.
 *
 *   typedef struct { const char *environment; bool force; } Choices;
 *   static const Argument arguments[] = {{"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment),
 * "…"}, {0}}; static const Option options[] = {{'f', OPTION_FLAG, "force", NULL,  offsetof(Choices, force),
 * "…"}, {0}}; const Command command_example = {.name = "example", .summary = "…", .arguments = arguments,
 * .options = options, .choices_size = sizeof(Choices), .needs = NEEDS_CONFIG, .run = run};
 */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>
#include <stdbool.h>

#include "deployer/output/reporter.h"
#include "environments/config/config.h"
#include "pipelines/history/history.h"

typedef enum {
  OPTION_FLAG,      /* bool */
  OPTION_LONE_FLAG, /* bool; with it the command needs neither slipway.yml nor history */
  OPTION_TEXT,      /* const char *, borrowed from argv; never empty */
  OPTION_LIST,      /* GPtrArray * of such texts; NULL when not given */
  OPTION_NUMBER,    /* guint, at least 1 */
} OptionType;

typedef struct {
  char letter; /* '\0': none */
  OptionType type;
  const char *name;  /* without "--"; NULL ends the rows */
  const char *value; /* what its value is called; NULL for a flag */
  gsize offset;      /* of its field in the choices */
  const char *help;  /* NULL: not shown */
} Option;

typedef enum {
  ARGUMENT_TEXT,
  ARGUMENT_ENVIRONMENT, /* one of slipway.yml; Invocation.environment is set */
  ARGUMENT_WORDS, /* GPtrArray *: all that stands behind "--", ended by NULL; NULL: there is no "--". The last
                     row */
} ArgumentType;

typedef struct {
  const char *name; /* "ENV"; NULL ends the rows */
  ArgumentType type;
  bool is_optional;
  gsize offset; /* of a const char * in the choices; ARGUMENT_WORDS: of a GPtrArray * */
  const char *help;
} Argument;

typedef struct {
  const char *line; /* without the program's name; NULL ends the rows */
  const char *help;
} Example;

typedef enum {
  NEEDS_CONFIG = 1 << 0,
  READS_HISTORY =
      1 << 1, /* needs slipway.yml only to find the history, when no option or variable names it */
  WRITES_HISTORY = 1 << 2,
  RUNS = 1 << 3,                    /* --json: events, the result last; otherwise one document */
  MAY_USE_RECORDED_CONFIG = 1 << 4, /* where slipway.yml cannot be loaded: recorded_config.h */
  NEEDS_HOSTS = 1 << 5,            /* of ENV, or of all environments: inventories are asked (inventories.h) */
  MAY_USE_RECORDED_HOSTS = 1 << 6, /* where one cannot be: those of the last deployment, with a warning */
  MAY_LACK_HOSTS = 1 << 7,         /* neither: Invocation.lacking says why */
  HOSTS_OF_ENV_ONLY = 1 << 8,      /* NEEDS_HOSTS, but nobody's when no ENV is given */
  INVENTORIES_ONLY = 1 << 9,       /* NEEDS_HOSTS, to name them: none is connected to */
} CommandNeeds;

/* For every command, before or after the verb. */
typedef struct {
  const char *config, *history;
  bool yes, quiet, verbose, json, no_color, help, version;
} GlobalOptions;

/* What a run function is given; everything that the row needs is there. */
typedef struct {
  const GlobalOptions *global;
  const void *choices;
  const char *line; /* as typed, without the program's name: "deploy prod r7" */
  const Config *config;
  const Environment *environment;
  History *history;
  Reporter *reporter;
  GHashTable
      *lacking;    /* name of an environment without hosts -> why (MAY_LACK_HOSTS); NULL: all have theirs */
  cJSON *document; /* with --json: what the run function has to say, set by it also when it fails. The
                      dispatcher prints and frees it. */
  int status;      /* exit status of success: that of the user's own command (run, exec), else 0 */
} Invocation;

typedef struct {
  const char *name;        /* "deploy"; "release create" is a verb of two words */
  const char *summary;     /* one line, for lists */
  const char *description; /* paragraphs, or NULL */
  const Argument *arguments;
  const Option *options; /* its own; NULL: none */
  gsize choices_size;
  int needs; /* CommandNeeds */
  const Example *examples;
  bool (*run)(Invocation *invocation, GError **error);
} Command;

/* In the order of the help; NULL-terminated. */
extern const Command *const commands[];
extern const Option global_options[];

/* Runs a command line; *status is what to exit with when it succeeds. Prints results; an error is the
 * caller's to print (with --json it is already on stdout too). */
bool command_run(int argc, char **argv, int *status, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What is written to `descriptor` may have colours: a terminal, and neither --no-color nor $NO_COLOR. */
bool command_wants_color(const GlobalOptions *global, int descriptor);

/* For run functions: true when results are to be written as words, not as JSON. */
static inline bool wants_words(const Invocation *invocation) {
  return !invocation->global->json;
}
