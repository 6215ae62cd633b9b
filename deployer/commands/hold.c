/* `hold`: no deployment but rollback goes to an environment until `unhold`. */
#include <stdio.h>

#include "deployer/commands/rows.h"
#include "deployer/output/status_json.h"
#include "deployer/output/words.h"
#include "pipelines/release.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *reason;
} Choices;

/* What the user may not expect: a hold that was there, and a deployment that has passed the gate already. */
static bool say_what_was(const Invocation *invocation, const char *environment, const Hold *before,
                         GError **error) {
  g_autoptr(GPtrArray) newest = NULL;
  if (!history_list_deployments(invocation->history, environment, 1, &newest, error))
    return false;
  if (before != NULL) {
    g_autofree char *since = time_in_full(before->since, g_get_real_time());
    g_autofree char *reason = text_printable(before->reason, false);
    reporter_note(invocation->reporter, "%s was held already, by %s since %s: %s", environment, before->actor,
                  since, reason);
  }
  const Deployment *deployment = newest->len > 0 ? newest->pdata[0] : NULL;
  if (deployment != NULL && deployment->status == STATUS_RUNNING)
    reporter_warn(invocation->reporter, "d%" G_GINT64_FORMAT " has not ended: a hold does not stop it",
                  deployment->id);
  return true;
}

static cJSON *held_json(const Hold *hold, const Hold *before) {
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "environment", hold->environment);
  json_set(json, "held", hold_json(hold));
  json_set(json, "replaced", hold_json(before));
  return json;
}

static bool run_hold(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  const char *environment = choices->environment;
  g_autofree char *actor = actor_name();
  g_autoptr(Hold) before = NULL;
  g_autoptr(Hold) hold = NULL;
  if (choices->reason == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "hold wants --reason TEXT: whoever is refused will read it; help: slipway hold --help");
  if (!history_get_hold(invocation->history, environment, &before, error) ||
      !history_add_hold(invocation->history, environment, choices->reason, actor, &hold, error) ||
      !say_what_was(invocation, environment, before, error))
    return false;
  if (!wants_words(invocation)) {
    invocation->document = held_json(hold, before);
    return true;
  }
  g_autofree char *reason = text_printable(hold->reason, false);
  (void)printf("%s is held: %s\nOnly a rollback goes there, until: slipway unhold %s\n", environment, reason,
               environment);
  return true;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {0},
};
static const Option options[] = {
    {0, OPTION_TEXT, "reason", "TEXT", offsetof(Choices, reason), "why, for those who are refused; required"},
    {0},
};
static const Example examples[] = {
    {"hold prod --reason \"1.4.2 loses orders, see INC-7\"",
     "after a rollback: a build does not bring it back"},
    {0},
};
const Command command_hold = {
    .name = "hold",
    .summary = "let nothing new into an environment",
    .description =
        "deploy and promote are refused (exit status 3) until `slipway unhold ENV`, also when there is "
        "nothing to promote; rollback, down and deploy --as-is, which bring nothing new, are not. It counts "
        "in "
        "this history only: another machine's slipway does not know of it. --force --reason TEXT passes. A "
        "second hold counts from then on with its own "
        "reason, and both are recorded. A deployment that runs already goes on. No host is asked.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | MAY_USE_RECORDED_CONFIG | WRITES_HISTORY,
    .examples = examples,
    .run = run_hold};
