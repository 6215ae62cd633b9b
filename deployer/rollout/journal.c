/* Reading journals, and putting their deployments into one order. */
#include "deployer/rollout/journal.h"

#include <string.h>

#include "pipelines/history/history.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum { UID_LENGTH = 26, SHA256_LENGTH = 64, COMPLAINTS_SHOWN = 3, NAME_CAP = 255 };

static bool has_form(const char *text, gsize length, const char *letters) {
  return text != NULL && strlen(text) == length && strspn(text, letters) == length;
}

bool is_unique_id(const char *text) {
  return has_form(text, UID_LENGTH, "0123456789abcdefghijklmnopqrstuvwxyz");
}

bool is_sha256(const char *text) {
  return has_form(text, SHA256_LENGTH, "0123456789abcdef");
}

static void journal_host_free(JournalHost *host) {
  g_free(host->host);
  g_free(host->problem);
  g_free(host->snapshot);
  g_free(host);
}

void journal_entry_free(JournalEntry *entry) {
  if (entry == NULL)
    return;
  g_free(entry->uid);
  g_clear_pointer(&entry->line, cJSON_Delete);
  g_ptr_array_unref(entry->hosts);
  g_free(entry);
}

/* ---- reading ---------------------------------------------------------------------------------------------
 */

typedef struct {
  const char *app, *environment;
  GHashTable *by_uid; /* -> JournalEntry, borrowed */
  GPtrArray **queues; /* a journal's: JournalEntry, in order, borrowed */
  GPtrArray *entries; /* owns them */
} Reading;

static JournalEntry *find_entry(Reading *reading, const char *uid) {
  JournalEntry *entry = g_hash_table_lookup(reading->by_uid, uid);
  if (entry != NULL)
    return entry;
  entry = g_new0(JournalEntry, 1);
  entry->uid = g_strdup(uid);
  entry->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)journal_host_free);
  g_hash_table_insert(reading->by_uid, entry->uid, entry);
  g_ptr_array_add(reading->entries, entry);
  return entry;
}

/* Journals are read one after the other, so this one's host is the last, if it is there. */
static JournalHost *find_host(Reading *reading, JournalEntry *entry, guint journal, const char *name) {
  JournalHost *last = entry->hosts->len > 0 ? entry->hosts->pdata[entry->hosts->len - 1] : NULL;
  if (last != NULL && last->journal == journal)
    return last;
  JournalHost *host = g_new0(JournalHost, 1);
  host->journal = journal;
  host->position = reading->queues[journal]->len;
  host->host = name != NULL && *name != '\0' && strlen(name) <= NAME_CAP ? text_printable(name, false) : NULL;
  g_ptr_array_add(entry->hosts, host);
  g_ptr_array_add(reading->queues[journal], entry);
  return host;
}

/* The intent says most; of a later deployment's journal, one line may be all that is left. */
static void keep_line(JournalEntry *entry, cJSON *line) {
  bool says_more = json_object(line, "release") != NULL && json_object(entry->line, "release") == NULL;
  if (entry->line != NULL && !says_more) {
    cJSON_Delete(line);
    return;
  }
  g_clear_pointer(&entry->line, cJSON_Delete);
  entry->line = line;
}

static gint64 time_of(const cJSON *line) {
  const char *text = json_string(line, "at");
  gint64 time = 0;
  return text != NULL && time_parse(text, &time) ? time : 0;
}

static void keep_problem(JournalHost *host, const char *problem) {
  g_free(host->problem);
  host->problem = problem != NULL ? text_printable(problem, true) : NULL;
}

static void keep_snapshot(JournalHost *host, const char *snapshot) {
  if (snapshot == NULL)
    return;
  g_free(host->snapshot);
  host->snapshot = g_strdup(snapshot);
}

/* Takes `line`. */
static void add_line(Reading *reading, guint journal, cJSON *line) {
  JournalEntry *entry = find_entry(reading, json_string(line, "deployment"));
  JournalHost *host = find_host(reading, entry, journal, json_string(line, "host"));
  const char *outcome = json_string(line, "outcome");
  gint64 time = time_of(line);
  keep_snapshot(host, json_string(line, "snapshot"));
  if (g_str_equal(outcome, "intent")) {
    host->has_succeeded = host->has_restored = false;
    host->is_touched = true;
  } else {
    host->has_succeeded = g_str_equal(outcome, "succeeded");
    host->has_restored = !host->has_succeeded;
    host->is_touched = json_boolean(line, "touched", true);
    keep_problem(host, json_string(line, "error"));
  }
  if (time != 0 && (entry->begun_at == 0 || time < entry->begun_at))
    entry->begun_at = time;
  entry->ended_at = MAX(entry->ended_at, time);
  keep_line(entry, line);
}

