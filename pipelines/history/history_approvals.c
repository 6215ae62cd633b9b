/* Approvals: who agreed to which release in which environment. Nobody withdraws one: `hold` is for that. */
#include "pipelines/history/history_private.h"

#include <string.h>

#include "support/poison.h"

#define COLUMNS "id, environment, release, person, actor, claimed, reason, approved_at"

void approval_free(Approval *approval) {
  if (approval == NULL)
    return;
  g_free(approval->environment);
  g_free(approval->person);
  g_free(approval->actor);
  g_free(approval->reason);
  g_free(approval);
}

/* "anna@laptop", "Anna" and "anna" are one: nobody shall be two people by changing the machine. */
static char *person_key(const char *person) {
  g_autofree char *name = g_strndup(person, strcspn(person, "@"));
  return g_utf8_casefold(*name != '\0' ? name : person, -1);
}

bool person_is_same(const char *a, const char *b) {
  g_autofree char *left = person_key(a);
  g_autofree char *right = person_key(b);
  return g_str_equal(left, right);
}

static gpointer approval_from_row(Query *query) {
  Approval *approval = g_new0(Approval, 1);
  approval->id = column_integer(query);
  approval->environment = column_text(query);
  approval->release = column_integer(query);
  approval->person = column_text(query);
  approval->actor = column_text(query);
  approval->is_claimed = column_integer(query) != 0;
  approval->reason = column_text(query);
  approval->approved_at = column_integer(query);
  return approval;
}

#define SELECT_APPROVALS "SELECT " COLUMNS " FROM approval WHERE environment = "
#define AND_RELEASE      " AND release = coalesce(?, release) ORDER BY id"

/* Inside a transaction. */
static bool select_approvals(History *history, const char *environment, gint64 release, GPtrArray **approvals,
                             GError **error) {
  g_auto(Query) query = {0};
  /* An index serves a column only where the query names its value. */
  const char *sql = environment == NULL ? SELECT_APPROVALS "coalesce(?, environment)" AND_RELEASE
                    : release == 0      ? SELECT_APPROVALS "?" AND_RELEASE
                                        : SELECT_APPROVALS "? AND release = ? ORDER BY id";
  if (!query_prepare(history, sql, &query, error))
    return false;
  query_text(&query, environment);
  query_id(&query, release);
  return query_list(&query, approval_from_row, (GDestroyNotify)approval_free, approvals, error);
}

static bool insert_approval(History *history, const Approval *approval, GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(
          history,
          "INSERT INTO approval (environment, release, person, actor, claimed, reason, approved_at)"
          " VALUES (?, ?, ?, ?, ?, ?, ?)",
          &query, error))
    return false;
  query_text(&query, approval->environment);
  query_integer(&query, approval->release);
  query_text(&query, approval->person);
  query_text(&query, approval->actor);
  query_integer(&query, approval->is_claimed);
  query_text(&query, approval->reason);
  query_integer(&query, approval->approved_at);
  return query_run(&query, error);
}

static Approval *steal_of_person(GPtrArray *approvals, const char *person) {
  for (guint i = 0; i < approvals->len; i++)
    if (person_is_same(((const Approval *)approvals->pdata[i])->person, person))
      return g_ptr_array_steal_index(approvals, i);
  return NULL;
}

bool history_add_approval(History *history, Approval *approval, bool *existed, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_autoptr(GPtrArray) others = NULL;
  if (!transaction_begin(history, &transaction, error) ||
      !select_approvals(history, approval->environment, approval->release, &others, error))
    return false;
  g_autoptr(Approval) recorded = steal_of_person(others, approval->person);
  *existed = recorded != NULL;
  if (recorded != NULL) {
    const Approval given = *approval;
    *approval = *recorded;
    *recorded = given;
    return true;
  }
  Approval row = *approval;
  row.approved_at = approval->approved_at != 0 ? approval->approved_at : g_get_real_time();
  if (!insert_approval(history, &row, error))
    return false;
  row.id = sqlite3_last_insert_rowid(history->db);
  if (!transaction_commit(&transaction, error))
    return false;
  *approval = row;
  return true;
}

bool history_list_approvals(History *history, const char *environment, gint64 release, GPtrArray **approvals,
                            GError **error) {
  g_auto(Transaction) transaction = {0};
  transaction_read(history, &transaction);
  return select_approvals(history, environment, release, approvals, error);
}

bool history_list_approvals_since(History *history, const char *environment, gint64 oldest,
                                  GPtrArray **approvals, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  transaction_read(history, &transaction);
  if (oldest == 0)
    return select_approvals(history, environment, 0, approvals, error);
  if (!query_prepare(history,
                     SELECT_APPROVALS "? AND release IN (SELECT r.id FROM release r WHERE (" AGE(
                         "r") ") >="
                              " (SELECT " AGE("o") " FROM release o WHERE o.id = ?)) ORDER BY id",
                     &query, error))
    return false;
  query_text(&query, environment);
  query_integer(&query, oldest);
  return query_list(&query, approval_from_row, (GDestroyNotify)approval_free, approvals, error);
}
