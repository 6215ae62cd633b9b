/* `exec`: a command in a container that runs. */
#include "deployer/commands/console.h"
#include "deployer/commands/rows.h"
#include "deployer/rollout/one_host.h"
#include "support/errors.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *service, *host;
  GPtrArray *words;
} Choices;

static void warn(const char *problem, void *data) {
  reporter_warn(data, "%s", problem);
}

static bool run_exec(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  const HostWish wish = {.config = invocation->config,
                         .environment = invocation->environment,
                         .service = choices->service,
                         .host = choices->host,
                         .must_run = true,
                         .on_problem = warn,
                         .data = invocation->reporter};
  g_autoptr(OneHost) host = NULL;
  if (!wants_words(invocation))
    return fail(error, SLIPWAY_ERROR_USAGE, "exec writes what the command writes: there is no --json");
  if (!one_host_find(&wish, &host, error))
    return one_host_fail_command(error);
  g_auto(Console) console = {0};
  console_open(&console);
  const EngineExec exec = {.container = host->container,
                           .argv = (const char *const *)choices->words->pdata,
                           .session = console_session(&console)};
  if (!engine_exec_attached(host->engine, &exec, &invocation->status, error)) {
    prefix(error, "%s: ", host->config->name);
    return one_host_fail_command(error);
  }
  return invocation->status >= 0 ||
         fail(error, SLIPWAY_ERROR_INTERRUPTED,
              "interrupted; the command may go on in the container: an engine has no way to end it");
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {"SERVICE", ARGUMENT_TEXT, false, offsetof(Choices, service), "a service of its Compose files"},
    {"CMD", ARGUMENT_WORDS, false, offsetof(Choices, words), "the command and its arguments"},
    {0},
};
static const Option options[] = {
    {0, OPTION_TEXT, "host", "NAME", offsetof(Choices, host),
     "there; default: the first host where the service runs"},
    {0},
};
static const Example examples[] = {
    {"exec prod fpm -- sh", "a shell in the container that runs"},
    {"exec prod fpm --host web2 -- bin/console cache:clear", "on that host"},
    {0},
};
const Command command_exec = {
    .name = "exec",
    .summary = "run a command in a container that runs",
    .description =
        "With a terminal the command has one too, and Ctrl-C goes to it; otherwise stdin is passed on to its "
        "end. slipway ends with the command's own exit status; 125: it could not be run, 126 and 127: the "
        "container cannot execute or find it. Before it comes to that: 2, slipway.yml or the command line is "
        "wrong; 4, an inventory cannot be asked. Nothing is locked or recorded.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | NEEDS_HOSTS | MAY_USE_RECORDED_HOSTS,
    .examples = examples,
    .run = run_exec};
