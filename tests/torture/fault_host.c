/* The fault row: each of its functions asks what shall happen to this effect, and passes it on or not. */
#include "fault_host.h"

#include <host_scripts.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "environments/hosts/backend.h"
#include "support/errors.h"
#include "support/poison.h"

enum { DURING_MS = 4, COMPOSE_ACTION = 5 };

static FaultPlan *plan;

typedef struct {
  Host *inner;
  HostConfig config; /* as the inner row wants it */
  guint index;
  gint is_cut;
  FaultKind now; /* what happens to the effect under way */
} Faulty;

static const struct {
  const char *name;
  bool kills;
} kinds[] = {
    [FAULT_NONE] = {"none", false},
    [FAULT_FAIL_BEFORE] = {"fail-before", false},
    [FAULT_FAIL_AFTER] = {"fail-after", false},
    [FAULT_KILL_BEFORE] = {"kill-before", true},
    [FAULT_KILL_AFTER] = {"kill-after", true},
    [FAULT_KILL_DURING] = {"kill-during", true},
    [FAULT_CUT_BEFORE] = {"cut-before", false},
    [FAULT_CUT_AFTER] = {"cut-after", false},
};

const char *fault_kind_name(FaultKind kind) {
  return kinds[kind].name;
}

bool fault_kills(FaultKind kind) {
  return kinds[kind].kills;
}

static void kill_now(void) {
  (void)kill(getpid(), SIGKILL);
  for (;;)
    (void)pause();
}

static gpointer kill_soon(gpointer unused) {
  const struct timespec moment = {.tv_nsec = DURING_MS * 1000 * 1000};
  (void)unused;
  (void)nanosleep(&moment, NULL);
  kill_now();
  return NULL;
}

/* The engine's own end of a connection that was cut. */
static void drop_streams(Faulty *faulty) {
  HttpRequest request = {.method = "POST", .url = "http://engine/torture/cut"};
  g_auto(HttpReply) reply = {0};
  if (!faulty->inner->ops->request(faulty->inner, &request, &reply, NULL))
    return;
}

static void cut(Faulty *faulty) {
  drop_streams(faulty);
  g_atomic_int_set(&faulty->is_cut, 1);
}

static bool fail_as_cut(GError **error) {
  return fail(error, SLIPWAY_ERROR_UNREADY, "the connection was cut (torture)");
}

/* Counts; false when the effect does not happen. */
static bool effect_begins(Faulty *faulty, const char *row, const char *what, GError **error) {
  faulty->now = FAULT_NONE;
  if (g_atomic_int_get(&faulty->is_cut))
    return fail_as_cut(error);
  guint number = (guint)g_atomic_int_add(&plan->counts[faulty->index], 1) + 1;
  if (plan->kind == FAULT_NONE || faulty->index != plan->host || number != plan->effect)
    return true;
  faulty->now = plan->kind;
  (void)g_snprintf(plan->struck, FAULT_NAME, "%s: %s %.*s", plan->hosts[faulty->index], row,
                   (int)strcspn(what, "?"), what);
  g_atomic_int_set(&plan->has_struck, 1);
  if (faulty->now == FAULT_KILL_BEFORE)
    kill_now();
  if (faulty->now == FAULT_KILL_DURING)
    g_thread_unref(g_thread_new("kill", kill_soon, NULL));
  if (faulty->now == FAULT_CUT_BEFORE) {
    cut(faulty);
    return fail_as_cut(error);
  }
  return faulty->now != FAULT_FAIL_BEFORE || fail(error, SLIPWAY_ERROR_UNREADY, "it failed (torture)");
}

/* False when the effect's answer is not to be known. */
static bool effect_ends(Faulty *faulty, GError **error) {
  FaultKind now = faulty->now;
  faulty->now = FAULT_NONE;
  if (now == FAULT_KILL_AFTER || now == FAULT_KILL_DURING)
    kill_now();
  if (now == FAULT_CUT_AFTER) {
    cut(faulty);
    return fail_as_cut(error);
  }
  return now != FAULT_FAIL_AFTER || fail(error, SLIPWAY_ERROR_UNREADY, "its answer was lost (torture)");
}

/* A HOME per host: the shell that the opening runs in is the one that stays. */
static char *with_own_home(const Faulty *faulty, const char *opening) {
  g_autofree char *home = g_build_filename(plan->folder, "hosts", plan->hosts[faulty->index], NULL);
  g_autofree char *quoted = shell_quote(home);
  return g_strdup_printf("HOME=%s\nexport HOME\ncd\n%s", quoted, opening);
}

