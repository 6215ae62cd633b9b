/* Starting, filling and stopping the registries of the tests. */
#include "registries.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/http.h"
#include "support/text.h"

enum { START_DEADLINE_S = 20, REQUEST_SIZE = 64 << 10 };

/* ---- environment
 * ----------------------------------------------------------------------------------------------------- */

static const char *const FOREIGN_VARIABLES[] = {"DOCKER_CONFIG", "GIT_COMMIT",  "BUILD_URL",  "BUILD_USER_ID",
                                                "http_proxy",    "https_proxy", "HTTPS_PROXY"};

char *home_make(void) {
  char *home = g_dir_make_tmp("slipway-test-XXXXXX", NULL);
  cr_assert_not_null(home);
  g_setenv("HOME", home, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(FOREIGN_VARIABLES); i++)
    g_unsetenv(FOREIGN_VARIABLES[i]);
  return home;
}

void home_remove(const char *home) {
  const char *argv[] = {"rm", "-rf", "--", home, NULL};
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
}

static void write_text(const char *folder, const char *name, const char *text, int mode) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  cr_assert_eq(g_mkdir_with_parents(folder, 0700), 0);
  cr_assert(g_file_set_contents(path, text, -1, NULL));
  cr_assert_eq(g_chmod(path, mode), 0);
}

void home_write_docker_config(const char *home, const char *json) {
  g_autofree char *folder = g_build_filename(home, ".docker", NULL);
  write_text(folder, "config.json", json, 0600);
}

void home_write_program(const char *home, const char *name, const char *script) {
  g_autofree char *folder = g_build_filename(home, "bin", NULL);
  g_autofree char *text = g_strconcat("#!/bin/sh\n", script, "\n", NULL);
  g_autofree char *path = g_strconcat(folder, ":", g_getenv("PATH"), NULL);
  write_text(folder, name, text, 0700);
  g_setenv("PATH", path, TRUE);
}

/* ---- the real one
 * ---------------------------------------------------------------------------------------------------- */

static int listen_on_loopback(guint16 *port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  cr_assert_eq(bind(listener, (struct sockaddr *)&address, length), 0);
  cr_assert_eq(listen(listener, 16), 0);
  cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
  *port = ntohs(address.sin_port);
  return listener;
}

static void end_with_parent(void *data) {
  (void)data;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static const char PASSWORD_FILE[] =
    REAL_USER ":$2b$05$abcdefghijklmnopqrstuugx1ANyULq/LMrIVpiIGARw82GmA9Dae\n";

/* A request as the user that may push. */
static void send_request(const RealRegistry *registry, HttpRequest *request, HttpReply *reply) {
  g_autoptr(HttpClient) client = http_client_new();
  g_autoptr(GError) error = NULL;
  (void)registry;
  request->basic = REAL_USER ":" REAL_PASSWORD;
  cr_assert(http_perform(client, request, reply, &error), "%s", error == NULL ? "" : error->message);
}

static void wait_until_it_answers(const RealRegistry *registry) {
  g_autofree char *url = g_strdup_printf("http://%s/v2/", registry->address);
  g_autoptr(HttpClient) client = http_client_new();
  gint64 deadline = g_get_monotonic_time() + (gint64)START_DEADLINE_S * G_USEC_PER_SEC;
  while (g_get_monotonic_time() < deadline) {
    g_auto(HttpReply) reply = {0};
    HttpRequest request = {.url = url};
    if (http_perform(client, &request, &reply, NULL))
      return;
    g_usleep(10 * 1000);
  }
  cr_assert_fail("docker-registry does not answer");
}

RealRegistry *real_registry_start(bool wants_password) {
  g_autofree char *program = g_find_program_in_path("docker-registry");
  if (program == NULL)
    cr_skip_test("docker-registry is not installed");
  RealRegistry *registry = g_new0(RealRegistry, 1);
  guint16 port = 0;
  close(listen_on_loopback(&port));
  registry->address = g_strdup_printf("127.0.0.1:%u", port);
  registry->folder = g_dir_make_tmp("slipway-registry-XXXXXX", NULL);
  g_autofree char *authentication =
      wants_password
          ? g_strdup_printf("auth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", registry->folder)
          : g_strdup("");
  g_autofree char *config = g_strdup_printf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                                            "storage: {filesystem: {rootdirectory: %s/data}}\n"
                                            "http: {addr: '%s'}\n%s",
                                            registry->folder, registry->address, authentication);
  g_autofree char *config_path = g_build_filename(registry->folder, "config.yml", NULL);
  write_text(registry->folder, "config.yml", config, 0600);
  write_text(registry->folder, "htpasswd", PASSWORD_FILE, 0600);
  const char *argv[] = {program, "serve", config_path, NULL};
  cr_assert(g_spawn_async(NULL, (char **)argv, NULL,
                          G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL,
                          end_with_parent, NULL, &registry->pid, NULL));
  wait_until_it_answers(registry);
  return registry;
}

