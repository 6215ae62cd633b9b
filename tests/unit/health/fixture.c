/* Starts and stops the engine around all tests; the tests themselves run in processes of their own. */
#include "tests/unit/health/fixture.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environments/hosts/unix_listener.h"
#include "support/json.h"

#define DOCKERD "/usr/sbin/dockerd"
#define BUSYBOX "/bin/busybox"
#define IMAGE   "slipway-test:1"

enum { START_MS = 20 * 1000 };

static pid_t daemon_pid;
static char *folder;

static const char *missing(void) {
  if (geteuid() != 0)
    return "only root can start an engine";
  if (access(DOCKERD, X_OK) != 0)
    return DOCKERD " is missing (package docker.io)";
  if (access(BUSYBOX, X_OK) != 0)
    return BUSYBOX " is missing (package busybox-static)";
  return NULL;
}

void fixture_require_engine(void) {
  const char *reason = missing();
  if (reason != NULL)
    cr_skip_test("%s", reason);
  cr_assert_not_null(fixture_socket(), "the engine did not start");
  http_global_init();
}

const char *fixture_socket(void) {
  return g_getenv("SLIPWAY_TEST_ENGINE");
}

static void die_with_parent(void *data) {
  (void)data;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static void start_daemon(void) {
  g_autofree char *script = g_strdup_printf(
      "exec " DOCKERD " --data-root %s/data --exec-root %s/exec -H unix://%s/sock --pidfile %s/pid "
      "--bridge=none --iptables=false --ip-forward=false --shutdown-timeout=2 >%s/log 2>&1",
      folder, folder, folder, folder, folder);
  char *argv[] = {(char *)"/bin/sh", (char *)"-c", script, NULL};
  GPid pid = 0;
  if (g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, die_with_parent, NULL, &pid, NULL))
    daemon_pid = pid;
}

static bool engine_request(const char *method, const char *path, const void *body, gsize length,
                           const char *type, GString *answer) {
  g_autoptr(HttpClient) client = http_client_new();
  g_autofree char *socket = g_build_filename(folder, "sock", NULL);
  g_autofree char *url = g_strconcat("http://engine", path, NULL);
  const char *const headers[] = {type, NULL};
  const HttpRequest request = {.method = method,
                               .url = url,
                               .unix_socket = socket,
                               .headers = headers,
                               .body = body,
                               .body_length = length};
  g_auto(HttpReply) reply = {0};
  if (!http_perform(client, &request, &reply, NULL))
    return false;
  g_string_append_len(answer, reply.body->str, (gssize)reply.body->len);
  return reply.status == 200;
}

static bool is_up_in_time(void) {
  gint64 deadline = g_get_monotonic_time() + (gint64)START_MS * 1000;
  while (g_get_monotonic_time() < deadline) {
    g_autoptr(GString) answer = g_string_new(NULL);
    if (engine_request("GET", "/_ping", NULL, 0, NULL, answer))
      return true;
    g_usleep(50 * 1000);
  }
  return false;
}

static bool import_image(void) {
  g_autofree char *script =
      g_strdup_printf("set -e; mkdir -p %s/root/bin; cp " BUSYBOX " %s/root/bin; cd %s/root/bin; "
                      "for tool in sh sleep test cat touch; do ln -s busybox $tool; done; "
                      "tar -C .. -cf %s/image.tar .",
                      folder, folder, folder, folder);
  g_autofree char *archive = g_build_filename(folder, "image.tar", NULL);
  g_autofree char *bytes = NULL;
  gsize length = 0;
  char *argv[] = {(char *)"/bin/sh", (char *)"-c", script, NULL};
  int status = 0;
  g_autoptr(GString) answer = g_string_new(NULL);
  return g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, NULL) &&
         status == 0 && g_file_get_contents(archive, &bytes, &length, NULL) &&
         engine_request("POST", "/images/create?fromSrc=-&repo=slipway-test&tag=1&changes=ENV%20PATH=/bin",
                        bytes, length, "Content-Type: application/x-tar", answer);
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests) {
  (void)tests;
  if (missing() != NULL)
    return;
  http_global_init();
  folder = g_dir_make_tmp("slipway-health-XXXXXX", NULL);
  start_daemon();
  g_autofree char *socket = g_build_filename(folder, "sock", NULL);
  if (is_up_in_time() && import_image())
    g_setenv("SLIPWAY_TEST_ENGINE", socket, TRUE);
  else
    fprintf(stderr, "the test engine did not start: see %s/log\n", folder);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats) {
  (void)stats;
  if (daemon_pid == 0)
    return;
  kill(daemon_pid, SIGTERM);
  waitpid(daemon_pid, NULL, 0);
  if (fixture_socket() != NULL) {
    char *argv[] = {(char *)"/bin/rm", (char *)"-rf", (char *)"--one-file-system", folder, NULL};
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, NULL, NULL);
  }
  g_free(folder);
}

