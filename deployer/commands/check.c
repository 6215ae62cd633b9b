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
static void ask(const Invocation *invocation, const Environment *environment, GPtrArray *kept,
                GPtrArray *rows) {
  const RolloutRequest request = {.config = invocation->config,
                                  .environment = environment,
                                  .history = invocation->history,
                                  .reporter = invocation->reporter,
                                  .command = invocation->line,
                                  .kind = KIND_DEPLOY};
  GPtrArray *answers = rollout_check(&request);
  g_ptr_array_add(kept, answers);
  for (guint i = 0; i < answers->len; i++) {
    Row *row = g_new0(Row, 1);
    *row = (Row){environment->name, answers->pdata[i]};
    g_ptr_array_add(rows, row);
  }
}

/* Its hosts are not known, so there is nobody to ask. */
static void note_lack(const Environment *environment, const char *why, GPtrArray *kept, GPtrArray *rows) {
  GPtrArray *answers = g_ptr_array_new_with_free_func((GDestroyNotify)check_answer_free);
  CheckAnswer *answer = g_new0(CheckAnswer, 1);
  Row *row = g_new0(Row, 1);
  answer->subject = g_strdup("inventory");
  answer->answer = g_strdup(why);
  g_ptr_array_add(answers, answer);
  g_ptr_array_add(kept, answers);
  *row = (Row){environment->name, answer};
  g_ptr_array_add(rows, row);
}

static void ask_all(const Invocation *invocation, GPtrArray *kept, GPtrArray *rows) {
  const GPtrArray *environments = invocation->config->environments;
  for (guint i = 0; i < environments->len; i++) {
    const Environment *environment = environments->pdata[i];
    const char *why =
        invocation->lacking != NULL ? g_hash_table_lookup(invocation->lacking, environment->name) : NULL;
    if (invocation->environment != NULL && invocation->environment != environment)
      continue;
    if (why != NULL)
      note_lack(environment, why, kept, rows);
    else
      ask(invocation, environment, kept, rows);
  }
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
  ask_all(invocation, kept, rows);
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
const Command command_check = {
    .name = "check",
    .summary = "check the configuration, then every host and registry",
    .description = "Changes nothing. Where the history knows what the environment is likely to get "
                   "next (what promote would take, else what it runs), each host is also asked for "
                   "room for that. Exit status 4 when something is not ready.",
    .arguments = arguments,
    .choices_size = sizeof(Choices),
    .needs = NEEDS_CONFIG | READS_HISTORY | NEEDS_HOSTS | MAY_LACK_HOSTS,
    .examples = examples,
    .run = run_check};
