/* Reads what the scripts tell of a lock, says it to people, and has it freed (scripts/unlock.sh). */
#include "environments/hosts/lock.h"

#include <string.h>

#include <host_scripts.h>

#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum { PROCESSES_CAP = 1000, PROCESSES_SAID = 3 };

const char *lock_run(void) {
  static gsize once = 0;
  static char *run = NULL;
  if (g_once_init_enter(&once)) {
    run = unique_id();
    g_once_init_leave(&once, 1);
  }
  return run;
}

/* --- what was told ----------------------------------------------------------------------------------------
 */

static void process_free(LockProcess *process) {
  g_free(process->name);
  g_free(process->command);
  g_free(process);
}

void host_lock_free(HostLock *lock) {
  if (lock == NULL)
    return;
  char *texts[] = {lock->holder, lock->since, lock->run, lock->machine_id, lock->owner};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(texts[i]);
  g_ptr_array_unref(lock->processes);
  g_free(lock);
}

/* Lines of "PID NAME COMMAND", apart by tabs. */
static GPtrArray *read_processes(const char *text) {
  GPtrArray *processes = g_ptr_array_new_with_free_func((GDestroyNotify)process_free);
  g_auto(GStrv) lines = g_strsplit(text, "\n", PROCESSES_CAP);
  for (char **line = lines; *line != NULL; line++) {
    g_auto(GStrv) words = g_strsplit(*line, "\t", 3);
    gint64 pid = 0;
    if (g_strv_length(words) != 3 || !number_parse(words[0], 1, G_MAXINT32, &pid))
      continue;
    LockProcess *process = g_new0(LockProcess, 1);
    process->pid = pid;
    process->name = g_strdup(words[1]);
    process->command = g_strdup(words[2]);
    g_ptr_array_add(processes, process);
  }
  return processes;
}

static HostLock *read_lock(const Told *told) {
  HostLock *lock = g_new0(HostLock, 1);
  lock->is_held = told_bytes(told, "held") != NULL;
  lock->holder = g_strdup(told_text(told, "holder"));
  lock->since = g_strdup(told_text(told, "since"));
  lock->run = g_strdup(told_text(told, "run"));
  lock->machine_id = g_strdup(told_text(told, "machine_id"));
  lock->owner = g_strdup(told_text(told, "owner"));
  lock->processes = read_processes(told_text(told, "processes"));
  return lock;
}

bool host_lock_is_elsewhere(const HostLock *lock) {
  return *lock->owner != '\0' && *lock->machine_id != '\0' && strcmp(lock->owner, lock->machine_id) != 0;
}

/* --- refusals ---------------------------------------------------------------------------------------------
 */

/* What is at work, without the shell and what it waits with for the next word of its slipway: ", at work
 * there: docker-compose (pid 4711)", or "". Caller frees. */
static char *say_work(const HostLock *lock) {
  static const char *const waiting[] = {"", "(gone)", "timeout", "head", NULL};
  GString *text = g_string_new(NULL);
  guint count = 0;
  for (guint i = 0; i < lock->processes->len && count < PROCESSES_SAID; i++) {
    const LockProcess *process = g_ptr_array_index(lock->processes, i);
    if (g_strv_contains(waiting, process->name))
      continue;
    g_autofree char *name = text_printable(process->name, false);
    g_string_append_printf(text, "%s%s (pid %" G_GINT64_FORMAT ")", count == 0 ? "; at work there: " : ", ",
                           name, process->pid);
    count++;
  }
  return g_string_free(text, FALSE);
}

static bool is_slipway_gone(const HostLock *lock) {
  for (guint i = 0; i < lock->processes->len; i++)
    if (strcmp(((const LockProcess *)g_ptr_array_index(lock->processes, i))->name, "(gone)") == 0)
      return true;
  return false;
}

/* Two hosts of the inventory have one folder. */
static bool fail_locked_by_us(const HostLock *lock, GError **error) {
  if (host_lock_is_elsewhere(lock))
    return fail(
        error, SLIPWAY_ERROR_REFUSED,
        "locked by this very command, through another host: both have the same home folder (this machine "
        "is %.32s, the other %.32s); each host needs a home folder of its own",
        lock->machine_id, lock->owner);
  return fail(
      error, SLIPWAY_ERROR_REFUSED,
      "locked by this very command, through another host of slipway.yml that is the same machine%s%.32s%s; "
      "list each machine once",
      *lock->machine_id == '\0' ? "" : " (", lock->machine_id, *lock->machine_id == '\0' ? "" : ")");
}

/* "prod" of "shop--prod": the name of an application has no "--". */
static const char *environment_of(const char *place) {
  const char *dashes = strstr(place, "--");
  return dashes == NULL ? place : dashes + 2;
}

bool fail_locked(const Told *told, const char *place, bool *may_come_free, GError **error) {
  g_autoptr(HostLock) lock = read_lock(told);
  const bool is_ours = strcmp(lock->run, lock_run()) == 0;
  if (may_come_free != NULL)
    *may_come_free = !is_ours;
  if (is_ours)
    return fail_locked_by_us(lock, error);
  g_autofree char *holder = text_printable(*lock->holder != '\0' ? lock->holder : "somebody", false);
  g_autofree char *since = text_printable(lock->since, false);
  g_autofree char *work = say_work(lock);
  return fail(error, SLIPWAY_ERROR_REFUSED,
              "locked by %.1024s%s%.64s%s%s%s; --wait-lock 10m waits for it; if it hangs: slipway unlock %s",
              holder, *since == '\0' ? "" : " since ", since,
              host_lock_is_elsewhere(lock) ? " on another machine, which has the same home folder" : "",
              is_slipway_gone(lock) ? ", a slipway that is gone" : "", work, environment_of(place));
}

bool fail_elsewhere(const Told *told, const char *place, const char *host, GError **error) {
  g_autoptr(HostLock) lock = read_lock(told);
  return fail(
      error, SLIPWAY_ERROR_REFUSED,
      "~/.slipway/%s belongs to another machine (%.32s; this one is %.32s). Either two hosts share a home "
      "folder: then give each one of its own. Or this is a copy, of a cloned machine for instance: then "
      "slipway unlock %s --host %s takes it over",
      place, lock->owner, lock->machine_id, environment_of(place), host);
}

/* --- unlocking --------------------------------------------------------------------------------------------
 */

static bool run_unlock(Host *host, const char *const *argv, HostLock **lock, GError **error) {
  const HostScript script = {.text = host_script_unlock, .argv = argv};
  g_auto(HostReply) reply = {0};
  g_auto(Told) told = {0};
  if (!host_run(host, &script, &reply, error) || !told_parse(&told, reply.out, error))
    return false;
  *lock = read_lock(&told);
  return true;
}

bool host_lock_look(Host *host, const HostFacts *facts, HostLock **lock, GError **error) {
  const char *argv[] = {facts->folder, "look", NULL};
  return run_unlock(host, argv, lock, error);
}

bool host_lock_release(Host *host, const HostFacts *facts, const HostLock *seen, const char *holder,
                       HostLock **lock, GError **error) {
  g_autofree char *line = text_printable(holder, false);
  const char *argv[] = {facts->folder, "free", seen->holder, seen->since, seen->run, line, lock_run(), NULL};
  return run_unlock(host, argv, lock, error);
}
