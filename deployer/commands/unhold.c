/* `unhold`: deployments may go to an environment again. */
#include <stdio.h>

#include "deployer/commands/rows.h"
#include "deployer/output/status_json.h"
#include "deployer/output/words.h"
#include "pipelines/release.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment;
} Choices;

static void print_lifted(const char *environment, const Hold *lifted) {
  if (lifted == NULL) {
    (void)printf("%s was not held\n", environment);
    return;
  }
  g_autofree char *actor = text_printable(lifted->actor, false);
  g_autofree char *since = time_in_full(lifted->since, g_get_real_time());
  g_autofree char *reason = text_printable(lifted->reason, false);
  (void)printf("%s is no longer held; it was, by %s since %s: %s\n", environment, actor, since, reason);
}

static bool run_unhold(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  g_autofree char *actor = actor_name();
  g_autoptr(Hold) lifted = NULL;
  if (!history_lift_holds(invocation->history, choices->environment, actor, &lifted, error))
    return false;
  if (wants_words(invocation)) {
    print_lifted(choices->environment, lifted);
    return true;
  }
  invocation->document = cJSON_CreateObject();
  json_set_string(invocation->document, "environment", choices->environment);
  json_set(invocation->document, "held", hold_json(NULL));
  json_set(invocation->document, "lifted", hold_json(lifted));
  return true;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {0},
};
static const Example examples[] = {
    {"unhold prod", "deploy and promote work again"},
    {0},
};
const Command command_unhold = {
    .name = "unhold",
    .summary = "let deployments into an environment again",
    .description =
        "Lifts what `slipway hold` did; who lifted it, and when, is recorded. Where nothing is held "
        "that is said, and the exit status is 0. No host is asked.",
    .arguments = arguments,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | MAY_USE_RECORDED_CONFIG | WRITES_HISTORY,
    .examples = examples,
    .run = run_unhold};
