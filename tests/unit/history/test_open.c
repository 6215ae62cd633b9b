/* Opening a history: new, absent, unwritable, damaged, foreign, newer, on a full disk, from two processes. */
#include "fixture.h"

#include "pipelines/history/history_private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(open, .init = folder_make, .fini = folder_remove, .timeout = 120);

static void assert_not_opened(HistoryMode mode, const char *fragment) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = NULL;
  cr_assert_not(history_open(path, mode, &history, &error));
  cr_assert_not_null(strstr(error->message, path), "%s", error->message);
  assert_error(&error, SLIPWAY_ERROR_STORE, fragment);
}

static guint entries(void) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  guint count = 0;
  while (g_dir_read_name(dir) != NULL)
    count++;
  return count;
}

static guint count_releases(History *history) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) releases = NULL;
  assert_works(history_list_releases(history, 0, &releases, &error));
  return releases->len;
}

static void write_one(void) {
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  add_release(history, "1.0", NULL);
}

static void write_text(const char *text, gssize length) {
  cr_assert(g_file_set_contents(path, text, length, NULL));
}

/* Opens the file (new or not) and adds 40 deployments with steps. */
static void write_many(void) {
  g_autoptr(GError) error = NULL;
  History *history = open_history(HISTORY_WRITE);
  for (int i = 0; i < 40; i++) {
    g_autoptr(Deployment) deployment = begin(history, "prod", 0);
    gint64 step;
    assert_works(history_begin_step(history, deployment->id, "web1", "pull", &step, &error));
    assert_works(history_finish_step(history, step, "ok", NULL, &error));
    finish(history, deployment, STATUS_SUCCEEDED, 0);
  }
  history_free(history);
}

static void remove_side_files(void) {
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  g_autofree char *shm = g_strconcat(path, "-shm", NULL);
  (void)unlink(wal);
  (void)unlink(shm);
}

static void overwrite(gint64 offset, const char *text, gsize length) {
  remove_side_files();
  int descriptor = open(path, O_WRONLY | O_CLOEXEC);
  cr_assert_eq(pwrite(descriptor, text, length, offset), (ssize_t)length);
  close(descriptor);
}

static void become_nobody(void) {
  const struct passwd *nobody = getpwnam("nobody");
  if (nobody == NULL || setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)
    _exit(2);
}

static void read_one(void) {
  become_nobody();
  g_autoptr(GError) error = NULL;
  History *history = NULL;
  guint before = entries();
  g_autoptr(GPtrArray) releases = NULL;
  if (!history_open(path, HISTORY_READ, &history, &error) ||
      !history_list_releases(history, 0, &releases, &error) || releases->len != 1) {
    g_printerr("%s\n", error == NULL ? "wrong content" : error->message);
    _exit(1);
  }
  history_free(history);
  if (entries() != before)
    _exit(3);
}

static void share_files(int folder_mode) {
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  g_autofree char *shm = g_strconcat(path, "-shm", NULL);
  (void)chmod(path, 0644);
  (void)chmod(wal, 0644);
  (void)chmod(shm, 0644);
  cr_assert_eq(chmod(folder, (mode_t)folder_mode), 0);
}

static void skip_unless_root(void) {
  if (geteuid() != 0)
    cr_skip_test("needs root");
}

Test(open, writing_makes_folder_and_file_private) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = NULL;
  g_autofree char *inner = g_build_filename(folder, "state", "slipway", NULL);
  g_autofree char *file = g_build_filename(inner, "x.db", NULL);
  struct stat about;
  assert_works(history_open(file, HISTORY_WRITE, &history, &error));
  cr_assert_eq(stat(file, &about), 0);
  cr_assert_eq(about.st_mode & 0777, 0600);
  cr_assert_eq(stat(inner, &about), 0);
  cr_assert_eq(about.st_mode & 0777, 0700);
  cr_assert_null(history_note(history));
}

