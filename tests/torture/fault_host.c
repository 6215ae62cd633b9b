/* The fault row: each of its functions asks what shall happen to this effect, and passes it on or not. */
#include "fault_host.h"

#include <host_scripts.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "environments/hosts/backend.h"
#include "model.h"
#include "store_fault.h"
#include "support/errors.h"

#include "support/poison.h"

enum { DURING_MS = 4, COMPOSE_ACTION = 5 };

static FaultPlan *plan;

typedef struct {
  Host *inner;
  HostConfig config; /* as the inner row wants it */
  char *home;
  guint index;
  gint is_cut;
  FaultKind now; /* what happens to the effect under way */
} Faulty;

static const struct {
  const char *name;
  bool kills;
  bool is_late;     /* the effect has happened */
  bool wants_shell; /* which is what goes on */
  guint each;       /* struck at every eachth effect */
} kinds[] = {
    [FAULT_NONE] = {"none", false, false, false, 1},
    [FAULT_FAIL_BEFORE] = {"fail-before", false, false, false, 1},
    [FAULT_FAIL_AFTER] = {"fail-after", false, true, false, 1},
    [FAULT_KILL_BEFORE] = {"kill-before", true, false, false, 1},
    [FAULT_KILL_AFTER] = {"kill-after", true, true, false, 1},
    [FAULT_KILL_DURING] = {"kill-during", true, true, true, 1},
    [FAULT_CUT_BEFORE] = {"cut-before", false, false, false, 1},
    [FAULT_CUT_AFTER] = {"cut-after", false, true, false, 1},
    [FAULT_TERM] = {"term", false, false, false, 3},
    [FAULT_STORE] = {"store", false, false, false, 3},
};

const char *fault_kind_name(FaultKind kind) {
  return kinds[kind].name;
}

bool fault_kills(FaultKind kind) {
  return kinds[kind].kills;
}

