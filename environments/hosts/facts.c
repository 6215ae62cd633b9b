/* Opening a host: one script takes the lock and tells everything worth knowing; here its words become
 * HostFacts. */
#include "environments/hosts/facts.h"

#include <string.h>

#include <host_scripts.h>

#include "environments/hosts/backend.h"
#include "environments/hosts/lock.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum {
  MANIFEST_CAP = 1 << 20,
  JOURNAL_CAP = 256 << 10,
  CLOCK_ANSWER_MAX_MS = 1000,
  STATUS_TOOLS_MISSING = 69, /* scripts/opening.sh */
  STATUS_NOT_WRITABLE = 73,
  STATUS_LOCKED = 75,
  STATUS_ELSEWHERE = 76,
};

void host_facts_free(HostFacts *facts) {
  if (facts == NULL)
    return;
  char *texts[] = {facts->home,     facts->folder,         facts->machine_id,
                   facts->hostname, facts->engine_problem, facts->current,
                   facts->manifest, facts->journal,        facts->engine_socket};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    g_free(texts[i]);
  g_clear_pointer(&facts->releases, g_hash_table_unref);
  g_clear_pointer(&facts->files, g_hash_table_unref);
  g_clear_pointer(&facts->secrets, g_hash_table_unref);
  g_free(facts);
}

/* --- facts
 * ---------------------------------------------------------------------------------------------------- */

static ComposeKind compose_kind(const char *found) {
  if (strcmp(found, "v1") == 0)
    return COMPOSE_V1;
  return *found == '\0' ? COMPOSE_NONE : COMPOSE_V2;
}

/* NULL when the engine's socket can be used. Caller frees. */
static char *engine_problem(const Told *told, const char *socket) {
  const char *state = told_text(told, "engine");
  if (strcmp(state, "usable") == 0)
    return NULL;
  if (strcmp(state, "denied") != 0)
    return g_strdup_printf(
        "no engine's socket at %s: is Docker installed and running? (`engine:` names another socket)",
        socket);
  const char *user = told_text(told, "user");
  const char *group = told_text(told, "group");
  if (strcmp(group, "root") == 0)
    return g_strdup_printf(
        "permission denied on %s, which is root's alone: start Docker with a group docker, and add %s to it",
        socket, user);
  return g_strdup_printf("permission denied on %s: as root there, usermod -aG %s %s", socket, group, user);
}

/* "free blocks, block size, free inodes, all inodes" as stat -f says; a file system without inodes says 0 of
 * 0. */
static void read_space(const char *text, HostFacts *facts) {
  facts->free_bytes = facts->free_inodes = -1;
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  gint64 numbers[4];
  if (g_strv_length(words) != G_N_ELEMENTS(numbers))
    return;
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
    if (!number_parse(words[i], 0, G_MAXINT64, &numbers[i]))
      return;
  if (numbers[1] > 0 && numbers[0] <= G_MAXINT64 / numbers[1])
    facts->free_bytes = numbers[0] * numbers[1];
  if (numbers[3] > 0)
    facts->free_inodes = numbers[2];
}

/* Whole lines only: the first may be cut off by the cap, the last by a crash while it was written. Caller
 * frees. */
static char *whole_lines(const GString *text) {
  if (text == NULL)
    return g_strdup("");
  const char *start = text->str;
  if (text->len > JOURNAL_CAP) {
    const char *newline = memchr(start, '\n', text->len);
    start = newline == NULL ? text->str + text->len : newline + 1;
  }
  const char *end = memrchr(start, '\n', (gsize)(text->str + text->len - start));
  return end == NULL ? g_strdup("") : g_strndup(start, (gsize)(end + 1 - start));
}