Test(open, writing_uses_wal_full_synchronous_and_foreign_keys) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  g_autofree char *mode = NULL, *synchronous = NULL, *keys = NULL;
  assert_works(history_pragma(history, "PRAGMA journal_mode", &mode, &error));
  assert_works(history_pragma(history, "PRAGMA synchronous", &synchronous, &error));
  assert_works(history_pragma(history, "PRAGMA foreign_keys", &keys, &error));
  cr_assert_str_eq(mode, "wal");
  cr_assert_str_eq(synchronous, "2");
  cr_assert_str_eq(keys, "1");
}

Test(open, reading_an_absent_file_is_an_empty_history_and_makes_nothing) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = open_history(HISTORY_READ);
  g_autoptr(GPtrArray) deployments = NULL;
  assert_works(history_list_deployments(history, "prod", 0, &deployments, &error));
  cr_assert_eq(deployments->len, 0);
  cr_assert_eq(count_releases(history), 0);
  cr_assert_eq(entries(), 0);
}

Test(open, reading_an_empty_file_is_an_empty_history) {
  write_text("", 0);
  g_autoptr(History) history = open_history(HISTORY_READ);
  cr_assert_eq(count_releases(history), 0);
  cr_assert_eq(entries(), 1);
}

Test(open, reading_leaves_no_file_behind) {
  write_one();
  remove_side_files();
  history_free(open_history(HISTORY_READ));
  cr_assert_eq(entries(), 1);
}

