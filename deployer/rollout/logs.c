/* A thread a host and a thread a container: each reads one stream, straight on. */
#include "deployer/rollout/logs.h"

#include <string.h>

#include "deployer/rollout/ephemeral.h"
#include "deployer/rollout/kept_secrets.h"
#include "environments/hosts/engine_attach.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/text.h"

#include "support/poison.h"

enum { LOOK_US = 100000, MOST_KEPT = 200000 };

typedef struct {
  LogLine line; /* its texts are owned */
  guint order;  /* as it came */
} KeptLine;

/* What all threads share. */
typedef struct {
  const LogsRequest *request;
  char *place;
  GMutex mutex; /* of what follows, and of the calls of the request's functions */
  GCond ended;
  GPtrArray *kept; /* KeptLine, without `follow` */
  guint lines, containers, failures, left;
  bool is_over; /* nobody reads any more */
} Logs;

typedef struct {
  Logs *logs;
  const HostConfig *config;
  Host *host;
  HostFacts *facts;
  Engine *engine;
  GMutex asking; /* the engine is one thread's at a time, a stream that is open is its own */
} LogHost;

typedef struct {
  LogHost *host;
  const char *id;
  char *service;
  gint64 time;    /* of the last line: a piece of a long one has none */
  bool is_asking; /* holds host->asking */
} LogStream;

static void kept_line_free(KeptLine *kept) {
  g_free((char *)kept->line.service);
  g_free((char *)kept->line.text);
  g_free(kept);
}

static void log_host_free(LogHost *host) {
  engine_free(host->engine);
  host_facts_free(host->facts);
  host_free(host->host);
  g_mutex_clear(&host->asking);
  g_free(host);
}

static void log_stream_free(LogStream *stream) {
  g_free(stream->service);
  g_free(stream);
}

/* ---- lines ---- */

static gint by_time(gconstpointer a, gconstpointer b) {
  const KeptLine *x = *(const KeptLine *const *)a, *y = *(const KeptLine *const *)b;
  if (x->line.time != y->line.time)
    return x->line.time < y->line.time ? -1 : 1;
  return x->order < y->order ? -1 : 1;
}

static void hand_out(Logs *logs, const LogLine *line) {
  if (!logs->is_over && !logs->request->on_line(line, logs->request->data))
    logs->is_over = true;
}

static void flush_kept(Logs *logs) {
  g_ptr_array_sort(logs->kept, by_time);
  for (guint i = 0; i < logs->kept->len; i++)
    hand_out(logs, &((const KeptLine *)logs->kept->pdata[i])->line);
  g_ptr_array_set_size(logs->kept, 0);
}

/* Sorting ends where memory would: what comes after it is sorted by itself. */
static void keep(Logs *logs, const LogLine *line) {
  KeptLine *kept = g_new0(KeptLine, 1);
  kept->line = *line;
  kept->line.service = g_strdup(line->service);
  kept->line.text = g_strdup(line->text);
  kept->order = logs->lines;
  g_ptr_array_add(logs->kept, kept);
  if (logs->kept->len >= MOST_KEPT)
    flush_kept(logs);
}

/* "2026-11-21T15:00:00.123456789Z text": the text, and when. */
static const char *split_time(const char *line, gint64 *time) {
  const char *space = strchr(line, ' ');
  g_autofree char *word = space != NULL ? g_strndup(line, (gsize)(space - line)) : NULL;
  return word != NULL && time_parse(word, time) ? space + 1 : line;
}

static void take_line(const char *written, bool is_stderr, void *data) {
  LogStream *stream = data;
  Logs *logs = stream->host->logs;
  const char *text = split_time(written, &stream->time);
  g_autofree char *shown = text_printable(text, false);
  const LogLine line = {.host = stream->host->config->name,
                        .service = stream->service,
                        .time = stream->time,
                        .is_stderr = is_stderr,
                        .text = shown};
  g_mutex_lock(&logs->mutex);
  logs->lines++;
  if (logs->request->follow)
    hand_out(logs, &line);
  else
    keep(logs, &line);
  g_mutex_unlock(&logs->mutex);
}

