/* The tables. A change is a new row at the end of `migrations`; rows that were released stay as they are. */
#include "pipelines/history/history_private.h"

#include "support/poison.h"

/* application_id of the file: "slpy". */
#define APPLICATION_ID 0x736c7079

/* migrations[N] takes a file from user_version N to N + 1. */
static const char *const migrations[] = {
    "CREATE TABLE release ("
    "  id INTEGER PRIMARY KEY,"
    "  uid TEXT NOT NULL UNIQUE,"
    "  version TEXT NOT NULL UNIQUE,"
    "  revision TEXT,"
    "  committed_at INTEGER NOT NULL,"
    "  created_at INTEGER NOT NULL,"
    "  build_url TEXT"
    ") STRICT;"
    "CREATE TABLE release_image ("
    "  release INTEGER NOT NULL REFERENCES release (id),"
    "  name TEXT NOT NULL,"
    "  reference TEXT NOT NULL,"
    "  PRIMARY KEY (release, name)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE pin ("
    "  release INTEGER NOT NULL REFERENCES release (id),"
    "  image TEXT NOT NULL,"
    "  reference TEXT NOT NULL,"
    "  environment TEXT NOT NULL," /* where it was met first */
    "  pinned_at INTEGER NOT NULL,"
    "  PRIMARY KEY (release, image)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE blob ("
    "  sha256 TEXT PRIMARY KEY NOT NULL,"
    "  bytes BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE deployment ("
    "  id INTEGER PRIMARY KEY,"
    "  uid TEXT NOT NULL UNIQUE,"
    "  environment TEXT NOT NULL,"
    "  release INTEGER REFERENCES release (id),"
    "  kind TEXT NOT NULL,"
    "  status TEXT NOT NULL,"
    "  exit_code INTEGER NOT NULL,"
    "  restores INTEGER REFERENCES deployment (id),"
    "  leaves INTEGER REFERENCES deployment (id),"
    "  move TEXT NOT NULL,"
    "  actor TEXT,"
    "  reason TEXT,"
    "  build_url TEXT,"
    "  config_revision TEXT,"
    "  forced INTEGER NOT NULL,"
    "  config_dirty INTEGER NOT NULL,"
    "  touched INTEGER NOT NULL,"
    "  started_at INTEGER NOT NULL,"
    "  finished_at INTEGER NOT NULL,"
    "  images TEXT,"
    "  content TEXT,"
    "  snapshot TEXT REFERENCES blob (sha256),"
    "  message TEXT,"
    "  controller TEXT"
    ") STRICT;"
    "CREATE INDEX deployment_environment ON deployment (environment, id);"
    "CREATE TABLE deployment_host ("
    "  deployment INTEGER NOT NULL REFERENCES deployment (id),"
    "  position INTEGER NOT NULL,"
    "  name TEXT NOT NULL,"
    "  address TEXT,"
    "  status TEXT NOT NULL,"
    "  runs TEXT,"
    "  error TEXT,"
    "  PRIMARY KEY (deployment, position),"
    "  UNIQUE (deployment, name)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE step ("
    "  id INTEGER PRIMARY KEY,"
    "  deployment INTEGER NOT NULL REFERENCES deployment (id),"
    "  host TEXT,"
    "  step TEXT NOT NULL,"
    "  status TEXT NOT NULL,"
    "  started_at INTEGER NOT NULL,"
    "  finished_at INTEGER NOT NULL,"
    "  detail TEXT"
    ") STRICT;"
    "CREATE INDEX step_deployment ON step (deployment, id);",
    "CREATE TABLE hold ("
    "  id INTEGER PRIMARY KEY,"
    "  environment TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  since INTEGER NOT NULL,"
    "  lifted_at INTEGER NOT NULL," /* 0: in force */
    "  lifted_by TEXT"
    ") STRICT;"
    "CREATE INDEX hold_environment ON hold (environment, id);",
    /* Deployments in the order in which they ended. */
    "ALTER TABLE deployment ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;" /* 0: has not ended */
    "UPDATE deployment SET sequence = id WHERE status <> 'running';"
    "DROP INDEX deployment_environment;"
    "CREATE INDEX deployment_environment ON deployment (environment, sequence = 0, sequence, id);"
    "CREATE INDEX deployment_order ON deployment (sequence = 0, sequence, id);",
    "CREATE TABLE approval ("
    "  id INTEGER PRIMARY KEY,"
    "  environment TEXT NOT NULL,"
    "  release INTEGER NOT NULL REFERENCES release (id),"
    "  person TEXT NOT NULL,"
    "  actor TEXT NOT NULL,"      /* who recorded it: the person, or a build */
    "  claimed INTEGER NOT NULL," /* 1: the actor says that it was that person */
    "  reason TEXT,"
    "  approved_at INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX approval_release ON approval (environment, release);"
    /* What a task wrote, secrets redacted; long ones lose their middle. */
    "CREATE TABLE output ("
    "  step INTEGER PRIMARY KEY REFERENCES step (id),"
    "  text TEXT NOT NULL,"
    "  lost INTEGER NOT NULL" /* bytes that were left out */
    ") STRICT;",
    /* What is asked of long histories: what a release did in an environment, what was rolled back there, the
     * newest releases; and when all of the file was last found to be whole. */
    "CREATE INDEX deployment_release ON deployment (environment, release);"
    "CREATE INDEX deployment_leaves ON deployment (environment, leaves) WHERE leaves IS NOT NULL;"
    "CREATE INDEX release_age ON release (created_at, uid);"
    "CREATE TABLE checked ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  at INTEGER NOT NULL"
    ") STRICT;",
};