/* The smallest way to a host: straight to the socket. */
static bool request_socket(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  HttpRequest here = *request;
  here.unix_socket = fixture_socket();
  return http_perform(host->backend, &here, reply, error);
}

static bool stream_socket(Host *host, const HttpRequest *request, HttpStream **stream, GError **error) {
  (void)host;
  HttpRequest here = *request;
  here.unix_socket = fixture_socket();
  return http_stream_open(&here, stream, error);
}

static bool dial_socket(Host *host, int *descriptor, GError **error) {
  (void)host;
  return unix_connect(fixture_socket(), descriptor, error);
}

static bool fetch_from_here(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  return http_perform(host->backend, request, reply, error);
}

static const HostOps socket_ops = {.name = "socket",
                                   .request = request_socket,
                                   .stream = stream_socket,
                                   .dial = dial_socket,
                                   .fetch = fetch_from_here};

void fixture_open(Fixture *fixture, const char *project) {
  g_autoptr(GError) error = NULL;
  *fixture =
      (Fixture){.host = {.ops = &socket_ops, .backend = http_client_new()}, .project = g_strdup(project)};
  cr_assert(engine_new(&fixture->host, &fixture->engine, &error), "%s", error == NULL ? "" : error->message);
}

char *fixture_ask(Fixture *fixture, const char *method, const char *path, const char *body) {
  g_autofree char *url = g_strconcat("http://engine", path, NULL);
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  const char *const headers[] = {"Content-Type: application/json", NULL};
  const HttpRequest request = {.method = method,
                               .url = url,
                               .headers = body == NULL ? NULL : headers,
                               .body = body,
                               .body_length = body == NULL ? 0 : strlen(body)};
  cr_assert(request_socket(&fixture->host, &request, &reply, &error), "%s",
            error == NULL ? "" : error->message);
  cr_assert(reply.status < 400, "%s: %ld %s", path, reply.status, reply.body->str);
  return g_strdup(reply.body->str);
}

void fixture_remove(Fixture *fixture, const char *id) {
  g_autofree char *path = g_strdup_printf("/containers/%s?force=1", id);
  g_free(fixture_ask(fixture, "DELETE", path, NULL));
}

void fixture_close(Fixture *fixture) {
  g_autoptr(GPtrArray) containers = NULL;
  if (engine_list_containers(fixture->engine, fixture->project, &containers, NULL))
    for (guint i = 0; i < containers->len; i++)
      fixture_remove(fixture, ((EngineContainer *)containers->pdata[i])->id);
  engine_free(fixture->engine);
  http_client_free(fixture->host.backend);
  g_free(fixture->project);
}

static cJSON *shell_command(const char *first, const char *second, const char *script) {
  cJSON *argv = cJSON_CreateArray();
  cJSON_AddItemToArray(argv, cJSON_CreateString(first));
  if (second != NULL)
    cJSON_AddItemToArray(argv, cJSON_CreateString(second));
  cJSON_AddItemToArray(argv, cJSON_CreateString(script));
  return argv;
}

static cJSON *describe(const Fixture *fixture, const Service *service) {
  cJSON *body = cJSON_CreateObject();
  json_set_string(body, "Image", IMAGE);
  json_set(body, "Cmd", shell_command("sh", "-c", service->command));
  json_set_integer(body, "StopTimeout", 1);
  cJSON *labels = cJSON_AddObjectToObject(body, "Labels");
  json_set_string(labels, "com.docker.compose.project", fixture->project);
  json_set_string(labels, "com.docker.compose.service", service->service);
  cJSON *host = cJSON_AddObjectToObject(body, "HostConfig");
  json_set_string(host, "NetworkMode", "none");
  cJSON *policy = cJSON_AddObjectToObject(host, "RestartPolicy");
  json_set_string(policy, "Name", service->policy == NULL ? "no" : service->policy);
  json_set_integer(policy, "MaximumRetryCount", service->most_retries);
  if (service->check != NULL) {
    cJSON *check = cJSON_AddObjectToObject(body, "Healthcheck");
    json_set(check, "Test", shell_command("CMD-SHELL", NULL, service->check));
    json_set_integer(check, "Interval", (gint64)service->interval_ms * 1000 * 1000);
    json_set_integer(check, "Timeout", (gint64)service->timeout_ms * 1000 * 1000);
    json_set_integer(check, "Retries", service->retries);
  }
  return body;
}

char *fixture_start(Fixture *fixture, const Service *service) {
  g_autoptr(cJSON) body = describe(fixture, service);
  g_autofree char *text = json_print(body);
  g_autofree char *answer = fixture_ask(fixture, "POST", "/containers/create", text);
  g_autoptr(cJSON) json = NULL;
  cr_assert(json_parse(answer, strlen(answer), "the reply", &json, NULL));
  const char *id = json_string(json, "Id");
  cr_assert_not_null(id);
  g_autofree char *path = g_strdup_printf("/containers/%s/start", id);
  g_free(fixture_ask(fixture, "POST", path, NULL));
  return g_strdup(id);
}
