/* Opening the history: for writing (created, migrated), or for reading with whatever permissions there are.
 */
#include "pipelines/history/history_private.h"

#include "support/errors.h"
#include "support/poison.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 60000
/* What the -wal may grow to (SQLite begins it anew after 1,000 pages), and what is set aside for it. */
#define WAL_BYTES (4 << 20)
/* Up to this size all of the file is checked each time that it is opened for writing: some 10 ms. */
#define CHECKED_ALWAYS_PAGES 1024
#define CHECKED_EVERY        G_TIME_SPAN_DAY

typedef struct {
  unsigned long type; /* statfs(2) f_type; linux/magic.h lacks half of them */
  const char *name;
} FileSystem;

static const FileSystem network_file_systems[] = {
    {0x6969, "NFS"},        {0x517b, "SMB"},       {0xff534d42, "CIFS"},  {0xfe534d42, "SMB2"},
    {0x01021997, "9p"},     {0x65735546, "FUSE"},  {0x00c36400, "Ceph"},  {0x5346414f, "AFS"},
    {0x6b414653, "kAFS"},   {0x73757245, "Coda"},  {0x564c, "NCP"},       {0x0bd00bd0, "Lustre"},
    {0x01161970, "GFS2"},   {0x7461636f, "OCFS2"}, {0x47504653, "GPFS"},  {0x786f4256, "VirtualBox"},
    {0xbacbacbc, "VMware"}, {0x013111a8, "IBRIX"}, {0xaad7aaea, "PanFS"}, {0x19830326, "BeeGFS"},
};

const char *network_file_system_name(unsigned long type) {
  for (gsize i = 0; i < G_N_ELEMENTS(network_file_systems); i++)
    if (network_file_systems[i].type == (type & 0xffffffffUL))
      return network_file_systems[i].name;
  return NULL;
}

/* Of the nearest folder that exists: the file itself may not yet. */
static const char *network_file_system_of(const char *file) {
  g_autofree char *place = g_strdup(file);
  struct statfs about;
  while (statfs(place, &about) != 0) {
    if (g_str_equal(place, "/"))
      return NULL;
    g_autofree char *inner = g_steal_pointer(&place);
    place = g_path_get_dirname(inner);
  }
  return network_file_system_name((unsigned long)about.f_type);
}

static void finalize_statement(void *statement) {
  sqlite3_finalize(statement);
}

static History *history_new(const char *path, int busy_timeout_ms) {
  History *history = g_new0(History, 1);
  history->busy_timeout_ms = busy_timeout_ms;
  history->path = g_strdup(path);
  history->file = g_canonicalize_filename(path, NULL);
  history->statements = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, finalize_statement);
  g_mutex_init(&history->mutex);
  return history;
}

static void close_database(History *history) {
  g_hash_table_remove_all(history->statements);
  sqlite3_close(history->db);
  history->db = NULL;
}

void history_free(History *history) {
  if (history == NULL)
    return;
  close_database(history);
  g_hash_table_unref(history->statements);
  g_mutex_clear(&history->mutex);
  g_free(history->path);
  g_free(history->file);
  g_free(history->note);
  g_free(history);
}

const char *history_note(const History *history) {
  return history->note;
}

