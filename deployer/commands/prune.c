/* `prune`: old releases leave the hosts now, not after the next deployment. */
#include <stdio.h>

#include "deployer/commands/deliver.h"
#include "deployer/commands/rows.h"
#include "deployer/output/table.h"
#include "deployer/output/words.h"
#include "deployer/rollout/retention.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  const char *environment;
  bool dry_run, skip_unreachable;
  LockChoices lock;
} Choices;

/* ---- words -----------------------------------------------------------------------------------------------
 */

static char *host_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const HostPruned *)item)->host);
}

static char *releases_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return number_word(((const HostPruned *)item)->releases->len);
}

static char *files_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return number_word(((const HostPruned *)item)->files->len);
}

static char *leftovers_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return number_word(((const HostPruned *)item)->leftovers->len);
}

static char *images_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return number_word(((const HostPruned *)item)->images->len);
}

/* `context`: whether it is a dry run, which cannot know what images share. */
static char *bytes_cell(gconstpointer item, gconstpointer context) {
  const HostPruned *pruned = item;
  g_autofree char *size = size_for_people(pruned->bytes);
  bool is_bound = *(const bool *)context && pruned->images->len > 0;
  return g_strdup_printf("%s%s", is_bound ? "up to " : "", size);
}

static char *inodes_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return number_word(((const HostPruned *)item)->inodes);
}

static char *problem_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const HostPruned *)item)->problem);
}

static const TableColumn columns[] = {
    {.title = "HOST", .cell = host_cell},
    {.title = "RELEASES", .cell = releases_cell, .is_number = true},
    {.title = "FILES", .cell = files_cell, .is_number = true},
    {.title = "LEFTOVERS", .cell = leftovers_cell, .is_number = true},
    {.title = "IMAGES", .cell = images_cell, .is_number = true},
    {.title = "FREED", .cell = bytes_cell, .is_number = true},
    {.title = "INODES", .cell = inodes_cell, .is_number = true},
    {.title = "PROBLEM", .cell = problem_cell},
    {0},
};

static void list(const char *what, GPtrArray *names) {
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *name = text_printable(names->pdata[i], false);
    (void)printf("  %s %s\n", what, name);
  }
}

static void print_pruned(GPtrArray *hosts, bool is_dry_run) {
  for (guint i = 0; is_dry_run && i < hosts->len; i++) {
    const HostPruned *pruned = hosts->pdata[i];
    (void)printf("%s would lose:\n", pruned->host);
    list("release folder of", pruned->releases);
    list("mounted file or folder", pruned->files);
    list("leftover", pruned->leftovers);
    list("image", pruned->images);
  }
  g_autofree char *table = table_render(columns, hosts, &is_dry_run, 0);
  (void)printf("%s%s", is_dry_run ? "\n" : "", table);
}

/* ---- JSON ------------------------------------------------------------------------------------------------
 */

static cJSON *strings_json(GPtrArray *words) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < words->len; i++)
    cJSON_AddItemToArray(array, cJSON_CreateString(words->pdata[i]));
  return array;
}

static cJSON *pruned_json(const HostPruned *pruned) {
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "name", pruned->host);
  json_set(json, "releases", strings_json(pruned->releases));
  json_set(json, "files", strings_json(pruned->files));
  json_set(json, "leftovers", strings_json(pruned->leftovers));
  json_set(json, "images", strings_json(pruned->images));
  json_set_integer(json, "bytes", pruned->bytes);
  json_set_integer(json, "inodes", pruned->inodes);
  json_set_string(json, "error", pruned->problem);
  return json;
}

static cJSON *prune_json(const Invocation *invocation, GPtrArray *hosts, bool is_dry_run) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < hosts->len; i++)
    cJSON_AddItemToArray(array, pruned_json(hosts->pdata[i]));
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "environment", invocation->environment->name);
  json_set_boolean(json, "dry_run", is_dry_run);
  json_set(json, "hosts", array);
  return json;
}

static bool run_prune(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  RolloutRequest request = {.config = invocation->config,
                            .environment = invocation->environment,
                            .history = invocation->history,
                            .reporter = invocation->reporter,
                            .command = invocation->line,
                            .dry_run = choices->dry_run,
                            .skip_unreachable = choices->skip_unreachable,
                            /* each host is pruned for itself: its own lock is enough */
                            .force = choices->skip_unreachable};
  g_autoptr(GPtrArray) hosts = NULL;
  if (!lock_choices_apply(&choices->lock, &request, error))
    return false;
  bool ok = rollout_prune(&request, &hosts, error);
  reporter_finish(invocation->reporter);
  if (hosts == NULL)
    return ok;
  if (wants_words(invocation))
    print_pruned(hosts, choices->dry_run);
  else
    invocation->document = prune_json(invocation, hosts, choices->dry_run);
  return ok;
}

static const Argument arguments[] = {
    {"ENV", ARGUMENT_ENVIRONMENT, false, offsetof(Choices, environment), "an environment of slipway.yml"},
    {0},
};
static const Option options[] = {
    {0, OPTION_FLAG, "dry-run", NULL, offsetof(Choices, dry_run),
     "only say what would go, and how much it is"},
    {0, OPTION_FLAG, "skip-unreachable", NULL, offsetof(Choices, skip_unreachable),
     "go on without hosts that cannot be reached"},
    LOCK_OPTIONS(offsetof(Choices, lock)),
    {0},
};
static const Example examples[] = {
    {"prune prod --dry-run", "what would go"},
    {"prune prod", "after `retain` was made smaller, or a disk filled up"},
    {0},
};
const Command command_prune = {.name = "prune",
                               .summary = "remove what rollback does not need from an environment's hosts",
                               .description = "Every deployment ends with it; by command it also finds what "
                                              "an interrupted one left. Release folders, mounted "
                                              "files and images beyond `retain` go, of this application and "
                                              "environment only. What runs, what rollback may "
                                              "go back to, what any container mounts or is made of, what "
                                              "another application's release names, and releases "
                                              "that the history does not know all stay.",
                               .arguments = arguments,
                               .options = options,
                               .choices_size = sizeof(Choices),
                               .needs = NEEDS_CONFIG | WRITES_HISTORY | RUNS | NEEDS_HOSTS,
                               .examples = examples,
                               .run = run_prune};