static bool read_facts(Told *told, const char *socket, HostFacts **facts, GError **error) {
  const GString *manifest = told_bytes(told, "manifest");
  if (manifest != NULL && manifest->len > MANIFEST_CAP)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s/current/manifest.json is larger than %d MiB",
                told_text(told, "folder"), MANIFEST_CAP >> 20);
  gint64 clock = 0;
  if (told_bytes(told, "folder") == NULL || !number_parse(told_text(told, "clock"), 0, G_MAXINT64, &clock))
    return fail(error, SLIPWAY_ERROR_UNREADY, "the opening script's answer is incomplete");
  const char *current = told_text(told, "current");
  const char *slash = strrchr(current, '/');
  HostFacts *found = g_new0(HostFacts, 1);
  found->home = g_strdup(told_text(told, "home"));
  found->folder = g_strdup(told_text(told, "folder"));
  found->machine_id = g_strdup(told_text(told, "machine_id"));
  found->hostname = g_strdup(told_text(told, "hostname"));
  found->compose = compose_kind(told_text(told, "compose"));
  found->engine_problem = engine_problem(told, socket);
  found->engine_socket = g_strdup(socket);
  read_space(told_text(told, "space"), found);
  found->clock = clock / 1000;
  found->current = *current == '\0' ? NULL : g_strdup(slash == NULL ? current : slash + 1);
  found->manifest = manifest == NULL ? NULL : g_strdup(manifest->str);
  found->journal = whole_lines(told_bytes(told, "journal"));
  found->releases = g_steal_pointer(&told->releases);
  found->files = g_steal_pointer(&told->files);
  found->secrets = g_steal_pointer(&told->secrets);
  *facts = found;
  return true;
}

/* --- opening
 * -------------------------------------------------------------------------------------------------- */

static bool judge_status(const Host *host, const HostPurpose *purpose, const HostReply *reply,
                         const Told *told, GError **error) {
  if (reply->status == STATUS_LOCKED)
    return fail_locked(told, purpose->place, purpose->may_come_free, error);
  if (reply->status == STATUS_ELSEWHERE)
    return fail_elsewhere(told, purpose->place, host->config->name, error);
  if (reply->status == STATUS_TOOLS_MISSING) {
    g_autofree char *missing = text_printable(told_text(told, "missing"), false);
    return fail(
        error, SLIPWAY_ERROR_UNREADY,
        "the host lacks %s (packages coreutils, util-linux, grep, sed and tar; busybox's tools will not do)",
        missing);
  }
  g_autofree char *complaint = text_printable(g_strstrip(reply->err->str), false);
  if (reply->status == STATUS_NOT_WRITABLE)
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot write below ~/.slipway: %s", complaint);
  return reply->status == 0 || fail(error, SLIPWAY_ERROR_UNREADY,
                                    "the opening script failed with status %d: %s", reply->status, complaint);
}

bool host_open(Host *host, const HostPurpose *purpose, HostFacts **facts, GError **error) {
  const char *socket = NULL;
  if (purpose->may_come_free != NULL)
    *purpose->may_come_free = false;
  if (!host_engine_socket(host->config, &socket, error))
    return false;
  g_autofree char *holder = text_printable(purpose->holder == NULL ? "" : purpose->holder, false);
  const char *argv[] = {purpose->place, holder, socket, lock_run(), NULL};
  const HostScript opening = {
      .text = host_script_opening, .argv = argv, .is_lockless = purpose->holder == NULL};
  g_auto(HostReply) reply = {0};
  g_auto(Told) told = {0};
  const bool is_near = host->config->address == NULL || host->is_reached;
  const gint64 asked = g_get_monotonic_time();
  if (!host->ops->open(host, &opening, &reply, error))
    return false;
  const gint64 answered = g_get_monotonic_time();
  if (!told_parse(&told, reply.out, error) || !judge_status(host, purpose, &reply, &told, error) ||
      !read_facts(&told, socket, facts, error))
    return false;
  /* Else it had to be connected to meanwhile, or a slow login lies before the moment of its clock. */
  if (is_near && answered - asked <= CLOCK_ANSWER_MAX_MS * 1000)
    (*facts)->clock_offset = (*facts)->clock - (asked + answered) / 2;
  return true;
}