void real_registry_stop(RealRegistry *registry) {
  if (registry == NULL)
    return;
  kill(registry->pid, SIGKILL);
  waitpid(registry->pid, NULL, 0);
  home_remove(registry->folder);
  g_free(registry->folder);
  g_free(registry->address);
  g_free(registry);
}

static char *digest_of(const char *text) {
  g_autofree char *hex = sha256_hex(text, strlen(text));
  return g_strconcat("sha256:", hex, NULL);
}

char *push_blob(const RealRegistry *registry, const char *repository, const char *text) {
  g_autofree char *digest = digest_of(text);
  g_autofree char *start = g_strdup_printf("http://%s/v2/%s/blobs/uploads/", registry->address, repository);
  g_auto(HttpReply) started = {0}, ended = {0};
  send_request(registry, &(HttpRequest){.method = "POST", .url = start}, &started);
  cr_assert_eq(started.status, 202, "%ld %s", started.status, started.body->str);
  g_autofree char *place = g_strdup_printf("%s&digest=%s", http_reply_header(&started, "location"), digest);
  HttpRequest put = {.method = "PUT",
                     .url = place,
                     .headers = (const char *const[]){"Content-Type: application/octet-stream", NULL},
                     .body = text,
                     .body_length = strlen(text)};
  send_request(registry, &put, &ended);
  cr_assert_eq(ended.status, 201, "%ld %s", ended.status, ended.body->str);
  return g_steal_pointer(&digest);
}

char *push_manifest(const RealRegistry *registry, const char *repository, const char *name, const char *type,
                    const char *text) {
  g_autofree char *digest = digest_of(text);
  g_autofree char *url = g_strdup_printf("http://%s/v2/%s/manifests/%s", registry->address, repository,
                                         name == NULL ? digest : name);
  g_autofree char *header = g_strconcat("Content-Type: ", type, NULL);
  g_auto(HttpReply) reply = {0};
  HttpRequest put = {.method = "PUT",
                     .url = url,
                     .headers = (const char *const[]){header, NULL},
                     .body = text,
                     .body_length = strlen(text)};
  send_request(registry, &put, &reply);
  cr_assert_eq(reply.status, 201, "%ld %s", reply.status, reply.body->str);
  return g_steal_pointer(&digest);
}

char *push_image(const RealRegistry *registry, const char *repository, const char *tag,
                 const char *architecture, const char *layer, const char *labels) {
  g_autofree char *layer_digest = push_blob(registry, repository, layer);
  g_autofree char *config =
      g_strdup_printf("{\"os\":\"linux\",\"architecture\":\"%s\",\"created\":\"2026-01-02T03:04:05Z\","
                      "\"config\":{\"Labels\":%s},"
                      "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:diff-of-%s\"]}}",
                      architecture, labels == NULL ? "null" : labels, layer);
  g_autofree char *config_digest = push_blob(registry, repository, config);
  static const char type[] = "application/vnd.docker.distribution.manifest.v2+json";
  g_autofree char *manifest = g_strdup_printf(
      "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
      "\"application/"
      "vnd.docker.container.image.v1+json\",\"size\":%zu,\"digest\":\"%s\"},\"layers\":[{\"mediaType\":"
      "\"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\":%zu,\"digest\":\"%s\"}]}",
      type, strlen(config), config_digest, strlen(layer), layer_digest);
  return push_manifest(registry, repository, tag, type, manifest);
}