Test(open, reading_refuses_to_write) {
  write_one();
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = open_history(HISTORY_READ);
  g_autoptr(GBytes) bytes = g_bytes_new_static("x", 1);
  cr_assert_not(history_put_blob(history, "00", bytes, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "readonly");
}

static void write_another(void) {
  History *writer = open_history(HISTORY_WRITE);
  add_release(writer, "2.0", NULL);
  history_free(writer);
}

Test(open, reading_sees_what_a_writer_adds_meanwhile) {
  write_one();
  g_autoptr(History) reader = open_history(HISTORY_READ);
  cr_assert_eq(count_releases(reader), 1);
  cr_assert(works_in_child(write_another));
  cr_assert_eq(count_releases(reader), 2);
}

Test(open, nobody_reads_a_read_only_folder_with_the_writers_side_files) {
  skip_unless_root();
  write_one();
  share_files(0755);
  cr_assert_eq(entries(), 3);
  cr_assert(works_in_child(read_one));
}

Test(open, nobody_reads_a_lone_file_in_a_read_only_folder) {
  skip_unless_root();
  write_one();
  remove_side_files();
  share_files(0755);
  cr_assert(works_in_child(read_one));
}

Test(open, nobody_reads_a_read_only_file_in_a_writable_folder) {
  skip_unless_root();
  write_one();
  remove_side_files();
  share_files(0777);
  cr_assert(works_in_child(read_one));
}

Test(open, nobody_reads_beside_a_writer_with_unmerged_changes) {
  skip_unless_root();
  g_autoptr(History) writer = open_history(HISTORY_WRITE);
  add_release(writer, "1.0", NULL);
  share_files(0755);
  cr_assert(works_in_child(read_one));
}

static void copy_with_wal_only(void) {
  g_autofree char *contents = NULL;
  gsize length;
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  History *writer = open_history(HISTORY_WRITE);
  add_release(writer, "1.0", NULL);
  cr_assert(g_file_get_contents(wal, &contents, &length, NULL));
  history_free(writer);
  cr_assert(g_file_set_contents(wal, contents, (gssize)length, NULL));
  g_autofree char *shm = g_strconcat(path, "-shm", NULL);
  cr_assert_eq(unlink(shm), 0);
}

static void fail_to_read_unmerged(void) {
  become_nobody();
  GError *error = NULL;
  History *history = NULL;
  if (history_open(path, HISTORY_READ, &history, &error) ||
      strstr(error->message, "holds changes that only") == NULL)
    _exit(1);
  g_error_free(error);
}

Test(open, nobody_is_told_when_changes_wait_that_he_cannot_bring_in) {
  skip_unless_root();
  copy_with_wal_only();
  share_files(0755);
  cr_assert(works_in_child(fail_to_read_unmerged));
}

static void fail_to_write(void) {
  become_nobody();
  GError *error = NULL;
  History *history = NULL;
  if (history_open(path, HISTORY_WRITE, &history, &error) || !error_is(error, SLIPWAY_ERROR_STORE) ||
      strstr(error->message, "allowed to write") == NULL)
    _exit(1);
  g_error_free(error);
}

Test(open, nobody_cannot_write_and_hears_why) {
  skip_unless_root();
  write_one();
  share_files(0755);
  cr_assert(works_in_child(fail_to_write));
}

Test(open, a_folder_is_refused) {
  cr_assert_eq(g_mkdir(path, 0700), 0);
  assert_not_opened(HISTORY_READ, "this is a folder");
  assert_not_opened(HISTORY_WRITE, "this is a folder");
}

Test(open, a_damaged_beginning_is_told_with_the_way_out) {
  write_one();
  g_autofree char *noise = g_strnfill(100, 'x');
  overwrite(0, noise, 100);
  assert_not_opened(HISTORY_READ, "its beginning is damaged");
  assert_not_opened(HISTORY_WRITE, "slipway history import ENV");
}

Test(open, a_damaged_page_is_found_before_anything_is_written) {
  cr_assert(works_in_child(write_many));
  struct stat about;
  cr_assert_eq(stat(path, &about), 0);
  g_autofree char *noise = g_strnfill(4096, 'x');
  overwrite(about.st_size / 8192 * 4096, noise, 4096);
  assert_not_opened(HISTORY_WRITE, "the file is damaged");
  assert_not_opened(HISTORY_WRITE, "slipway history import ENV");
}

static void execute_sql(const char *sql) {
  sqlite3 *db;
  cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
  cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static gint64 number_of(const char *sql) {
  sqlite3 *db;
  sqlite3_stmt *statement;
  cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
  cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
  gint64 number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return number;
}

/* Longer than what is checked each time. */
static void write_long(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  g_autofree char *text = g_strnfill(8 << 20, 'x');
  g_autoptr(GBytes) bytes = g_bytes_new_static(text, 8 << 20);
  assert_works(history_put_blob(history, "00", bytes, &error));
}

static void damage_steps(void) {
  gint64 page = number_of("SELECT rootpage FROM sqlite_schema WHERE name = 'step'");
  g_autofree char *noise = g_strnfill(4096, 'x');
  overwrite((page - 1) * 4096, noise, 4096);
}

Test(open, a_long_history_is_checked_once_a_day) {
  write_long();
  cr_assert_eq(number_of("SELECT count(*) FROM checked"), 0, "a short one leaves no note");
  write_one();
  gint64 checked = number_of("SELECT at FROM checked");
  write_many();
  cr_assert_eq(number_of("SELECT at FROM checked"), checked);
  execute_sql("UPDATE checked SET at = at - 86400 * 1000000");
  write_many();
  cr_assert_geq(number_of("SELECT at FROM checked"), checked);
}

Test(open, a_check_holds_for_a_day_of_a_machine_that_runs_on) {
  const gint64 day = G_TIME_SPAN_DAY, now = 20000 * day;
  cr_expect(history_check_holds(now - day / 2, now, now - day));
  cr_expect(history_check_holds(now + day / 2, now, now - day));
  cr_expect_not(history_check_holds(now - day, now, 0));
  cr_expect_not(history_check_holds(now + day, now, 0), "a clock that was wrong");
  cr_expect_not(history_check_holds(now - day / 2, now, now - day / 4), "the machine started since");
  cr_expect_not(history_check_holds(0, day / 2, 0), "no check, on a machine whose clock begins at 1970");
}

/* In microseconds, as the kernel says it. */
static gint64 machine_started_at(void) {
  g_autofree char *stat = NULL;
  cr_assert(g_file_get_contents("/proc/stat", &stat, NULL, NULL));
  const char *line = strstr(stat, "\nbtime ");
  cr_assert_not_null(line);
  return g_ascii_strtoll(line + strlen("\nbtime "), NULL, 10) * G_TIME_SPAN_SECOND;
}

Test(open, a_long_history_is_checked_after_the_machine_started) {
  write_long();
  write_one();
  damage_steps();
  history_free(open_history(HISTORY_WRITE)); /* not met, and checked today */
  g_autofree char *before = g_strdup_printf("UPDATE checked SET at = %" G_GINT64_FORMAT,
                                            machine_started_at() - 10 * G_TIME_SPAN_SECOND);
  execute_sql(before);
  assert_not_opened(HISTORY_WRITE, "the file is damaged");
}

Test(open, a_long_history_that_is_damaged_is_found_on_its_day_or_where_it_is_met) {
  g_autoptr(GError) error = NULL;
  write_long();
  write_one();
  damage_steps();
  {
    g_autoptr(History) history = open_history(HISTORY_WRITE);
    g_autoptr(Deployment) deployment = begin(history, "prod", 0);
    gint64 step;
    cr_assert_not(history_begin_step(history, deployment->id, "web1", "pull", &step, &error));
    assert_error(&error, SLIPWAY_ERROR_STORE, "the file is damaged: move it away");
  }
  execute_sql("UPDATE checked SET at = at - 86400 * 1000000");
  assert_not_opened(HISTORY_WRITE, "the file is damaged");
  execute_sql("UPDATE checked SET at = at + 3 * 86400 * 1000000"); /* a clock that was wrong */
  assert_not_opened(HISTORY_WRITE, "the file is damaged");
}

Test(open, a_damaged_wal_is_not_taken_for_an_empty_one) {
  write_one();
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  cr_assert(g_file_set_contents(wal, "garbage, garbage, garbage, garbage", -1, NULL));
  assert_not_opened(HISTORY_READ, "-wal beside it is damaged");
  assert_not_opened(HISTORY_WRITE, "move the -wal away");
}

Test(open, another_kind_of_file_is_refused) {
  g_autofree char *text = g_strnfill(8192, 'x');
  write_text(text, -1);
  assert_not_opened(HISTORY_READ, "not a slipway history");
  assert_not_opened(HISTORY_WRITE, "not a slipway history");
}

Test(open, a_truncated_file_is_called_damaged) {
  write_one();
  remove_side_files();
  cr_assert_eq(truncate(path, 5000), 0);
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = NULL;
  g_autoptr(GPtrArray) releases = NULL;
  cr_assert_not(history_open(path, HISTORY_WRITE, &history, &error) &&
                history_list_releases(history, 0, &releases, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "damaged: move it away");
}

Test(open, another_programs_database_is_refused) {
  execute_sql("CREATE TABLE bookmarks (url TEXT)");
  assert_not_opened(HISTORY_READ, "another program");
  assert_not_opened(HISTORY_WRITE, "another program");
}

Test(open, a_newer_schema_is_refused) {
  write_one();
  execute_sql("PRAGMA user_version = 99");
  assert_not_opened(HISTORY_READ, "newer slipway");
  assert_not_opened(HISTORY_WRITE, "newer slipway");
}

Test(open, an_unknown_word_in_a_row_is_an_error) {
  {
    g_autoptr(History) history = open_history(HISTORY_WRITE);
    g_autoptr(Deployment) G_GNUC_UNUSED deployment = begin(history, "prod", 0);
  }
  execute_sql("UPDATE deployment SET kind = 'teleport'");
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = open_history(HISTORY_READ);
  g_autoptr(GPtrArray) deployments = NULL;
  cr_assert_not(history_list_deployments(history, NULL, 0, &deployments, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "\"teleport\" is not a word");
}

Test(open, a_network_file_system_has_no_wal_and_a_note) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = NULL;
  g_autofree char *mode = NULL;
  cr_assert_str_eq(network_file_system_name(0x6969), "NFS");
  cr_assert_str_eq(network_file_system_name(0xffffffffff534d42UL),
                   "CIFS");                         /* sign-extended on some machines */
  cr_assert_null(network_file_system_name(0xef53)); /* ext4 */
  assert_works(history_open_on(path, HISTORY_WRITE, "NFS", 1000, &history, &error));
  assert_works(history_pragma(history, "PRAGMA journal_mode", &mode, &error));
  cr_assert_str_eq(mode, "delete");
  cr_assert_not_null(strstr(history_note(history), "network file system (NFS)"));
  add_release(history, "1.0", NULL);
}

Test(open, a_locked_file_says_who_to_look_for) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  g_autoptr(GBytes) bytes = g_bytes_new_static("x", 1);
  sqlite3 *other;
  cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
  cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_busy_timeout(history->db, 50);
  cr_assert_not(history_put_blob(history, "00", bytes, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "another slipway kept the file locked");
  sqlite3_close(other);
}

Test(open, four_processes_make_and_write_one_file_at_once) {
  g_autoptr(GError) error = NULL;
  pid_t children[4];
  for (guint i = 0; i < G_N_ELEMENTS(children); i++)
    children[i] = start_child(write_many);
  for (guint i = 0; i < G_N_ELEMENTS(children); i++)
    cr_assert(child_worked(children[i]));
  g_autoptr(History) history = open_history(HISTORY_READ);
  g_autoptr(GPtrArray) deployments = NULL;
  assert_works(history_list_deployments(history, "prod", 0, &deployments, &error));
  cr_assert_eq(deployments->len, 160);
}

static gpointer add_steps(gpointer history) {
  for (int i = 0; i < 25; i++) {
    gint64 step;
    if (!history_begin_step(history, 1, "web1", "pull", &step, NULL) ||
        !history_finish_step(history, step, "ok", NULL, NULL))
      return GINT_TO_POINTER(1);
  }
  return NULL;
}

Test(open, threads_share_one_history) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  g_autoptr(Deployment) deployment = begin(history, "prod", 0);
  g_autoptr(GPtrArray) steps = NULL;
  GThread *threads[4];
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    threads[i] = g_thread_new("steps", add_steps, history);
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
    cr_assert_null(g_thread_join(threads[i]));
  assert_works(history_list_steps(history, deployment->id, &steps, &error));
  cr_assert_eq(steps->len, 100);
}

static gpointer let_go_soon(gpointer db) {
  g_usleep(300 * G_TIME_SPAN_MILLISECOND); /* what the opening waits for */
  sqlite3_close(db);
  return NULL;
}

static sqlite3 *lock_whole_file(void) {
  sqlite3 *other;
  cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
  cr_assert_eq(sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL, NULL),
               SQLITE_OK);
  return other;
}

Test(open, waits_for_one_who_has_the_file_for_a_while) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = NULL;
  write_one();
  GThread *thread = g_thread_new("lock", let_go_soon, lock_whole_file());
  assert_works(history_open_on(path, HISTORY_WRITE, NULL, 60000, &history, &error));
  g_thread_join(thread);
  add_release(history, "2.0", NULL);
}