bool fault_is_due(FaultKind kind, const FaultPlan *counted, guint host, guint effect) {
  const bool is_change = counted->is_change[host][effect - 1];
  return (is_change || !kinds[kind].is_late) && (counted->has_shells || !kinds[kind].wants_shell) &&
         (effect + host) % kinds[kind].each == 0;
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

/* What happens before the effect; false when it does not happen at all. */
static bool strike(Faulty *faulty, GError **error) {
  switch (faulty->now) {
  case FAULT_KILL_BEFORE:
    kill_now();
    break;
  case FAULT_KILL_DURING:
    g_thread_unref(g_thread_new("kill", kill_soon, NULL));
    break;
  case FAULT_TERM:
    (void)kill(getpid(), SIGTERM);
    break;
  case FAULT_STORE:
    store_fault_begin();
    break;
  case FAULT_CUT_BEFORE:
    cut(faulty);
    return fail_as_cut(error);
  case FAULT_FAIL_BEFORE:
    return fail(error, SLIPWAY_ERROR_UNREADY, "it failed (torture)");
  default:
    break;
  }
  return true;
}

typedef struct {
  const char *row, *what; /* "request", its URL */
  bool is_change;
} Effect;

/* Counts; false when the effect does not happen. */
static bool effect_begins(Faulty *faulty, const Effect *effect, GError **error) {
  faulty->now = FAULT_NONE;
  if (g_atomic_int_get(&faulty->is_cut))
    return fail_as_cut(error);
  guint number = (guint)g_atomic_int_add(&plan->counts[faulty->index], 1) + 1;
  g_assert(number <= FAULT_EFFECTS);
  plan->is_change[faulty->index][number - 1] = effect->is_change;
  if (plan->kind == FAULT_NONE || faulty->index != plan->host || number != plan->effect)
    return true;
  faulty->now = plan->kind;
  (void)g_snprintf(plan->struck, FAULT_NAME, "%s: %s %.*s", plan->hosts[faulty->index], effect->row,
                   (int)strcspn(effect->what, "?"), effect->what);
  g_atomic_int_set(&plan->has_struck, 1);
  return strike(faulty, error);
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
  g_autofree char *quoted = shell_quote(faulty->home);
  return g_strdup_printf("HOME=%s\nexport HOME\ncd\n%s", quoted, opening);
}

static void pass_on(HostReply *reply, HostReply *received) {
  *reply = *received;
  *received = (HostReply){0};
}

static bool faulty_connect(Host *host, GError **error) {
  Faulty *faulty = host->backend;
  host->is_reached = effect_begins(faulty, &(Effect){"connect", "", false}, error) &&
                     host_connect(faulty->inner, error) && effect_ends(faulty, error);
  return host->is_reached;
}

static bool faulty_open(Host *host, const HostScript *opening, HostReply *reply, GError **error) {
  Faulty *faulty = host->backend;
  g_autofree char *text = with_own_home(faulty, opening->text);
  HostScript own = *opening;
  g_auto(HostReply) received = {0};
  if (plan->has_shells)
    own.text = text;
  if (!effect_begins(faulty, &(Effect){"open", "", true}, error) ||
      !faulty->inner->ops->open(faulty->inner, &own, &received, error) || !effect_ends(faulty, error))
    return false;
  pass_on(reply, &received);
  return true;
}

static Effect describe_script(const HostScript *script) {
  const struct {
    const char *text;
    Effect effect;
  } scripts[] = {
      {host_script_upload, {"shell", "upload", true}}, {host_script_journal, {"shell", "journal", true}},
      {host_script_commit, {"shell", "commit", true}}, {host_script_prune, {"shell", "prune", true}},
      {host_script_room, {"shell", "room", false}},
  };
  for (guint i = 0; i < G_N_ELEMENTS(scripts); i++)
    if (g_str_equal(script->text, scripts[i].text))
      return scripts[i].effect;
  if (!g_str_equal(script->text, host_script_compose))
    return (Effect){"shell", "another", true};
  const char *action = script->argv[COMPOSE_ACTION];
  return (Effect){"shell", action, !g_str_equal(action, "config") && !g_str_equal(action, "hash")};
}

static bool faulty_shell(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  Faulty *faulty = host->backend;
  const Effect effect = describe_script(script);
  g_auto(HostReply) received = {0};
  if (!effect_begins(faulty, &effect, error) ||
      !faulty->inner->ops->shell(faulty->inner, script, &received, error) || !effect_ends(faulty, error))
    return false;
  pass_on(reply, &received);
  return true;
}

static bool faulty_write(Host *host, const char *path, guint mode, const void *bytes, gsize length,
                         GError **error) {
  Faulty *faulty = host->backend;
  return effect_begins(faulty, &(Effect){"write", path, true}, error) &&
         faulty->inner->ops->write(faulty->inner, path, mode, bytes, length, error) &&
         effect_ends(faulty, error);
}

typedef bool (*Exchange)(Host *host, const HttpRequest *request, HttpReply *reply, GError **error);

static bool is_question(const HttpRequest *request) {
  return request->method == NULL
             ? request->body == NULL
             : g_str_equal(request->method, "GET") || g_str_equal(request->method, "HEAD");
}

static bool exchange(Faulty *faulty, const char *row, Exchange inner, const HttpRequest *request,
                     HttpReply *reply, GError **error) {
  g_auto(HttpReply) received = {0};
  const Effect effect = {row, request->url, !is_question(request)};
  if (!effect_begins(faulty, &effect, error) || !inner(faulty->inner, request, &received, error) ||
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
  const Effect effect = {"stream", request->url, !is_question(request)};
  if (!effect_begins(faulty, &effect, error) ||
      !faulty->inner->ops->stream(faulty->inner, request, &opened, error) || !effect_ends(faulty, error))
    return false;
  *stream = g_steal_pointer(&opened);
  return true;
}

static bool faulty_dial(Host *host, int *descriptor, GError **error) {
  Faulty *faulty = host->backend;
  int dialled = -1;
  if (!effect_begins(faulty, &(Effect){"dial", "", true}, error) ||
      !faulty->inner->ops->dial(faulty->inner, &dialled, error))
    return false;
  if (!effect_ends(faulty, error)) {
    (void)close(dialled);
    return false;
  }
  *descriptor = dialled;
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
  g_free(faulty->home);
  g_free(faulty);
}

static const HostOps fault_ops = {
    .name = "fault",
    .connect = faulty_connect,
    .open = faulty_open,
    .shell = faulty_shell,
    .write = faulty_write,
    .request = faulty_request,
    .stream = faulty_stream,
    .dial = faulty_dial,
    .fetch = faulty_fetch,
    .abort = faulty_abort,
    .close = faulty_close,
};

static HostOps ops; /* fault_ops, as the plan wants them */

static guint index_of(const char *name) {
  guint index = 0;
  while (!g_str_equal(plan->hosts[index], name))
    index++;
  return index;
}

static Host *local_host_new(const HostConfig *config) {
  Host *host = g_new0(Host, 1);
  *host = (Host){.ops = &local_backend.ops, .config = config};
  local_backend.init(host);
  return host;
}

static Host *make_host(const HostConfig *config) {
  Faulty *faulty = g_new0(Faulty, 1);
  Host *host = g_new0(Host, 1);
  faulty->index = index_of(config->name);
  faulty->config = (HostConfig){.name = config->name};
  faulty->config.engine = g_strdup_printf("%s/%s.sock", plan->folder, config->name);
  faulty->home = g_build_filename(plan->folder, "hosts", config->name, NULL);
  faulty->inner =
      plan->has_shells ? local_host_new(&faulty->config) : model_host_new(&faulty->config, faulty->home);
  *host = (Host){.ops = &ops, .config = config, .backend = faulty};
  return host;
}

void fault_install(FaultPlan *installed) {
  plan = installed;
  ops = fault_ops;
  ops.is_far = plan->is_far;
  store_fault_install();
  host_set_factory(make_host);
}