char *push_index(const RealRegistry *registry, const char *repository, const char *tag) {
  static const char type[] = "application/vnd.docker.distribution.manifest.list.v2+json";
  static const char manifest[] = "application/vnd.docker.distribution.manifest.v2+json";
  g_autofree char *attestation = push_image(registry, repository, NULL, "unknown", "attestation", NULL);
  g_autofree char *amd64 = push_image(registry, repository, NULL, "amd64", "amd64 layer", NULL);
  g_autofree char *arm64 = push_image(registry, repository, NULL, "arm64", "the arm64 layer", NULL);
  g_autofree char *index = g_strdup_printf("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":["
                                           "{\"mediaType\":\"%s\",\"size\":500,\"digest\":\"%s\","
                                           "\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}},"
                                           "{\"mediaType\":\"%s\",\"size\":500,\"digest\":\"%s\","
                                           "\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
                                           "{\"mediaType\":\"%s\",\"size\":500,\"digest\":\"%s\","
                                           "\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}}]}",
                                           type, manifest, attestation, manifest, amd64, manifest, arm64);
  return push_manifest(registry, repository, tag, type, index);
}

/* ---- the fake
 * -------------------------------------------------------------------------------------------------------- */

struct FakeRegistry {
  const FakeRow *rows;
  guint *served; /* per row */
  char *address;
  int listener;
  GThread *thread;
  GMutex mutex;
  GPtrArray *requests; /* char * */
};

static const FakeRow *choose_row(FakeRegistry *fake, const char *request) {
  for (guint i = 0; fake->rows[i].request != NULL; i++) {
    const FakeRow *row = &fake->rows[i];
    bool is_due = row->times == 0 || fake->served[i] < row->times;
    if (is_due && g_str_has_prefix(request, row->request) &&
        (row->contains == NULL || strstr(request, row->contains) != NULL)) {
      fake->served[i]++;
      return row;
    }
  }
  return NULL;
}

/* "200 OK\r\nHeader: x\r\n\r\nbody" and the rest of HTTP; a HEAD gets no body. */
static char *complete_reply(const FakeRegistry *fake, const FakeRow *row, bool is_head) {
  g_auto(GStrv) pieces = g_strsplit(row == NULL ? "404 Not Found\r\n\r\n" : row->reply, "ADDRESS", -1);
  g_autofree char *text = g_strjoinv(fake->address, pieces);
  char *body = strstr(text, "\r\n\r\n");
  cr_assert_not_null(body);
  *body = '\0';
  body += 4;
  return g_strdup_printf("HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", text,
                         strlen(body), is_head ? "" : body);
}

static bool is_whole(const char *request) {
  const char *end = strstr(request, "\r\n\r\n");
  const char *length = strstr(request, "Content-Length: ");
  return end != NULL && (length == NULL || strlen(end + 4) >= g_ascii_strtoull(length + 16, NULL, 10));
}

static void serve(FakeRegistry *fake, int connection) {
  char request[REQUEST_SIZE] = "";
  gsize length = 0;
  while (!is_whole(request)) {
    gssize got = read(connection, request + length, REQUEST_SIZE - 1 - length);
    if (got <= 0)
      return;
    length += (gsize)got;
  }
  g_mutex_lock(&fake->mutex);
  g_ptr_array_add(fake->requests, g_strdup(request));
  const FakeRow *row = choose_row(fake, request);
  g_mutex_unlock(&fake->mutex);
  g_autofree char *reply = complete_reply(fake, row, g_str_has_prefix(request, "HEAD"));
  for (gsize sent = 0; sent < strlen(reply);) {
    gssize wrote = send(connection, reply + sent, strlen(reply) - sent, MSG_NOSIGNAL);
    if (wrote <= 0)
      return;
    sent += (gsize)wrote;
  }
}

static void *serve_all(void *data) {
  FakeRegistry *fake = data;
  for (int connection; (connection = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
    serve(fake, connection);
    close(connection);
  }
  return NULL;
}

FakeRegistry *fake_registry_start(const FakeRow *rows) {
  FakeRegistry *fake = g_new0(FakeRegistry, 1);
  guint count = 0;
  guint16 port = 0;
  while (rows[count].request != NULL)
    count++;
  fake->rows = rows;
  fake->served = g_new0(guint, count + 1);
  fake->listener = listen_on_loopback(&port);
  fake->address = g_strdup_printf("127.0.0.1:%u", port);
  fake->requests = g_ptr_array_new_with_free_func(g_free);
  g_mutex_init(&fake->mutex);
  fake->thread = g_thread_new("fake", serve_all, fake);
  return fake;
}

void fake_registry_stop(FakeRegistry *fake) {
  if (fake == NULL)
    return;
  shutdown(fake->listener, SHUT_RDWR);
  g_thread_join(fake->thread);
  close(fake->listener);
  g_ptr_array_unref(fake->requests);
  g_mutex_clear(&fake->mutex);
  g_free(fake->served);
  g_free(fake->address);
  g_free(fake);
}

const char *fake_address(const FakeRegistry *fake) {
  return fake->address;
}

guint fake_count(FakeRegistry *fake) {
  g_mutex_lock(&fake->mutex);
  guint count = fake->requests->len;
  g_mutex_unlock(&fake->mutex);
  return count;
}

char *fake_request(FakeRegistry *fake, guint index) {
  g_mutex_lock(&fake->mutex);
  char *request = index < fake->requests->len ? g_strdup(fake->requests->pdata[index]) : NULL;
  g_mutex_unlock(&fake->mutex);
  return request;
}
