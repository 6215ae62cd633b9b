/* `rollback`: put back what ran before. */
#include "deployer/commands/deliver.h"
#include "deployer/commands/rows.h"
#include "support/errors.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *to, *secrets;
  ForceChoices force;
  HostChoices hosts;
  LockChoices lock;
} Choices;

static bool secrets_choice_apply(const char *choice, RolloutRequest *request, GError **error) {
  request->kept_secrets = g_strcmp0(choice, "kept") == 0;
  return choice == NULL || request->kept_secrets || g_str_equal(choice, "current") ||
         fail(error, SLIPWAY_ERROR_USAGE, "--secrets %s: say kept, or current (the default)", choice);
}

static bool run_rollback(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  RolloutRequest request = {.kind = KIND_ROLLBACK, .to = choices->to};
  return secrets_choice_apply(choices->secrets, &request, error) &&
         force_choices_apply(&choices->force, &request, error) &&
         host_choices_apply(&choices->hosts, invocation->environment, &request, error) &&
         lock_choices_apply(&choices->lock, &request, error) && deliver(invocation, &request, error);
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {0},
};
static const Option options[] = {
    {0, OPTION_TEXT, "to", "D|R", offsetof(Choices, to),
     "a deployment (d31), or a release (r7, a version): its newest deployment there; default: the one "
     "before"},
    {0, OPTION_TEXT, "secrets", "kept|current", offsetof(Choices, secrets),
     "kept: the values that the hosts kept of it; default: today's, and kept ones where those cannot be had"},
    SKIP_OPTIONS(offsetof(Choices, hosts)),
    HOST_OPTIONS(offsetof(Choices, hosts)),
    ADOPT_OPTIONS(offsetof(Choices, hosts)),
    FORCE_OPTIONS(offsetof(Choices, force)),
    LOCK_OPTIONS(offsetof(Choices, lock)),
    {0},
};
static const Example examples[] = {
    {"rollback prod", "the deployment before; once more goes further back"},
    {"rollback prod --skip-unreachable", "a host is dead, the others go back; later: deploy prod --as-is"},
    {"rollback prod --to d31 --reason \"checkout is slow\"",
     "what d31 deployed: images, Compose files, variables"},
    {0},
};
const Command command_rollback = {
    .name = "rollback",
    .summary = "put back the deployment before",
    .description =
        "Images, Compose files, mounted files and variables come from that deployment's snapshot; the "
        "registry is not "
        "needed while the hosts still have the images. All hosts go at once. The release that was left is "
        "marked bad in that environment: promote skips it. Where slipway.yml cannot be loaded, the hosts and "
        "settings of the last deployment are used.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs =
        NEEDS_CONFIG | MAY_USE_RECORDED_CONFIG | WRITES_HISTORY | RUNS | NEEDS_HOSTS | MAY_USE_RECORDED_HOSTS,
    .examples = examples,
    .run = run_rollback};