/* NULL, or why the line is left out. Caller frees. */
static char *objection(const Reading *reading, const cJSON *line) {
  static const char *const outcomes[] = {"intent", "succeeded", "restored", NULL};
  const char *app = json_string(line, "app"), *environment = json_string(line, "environment");
  const char *outcome = json_string(line, "outcome");
  DeploymentKind kind;
  if (!is_unique_id(json_string(line, "deployment")))
    return g_strdup("names no deployment");
  if (g_strcmp0(app, reading->app) != 0 || g_strcmp0(environment, reading->environment) != 0)
    return g_strdup_printf("is of %s--%s", app != NULL ? app : "?", environment != NULL ? environment : "?");
  if (outcome == NULL || !g_strv_contains(outcomes, outcome) ||
      !deployment_kind_parse(json_string(line, "kind"), &kind))
    return g_strdup("says what this slipway does not know");
  return NULL;
}

/* A line that was cut off (a full disk) is continued by the next one: that may be whole. */
static cJSON *parse_line(const char *text) {
  cJSON *line = NULL;
  const char *start = g_strrstr(text, "{\"deployment\":");
  if (json_parse(text, strlen(text), "", &line, NULL) ||
      (start != NULL && json_parse(start, strlen(start), "", &line, NULL)))
    return line;
  return NULL;
}

static void read_journal(Reading *reading, const Journal *journal, guint index, JournalComplaint complain,
                         void *data) {
  g_auto(GStrv) lines = g_strsplit(journal->text, "\n", -1);
  guint objections = 0;
  for (guint i = 0; lines[i] != NULL; i++) {
    if (*lines[i] == '\0')
      continue;
    cJSON *line = parse_line(lines[i]);
    g_autofree char *why = line == NULL ? g_strdup("cannot be read") : objection(reading, line);
    if (why == NULL) {
      add_line(reading, index, line);
      continue;
    }
    cJSON_Delete(line);
    g_autofree char *printable = text_printable(why, false);
    g_autofree char *words =
        g_strdup_printf("%s: line %u of its journal %s; it is left out%s", journal->host, i + 1, printable,
                        objections + 1 == COMPLAINTS_SHOWN ? ", as may be others" : "");
    if (++objections <= COMPLAINTS_SHOWN)
      complain(words, data);
  }
}

/* ---- one order -------------------------------------------------------------------------------------------
 */

/* Every journal that has it has nothing before it that is still to come. */
static bool is_next_everywhere(const JournalEntry *entry, const guint *heads) {
  for (guint i = 0; i < entry->hosts->len; i++) {
    const JournalHost *host = entry->hosts->pdata[i];
    if (host->position != heads[host->journal])
      return false;
  }
  return true;
}

/* Journals that contradict each other leave nothing that is next everywhere: then time alone decides. */
static JournalEntry *choose_next(const Reading *reading, guint count, const guint *heads) {
  JournalEntry *best = NULL;
  bool is_best_free = false;
  for (guint i = 0; i < count; i++) {
    if (heads[i] >= reading->queues[i]->len)
      continue;
    JournalEntry *entry = reading->queues[i]->pdata[heads[i]];
    bool is_free = is_next_everywhere(entry, heads);
    if (best == NULL || (is_free && !is_best_free) ||
        (is_free == is_best_free && entry->begun_at < best->begun_at)) {
      best = entry;
      is_best_free = is_free;
    }
  }
  return best;
}

static void skip_taken(const Reading *reading, guint count, GHashTable *taken, guint *heads) {
  for (guint i = 0; i < count; i++)
    while (heads[i] < reading->queues[i]->len &&
           g_hash_table_contains(taken, reading->queues[i]->pdata[heads[i]]))
      heads[i]++;
}

static GPtrArray *put_in_order(Reading *reading, guint count) {
  GPtrArray *ordered = g_ptr_array_new_with_free_func((GDestroyNotify)journal_entry_free);
  g_autoptr(GHashTable) taken = g_hash_table_new(NULL, NULL);
  g_autofree guint *heads = g_new0(guint, MAX(count, 1));
  for (JournalEntry *next; (next = choose_next(reading, count, heads)) != NULL;) {
    g_hash_table_add(taken, next);
    g_ptr_array_add(ordered, next);
    skip_taken(reading, count, taken, heads);
  }
  return ordered;
}

GPtrArray *journals_merge(const Journal *journals, guint count, const char *app, const char *environment,
                          JournalComplaint complain, void *data) {
  g_autoptr(GHashTable) by_uid = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GPtrArray) entries = g_ptr_array_new();
  g_autofree GPtrArray **queues = g_new0(GPtrArray *, MAX(count, 1));
  Reading reading = {
      .app = app, .environment = environment, .by_uid = by_uid, .queues = queues, .entries = entries};
  for (guint i = 0; i < count; i++) {
    queues[i] = g_ptr_array_new();
    read_journal(&reading, &journals[i], i, complain, data);
  }
  GPtrArray *ordered = put_in_order(&reading, count);
  for (guint i = 0; i < count; i++)
    g_ptr_array_unref(queues[i]);
  return ordered;
}