Test(open, gives_up_on_one_who_keeps_the_file) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = NULL;
  write_one();
  sqlite3 *other = lock_whole_file();
  cr_assert_not(history_open_on(path, HISTORY_WRITE, NULL, 50, &history, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "another slipway kept the file locked");
  sqlite3_close(other);
}

Test(open, a_file_that_is_moved_away_or_replaced_is_no_longer_written) {
  g_autoptr(GError) error = NULL;
  g_autoptr(History) history = open_history(HISTORY_WRITE);
  g_autoptr(GBytes) bytes = g_bytes_new_static("x", 1);
  g_autofree char *away = g_strconcat(path, ".away", NULL);
  cr_assert_eq(g_rename(path, away), 0);
  cr_assert_not(history_put_blob(history, "00", bytes, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "moved away, deleted or replaced");
  write_text("", 0);
  cr_assert_not(history_put_blob(history, "00", bytes, &error));
  assert_error(&error, SLIPWAY_ERROR_STORE, "moved away, deleted or replaced");
  cr_assert_eq(unlink(path), 0);
  cr_assert_eq(g_rename(away, path), 0);
  assert_works(history_put_blob(history, "00", bytes, &error));
}

/* Writes until it fails; the failure must be a clean one, and what was written before must still be readable.
 */
static void fill_the_disk(void) {
  g_autoptr(GError) error = NULL;
  History *history = NULL;
  g_autofree char *noise = g_strnfill(100000, 'n');
  g_autoptr(GBytes) bytes = g_bytes_new(noise, 100000);
  if (history_open(path, HISTORY_WRITE, &history, &error))
    for (int i = 0; i < 100 && error == NULL; i++) {
      g_autofree char *name = g_strdup_printf("%064d", i);
      if (!history_put_blob(history, name, bytes, &error))
        break;
    }
  g_autoptr(GPtrArray) releases = NULL;
  if (error == NULL || !error_is(error, SLIPWAY_ERROR_STORE) || strstr(error->message, "disk") == NULL ||
      history == NULL || !history_list_releases(history, 0, &releases, NULL)) {
    g_printerr("%s\n", error == NULL ? "no error" : error->message);
    _exit(1);
  }
  history_free(history);
}

/* In a process of its own, whose folder is a disk of that size (tmpfs). */
static void on_a_small_disk(const char *options, void (*run)(void)) {
  skip_unless_root();
  pid_t child = fork();
  if (child == 0) {
    is_child = true;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("small", folder, "tmpfs", 0, options) != 0)
      _exit(77);
    run();
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
    cr_skip_test("cannot mount a tmpfs here");
  cr_assert_eq(status, 0);
}

static void expect_not_opened(const char *fragment) {
  GError *error = NULL;
  History *history = NULL;
  if (history_open(path, HISTORY_WRITE, &history, &error) || !error_is(error, SLIPWAY_ERROR_STORE) ||
      strstr(error->message, fragment) == NULL) {
    g_printerr("%s\n", error == NULL ? "it was opened" : error->message);
    _exit(1);
  }
  g_error_free(error);
}

static void open_without_room(void) {
  expect_not_opened("recording needs 4 MB");
}

/* The first of the day would note that it checked. */
static void open_a_long_one_without_room(void) {
  write_long();
  write_one();
  execute_sql("UPDATE checked SET at = 1; PRAGMA wal_checkpoint(TRUNCATE)");
  remove_side_files();
  g_autofree char *filler = g_build_filename(folder, "filler", NULL);
  g_autofree char *noise = g_strnfill(65536, 'n');
  int descriptor = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  while (write(descriptor, noise, 65536) > 0)
    continue;
  /* The -shm, and a page: the note needs more. */
  if (errno != ENOSPC || ftruncate(descriptor, lseek(descriptor, 0, SEEK_END) - 32768 - 4096) != 0)
    _exit(1);
  close(descriptor);
  expect_not_opened("recording needs 4 MB");
}

static void write_after_the_disk_filled(void) {
  History *history = open_history(HISTORY_WRITE);
  g_autofree char *filler = g_build_filename(folder, "filler", NULL);
  g_autofree char *noise = g_strnfill(65536, 'n');
  int descriptor = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  while (write(descriptor, noise, 65536) > 0)
    continue;
  if (errno != ENOSPC)
    _exit(1);
  close(descriptor);
  for (int i = 0; i < 40; i++) {
    g_autoptr(Deployment) deployment = begin(history, "prod", 0);
    finish(history, deployment, STATUS_SUCCEEDED, 0);
  }
  history_free(history);
}

static void open_on_a_disk_that_became_read_only(void) {
  write_one();
  if (mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
    _exit(77);
  expect_not_opened("Read-only file system");
  History *history = open_history(HISTORY_READ);
  if (count_releases(history) != 1)
    _exit(1);
  history_free(history);
}

Test(open, a_full_disk_is_said) {
  on_a_small_disk("size=8m", fill_the_disk);
}

Test(open, a_disk_with_too_little_room_is_said_at_once) {
  on_a_small_disk("size=2m", open_without_room);
}

Test(open, a_disk_with_too_little_room_is_said_before_a_long_history_is_noted_as_checked) {
  on_a_small_disk("size=40m", open_a_long_one_without_room);
}

Test(open, a_disk_that_fills_meanwhile_takes_no_record_away) {
  on_a_small_disk("size=8m", write_after_the_disk_filled);
}

Test(open, a_read_only_disk_is_said_to_root_too_and_can_be_read) {
  on_a_small_disk("size=8m", open_on_a_disk_that_became_read_only);
}

Test(open, a_file_size_limit_is_said) {
  pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {.rlim_cur = 1000000, .rlim_max = 1000000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
      _exit(77);
    fill_the_disk();
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  cr_assert_eq(status, 0);
}
