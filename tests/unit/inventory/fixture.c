/* What the tests of inventories stand on. */
#include "fixture.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/http.h"

enum { REQUEST_CAP = 64 << 10 };

static const char *const AWS_VARIABLES[] = {"AWS_ACCESS_KEY_ID",
                                            "AWS_SECRET_ACCESS_KEY",
                                            "AWS_SESSION_TOKEN",
                                            "AWS_PROFILE",
                                            "AWS_DEFAULT_PROFILE",
                                            "AWS_REGION",
                                            "AWS_DEFAULT_REGION",
                                            "AWS_CONFIG_FILE",
                                            "AWS_SHARED_CREDENTIALS_FILE",
                                            "AWS_ENDPOINT_URL",
                                            "AWS_ENDPOINT_URL_EC2",
                                            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                            "AWS_WEB_IDENTITY_TOKEN_FILE",
                                            "http_proxy",
                                            "https_proxy"};

char *home_make(void) {
  char *home = g_dir_make_tmp("slipway-inventory-XXXXXX", NULL);
  cr_assert_not_null(home);
  cr_assert_eq(g_chdir(home), 0);
  http_global_init();
  g_setenv("HOME", home, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS(AWS_VARIABLES); i++)
    g_unsetenv(AWS_VARIABLES[i]);
  g_setenv("AWS_EC2_METADATA_DISABLED", "true", TRUE);
  return home;
}

void home_remove(char *home) {
  const char *argv[] = {"rm", "-rf", "--", home, NULL};
  cr_assert_eq(g_chdir("/"), 0);
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(home);
}

void home_write(const char *home, const char *path, const char *text) {
  g_autofree char *file = g_build_filename(home, path, NULL);
  g_autofree char *folder = g_path_get_dirname(file);
  cr_assert_eq(g_mkdir_with_parents(folder, 0700), 0);
  cr_assert(g_file_set_contents(file, text, -1, NULL));
}

void home_write_program(const char *home, const char *path, const char *script) {
  g_autofree char *text = g_strconcat("#!/bin/sh\n", script, "\n", NULL);
  g_autofree char *file = g_build_filename(home, path, NULL);
  home_write(home, path, text);
  cr_assert_eq(g_chmod(file, 0700), 0);
}

Config *config_with_hosts(const char *home, const char *hosts) {
  g_autoptr(GError) error = NULL;
  Config *config = NULL;
  g_autofree char *text = g_strdup_printf("app: shop\nimages: {web: registry.example.org/web}\n"
                                          "pipeline: [prod]\ncompose: compose.yml\nhistory: h.db\n"
                                          "environments:\n  prod:\n    ssh: {user: deploy, port: 2200}\n"
                                          "    max_hosts: 5\n    hosts: %s\n",
                                          hosts);
  bool is_right = config_parse("slipway.yml", home, text, strlen(text), &config, &error);
  cr_assert(is_right, "%s", error != NULL ? error->message : "");
  return config;
}

Environment *prod_of(Config *config) {
  return config_find_environment(config, "prod");
}

char *hosts_text(const Environment *environment) {
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < environment->hosts->len; i++) {
    const HostConfig *host = environment->hosts->pdata[i];
    g_string_append_printf(text, "%s%s=%s%s%s", i > 0 ? " " : "", host->name,
                           host->address != NULL ? host->address : "local", host->id != NULL ? "#" : "",
                           host->id != NULL ? host->id : "");
  }
  return g_string_free(text, FALSE);
}

/* ---- a server --------------------------------------------------------------------------------------------
 */

struct PlayedServer {
  int listener;
  char *url;
  char **replies;
  GThread *thread;
  GMutex lock;
  GString *requests; /* under lock */
};

static gsize body_length(const char *head) {
  g_autofree char *lower = g_ascii_strdown(head, -1);
  const char *field = strstr(lower, "\r\ncontent-length:");
  return field != NULL ? (gsize)g_ascii_strtoull(field + 17, NULL, 10) : 0;
}

/* Headers and body. Caller frees. */
static GString *read_request(int connection) {
  GString *request = g_string_new(NULL);
  char bytes[4096];
  while (request->len < REQUEST_CAP) {
    const char *end = strstr(request->str, "\r\n\r\n");
    if (end != NULL && request->len >= (gsize)(end + 4 - request->str) + body_length(request->str))
      break;
    gssize got = read(connection, bytes, sizeof bytes);
    if (got <= 0)
      break;
    g_string_append_len(request, bytes, got);
  }
  return request;
}

static void answer(int connection, const char *reply) {
  g_autofree char *text =
      g_strdup_printf("HTTP/1.1 %.3s X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", reply,
                      strlen(reply + 4), reply + 4);
  gssize written = write(connection, text, strlen(text));
  (void)written;
}

static gpointer serve(gpointer data) {
  PlayedServer *server = data;
  for (guint turn = 0;;) {
    int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0)
      return NULL;
    GString *request = read_request(connection);
    g_mutex_lock(&server->lock);
    g_string_append_printf(server->requests, "%s\n----\n", request->str);
    g_mutex_unlock(&server->lock);
    g_string_free(request, TRUE);
    answer(connection, server->replies[turn]);
    turn += server->replies[turn + 1] != NULL ? 1 : 0;
    close(connection);
  }
}

PlayedServer *played_server_start(const char *const *replies) {
  PlayedServer *server = g_new0(PlayedServer, 1);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(server->listener, (struct sockaddr *)&address, length), 0);
  cr_assert_eq(listen(server->listener, 16), 0);
  cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
  server->url = g_strdup_printf("http://127.0.0.1:%u", ntohs(address.sin_port));
  server->replies = g_strdupv((char **)replies);
  server->requests = g_string_new(NULL);
  g_mutex_init(&server->lock);
  server->thread = g_thread_new("server", serve, server);
  return server;
}

const char *played_server_url(const PlayedServer *server) {
  return server->url;
}

char *played_server_requests(PlayedServer *server) {
  g_mutex_lock(&server->lock);
  char *requests = g_strdup(server->requests->str);
  g_mutex_unlock(&server->lock);
  return requests;
}

void played_server_stop(PlayedServer *server) {
  shutdown(server->listener, SHUT_RDWR);
  g_thread_join(server->thread);
  close(server->listener);
  g_string_free(server->requests, TRUE);
  g_strfreev(server->replies);
  g_free(server->url);
  g_mutex_clear(&server->lock);
  g_free(server);
}
