/* `check`: is the configuration right, and is every host ready? */
#include <stdio.h>
#include <unistd.h>

#include "deployer/commands/rows.h"
#include "deployer/output/columns.h"
#include "deployer/output/table.h"
#include "deployer/rollout/rollout.h"
#include "support/errors.h"
#include "support/json.h"

#include "support/poison.h"

typedef struct {
  const char *environment;
} Choices;

/* One answer and the environment it is about. */
typedef struct {
  const char *environment;
  const CheckAnswer *answer;
} Row;

static char *environment_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Row *)item)->environment);
}

static char *host_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Row *)item)->answer->host);
}

static char *subject_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Row *)item)->answer->subject);
}

static char *passes_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Row *)item)->answer->passes ? "ok" : "NOT OK");
}

static char *answer_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Row *)item)->answer->answer);
}

static const TableColumn columns[] = {
    {.title = "ENVIRONMENT", .cell = environment_cell},
    {.title = "HOST", .cell = host_cell},
    {.title = "WHAT", .cell = subject_cell},
    {.title = "", .cell = passes_cell},
    {.title = "ANSWER", .cell = answer_cell},
    {0},
};

static cJSON *answer_json(const Row *row) {
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "environment", row->environment);
  json_set_string(json, "host", row->answer->host);
  json_set_string(json, "subject", row->answer->subject);
  json_set_boolean(json, "passes", row->answer->passes);
  json_set_string(json, "answer", row->answer->answer);
  return json;
}

static cJSON *answers_json(GPtrArray *rows) {
  cJSON *answers = cJSON_CreateArray();
  for (guint i = 0; i < rows->len; i++)
    cJSON_AddItemToArray(answers, answer_json(rows->pdata[i]));
  cJSON *json = cJSON_CreateObject();
  json_set(json, "answers", answers);
  return json;
}

/* `kept` owns the arrays of answers that the rows point into. */
static bool ask(const Config *config, const Environment *environment, GPtrArray *kept, GPtrArray *rows,
                GError **error) {
  GPtrArray *answers = NULL;
  if (!rollout_check(config, environment, &answers, error))
    return prefix(error, "%s: ", environment->name);
  g_ptr_array_add(kept, answers);
  for (guint i = 0; i < answers->len; i++) {
    Row *row = g_new0(Row, 1);
    *row = (Row){environment->name, answers->pdata[i]};
    g_ptr_array_add(rows, row);
  }
  return true;
}

static bool ask_all(const Invocation *invocation, GPtrArray *kept, GPtrArray *rows, GError **error) {
  const Config *config = invocation->config;
  if (invocation->environment != NULL)
    return ask(config, invocation->environment, kept, rows, error);
  for (guint i = 0; i < config->environments->len; i++)
    if (!ask(config, config->environments->pdata[i], kept, rows, error))
      return false;
  return true;
}

static guint count_problems(GPtrArray *rows) {
  guint count = 0;
  for (guint i = 0; i < rows->len; i++)
    count += ((const Row *)rows->pdata[i])->answer->passes ? 0 : 1;
  return count;
}

static void destroy_array(gpointer array) {
  g_ptr_array_unref(array);
}

static bool run_check(Invocation *invocation, GError **error) {
  g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func(destroy_array);
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(g_free);
  reporter_note(invocation->reporter, "%s: the configuration is right", invocation->config->path);
  if (!ask_all(invocation, kept, rows, error))
    return false;
  if (wants_words(invocation)) {
    g_autofree char *text = table_render(columns, rows, NULL, 0);
    (void)fputs(text, stdout);
  } else {
    invocation->document = answers_json(rows);
  }
  guint problems = count_problems(rows);
  return problems == 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY, "%u of %u checks did not pass", problems, rows->len);
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, true, offsetof(Choices, environment),
     "only this environment; default: all"},
    {0},
};
static const Example examples[] = {
    {"check prod", "can every host of prod be reached, has it an engine, Compose, room?"},
    {0},
};
const Command command_check = {.name = "check",
                               .summary = "check the configuration, then every host and registry",
                               .description = "Changes nothing. Exit status 4 when something is not ready.",
                               .arguments = arguments,
                               .choices_size = sizeof(Choices),
                               .needs = NEEDS_CONFIG,
                               .examples = examples,
                               .run = run_check};
