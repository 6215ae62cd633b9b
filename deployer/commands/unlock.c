/* `unlock`: shows what holds an environment's locks on its hosts, and ends what is left over. */
#include <stdio.h>
#include <unistd.h>

#include "deployer/commands/deliver.h"
#include "deployer/commands/rows.h"
#include "deployer/output/columns.h"
#include "deployer/output/table.h"
#include "deployer/output/words.h"
#include "deployer/rollout/unlock.h"
#include "support/errors.h"
#include "support/json.h"

#include "support/poison.h"

typedef struct {
  const char *environment;
  HostChoices hosts;
} Choices;

/* --- words ------------------------------------------------------------------------------------------------
 */

/* A line of the table: a host, or one more process of the host above. */
typedef struct {
  const UnlockHost *host; /* NULL: that of the line above */
  const LockProcess *process;
} Row;

/* Caller frees. */
static char *state_of(const UnlockHost *host) {
  const HostLock *lock = host->lock;
  if (lock == NULL)
    return g_strdup_printf("not known: %s", host->problem);
  g_autofree char *elsewhere =
      host_lock_is_elsewhere(lock)
          ? g_strdup_printf("belongs to another machine, %.32s; this is %.32s", lock->owner, lock->machine_id)
          : NULL;
  if (!lock->is_held)
    return elsewhere != NULL ? g_steal_pointer(&elsewhere) : g_strdup("free");
  return g_strdup_printf("held by %.300s%s%.64s%s%s", *lock->holder != '\0' ? lock->holder : "somebody",
                         *lock->since != '\0' ? " since " : "", lock->since, elsewhere != NULL ? "; " : "",
                         elsewhere != NULL ? elsewhere : "");
}

static char *host_cell(gconstpointer item, gconstpointer context) {
  const Row *row = item;
  (void)context;
  return row->host != NULL ? g_strdup(row->host->name) : NULL;
}

static char *pid_cell(gconstpointer item, gconstpointer context) {
  const Row *row = item;
  (void)context;
  return row->process != NULL ? g_strdup_printf("%" G_GINT64_FORMAT, row->process->pid) : NULL;
}

static char *process_cell(gconstpointer item, gconstpointer context) {
  const Row *row = item;
  (void)context;
  if (row->process != NULL)
    return g_strdup(row->process->command);
  bool is_held = row->host->lock != NULL && row->host->lock->is_held;
  return is_held ? g_strdup("(none that the SSH user may see)") : NULL;
}

static char *state_cell(gconstpointer item, gconstpointer context) {
  const Row *row = item;
  (void)context;
  return row->host != NULL ? state_of(row->host) : NULL;
}

static const TableColumn columns[] = {
    {.title = "HOST", .cell = host_cell},
    {.title = "LOCK", .cell = state_cell},
    {.title = "PID", .cell = pid_cell, .is_number = true},
    {.title = "PROCESS", .cell = process_cell, .may_shrink = true},
    {0},
};

static void add_row(GPtrArray *rows, const UnlockHost *host, const LockProcess *process) {
  Row *row = g_new0(Row, 1);
  *row = (Row){host, process};
  g_ptr_array_add(rows, row);
}

static void show_hosts(GPtrArray *hosts) {
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < hosts->len; i++) {
    const UnlockHost *host = hosts->pdata[i];
    const GPtrArray *processes = host->lock != NULL ? host->lock->processes : NULL;
    add_row(rows, host, processes != NULL && processes->len > 0 ? processes->pdata[0] : NULL);
    for (guint j = 1; processes != NULL && j < processes->len; j++)
      add_row(rows, NULL, processes->pdata[j]);
  }
  g_autofree char *text = table_render(columns, rows, NULL, window_size(STDOUT_FILENO).width);
  (void)fputs(text, stdout);
  (void)fflush(stdout); /* before the question */
}

/* What became of a host that there was something to do on. Caller frees; NULL: nothing was done. */
static char *outcome_of(const UnlockHost *host) {
  if (host->lock_then == NULL)
    return NULL;
  if (host->lock_then->is_held)
    return g_strdup("held");
  return g_strdup(host_lock_is_elsewhere(host->lock) ? "taken over" : "freed");
}

static void show_outcomes(GPtrArray *hosts) {
  for (guint i = 0; i < hosts->len; i++) {
    const UnlockHost *host = hosts->pdata[i];
    g_autofree char *outcome = outcome_of(host);
    if (outcome == NULL)
      continue;
    g_autofree char *ended = count_word(host->lock->processes->len, "process", "processes");
    if (host->problem != NULL)
      (void)printf("%s: %s\n", host->name, host->problem);
    else if (host->lock->is_held)
      (void)printf("%s: %s; %s ended\n", host->name, outcome, ended);
    else
      (void)printf("%s: %s\n", host->name, outcome);
  }
}

/* --- JSON -------------------------------------------------------------------------------------------------
 */

static cJSON *processes_json(const GPtrArray *processes) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < processes->len; i++) {
    const LockProcess *process = processes->pdata[i];
    cJSON *json = cJSON_CreateObject();
    json_set_integer(json, "pid", process->pid);
    json_set_string(json, "command", process->command);
    cJSON_AddItemToArray(array, json);
  }
  return array;
}

static const char *text_or_null(const char *text) {
  return *text != '\0' ? text : NULL;
}

