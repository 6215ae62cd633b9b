/* From a command line to a finished command: parses, satisfies what the command's row needs, runs it, and
 * writes its JSON. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deployer/commands/command.h"
#include "deployer/commands/inventories.h"
#include "deployer/commands/locate.h"
#include "deployer/commands/parse.h"
#include "deployer/commands/recorded_config.h"
#include "deployer/commands/rows.h"
#include "deployer/commands/usage.h"
#include "deployer/output/exit_status.h"
#include "environments/hosts/host.h"
#include "support/errors.h"
#include "support/http.h"
#include "support/json.h"

#include "support/poison.h"

/* Owns what an Invocation borrows. */
typedef struct {
  Config *config;
  History *history;
  Reporter *reporter;
  cJSON *document;
  int status; /* of success */
} Session;

static void session_clear(Session *session) {
  g_clear_pointer(&session->document, cJSON_Delete);
  g_clear_pointer(&session->reporter, reporter_free);
  g_clear_pointer(&session->history, history_free);
  g_clear_pointer(&session->config, config_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

static bool is_running_command(const Command *command) {
  return command != NULL && (command->needs & RUNS) != 0;
}

bool command_wants_color(const GlobalOptions *global, int descriptor) {
  const char *no_color = g_getenv("NO_COLOR");
  bool is_unwanted = global->no_color || (no_color != NULL && no_color[0] != '\0');
  return !is_unwanted && isatty(descriptor) != 0;
}

static Reporter *make_reporter(const CommandLine *line) {
  const GlobalOptions *global = &line->global;
  const ReporterOptions options = {
      .json = global->json && is_running_command(line->command),
      .quiet = global->quiet,
      .verbose = global->verbose,
      .color = command_wants_color(global, STDERR_FILENO),
      .yes = global->yes,
  };
  return reporter_new(&options);
}

static bool load_config(Invocation *invocation, Session *session, GError **error) {
  g_autofree char *path = NULL;
  if (!locate_config(invocation->global, &path, error) || !config_load(path, &session->config, error))
    return false;
  invocation->config = session->config;
  return true;
}

/* Of the command line; NULL: none was given. */
static const char *environment_name(const Command *command, const Invocation *invocation) {
  const char *name = NULL;
  for (const Argument *row = command->arguments; row != NULL && row->name != NULL; row++)
    if (row->type == ARGUMENT_ENVIRONMENT)
      name = *(const char *const *)((const char *)invocation->choices + row->offset);
  return name;
}

static bool find_environment(const Command *command, Invocation *invocation, GError **error) {
  const char *name = environment_name(command, invocation);
  Environment *environment = NULL;
  if (name != NULL && !config_require_environment(invocation->config, name, &environment, error))
    return false;
  invocation->environment = environment;
  return true;
}

static bool open_history(const char *path, HistoryMode mode, Invocation *invocation, Session *session,
                         GError **error) {
  if (!history_open(path, mode, &session->history, error))
    return false;
  invocation->history = session->history;
  const char *note = history_note(session->history);
  if (note != NULL && mode == HISTORY_WRITE)
    reporter_note(session->reporter, "%s", note);
  return true;
}

static bool waives_needs(const Command *command, const void *choices) {
  for (const Option *row = command->options; row != NULL && row->name != NULL; row++)
    if (row->type == OPTION_LONE_FLAG && *(const bool *)((const char *)choices + row->offset))
      return true;
  return false;
}

static HistoryMode history_mode(const Command *command) {
  return (command->needs & WRITES_HISTORY) != 0 ? HISTORY_WRITE : HISTORY_READ;
}

/* Both that slipway.yml failed and what serves instead. */
static void say_what_stands_in(const Session *session, const GError *cause, const char *path,
                               const char *source) {
  g_auto(GStrv) lines = g_strsplit(cause->message, "\n", -1);
  guint others = g_strv_length(lines) - 1;
  g_autofree char *more = others > 0 ? g_strdup_printf(" (and %u more)", others) : g_strdup("");
  if (source != NULL)
    reporter_warn(session->reporter, "%s%s; using the hosts of %s instead, from the history %s", lines[0],
                  more, source, path);
  else
    reporter_warn(session->reporter, "%s%s; using the history %s", lines[0], more, path);
}

/* Tasks run in the folder of slipway.yml, also when it cannot be loaded. */
static void restore_directory(const GlobalOptions *global, Config *config) {
  g_autofree char *file = NULL;
  g_autofree char *folder =
      locate_config(global, &file, NULL) ? g_path_get_dirname(file) : g_get_current_dir();
  g_free(config->directory);
  config->directory = g_canonicalize_filename(folder, NULL);
}

static bool do_without_config(const Command *command, Invocation *invocation, Session *session,
                              const GError *cause, GError **error) {
  g_autofree char *path = NULL;
  g_autofree char *source = NULL;
  if (!recorded_config_locate(invocation->global, &path, error) ||
      !open_history(path, history_mode(command), invocation, session, error) ||
      ((command->needs & NEEDS_CONFIG) != 0 &&
       !recorded_config_read(session->history, environment_name(command, invocation), &session->config,
                             &source, error)))
    return prefix(error, "%s\n", cause->message);
  if (session->config != NULL)
    restore_directory(invocation->global, session->config);
  invocation->config = session->config;
  say_what_stands_in(session, cause, path, source);
  return find_environment(command, invocation, error);
}

static bool satisfy(const Command *command, Invocation *invocation, Session *session, GError **error) {
  if (waives_needs(command, invocation->choices))
    return true;
  g_autoptr(GError) problem = NULL;
  const char *path = locate_history(invocation->global);
  bool needs_history = (command->needs & (READS_HISTORY | WRITES_HISTORY)) != 0;
  bool needs_config = (command->needs & NEEDS_CONFIG) != 0 || (needs_history && path == NULL);
  if (needs_config && !load_config(invocation, session, &problem)) {
    if ((command->needs & MAY_USE_RECORDED_CONFIG) != 0)
      return do_without_config(command, invocation, session, problem, error);
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
  }
  if (!find_environment(command, invocation, error))
    return false;
  if (!needs_history)
    return true;
  return open_history(path != NULL ? path : invocation->config->history, history_mode(command), invocation,
                      session, error);
}

/* Before any thread but the reporter's, which has nothing to do with it. What else talks to a registry or to
 * AWS does so in this thread, and starts libcurl then. */
static void start_network(const Command *command) {
  if ((command->needs & INVENTORIES_ONLY) != 0)
    return;
  http_global_init();
  host_global_init();
}

static bool satisfy_hosts(const Command *command, Invocation *invocation, Session *session, GError **error) {
  bool asks_nobody = (command->needs & HOSTS_OF_ENV_ONLY) != 0 && invocation->environment == NULL;
  if ((command->needs & NEEDS_HOSTS) == 0 || asks_nobody)
    return true;
  start_network(command);
  return session->config == NULL || inventories_ask(invocation, session->config, command->needs, error);
}

/* An error is part of the document: a script that reads stdout alone sees it too. */
static void add_error(cJSON **document, const GError *error) {
  if (*document == NULL || !cJSON_IsObject(*document)) {
    cJSON_Delete(*document);
    *document = cJSON_CreateObject();
  }
  json_set_integer(*document, "exit_code", exit_status_of(error)->status);
  json_set(*document, "error", error_json(error));
}

static void write_document(const CommandLine *line, Session *session, const GError *error) {
  if (error != NULL)
    add_error(&session->document, error);
  if (session->document == NULL)
    return;
  if (is_running_command(line->command)) {
    reporter_result(session->reporter, g_steal_pointer(&session->document));
    return;
  }
  json_redact(session->document);
  g_autofree char *text = json_print(session->document);
  (void)printf("%s\n", text);
}

/* A full disk behind stdout must not look like success; a reader that has seen enough may. */
static bool flush_results(GError **error) {
  if (fflush(stdout) == 0 || errno == EPIPE)
    return true;
  return fail(error, SLIPWAY_ERROR_USAGE, "the result could not be written to stdout: %s", g_strerror(errno));
}

static bool run_command(const CommandLine *line, const char *words, Session *session, GError **error) {
  Invocation invocation = {
      .global = &line->global,
      .choices = line->choices,
      .line = words,
      .reporter = session->reporter,
  };
  bool ok = satisfy(line->command, &invocation, session, error) &&
            satisfy_hosts(line->command, &invocation, session, error) &&
            line->command->run(&invocation, error);
  session->document = invocation.document;
  session->status = invocation.status;
  g_clear_pointer(&invocation.lacking, g_hash_table_unref);
  return ok;
}

static bool print_help(const CommandLine *line) {
  g_autofree char *text =
      line->command != NULL ? usage_of_command(line->command) : usage_overview(line->group);
  (void)fputs(text, stdout);
  return true;
}

static bool print_version(void) {
  (void)printf("slipway %s\n", SLIPWAY_VERSION);
  return true;
}

static bool run_line(const CommandLine *line, const char *words, Session *session, GError **error) {
  if (line->global.help)
    return print_help(line);
  if (line->global.version)
    return print_version();
  if (line->command == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "no command was given\nhelp: slipway --help");
  return run_command(line, words, session, error);
}

bool command_run(int argc, char **argv, int *status, GError **error) {
  g_auto(CommandLine) line = {0};
  g_auto(Session) session = {0};
  g_autoptr(GError) problem = NULL;
  g_autofree char *words = argc > 0 ? g_strjoinv(" ", argv + 1) : g_strdup("");
  bool ok = command_line_parse(argc, argv, &line, &problem);
  session.reporter = make_reporter(&line);
  ok = ok && run_line(&line, words, &session, &problem);
  reporter_finish(session.reporter);
  if (line.global.json && !line.global.help)
    write_document(&line, &session, problem);
  *status = session.status;
  if (ok)
    return flush_results(error);
  (void)fflush(stdout);
  g_propagate_error(error, g_steal_pointer(&problem));
  return false;
}
