/* `down`: an environment of which nothing runs any more. */
#include "deployer/commands/deliver.h"
#include "deployer/commands/rows.h"

#include "support/poison.h"

typedef struct {
  const char *environment;
  bool volumes;
  HostChoices hosts;
  ForceChoices force;
  LockChoices lock;
} Choices;

static bool run_down(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  RolloutRequest request = {.kind = KIND_DOWN, .volumes = choices->volumes};
  return force_choices_apply(&choices->force, &request, error) &&
         host_choices_apply(&choices->hosts, invocation->environment, &request, error) &&
         lock_choices_apply(&choices->lock, &request, error) && deliver(invocation, &request, error);
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {0},
};
static const Option options[] = {
    {0, OPTION_FLAG, "volumes", NULL, offsetof(Choices, volumes),
     "delete the volumes too, and what is in them; without it they stay"},
    SKIP_OPTIONS(offsetof(Choices, hosts)),
    ADOPT_OPTIONS(offsetof(Choices, hosts)),
    FORCE_OPTIONS(offsetof(Choices, force)),
    LOCK_OPTIONS(offsetof(Choices, lock)),
    {0},
};
static const Example examples[] = {
    {"down sandbox --reason \"not needed until Monday\"", "later: rollback sandbox brings back what ran"},
    {"down sandbox --volumes", "its data as well"},
    {0},
};
const Command command_down = {
    .name = "down",
    .summary = "take an environment down: nothing of it runs any more",
    .description = "Containers and networks are removed on all hosts at once; "
                   "volumes only with --volumes. Images, release "
                   "folders and the history stay: rollback brings back what ran, "
                   "deploy ENV RELEASE anything else. Neither the "
                   "registry nor today's Compose files are needed, a hold does not "
                   "refuse it, it asks only in a protected environment, and where nothing runs it does "
                   "no harm. Recorded as a deployment of kind `down`. When a host "
                   "fails nothing is put back (exit status 5); "
                   "down again goes on.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | WRITES_HISTORY | RUNS | NEEDS_HOSTS | MAY_USE_RECORDED_HOSTS,
    .examples = examples,
    .run = run_down};
