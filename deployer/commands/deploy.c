/* `deploy`: make an environment run a release. */
#include "deployer/commands/deliver.h"
#include "deployer/commands/image_choices.h"
#include "deployer/commands/rows.h"
#include "support/errors.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *release;
  ImageChoices images;
  GateChoices gates;
  HostChoices hosts;
  LockChoices lock;
  SetChoices set;
  bool as_is;
} Choices;

static bool check_as_is(const Choices *choices, GError **error) {
  if (!choices->as_is || (choices->release == NULL && !image_choices_are_given(&choices->images) &&
                          !choices->gates.repin && choices->set.texts == NULL))
    return true;
  return fail(error, SLIPWAY_ERROR_USAGE,
              "--as-is deploys exactly what %s runs already: leave the release, --tag, --image, --repin and "
              "--set away",
              choices->environment);
}

static bool run_deploy(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  ReleaseRequest create = {0};
  g_autoptr(GPtrArray) named = NULL;
  g_autoptr(GPtrArray) set = NULL;
  if (!image_choices_check(&choices->images, choices->release, error) ||
      !image_choices_request(&choices->images, invocation->config, &named, &create, error))
    return false;
  RolloutRequest request = {
      .kind = KIND_DEPLOY,
      .release = choices->release,
      .create = image_choices_are_given(&choices->images) ? &create : NULL,
      .as_is = choices->as_is,
  };
  return check_as_is(choices, error) && gate_choices_apply(&choices->gates, &request, error) &&
         host_choices_apply(&choices->hosts, invocation->environment, &request, error) &&
         lock_choices_apply(&choices->lock, &request, error) &&
         set_choices_apply(&choices->set, invocation->environment, &request, &set, error) &&
         deliver(invocation, &request, error);
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {"RELEASE", ARGUMENT_TEXT, true, offsetof(Choices, release),
     "r7, a version, or a unique start of version or revision; default: the release it runs"},
    {0},
};
static const Option options[] = {
    IMAGE_OPTIONS(offsetof(Choices, images)),
    LABEL_OPTIONS(offsetof(Choices, images)),
    {0, OPTION_FLAG, "as-is", NULL, offsetof(Choices, as_is),
     "exactly what runs there, today's configuration aside: for a replaced or skipped host"},
    SKIP_OPTIONS(offsetof(Choices, hosts)),
    HOST_OPTIONS(offsetof(Choices, hosts)),
    ADOPT_OPTIONS(offsetof(Choices, hosts)),
    GATE_OPTIONS(offsetof(Choices, gates)),
    LOCK_OPTIONS(offsetof(Choices, lock)),
    SET_OPTIONS(offsetof(Choices, set)),
    {0},
};
static const Example examples[] = {
    {"deploy ci --tag \"$GIT_COMMIT\"",
     "in a Jenkins stage: make a release of what was just pushed, and deploy it"},
    {"deploy prod", "today's configuration for the release that prod runs"},
    {"deploy prod --as-is", "web3 was replaced, or was away: it gets what the others run"},
    {"deploy end2end r7 --set LOG_LEVEL=debug", "with another value of a variable, this once"},
    {"deploy prod r7 --force --reason \"hotfix, CHG-123\"", "past the gates, on the record"},
    {0},
};
const Command command_deploy = {
    .name = "deploy",
    .summary = "make an environment run a release",
    .description =
        "Every host is prepared before the first container changes. When a host fails, those that were "
        "changed "
        "go back to what they ran before. A service whose image and configuration are the same keeps its "
        "container.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | WRITES_HISTORY | RUNS | NEEDS_HOSTS,
    .examples = examples,
    .run = run_deploy};
