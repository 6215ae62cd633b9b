/* `plan`: what a deployment would do. */
#include <stdio.h>
#include <unistd.h>

#include "deployer/commands/deliver.h"
#include "deployer/commands/rows.h"
#include "deployer/output/changes.h"
#include "deployer/output/columns.h"
#include "deployer/output/plan_json.h"
#include "deployer/output/table.h"
#include "deployer/output/words.h"
#include "deployer/rollout/rollout.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment, *release;
  SetChoices set;
} Choices;

static char *gate_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const GateAnswer *)item)->name);
}

static char *gate_passes_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const GateAnswer *answer = item;
  if (!answer->is_asked)
    return g_strdup("?");
  return g_strdup(answer->passes ? "open" : "CLOSED");
}

static char *gate_answer_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const GateAnswer *)item)->answer);
}

static const TableColumn gate_columns[] = {
    {.title = "GATE", .cell = gate_cell},
    {.title = "", .cell = gate_passes_cell},
    {.title = "ANSWER", .cell = gate_answer_cell},
    {0},
};

static char *host_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const PlanHost *)item)->name);
}

static char *wave_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup_printf("%u", ((const PlanHost *)item)->wave);
}

static char *recreated_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const PlanHost *host = item;
  if (host->problem != NULL)
    return g_strdup("?");
  char *services = words_joined(host->recreated);
  return services != NULL ? services : g_strdup("nothing");
}

static char *removed_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return words_joined(((const PlanHost *)item)->removed);
}

static char *pull_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const PlanHost *host = item;
  if (host->problem != NULL || host->pull_bytes < 0)
    return g_strdup("not known");
  return host->pull_bytes == 0 ? g_strdup("nothing") : size_for_people(host->pull_bytes);
}

static char *problem_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const PlanHost *)item)->problem);
}

static const TableColumn host_columns[] = {
    {.title = "HOST", .cell = host_cell},
    {.title = "WAVE", .cell = wave_cell, .is_number = true},
    {.title = "RECREATES", .cell = recreated_cell},
    {.title = "REMOVES", .cell = removed_cell},
    {.title = "PULLS ABOUT", .cell = pull_cell, .is_number = true},
    {.title = "PROBLEM", .cell = problem_cell},
    {0},
};

static void print_section(const TableColumn *columns, GPtrArray *items) {
  if (items == NULL || items->len == 0)
    return;
  g_autofree char *text = table_render(columns, items, NULL, 0);
  (void)printf("\n%s", text);
}

static void print_images(GPtrArray *changes) {
  g_autofree char *table = changes_table(changes, "SERVICE", "RUNS", "WOULD RUN");
  (void)printf("\n%s", changes->len > 0 ? table : "Every image is the same.\n");
}

static void print_configuration(GPtrArray *changes) {
  (void)printf("\n%s\n", changes->len > 0 ? "CONFIGURATION" : "The configuration is the same.");
  changes_print(changes);
}

static void print_plan(const Plan *plan, const char *environment) {
  if (plan->note != NULL) {
    g_autofree char *note = text_printable(plan->note, true);
    (void)printf("%s\n", note);
  }
  if (plan->release == NULL)
    return;
  g_autofree char *id = release_word(plan->release->id);
  (void)printf("slipway %s %s %s: %s would run %s (%s); it runs %s%s%s%s\n", deployment_kind_name(plan->kind),
               environment, id, environment, id, plan->release->version,
               plan->current_release != NULL ? plan->current_release : "nothing that slipway deployed",
               plan->current_version != NULL ? " (" : "",
               plan->current_version != NULL ? plan->current_version : "",
               plan->current_version != NULL ? ")" : "");
  print_section(gate_columns, plan->gates);
  print_images(plan->images);
  print_configuration(plan->configuration);
  print_section(host_columns, plan->hosts);
}

static bool run_plan(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  g_autoptr(GPtrArray) set = NULL;
  RolloutRequest request = {
      .config = invocation->config,
      .environment = invocation->environment,
      .history = invocation->history,
      .reporter = invocation->reporter,
      .command = invocation->line,
      .kind = KIND_DEPLOY,
      .release = choices->release,
  };
  g_autoptr(Plan) plan = NULL;
  if (!set_choices_apply(&choices->set, invocation->environment, &request, &set, error) ||
      !rollout_plan(&request, &plan, error))
    return false;
  if (wants_words(invocation))
    print_plan(plan, choices->environment);
  else
    invocation->document = plan_json(choices->environment, plan);
  return true;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {"RELEASE", ARGUMENT_TEXT, true, offsetof(Choices, release),
     "r7, a version, or a unique start of version or revision; default: what `promote` would take, else the "
     "release it runs"},
    {0},
};
static const Option options[] = {
    SET_OPTIONS(offsetof(Choices, set)),
    {0},
};
static const Example examples[] = {
    {"plan prod r7", "gates, what changes, which services are recreated, what each host pulls"},
    {0},
};
const Command command_plan = {
    .name = "plan",
    .summary = "say what a deployment would do, and change nothing",
    .description = "Asks the hosts, without a lock, and runs gates.command of the environment when all "
                   "other gates let the release in. Exit status 0 also when a gate is closed.",
    .arguments = arguments,
    .options = options,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | READS_HISTORY | NEEDS_HOSTS,
    .examples = examples,
    .run = run_plan};
