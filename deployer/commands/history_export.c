/* `history export`: a release and where it was verified, for another history. */
#include <stdio.h>

#include "deployer/commands/rows.h"
#include "deployer/rollout/travel.h"
#include "support/json.h"

#include "support/poison.h"

typedef struct {
  const char *release;
} Choices;

static bool run_export(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  const RolloutRequest request = {.config = invocation->config,
                                  .history = invocation->history,
                                  .reporter = invocation->reporter,
                                  .command = invocation->line};
  g_autoptr(Release) release = NULL;
  g_autoptr(cJSON) document = NULL;
  if (!history_find_release(invocation->history, choices->release, &release, error) ||
      !travel_export(&request, release, &document, error))
    return false;
  if (cJSON_GetArraySize(json_array(document, "deployments")) == 0)
    reporter_warn(invocation->reporter,
                  "r%" G_GINT64_FORMAT " is verified nowhere: the export carries the release only",
                  release->id);
  if (wants_words(invocation)) {
    g_autofree char *text = json_print(document);
    (void)printf("%s\n", text);
  } else {
    invocation->document = g_steal_pointer(&document);
  }
  return true;
}

static const Argument arguments[] = {
    {"RELEASE", ARGUMENT_TEXT, false, offsetof(Choices, release),
     "r7, a version, or a unique start of version or revision"},
    {0},
};
static const Example examples[] = {
    {"history export r7 > r7.json", "for stash; elsewhere: slipway history import --file r7.json"},
    {0},
};
const Command command_history_export = {
    .name = "history export",
    .summary = "write a release and where it was verified, for another history",
    .description =
        "One JSON document on stdout: the release, its pins, the deployments by which it is verified in each "
        "environment with their configuration, and its approvals. No secret is in it, but all that "
        "slipway.yml and "
        "the files that containers mount say. No host is asked.",
    .arguments = arguments,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | MAY_USE_RECORDED_CONFIG | READS_HISTORY,
    .examples = examples,
    .run = run_export};