static bool is_over(Logs *logs) {
  g_mutex_lock(&logs->mutex);
  const bool over = logs->is_over;
  g_mutex_unlock(&logs->mutex);
  return over || interrupt_requested();
}

static bool is_cancelled(void *data) {
  return is_over(((LogStream *)data)->host->logs);
}

/* ---- hosts ---- */

static void tell_problem(LogHost *host, const GError *problem) {
  Logs *logs = host->logs;
  if (is_over(logs)) /* what is cut short fails */
    return;
  g_mutex_lock(&logs->mutex);
  logs->failures++;
  logs->request->on_problem(host->config->name, problem->message, logs->request->data);
  g_mutex_unlock(&logs->mutex);
}

static void stop_asking(void *data) {
  LogStream *stream = data;
  if (stream->is_asking)
    g_mutex_unlock(&stream->host->asking);
  stream->is_asking = false;
}

/* What is younger by the host's own clock. NULL: all. Caller frees. */
static char *since_word(const LogHost *host) {
  gint64 since_ms = host->logs->request->since_ms;
  if (since_ms == 0)
    return NULL;
  gint64 since = MAX(host->facts->clock / 1000 - since_ms, 0);
  return g_strdup_printf("%" G_GINT64_FORMAT ".%03d", since / 1000, (int)(since % 1000));
}

static gpointer read_stream(gpointer data) {
  LogStream *stream = data;
  LogHost *host = stream->host;
  const LogsRequest *request = host->logs->request;
  g_autofree char *since = since_word(host);
  g_autoptr(GError) problem = NULL;
  const EngineLogs logs = {.follow = request->follow,
                           .since = since,
                           .tail = request->tail > 0 ? (int)request->tail : -1,
                           .timestamps = true,
                           .is_cancelled = is_cancelled,
                           .on_open = stop_asking,
                           .on_line = take_line,
                           .data = stream};
  g_mutex_lock(&host->asking);
  stream->is_asking = true;
  bool is_read = engine_follow_logs(host->engine, stream->id, &logs, &problem);
  stop_asking(stream);
  if (!is_read)
    tell_problem(host, problem);
  return NULL;
}

/* "web", or "web-2" where there are several on the host. Caller frees. */
static char *service_label(const EngineContainer *container, const GPtrArray *containers) {
  guint count = 0;
  for (guint i = 0; i < containers->len; i++)
    count +=
        g_str_equal(((const EngineContainer *)containers->pdata[i])->service, container->service) ? 1 : 0;
  const char *end = container->name + strlen(container->name);
  while (end > container->name && g_ascii_isdigit(end[-1]))
    end--;
  return count > 1 && *end != '\0' ? g_strdup_printf("%s-%s", container->service, end)
                                   : g_strdup(container->service);
}

static void tell_container(const LogStream *stream) {
  Logs *logs = stream->host->logs;
  g_mutex_lock(&logs->mutex);
  logs->containers++;
  logs->request->on_container(stream->host->config->name, stream->service, logs->request->data);
  g_mutex_unlock(&logs->mutex);
}

static GPtrArray *make_streams(LogHost *host, const GPtrArray *containers) {
  const char *service = host->logs->request->service;
  GPtrArray *streams = g_ptr_array_new_with_free_func((GDestroyNotify)log_stream_free);
  for (guint i = 0; i < containers->len; i++) {
    const EngineContainer *container = containers->pdata[i];
    if (service != NULL && !g_str_equal(container->service, service))
      continue;
    LogStream *stream = g_new0(LogStream, 1);
    stream->host = host;
    stream->id = container->id;
    stream->service = service_label(container, containers);
    g_ptr_array_add(streams, stream);
    tell_container(stream);
  }
  return streams;
}

