/* `promote`: take the newest release that may go there one environment further. */
#include "deployer/commands/deliver.h"
#include "deployer/commands/rows.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *release;
  GateChoices gates;
  HostChoices hosts;
  LockChoices lock;
  SetChoices set;
} Choices;

static bool run_promote(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  g_autoptr(GPtrArray) set = NULL;
  RolloutRequest request = {
      .kind = KIND_PROMOTE,
      .release = choices->release,
  };
  return gate_choices_apply(&choices->gates, &request, error) &&
         host_choices_apply(&choices->hosts, invocation->environment, &request, error) &&
         lock_choices_apply(&choices->lock, &request, error) &&
         set_choices_apply(&choices->set, invocation->environment, &request, &set, error) &&
         deliver(invocation, &request, error);
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {"RELEASE", ARGUMENT_TEXT, true, offsetof(Choices, release),
     "r7, a version, or a unique start of version or revision; default: the newest that the gates let in"},
    {0},
};
static const Option options[] = {
    HOST_OPTIONS(offsetof(Choices, hosts)), ADOPT_OPTIONS(offsetof(Choices, hosts)),
    GATE_OPTIONS(offsetof(Choices, gates)), LOCK_OPTIONS(offsetof(Choices, lock)),
    SET_OPTIONS(offsetof(Choices, set)),    {0},
};
static const Example examples[] = {
    {"promote prod", "the newest release that was verified in the environment before prod"},
    {"promote prod r7 --yes", "this one; a protected environment does not ask"},
    {0},
};
const Command command_promote = {
    .name = "promote",
    .summary = "make an environment run the newest release that its gates let in",
    .description =
        "A release is let in when it was verified in the environment before in the pipeline. When there is "
        "nothing newer than what runs, that is said and the exit status is 0. Going backwards is refused.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | WRITES_HISTORY | RUNS | NEEDS_HOSTS,
    .examples = examples,
    .run = run_promote};
