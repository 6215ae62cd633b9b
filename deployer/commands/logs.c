/* `logs`: what the containers of all hosts wrote. */
#include <stdio.h>
#include <unistd.h>

#include "deployer/commands/rows.h"
#include "deployer/output/columns.h"
#include "deployer/output/words.h"
#include "deployer/rollout/logs.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *service, *since;
  GPtrArray *hosts;
  bool follow;
  guint tail;
} Choices;

typedef struct {
  const Invocation *invocation;
  bool has_color;
  guint host_width, service_width; /* the widest so far */
} Printer;

static bool check_hosts(const Choices *choices, const Environment *environment, GError **error) {
  for (guint i = 0; choices->hosts != NULL && i < choices->hosts->len; i++)
    if (!environment_require_host(environment, choices->hosts->pdata[i], error))
      return false;
  return true;
}

static void make_room(const char *host, const char *service, void *data) {
  Printer *printer = data;
  printer->host_width = MAX(printer->host_width, columns_of(host));
  printer->service_width = MAX(printer->service_width, columns_of(service));
}

/* The same host and service always have the same colour. */
static void print_words(Printer *printer, const LogLine *line) {
  static const char *const colors[] = {"36", "33", "32", "35", "34", "96", "93", "92", "95", "94"};
  guint color = (g_str_hash(line->host) * 31 + g_str_hash(line->service)) % G_N_ELEMENTS(colors);
  g_autofree char *host = columns_pad(line->host, printer->host_width);
  g_autofree char *service = columns_pad(line->service, printer->service_width);
  if (printer->has_color)
    (void)printf("\x1b[%sm%s %s |\x1b[0m %s\n", colors[color], host, service, line->text);
  else
    (void)printf("%s %s | %s\n", host, service, line->text);
}

static void print_event(const LogLine *line) {
  g_autofree char *time = time_format(line->time);
  g_autoptr(cJSON) event = cJSON_CreateObject();
  json_set_string(event, "time", time);
  json_set_string(event, "event", "log");
  json_set_string(event, "host", line->host);
  json_set_string(event, "service", line->service);
  json_set_string(event, "stream", line->is_stderr ? "stderr" : "stdout");
  json_set_string(event, "line", line->text);
  g_autofree char *text = json_print(event);
  (void)printf("%s\n", text);
}

static bool print_line(const LogLine *line, void *data) {
  Printer *printer = data;
  if (wants_words(printer->invocation))
    print_words(printer, line);
  else
    print_event(line);
  return fflush(stdout) == 0;
}

static void warn_of_host(const char *host, const char *problem, void *data) {
  const Printer *printer = data;
  reporter_warn(printer->invocation->reporter, "%s: %s", host, problem);
}

static bool read_since(const Choices *choices, gint64 *since_ms, GError **error) {
  *since_ms = 0;
  return choices->since == NULL || (duration_parse(choices->since, since_ms) && *since_ms > 0) ||
         fail(error, SLIPWAY_ERROR_USAGE, "--since: expected a duration such as 90s or 10m, not \"%s\"",
              choices->since);
}

static bool run_logs(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  Printer printer = {.invocation = invocation,
                     .has_color = command_wants_color(invocation->global, STDOUT_FILENO)};
  LogsRequest request = {.config = invocation->config,
                         .environment = invocation->environment,
                         .service = choices->service,
                         .hosts = choices->hosts,
                         .follow = choices->follow,
                         .tail = choices->tail,
                         .on_container = make_room,
                         .on_line = print_line,
                         .on_problem = warn_of_host,
                         .data = &printer};
  guint containers = 0;
  if (!check_hosts(choices, invocation->environment, error) ||
      !read_since(choices, &request.since_ms, error) || !rollout_logs(&request, &containers, error))
    return false;
  if (containers == 0)
    reporter_note(invocation->reporter, "%s has no container%s%s", choices->environment,
                  choices->service != NULL ? " of " : "", choices->service != NULL ? choices->service : "");
  if (!wants_words(invocation)) {
    invocation->document = cJSON_CreateObject();
    json_set_integer(invocation->document, "exit_code", 0);
    json_set_integer(invocation->document, "containers", containers);
  }
  return true;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {"SERVICE", ARGUMENT_TEXT, true, offsetof(Choices, service),
     "a service of its Compose files; default: all"},
    {0},
};
static const Option options[] = {
    {'f', OPTION_FLAG, "follow", NULL, offsetof(Choices, follow), "go on with what they write from now on"},
    {0, OPTION_TEXT, "since", "DURATION", offsetof(Choices, since), "only what is younger than 10m, 1h30m …"},
    {'n', OPTION_NUMBER, "tail", "N", offsetof(Choices, tail), "only the last N lines of each container"},
    {0, OPTION_LIST, "host", "NAME", offsetof(Choices, hosts), "only of this host; may be repeated"},
    {0},
};
static const Example examples[] = {
    {"logs prod", "what every container of every host wrote, by time"},
    {"logs prod fpm -f --tail 10", "of one service, and what it writes from now on, until Ctrl-C"},
    {"logs prod --since 10m --host web2 --json", "one event a line"},
    {0},
};
const Command command_logs = {.name = "logs",
                              .summary = "show what containers wrote, on all hosts",
                              .description = "Each line begins with its host and service. Without --follow "
                                             "they come in the order of their times, as "
                                             "the hosts' clocks say. A host that cannot be reached is a "
                                             "warning, and exit status 4 when nothing came "
                                             "from the others. Ctrl-C ends it with 130, as in Compose. "
                                             "Values of the secrets that a deployment left "
                                             "on its hosts are not shown.",
                              .arguments = arguments,
                              .options = options,
                              .choices_size = sizeof(Choices),
                              .needs = NEEDS_CONFIG | MAY_USE_RECORDED_CONFIG | RUNS | NEEDS_HOSTS |
                                       MAY_USE_RECORDED_HOSTS,
                              .examples = examples,
                              .run = run_logs};