static bool open_database(History *history, const char *name, int flags, GError **error) {
  int code = sqlite3_open_v2(name, &history->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (code != SQLITE_OK)
    return history_fail_sqlite(history, code, error);
  sqlite3_busy_timeout(history->db, history->busy_timeout_ms);
  return true;
}

/* ---- for writing
 * ------------------------------------------------------------------------------------------------------ */

static bool may_write(const char *path) {
  return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static char *side_file(const History *history, const char *suffix) {
  return g_strconcat(history->file, suffix, NULL);
}

/* -1 when there is none. */
static gint64 side_file_size(const History *history, const char *suffix) {
  g_autofree char *name = side_file(history, suffix);
  struct stat about;
  return stat(name, &about) == 0 ? about.st_size : -1;
}

/* SQLite would fall back to reading, or say less. Before it has the file: closing a descriptor lets go of the
 * process's locks. */
static bool create_or_find_writable(const History *history, GError **error) {
  g_autofree char *folder = g_path_get_dirname(history->file);
  if (g_mkdir_with_parents(folder, 0700) != 0)
    return history_fail(history, error, "its folder cannot be made: %s", g_strerror(errno));
  int descriptor = open(history->file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return history_fail(
        history, error,
        "it cannot be written: %s; this user must be allowed to write the file and its folder, "
        "and the file system must be writable",
        g_strerror(errno));
  close(descriptor);
  bool has_side_files = side_file_size(history, "-wal") >= 0 && side_file_size(history, "-shm") >= 0;
  return has_side_files || may_write(folder) ||
         history_fail(history, error,
                      "its folder cannot be written: %s; this user must be allowed to write the file and its "
                      "folder, and the file system must be writable",
                      g_strerror(errno));
}

/* With the -wal and -shm files left in place (the former empty), users who may only read can read while
 * others write. */
static void keep_side_files(History *history) {
  int keep = 1;
  sqlite3_file_control(history->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
}

/* Changing the mode needs the file alone, and SQLite does not wait for that itself: two first users may meet
 * here. */
static bool set_journal_mode(History *history, const char *mode, GError **error) {
  g_autofree char *sql = g_strdup_printf("PRAGMA journal_mode = %s", mode);
  gint64 deadline = g_get_monotonic_time() + history->busy_timeout_ms * G_TIME_SPAN_MILLISECOND;
  for (;;) {
    int code = sqlite3_exec(history->db, sql, NULL, NULL, NULL);
    if ((code & 0xff) != SQLITE_BUSY || g_get_monotonic_time() > deadline)
      return code == SQLITE_OK || history_fail_sqlite(history, code, error);
    g_usleep(10 * G_TIME_SPAN_MILLISECOND);
  }
}

/* A disk that fills while a deployment runs must not take its record away: the blocks that the -wal may need
 * are taken now, beyond its end, and go when what was written is brought into the file. Not every file system
 * can; then there is nothing to be had. */
static bool set_room_aside(const History *history, GError **error) {
  g_autofree char *wal = side_file(history, "-wal");
  int descriptor = open(wal, O_RDWR | O_CLOEXEC); /* SQLite has no locks on this one */
  if (descriptor < 0)
    return true;
  int problem = fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, WAL_BYTES) == 0 ? 0 : errno;
  close(descriptor);
  if (problem != ENOSPC && problem != EDQUOT)
    return true;
  return history_fail(history, error,
                      "%s, and recording needs %d MB: free some space there and run the command again",
                      g_strerror(problem), WAL_BYTES >> 20);
}

static bool check_whole(History *history, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_autofree char *found = NULL;
  transaction_read(history, &transaction);
  if (!history_pragma(history, "PRAGMA quick_check(1)", &found, error))
    return false;
  return g_strcmp0(found, "ok") == 0 || history_fail_damaged(history, found, error);
}

static bool read_one(History *history, const char *sql, gint64 *number, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  bool has_row = false;
  transaction_read(history, &transaction);
  if (!query_prepare(history, sql, &query, error) || !query_next(&query, &has_row, error))
    return false;
  *number = has_row ? column_integer(&query) : 0;
  return true;
}

static bool note_checked(History *history, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  if (!transaction_begin(history, &transaction, error) ||
      !query_prepare(history, "INSERT OR REPLACE INTO checked (id, at) VALUES (1, ?)", &query, error))
    return false;
  query_integer(&query, g_get_real_time());
  return query_run(&query, error) && transaction_commit(&transaction, error);
}

bool history_check_holds(gint64 checked, gint64 now, gint64 boot) {
  return checked != 0 && checked >= boot && ABS(now - checked) < CHECKED_EVERY;
}

static gint64 boot_time(void) {
  struct timespec up = {0}; /* time asleep counts, unlike in g_get_monotonic_time */
  (void)clock_gettime(CLOCK_BOOTTIME, &up);
  return g_get_real_time() - (up.tv_sec * G_TIME_SPAN_SECOND + up.tv_nsec / 1000);
}

/* Damage is better found now than by the deployment that comes to the page. All pages of a long history take
 * seconds, though: those are read once a day, and after the machine began anew, since nothing tears a page
 * like a loss of power; in between SQLite says what it meets. */
static bool make_ready(History *history, bool is_current, GError **error) {
  gint64 pages = 0, checked = 0; /* 0: not known to be */
  if (!read_one(history, "PRAGMA page_count", &pages, error))
    return false;
  bool is_long = pages > CHECKED_ALWAYS_PAGES;
  if (is_long && is_current && !read_one(history, "SELECT at FROM checked", &checked, error))
    return false;
  if (history_check_holds(checked, g_get_real_time(), boot_time()))
    return set_room_aside(history, error);
  return check_whole(history, error) && history_migrate(history, error) && set_room_aside(history, error) &&
         (!is_long || note_checked(history, error));
}

static void remember_identity(History *history) {
  struct stat about;
  history->is_known = stat(history->file, &about) == 0;
  history->device = about.st_dev;
  history->inode = about.st_ino;
}

static bool set_up_writing(History *history, const char *mode, GError **error) {
  g_autofree char *settings = g_strdup_printf(
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = %d", WAL_BYTES);
  return set_journal_mode(history, mode, error) && history_execute(history, settings, error);
}

static bool open_for_writing(History *history, const char *network, GError **error) {
  bool is_current = false;
  if (!create_or_find_writable(history, error) ||
      !open_database(history, history->file, SQLITE_OPEN_READWRITE, error) ||
      !history_check_version(history, &is_current, error))
    return false;
  if (sqlite3_db_readonly(history->db, "main") == 1)
    return history_fail(history, error, "this user must be allowed to write the file and its folder");
  if (network != NULL)
    history->note =
        g_strdup_printf("%s is on a network file system (%s): writing is slower and safe only as far as "
                        "its locks are; a local disk is better",
                        history->path, network);
  if (!set_up_writing(history, network != NULL ? "DELETE" : "WAL", error))
    return false;
  keep_side_files(history);
  remember_identity(history);
  return make_ready(history, is_current, error);
}

/* ---- for reading
 * ------------------------------------------------------------------------------------------------------ */

static bool may_write_file_and_folder(const History *history) {
  g_autofree char *folder = g_path_get_dirname(history->file);
  return may_write(history->file) && may_write(folder);
}

/* The file format's read version (offset 19) is 2 for WAL. */
static bool is_in_wal_mode(const char *file) {
  int descriptor = open(file, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return false;
  guint8 version = 0;
  bool is_wal = pread(descriptor, &version, 1, 19) == 1 && version == 2;
  close(descriptor);
  return is_wal;
}

static bool open_immutable(History *history, GError **error) {
  g_autofree char *escaped = g_uri_escape_string(history->file, "/", FALSE);
  g_autofree char *name = g_strdup_printf("file://%s?immutable=1", escaped);
  return open_database(history, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error);
}

/* SQLite must share memory (-shm) even to read a WAL database. Who may write does so as usual and cleans up
 * after; who may not uses the files that a writer left, or, when no change is waiting in a -wal, reads the
 * file as one that stands still. */
static bool open_as_permitted(History *history, GError **error) {
  gint64 wal = side_file_size(history, "-wal");
  bool has_shared_memory = side_file_size(history, "-shm") >= 0;
  if (may_write_file_and_folder(history)) {
    if (!open_database(history, history->file, SQLITE_OPEN_READWRITE, error))
      return false;
    if (wal >= 0)
      keep_side_files(history);
    return true;
  }
  if (!is_in_wal_mode(history->file) || (wal >= 0 && has_shared_memory))
    return open_database(history, history->file, SQLITE_OPEN_READONLY, error);
  if (wal > 0)
    return history_fail(history, error,
                        "%s-wal holds changes that only a user who may write the folder can bring in: "
                        "run `slipway status` once as that user",
                        history->path);
  return open_immutable(history, error);
}

static bool open_in_memory(History *history, GError **error) {
  return open_database(history, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
}

/* An older file is read as a copy in memory that is brought up to date. */
static bool read_as_copy(History *history, GError **error) {
  g_autoptr(History) older = history_new(history->path, history->busy_timeout_ms);
  g_hash_table_remove_all(history->statements);
  older->db = g_steal_pointer(&history->db);
  if (!open_in_memory(history, error))
    return false;
  sqlite3_backup *backup = sqlite3_backup_init(history->db, "main", older->db, "main");
  g_assert(backup != NULL);
  int code = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE)
    return history_fail_sqlite(older, code, error);
  return history_migrate(history, error);
}

static bool open_for_reading(History *history, bool exists, GError **error) {
  bool is_current = false;
  if (exists ? !open_as_permitted(history, error) : !open_in_memory(history, error))
    return false;
  if (!history_check_version(history, &is_current, error))
    return false;
  if (!is_current && !(exists ? read_as_copy(history, error) : history_migrate(history, error)))
    return false;
  return history_execute(history, "PRAGMA query_only = ON", error);
}

/* SQLite takes a -wal with a wrong beginning for an empty one, and what was in it would be lost without a
 * word. One that a crash cut short is empty or zeros there. */
static bool check_wal(const History *history, GError **error) {
  static const guint8 magic[] = {0x37, 0x7f, 0x06}; /* then 0x82 or 0x83 */
  static const guint8 nothing[sizeof magic] = {0};
  guint8 found[sizeof magic] = {0};
  g_autofree char *wal = side_file(history, "-wal");
  int descriptor = open(wal, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return true;
  ssize_t length = read(descriptor, found, sizeof found);
  close(descriptor);
  if (length != sizeof found || memcmp(found, magic, sizeof magic) == 0 ||
      memcmp(found, nothing, sizeof nothing) == 0)
    return true;
  return history_fail(history, error,
                      "%s-wal beside it is damaged, and may hold what is not in the file yet: move the -wal "
                      "away, then `slipway history import ENV` brings back what the hosts know",
                      history->path);
}

bool history_open_on(const char *path, HistoryMode mode, const char *network_file_system, int busy_timeout_ms,
                     History **history, GError **error) {
  g_autoptr(History) opened = history_new(path, busy_timeout_ms);
  struct stat about;
  bool exists = stat(opened->file, &about) == 0;
  if (!exists && errno != ENOENT)
    return history_fail(opened, error, "%s", g_strerror(errno));
  if (exists && !S_ISREG(about.st_mode))
    return history_fail(opened, error, "this is %s, not a file; name a file with --history",
                        S_ISDIR(about.st_mode) ? "a folder" : "something special");
  if (exists && !check_wal(opened, error))
    return false;
  if (!(mode == HISTORY_WRITE ? open_for_writing(opened, network_file_system, error)
                              : open_for_reading(opened, exists, error)))
    return false;
  *history = g_steal_pointer(&opened);
  return true;
}

bool history_open(const char *path, HistoryMode mode, History **history, GError **error) {
  g_autofree char *file = g_canonicalize_filename(path, NULL);
  return history_open_on(path, mode, network_file_system_of(file), BUSY_TIMEOUT_MS, history, error);
}