/* What its containers may write is known before any of it is shown. */
static bool open_log_host(LogHost *host, GPtrArray **containers, GError **error) {
  const HostPurpose purpose = {.place = host->logs->place};
  if (!host_open(host->host, &purpose, &host->facts, error))
    return false;
  if (host->facts->engine_problem != NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s", host->facts->engine_problem);
  Worker worker = {.config = host->config, .host = host->host, .facts = host->facts};
  return worker_learn_secrets(&worker, error) && engine_new(host->host, &host->engine, error) &&
         engine_list_containers(host->engine, host->logs->place, containers, error);
}

static gpointer read_host(gpointer data) {
  LogHost *host = data;
  Logs *logs = host->logs;
  g_autoptr(GError) problem = NULL;
  g_autoptr(GPtrArray) containers = NULL;
  if (open_log_host(host, &containers, &problem)) {
    g_autoptr(GPtrArray) streams = make_streams(host, containers);
    g_autoptr(GPtrArray) threads = g_ptr_array_new();
    for (guint i = 0; i < streams->len; i++)
      g_ptr_array_add(threads, g_thread_new("log", read_stream, streams->pdata[i]));
    for (guint i = 0; i < threads->len; i++)
      g_thread_join(threads->pdata[i]);
  } else {
    tell_problem(host, problem);
  }
  g_mutex_lock(&logs->mutex);
  logs->left--;
  g_cond_signal(&logs->ended);
  g_mutex_unlock(&logs->mutex);
  return NULL;
}

static bool is_wanted(const LogsRequest *request, const HostConfig *config) {
  return request->hosts == NULL ||
         g_ptr_array_find_with_equal_func((GPtrArray *)request->hosts, config->name, g_str_equal, NULL);
}

/* An interrupt also ends what hangs on a host. */
static void await_hosts(Logs *logs, const GPtrArray *hosts) {
  bool is_aborted = false;
  g_mutex_lock(&logs->mutex);
  while (logs->left > 0) {
    g_cond_wait_until(&logs->ended, &logs->mutex, g_get_monotonic_time() + LOOK_US);
    if (is_aborted || !(interrupt_requested() || logs->is_over))
      continue;
    is_aborted = true;
    for (guint i = 0; i < hosts->len; i++) {
      LogHost *host = hosts->pdata[i];
      host->host->ops->abort(host->host);
    }
  }
  g_mutex_unlock(&logs->mutex);
}

static void read_hosts(Logs *logs) {
  const GPtrArray *configs = logs->request->environment->hosts;
  g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)log_host_free);
  g_autoptr(GPtrArray) threads = g_ptr_array_new();
  for (guint i = 0; i < configs->len; i++) {
    if (!is_wanted(logs->request, configs->pdata[i]))
      continue;
    LogHost *host = g_new0(LogHost, 1);
    host->logs = logs;
    host->config = configs->pdata[i];
    host->host = host_new(host->config);
    g_mutex_init(&host->asking);
    g_ptr_array_add(hosts, host);
  }
  logs->left = hosts->len;
  for (guint i = 0; i < hosts->len; i++)
    g_ptr_array_add(threads, g_thread_new("host", read_host, hosts->pdata[i]));
  await_hosts(logs, hosts);
  for (guint i = 0; i < threads->len; i++)
    g_thread_join(threads->pdata[i]);
}

bool rollout_logs(const LogsRequest *request, guint *containers, GError **error) {
  Logs logs = {.request = request};
  logs.place = environment_place(request->config, request->environment);
  logs.kept = g_ptr_array_new_with_free_func((GDestroyNotify)kept_line_free);
  g_mutex_init(&logs.mutex);
  g_cond_init(&logs.ended);
  read_hosts(&logs);
  flush_kept(&logs);
  g_ptr_array_unref(logs.kept);
  g_free(logs.place);
  g_mutex_clear(&logs.mutex);
  g_cond_clear(&logs.ended);
  *containers = logs.containers;
  if (interrupt_requested())
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
  if (logs.failures > 0 && logs.lines == 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: no log could be read", request->environment->name);
  return true;
}