static cJSON *host_json(const UnlockHost *host) {
  cJSON *json = cJSON_CreateObject();
  const HostLock *lock = host->lock;
  g_autofree char *outcome = outcome_of(host);
  json_set_string(json, "name", host->name);
  json_set_string(json, "error", host->problem);
  if (lock != NULL) {
    json_set_boolean(json, "held", lock->is_held);
    json_set_string(json, "holder", lock->is_held ? text_or_null(lock->holder) : NULL);
    json_set_string(json, "since", lock->is_held ? text_or_null(lock->since) : NULL);
    json_set(json, "processes", processes_json(lock->processes));
    json_set_string(json, "machine_id", text_or_null(lock->machine_id));
    json_set_string(json, "belongs_to", text_or_null(lock->owner));
  }
  json_set_string(json, "outcome", outcome);
  return json;
}

static cJSON *unlock_json(const char *environment, GPtrArray *hosts) {
  cJSON *json = cJSON_CreateObject();
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < hosts->len; i++)
    cJSON_AddItemToArray(array, host_json(hosts->pdata[i]));
  json_set_string(json, "environment", environment);
  json_set(json, "hosts", array);
  return json;
}

/* --- the command ------------------------------------------------------------------------------------------
 */

/* What a yes would do. Caller frees. */
static char *question_about(GPtrArray *hosts) {
  g_autoptr(GPtrArray) held = g_ptr_array_new();
  g_autoptr(GPtrArray) elsewhere = g_ptr_array_new();
  for (guint i = 0; i < hosts->len; i++) {
    UnlockHost *host = hosts->pdata[i];
    if (host->lock != NULL && host->lock->is_held)
      g_ptr_array_add(held, host->name);
    if (host->lock != NULL && host_lock_is_elsewhere(host->lock))
      g_ptr_array_add(elsewhere, host->name);
  }
  GString *question = g_string_new(NULL);
  g_autofree char *ending = words_joined(held);
  g_autofree char *taking = words_joined(elsewhere);
  if (ending != NULL)
    g_string_append_printf(
        question, "A deployment that still runs would be cut off. End what holds the lock on %s", ending);
  if (taking != NULL)
    g_string_append_printf(question, "%s the folder of the other machine over on %s",
                           ending != NULL ? ", and take" : "Take", taking);
  g_string_append_c(question, '?');
  return g_string_free(question, FALSE);
}

static bool confirm(const Invocation *invocation, GPtrArray *hosts, GError **error) {
  bool nobody = false;
  g_autofree char *question = question_about(hosts);
  if (reporter_confirm(invocation->reporter, question, &nobody))
    return true;
  if (nobody)
    return fail(error, SLIPWAY_ERROR_REFUSED,
                "unlock needs a yes, and nobody can answer here: add --yes.\n%s", question);
  return fail(error, SLIPWAY_ERROR_REFUSED, "not confirmed; nothing was touched");
}

/* With words the hosts have been shown before the question. */
static bool release(const Invocation *invocation, Unlocking *unlocking, GError **error) {
  GPtrArray *hosts = unlocking_hosts(unlocking);
  if (unlocking_count(unlocking) == 0) {
    reporter_note(invocation->reporter, "%s: there is nothing to unlock", invocation->environment->name);
    return true;
  }
  if (!confirm(invocation, hosts, error))
    return false;
  unlocking_release(unlocking);
  if (wants_words(invocation))
    show_outcomes(hosts);
  return true;
}

static bool run_unlock(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  RolloutRequest request = {.config = invocation->config,
                            .environment = invocation->environment,
                            .reporter = invocation->reporter,
                            .command = invocation->line};
  if (!host_choices_apply(&choices->hosts, invocation->environment, &request, error))
    return false;
  g_autoptr(Unlocking) unlocking = unlocking_new(&request);
  GPtrArray *hosts = unlocking_hosts(unlocking);
  if (wants_words(invocation))
    show_hosts(hosts);
  bool ok = release(invocation, unlocking, error) && unlocking_conclude(unlocking, error);
  if (!wants_words(invocation))
    invocation->document = unlock_json(invocation->environment->name, hosts);
  return ok;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {0},
};
static const Option options[] = {
    {0, OPTION_LIST, "host", "NAME", offsetof(Choices, hosts.only), "only this host; may be repeated"},
    {0},
};
static const Example examples[] = {
    {"unlock prod", "who holds the locks of prod, by which processes? Ends them after a yes"},
    {0},
};
const Command command_unlock = {.name = "unlock",
                                .summary = "show what holds an environment's locks, and end it",
                                .description = "A lock ends with the processes that hold it, so this is only "
                                               "for what hangs: a Compose that outlived its "
                                               "slipway, for instance. Shows each host's lock with its "
                                               "holder and processes (only the SSH user's own can "
                                               "be seen), and after a yes ends them: first politely, then by "
                                               "force. A deployment that still runs looks "
                                               "the same, and would be cut off. Also takes over a folder "
                                               "that came with a copied home folder, and so "
                                               "belongs to another machine. The next deployment says what it "
                                               "finds, and goes on. Locks nothing, writes "
                                               "no history.",
                                .arguments = arguments,
                                .options = options,
                                .choices_size = sizeof(Choices),
                                .needs = NEEDS_CONFIG | NEEDS_HOSTS | MAY_USE_RECORDED_HOSTS,
                                .examples = examples,
                                .run = run_unlock};