static bool read_number(History *history, const char *sql, gint64 *number, GError **error) {
  g_auto(Query) query = {0};
  bool has_row = false;
  if (!query_prepare(history, sql, &query, error) || !query_next(&query, &has_row, error))
    return false;
  *number = has_row ? column_integer(&query) : 0;
  return true;
}

/* In this order: another process may be making the tables, and marks the file as ours in the same
 * transaction. */
static bool read_version(History *history, gint64 *version, GError **error) {
  gint64 application, tables;
  if (!read_number(history, "SELECT count(*) FROM sqlite_schema", &tables, error) ||
      !read_number(history, "PRAGMA user_version", version, error) ||
      !read_number(history, "PRAGMA application_id", &application, error))
    return false;
  if (application != APPLICATION_ID && (tables > 0 || *version > 0))
    return history_fail(
        history, error,
        "this is a database of another program; name another file with --history, or move it away");
  return true;
}

bool history_check_version(History *history, bool *is_current, GError **error) {
  gint64 version;
  if (!read_version(history, &version, error))
    return false;
  if (version < 0 || version > (gint64)G_N_ELEMENTS(migrations))
    return history_fail(history, error,
                        "written by a newer slipway (schema %" G_GINT64_FORMAT
                        ", this one knows up to %u); use that one",
                        version, (guint)G_N_ELEMENTS(migrations));
  *is_current = version == (gint64)G_N_ELEMENTS(migrations);
  return true;
}

bool history_migrate(History *history, GError **error) {
  bool is_current = false;
  if (!history_check_version(history, &is_current, error))
    return false;
  if (is_current)
    return true;
  g_auto(Transaction) transaction = {0};
  gint64 version;
  /* Again under the lock: another process may have been faster. */
  if (!transaction_begin(history, &transaction, error) || !read_version(history, &version, error))
    return false;
  for (gsize next = (gsize)version; next < G_N_ELEMENTS(migrations); next++)
    if (!history_execute(history, migrations[next], error))
      return false;
  g_autofree char *mark = g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %u",
                                          APPLICATION_ID, (guint)G_N_ELEMENTS(migrations));
  return history_execute(history, mark, error) && transaction_commit(&transaction, error);
}
