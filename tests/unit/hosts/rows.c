/* What every row of HostOps must do, the same for ssh and local. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "environments/hosts/lock.h"
#include "fixture.h"
#include "support/errors.h"

enum { BIG = 9 << 20 };

static void expect_reply(Host *host, const HostScript *script, int status, const void *out, gsize out_length,
                         const char *err) {
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert(host_shell(host, script, &reply, &error), "%s: %s", script->text,
            error == NULL ? "" : error->message);
  cr_assert_eq(reply.status, status, "%s: status %d", script->text, reply.status);
  cr_assert_eq(reply.out->len, out_length, "%s: %zu bytes", script->text, (size_t)reply.out->len);
  cr_assert_arr_eq(reply.out->str, out, out_length);
  cr_assert_str_eq(reply.err->str, err);
}

static void expect_text(Host *host, const char *text, int status, const char *out, const char *err) {
  expect_reply(host, &(HostScript){.text = text}, status, out, strlen(out), err);
}

/* Nine megabytes of every byte value, no newline at the end; both ways, as much as a reply may hold. */
static void expect_big_input_works(Host *host) {
  g_autofree char *bytes = g_malloc(BIG);
  for (gsize i = 0; i < BIG; i++)
    bytes[i] = (char)(i * 31 + i / 257);
  g_autofree char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, BIG);
  g_autofree char *expected = g_strconcat(digest, "  -\n", NULL);
  const HostScript sum = {.text = "sha256sum", .input = bytes, .input_length = BIG};
  expect_reply(host, &sum, 0, expected, strlen(expected), "");
  const gsize most = 8 << 20;
  const HostScript echo = {.text = "cat", .input = bytes, .input_length = most};
  expect_reply(host, &echo, 0, bytes, most, "");
  const HostScript ignored = {.text = "exit 3", .input = bytes, .input_length = BIG};
  expect_reply(host, &ignored, 3, "", 0, "");
}

