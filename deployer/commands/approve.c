/* `approve`: one person agrees to a release in an environment. */
#include <stdio.h>

#include "deployer/commands/rows.h"
#include "deployer/output/release_json.h"
#include "deployer/output/words.h"
#include "pipelines/release.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *release;
  const char *person, *reason;
} Choices;

static bool make_approval(const Choices *choices, const Release *release, Approval **approval,
                          GError **error) {
  g_autofree char *person = choices->person != NULL ? text_printable(choices->person, false) : NULL;
  if (person == NULL && actor_is_build())
    return fail(
        error, SLIPWAY_ERROR_USAGE,
        "a build cannot approve for itself: say who does with --as NAME (it is recorded as what the build "
        "claims), or set BUILD_USER_ID");
  if (person != NULL && !actor_is_build()) {
    g_autofree char *actor = actor_name();
    return fail(error, SLIPWAY_ERROR_USAGE,
                "%s approves in their own name: leave out --as, which is for a build that nobody is known to "
                "have started; somebody else runs slipway approve themselves",
                actor);
  }
  if (person != NULL && *g_strstrip(person) == '\0')
    return fail(error, SLIPWAY_ERROR_USAGE, "--as: a name is missing");
  Approval *made = g_new0(Approval, 1);
  made->environment = g_strdup(choices->environment);
  made->release = release->id;
  made->actor = actor_name();
  made->is_claimed = person != NULL;
  made->person = person != NULL ? g_steal_pointer(&person) : g_strdup(made->actor);
  made->reason = g_strdup(choices->reason);
  *approval = made;
  return true;
}

static void say_approved(const Invocation *invocation, const Release *release, const Approval *approval,
                         guint given) {
  const char *environment = invocation->environment->name;
  guint needed = invocation->environment->gates.approvals;
  (void)printf("r%" G_GINT64_FORMAT " (%s) is approved for %s by %s", release->id, release->version,
               environment, approval->person);
  if (needed > 0)
    (void)printf(": %u of %u", given, needed);
  (void)printf("\n");
  if (needed == 0)
    reporter_note(invocation->reporter, "%s asks for no approvals; gates.approvals in slipway.yml makes it",
                  environment);
}

static bool run_approve(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  g_autoptr(Release) release = NULL;
  g_autoptr(Approval) approval = NULL;
  g_autoptr(GPtrArray) all = NULL;
  bool existed = false;
  if (!history_find_release(invocation->history, choices->release, &release, error) ||
      !make_approval(choices, release, &approval, error) ||
      !history_add_approval(invocation->history, approval, &existed, error) ||
      !history_list_approvals(invocation->history, choices->environment, release->id, &all, error))
    return false;
  if (existed) {
    g_autofree char *since = time_in_full(approval->approved_at, g_get_real_time());
    reporter_note(invocation->reporter, "%s approved it already, %s: that counts once", approval->person,
                  since);
  }
  if (wants_words(invocation)) {
    say_approved(invocation, release, approval, all->len);
    return true;
  }
  cJSON *json = approval_json(approval);
  json_set_string(json, "version", release->version);
  json_set_boolean(json, "existed", existed);
  json_set_integer(json, "given", all->len);
  json_set_integer(json, "needed", invocation->environment->gates.approvals);
  invocation->document = json;
  return true;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {"RELEASE", ARGUMENT_TEXT, false, offsetof(Choices, release),
     "r7, a version, or a unique start of version or revision"},
    {0},
};
static const Option options[] = {
    {0, OPTION_TEXT, "as", "NAME", offsetof(Choices, person),
     "who approves: a build without BUILD_USER_ID has to say it, and that is recorded as its claim; nobody "
     "else may"},
    {0, OPTION_TEXT, "reason", "TEXT", offsetof(Choices, reason), "a word on it; recorded"},
    {0},
};
static const Example examples[] = {
    {"approve prod r7", "in your own name"},
    {"approve prod r7 --as \"$APPROVER\"", "in a Jenkins stage, after its input step"},
    {0},
};
const Command command_approve = {
    .name = "approve",
    .summary = "agree to a release in an environment",
    .description =
        "For environments with gates.approvals: so many people have to. Whoever built or promotes the "
        "release may "
        "be one of them. A person counts once, whatever the machine: upper and lower case, and what follows "
        "an @, "
        "make no other. Nobody is asked for a password: slipway records who says so, and no more. What was "
        "approved is the release, with any configuration; it stays approved. No host is asked.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | MAY_USE_RECORDED_CONFIG | WRITES_HISTORY,
    .examples = examples,
    .run = run_approve};