static bool faulty_open(Host *host, const HostScript *opening, HostReply *reply, GError **error) {
  Faulty *faulty = host->backend;
  g_autofree char *text = with_own_home(faulty, opening->text);
  HostScript own = *opening;
  g_auto(HostReply) received = {0};
  own.text = text;
  if (!effect_begins(faulty, "open", "", error) ||
      !faulty->inner->ops->open(faulty->inner, &own, &received, error) || !effect_ends(faulty, error))
    return false;
  *reply = received;
  received = (HostReply){0};
  return true;
}

static const char *script_name(const HostScript *script) {
  const struct {
    const char *text, *name;
  } scripts[] = {
      {host_script_upload, "upload"}, {host_script_journal, "journal"}, {host_script_commit, "commit"},
      {host_script_prune, "prune"},   {host_script_room, "room"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(scripts); i++)
    if (script->text == scripts[i].text)
      return scripts[i].name;
  return script->text == host_script_compose ? script->argv[COMPOSE_ACTION] : "another";
}

static bool faulty_shell(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  Faulty *faulty = host->backend;
  g_auto(HostReply) received = {0};
  if (!effect_begins(faulty, "shell", script_name(script), error) ||
      !faulty->inner->ops->shell(faulty->inner, script, &received, error) || !effect_ends(faulty, error))
    return false;
  *reply = received;
  received = (HostReply){0};
  return true;
}

static bool faulty_write(Host *host, const char *path, guint mode, const void *bytes, gsize length,
                         GError **error) {
  Faulty *faulty = host->backend;
  return effect_begins(faulty, "write", path, error) &&
         faulty->inner->ops->write(faulty->inner, path, mode, bytes, length, error) &&
         effect_ends(faulty, error);
}

typedef bool (*Exchange)(Host *host, const HttpRequest *request, HttpReply *reply, GError **error);

static bool exchange(Faulty *faulty, const char *row, Exchange inner, const HttpRequest *request,
                     HttpReply *reply, GError **error) {
  g_auto(HttpReply) received = {0};
  if (!effect_begins(faulty, row, request->url, error) || !inner(faulty->inner, request, &received, error) ||
      !effect_ends(faulty, error))
    return false;
  *reply = received;
  received = (HttpReply){0};
  return true;
}

static bool faulty_request(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Faulty *faulty = host->backend;
  return exchange(faulty, "request", faulty->inner->ops->request, request, reply, error);
}

static bool faulty_fetch(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Faulty *faulty = host->backend;
  return exchange(faulty, "fetch", faulty->inner->ops->fetch, request, reply, error);
}

static bool faulty_stream(Host *host, const HttpRequest *request, HttpStream **stream, GError **error) {
  Faulty *faulty = host->backend;
  g_autoptr(HttpStream) opened = NULL;
  if (!effect_begins(faulty, "stream", request->url, error) ||
      !faulty->inner->ops->stream(faulty->inner, request, &opened, error) || !effect_ends(faulty, error))
    return false;
  *stream = g_steal_pointer(&opened);
  return true;
}

static void faulty_abort(Host *host) {
  const Faulty *faulty = host->backend;
  faulty->inner->ops->abort(faulty->inner);
}

static void faulty_close(Host *host) {
  Faulty *faulty = host->backend;
  host_free(faulty->inner);
  g_free(faulty->config.engine);
  g_free(faulty);
}

static const HostOps fault_ops = {
    .name = "fault",
    .open = faulty_open,
    .shell = faulty_shell,
    .write = faulty_write,
    .request = faulty_request,
    .stream = faulty_stream,
    .fetch = faulty_fetch,
    .abort = faulty_abort,
    .close = faulty_close,
};

static guint index_of(const char *name) {
  guint index = 0;
  while (!g_str_equal(plan->hosts[index], name))
    index++;
  return index;
}

static Host *make_host(const HostConfig *config) {
  Faulty *faulty = g_new0(Faulty, 1);
  Host *host = g_new0(Host, 1);
  faulty->index = index_of(config->name);
  faulty->config = (HostConfig){.name = config->name};
  faulty->config.engine = g_strdup_printf("%s/%s.sock", plan->folder, config->name);
  faulty->inner = g_new0(Host, 1);
  *faulty->inner = (Host){.ops = &local_backend.ops, .config = &faulty->config};
  local_backend.init(faulty->inner);
  *host = (Host){.ops = &fault_ops, .config = config, .backend = faulty};
  return host;
}

void fault_install(FaultPlan *installed) {
  plan = installed;
  host_set_factory(make_host);
}