void expect_shell_works(Host *host) {
  const char *argv[] = {"it's", "", "$two", "-n", "new\nline", NULL};
  const HostScript script = {.text = "printf '%s|' \"$@\"; cat; echo oops >&2; exit 7",
                             .argv = argv,
                             .input = "in",
                             .input_length = 2};
  static const char out[] = "it's||$two|-n|new\nline|in";
  expect_reply(host, &script, 7, out, strlen(out), "oops\n");
  expect_text(host, "printf '%s' \"$#\"", 0, "0", "");
  expect_reply(host, &(HostScript){.text = "printf 'a\\0b\\0'"}, 0, "a\0b\0", 4, "");
  expect_text(host, "cat; true", 0, "", "");
  expect_text(host, "x=1; cd /; exit 0", 0, "", "");
  expect_text(host, "printf '%s' \"$x\"; [ \"$PWD\" = \"$HOME\" ]", 0, "", "");
  expect_big_input_works(host);
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert_not(host_shell(host, &(HostScript){.text = "head -c 9000000 /dev/zero"}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "more than 8 MiB");
  g_clear_error(&error);
  cr_assert_not(host_run(host, &(HostScript){.text = "echo why >&2; exit 9"}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "exit status 9: why");
  expect_text(host, "echo still there", 0, "still there\n", "");
}

void expect_timeout_works(Host *host) {
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert_not(host_shell(host, &(HostScript){.text = "sleep 20", .timeout_ms = 100}, &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "no answer in time");
  g_clear_error(&error);
  cr_assert_not(host_shell(host, &(HostScript){.text = "true"}, &reply, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
}

void expect_write_works(Host *host, const char *home) {
  static const char bytes[] = {'a', '\0', '\n', 'b'};
  g_autoptr(GError) error = NULL;
  cr_assert(host_write(host, "new folder/it's", 0640, bytes, sizeof bytes, &error), "%s",
            error == NULL ? "" : error->message);
  g_autofree char *path = g_build_filename(home, "new folder", "it's", NULL);
  g_autofree char *folder = g_path_get_dirname(path);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *text = NULL;
    gsize length = 0;
    cr_assert(g_file_get_contents(path, &text, &length, NULL));
    cr_assert_eq(length, sizeof bytes);
    cr_assert_arr_eq(text, bytes, sizeof bytes);
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0640);
    cr_assert(host_write(host, path, 0640, bytes, sizeof bytes, NULL), "replaces it by an absolute path");
  }
  cr_assert(host_write(host, path, 0600, NULL, 0, NULL));
  cr_assert_not(host_write(host, "/proc/nowhere/x", 0600, "x", 1, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "cannot write /proc/nowhere/x: exit status");
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  guint count = 0;
  while (g_dir_read_name(dir) != NULL)
    count++;
  cr_assert_eq(count, 1, "no temporary file stays");
}

/* A release folder as a deployment leaves it. */
static void make_place(const char *folder) {
  g_autofree char *release = g_build_filename(folder, "releases", "uid1", NULL);
  g_autofree char *file = g_build_filename(folder, "files", "hash1", NULL);
  g_autofree char *current = g_build_filename(folder, "current", NULL);
  cr_assert_eq(g_mkdir_with_parents(release, 0700), 0);
  cr_assert_eq(g_mkdir_with_parents(file, 0700), 0);
  cr_assert_eq(symlink("releases/uid1", current), 0);
  write_text(release, "manifest.json", "{\"a\": 1}\n", 0600);
  GString *journal = g_string_new(NULL);
  for (guint i = 0; journal->len < 300000; i++)
    g_string_append_printf(journal, "{\"line\": %u}\n", i);
  g_string_append(journal, "{\"cut o");
  write_text(folder, "journal.jsonl", journal->str, 0600);
  g_string_free(journal, TRUE);
}

static void expect_facts(const HostFacts *facts, const char *home, const char *folder) {
  g_autofree char *hostname = g_strstrip(run((const char *[]){"uname", "-n", NULL}));
  cr_assert_str_eq(facts->home, home);
  cr_assert_str_eq(facts->folder, folder);
  cr_assert_str_eq(facts->hostname, hostname);
  cr_assert_str_eq(facts->current, "uid1");
  cr_assert_str_eq(facts->manifest, "{\"a\": 1}\n");
  cr_assert(g_str_has_prefix(facts->journal, "{\"line\": "));
  cr_assert(g_str_has_suffix(facts->journal, "}\n"));
  cr_assert_gt(strlen(facts->journal), 260000);
  cr_assert_leq(strlen(facts->journal), 262144);
  cr_assert_eq(g_hash_table_size(facts->releases), 1);
  cr_assert(g_hash_table_contains(facts->releases, "uid1"));
  cr_assert(g_hash_table_contains(facts->files, "hash1"));
  cr_assert_gt(facts->free_bytes, 0);
  cr_assert_lt(ABS(facts->clock - g_get_real_time()), 10 * G_USEC_PER_SEC);
  cr_assert_not_null(facts->engine_problem);
  cr_assert_not_null(strstr(facts->engine_problem, "no engine's socket at /nonexistent.sock"));
}

/* What another slipway, another machine would have written; in place, for the lock is held on this file. */
static void rewrite_lock(const char *folder, const char *text) {
  g_autofree char *path = g_build_filename(folder, "lock", NULL);
  const int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
  cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

/* The lock is held by this process, through another Host. */
static void expect_refusals(const HostConfig *config, const char *folder) {
  const HostPurpose purpose = {.place = "app--env", .holder = "bert"};
  g_autoptr(GError) ours = open_error(config, &purpose);
  expect_error(ours, SLIPWAY_ERROR_REFUSED, "locked by this very command");
  rewrite_lock(folder, "anna@build it's\n2026-11-21T00:00:00Z\n\nanother run\n");
  bool may_come_free = false;
  const HostPurpose waiting = {.place = "app--env", .holder = "bert", .may_come_free = &may_come_free};
  g_autoptr(GError) theirs = open_error(config, &waiting);
  expect_error(theirs, SLIPWAY_ERROR_REFUSED, "locked by anna@build it's since 2026-11-21T00:00:00Z; --wait");
  expect_error(theirs, SLIPWAY_ERROR_REFUSED, "slipway unlock env");
  cr_assert(may_come_free);
}

static bool has_machine_id(void) {
  g_autofree char *id = NULL;
  return g_file_get_contents("/etc/machine-id", &id, NULL, NULL) && strlen(id) > 30;
}

/* The lock is free, and its folder another machine's: by the lock file, or by the manifest. */
static void expect_other_machines_refused(const HostConfig *config, const char *folder) {
  static const char *const ids[] = {"0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"};
  const HostPurpose purpose = {.place = "app--env", .holder = "bert"};
  g_autofree char *manifest = g_strdup_printf("{\"a\":1,\"machine_id\":\"%s\",\"z\":[]}", ids[1]);
  g_autofree char *release = g_build_filename(folder, "releases", "uid1", NULL);
  write_text(release, "manifest.json", manifest, 0600);
  g_autofree char *locked = g_strdup_printf("anna\n2026\n%s\nx\n", ids[0]);
  const char *locks[] = {locked, "anna\n2026\n"};
  for (guint i = 0; i < G_N_ELEMENTS(locks) && has_machine_id(); i++) {
    rewrite_lock(folder, locks[i]);
    bool may_come_free = true;
    const HostPurpose waiting = {.place = "app--env", .holder = "bert", .may_come_free = &may_come_free};
    g_autoptr(GError) error = open_error(config, &waiting);
    expect_error(error, SLIPWAY_ERROR_REFUSED, ids[i]);
    expect_error(error, SLIPWAY_ERROR_REFUSED, "slipway unlock env --host");
    cr_assert_not(may_come_free);
    g_autoptr(GError) again = open_error(config, &purpose);
    expect_error(again, SLIPWAY_ERROR_REFUSED, ids[i]); /* being refused did not make it ours */
  }
}

static HostFacts *open_facts(Host *host) {
  const HostPurpose purpose = {.place = "app--env"};
  HostFacts *facts = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(host_open(host, &purpose, &facts, &error), "%s", error == NULL ? "" : error->message);
  return facts;
}

static HostLock *look(Host *host, const HostFacts *facts) {
  HostLock *lock = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(host_lock_look(host, facts, &lock, &error), "%s", error == NULL ? "" : error->message);
  return lock;
}

static HostLock *release(Host *host, const HostFacts *facts, const HostLock *seen) {
  HostLock *lock = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(host_lock_release(host, facts, seen, "bert: unlock", &lock, &error), "%s",
            error == NULL ? "" : error->message);
  return lock;
}

/* The folder of another machine is taken over once that was asked for, and only then. */
static void expect_taking_over_works(const HostConfig *config) {
  g_autoptr(Host) host = host_new(config);
  g_autoptr(HostFacts) facts = open_facts(host);
  g_autoptr(HostLock) seen = look(host, facts);
  cr_assert_not(seen->is_held);
  cr_assert_eq(host_lock_is_elsewhere(seen), has_machine_id());
  g_autoptr(HostLock) after = release(host, facts, seen);
  cr_assert_not(host_lock_is_elsewhere(after));
}

/* Somebody who ignores TERM holds the lock. */
static void expect_ending_works(const HostConfig *config, const char *folder) {
  g_autofree char *path = g_build_filename(folder, "lock", NULL);
  const char *argv[] = {"flock", path, "sh", "-c", "trap '' TERM; sleep 60; :", NULL};
  pid_t process = start_process(argv);
  g_autoptr(Host) host = host_new(config);
  g_autoptr(HostFacts) facts = open_facts(host);
  g_autoptr(HostLock) seen = NULL;
  do { /* until it has come so far */
    g_clear_pointer(&seen, host_lock_free);
    seen = look(host, facts);
  } while (seen->processes->len < 3);
  cr_assert(seen->is_held);
  rewrite_lock(folder, "somebody\nelse\n\nhas it\n");
  g_autoptr(HostLock) moved = release(host, facts, seen);
  cr_assert(moved->is_held, "nobody was asked about that one");
  g_autoptr(HostLock) freed = release(host, facts, moved);
  cr_assert_not(freed->is_held);
  cr_assert_eq(freed->processes->len, 0);
  end_process(&process);
}

void expect_facts_and_lock_work(const HostConfig *given, const char *home) {
  static char engine[] = "/nonexistent.sock";
  HostConfig config = *given;
  config.engine = engine;
  g_autofree char *folder = g_build_filename(home, ".slipway", "app--env", NULL);
  host_free(open_host(&config));
  cr_assert_not(g_file_test(folder, G_FILE_TEST_EXISTS), "without a lock nothing is created");
  make_place(folder);
  const HostPurpose purpose = {.place = "app--env", .holder = "anna@build it's"};
  for (guint i = 0; i < 3; i++) { /* the lock is free as soon as its holder is gone */
    g_autoptr(Host) host = host_new(&config);
    g_autoptr(HostFacts) facts = NULL;
    g_autoptr(GError) error = NULL;
    cr_assert(host_open(host, &purpose, &facts, &error), "%s", error == NULL ? "" : error->message);
    expect_facts(facts, home, folder);
    expect_refusals(&config, folder);
    host_free(open_host(&config)); /* looking needs no lock */
  }
  expect_other_machines_refused(&config, folder);
  expect_taking_over_works(&config);
  expect_ending_works(&config, folder);
}
