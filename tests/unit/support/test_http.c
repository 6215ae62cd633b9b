/* A tiny HTTP server on a socket pair's worth of thread: each test scripts the bytes that it answers. */
#include "support/http.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/errors.h"

enum { CONNECTIONS = 4 };

/* Serves the replies one after another. A reply is sent in pieces; between two of them it waits for a byte on
 * `gate`. */
typedef struct {
  int listener;
  int gate[2];
  const char *const *replies[CONNECTIONS + 1]; /* per connection: pieces, NULL-terminated; then NULL */
  bool is_cut;       /* close right after the pieces rather than wait for the client */
  GString *requests; /* what clients sent */
  char *url, *path;
  GThread *thread;
} Server;

static bool read_request(Server *server, int connection) {
  char bytes[4096];
  GString *request = server->requests;
  gsize start = request->len;
  while (strstr(request->str + start, "\r\n\r\n") == NULL) {
    ssize_t got = read(connection, bytes, sizeof bytes);
    if (got <= 0)
      return false;
    g_string_append_len(request, bytes, got);
  }
  return true;
}

static void *serve(void *data) {
  Server *server = data;
  for (guint i = 0; server->replies[i] != NULL; i++) {
    int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    char byte, bytes[4096];
    if (connection >= 0 && read_request(server, connection)) {
      for (guint k = 0; server->replies[i][k] != NULL; k++) {
        if (k > 0 && read(server->gate[0], &byte, 1) != 1)
          break;
        if (send(connection, server->replies[i][k], strlen(server->replies[i][k]), MSG_NOSIGNAL) < 0)
          break;
      }
      if (!server->is_cut)
        while (recv(connection, bytes, sizeof bytes, 0) > 0) /* until the client goes away */
          ;
    }
    close(connection);
  }
  return NULL;
}

static void start(Server *server, bool over_unix) {
  server->requests = g_string_new(NULL);
  cr_assert(pipe2(server->gate, O_CLOEXEC) == 0);
  if (over_unix) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *folder = g_dir_make_tmp("slipway-http-XXXXXX", NULL);
    server->path = g_build_filename(folder, "s", NULL);
    g_strlcpy(address.sun_path, server->path, sizeof address.sun_path);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(server->listener, (struct sockaddr *)&address, sizeof address) == 0);
    server->url = g_strdup("http://engine");
  } else {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(server->listener, (struct sockaddr *)&address, sizeof address) == 0);
    cr_assert(getsockname(server->listener, (struct sockaddr *)&address, &length) == 0);
    server->url = g_strdup_printf("http://127.0.0.1:%u", ntohs(address.sin_port));
  }
  cr_assert(listen(server->listener, 8) == 0);
  server->thread = g_thread_new("server", serve, server);
}

static void open_gate(Server *server) {
  cr_assert(write(server->gate[1], "x", 1) == 1);
}

static void stop(Server *server) {
  shutdown(server->listener, SHUT_RDWR);
  close(server->gate[1]);
  g_thread_join(server->thread);
  close(server->gate[0]);
  close(server->listener);
  if (server->path != NULL) {
    g_autofree char *folder = g_path_get_dirname(server->path);
    unlink(server->path);
    rmdir(folder);
  }
  g_free(server->path);
  g_free(server->url);
  g_string_free(server->requests, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Server, stop)

static void expect_failure(const GError *error, const char *fragment) {
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
  cr_assert(strstr(error->message, fragment) != NULL, "\"%s\" lacks \"%s\"", error->message, fragment);
}

TestSuite(http, .init = http_global_init, .timeout = 20);

#define PIECES(...)                                                                                          \
  (const char *const[]) {                                                                                    \
    __VA_ARGS__, NULL                                                                                        \
  }

Test(http, gives_status_headers_and_body) {
  g_auto(Server) server = {
      .replies = {PIECES("HTTP/1.1 404 Not Found\r\nX-Thing:  a: b \r\nContent-Length: 3\r\n\r\nno\n")}};
  start(&server, false);
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert(http_perform(client, &(HttpRequest){.url = server.url}, &reply, &error));
  cr_assert(reply.status == 404);
  cr_assert(strcmp(http_reply_header(&reply, "x-thing"), "a: b") == 0);
  cr_assert(http_reply_header(&reply, "absent") == NULL);
  cr_assert(strcmp(reply.body->str, "no\n") == 0);
  cr_assert(strstr(server.requests->str, "GET / HTTP/1.1") != NULL);
}

Test(http, sends_bodies_and_credentials_but_no_expect) {
  g_auto(Server) server = {.replies = {PIECES("HTTP/1.1 204 No Content\r\n\r\n")}};
  start(&server, true);
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) reply = {0};
  g_autofree char *body =
      g_strnfill(2 << 20, ' '); /* libcurl asks before it sends that much, unless told not to */
  HttpRequest request = {.url = "http://engine/x",
                         .unix_socket = server.path,
                         .headers = PIECES("Content-Type: application/json"),
                         .basic = "u:p",
                         .body = body,
                         .body_length = 2 << 20};
  cr_assert(http_perform(client, &request, &reply, NULL));
  cr_assert(g_str_has_prefix(server.requests->str, "POST /x HTTP/1.1\r\nHost: engine\r\n"));
  cr_assert(strstr(server.requests->str, "Authorization: Basic dTpw\r\n") != NULL);
  cr_assert(strstr(server.requests->str, "Content-Type: application/json\r\n") != NULL);
  cr_assert(strstr(server.requests->str, "Expect") == NULL);
}

Test(http, a_post_without_a_body_says_so) {
  g_auto(Server) server = {.replies = {PIECES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")}};
  start(&server, false);
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) reply = {0};
  cr_assert(http_perform(client, &(HttpRequest){.method = "POST", .url = server.url}, &reply, NULL));
  cr_assert(strstr(server.requests->str, "Content-Length: 0\r\n") != NULL);
  cr_assert(strstr(server.requests->str, "Content-Type") == NULL);
}

Test(http, refuses_a_reply_over_the_cap_and_leaves_the_outputs_alone) {
  g_auto(Server) server = {.replies = {PIECES("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789")}};
  start(&server, false);
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert(!(http_perform(client, &(HttpRequest){.url = server.url, .reply_cap = 8}, &reply, &error)));
  expect_failure(error, "larger than");
  cr_assert(reply.body == NULL);
}

Test(http, names_the_url_without_its_secrets) {
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  HttpRequest request = {.url = "http://me:secret@127.0.0.1:1/v2/?token=hidden"};
  cr_assert(!(http_perform(client, &request, &reply, &error)));
  expect_failure(error, "http://127.0.0.1:1/v2/: ");
  expect_failure(error, "onnect");
  cr_assert(strstr(error->message, "secret") == NULL && strstr(error->message, "hidden") == NULL);
}

Test(http, names_the_engine_rather_than_a_made_up_host) {
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  HttpRequest request = {.url = "http://engine/info", .unix_socket = "/nonexistent/docker.sock"};
  cr_assert(!(http_perform(client, &request, &reply, &error)));
  expect_failure(error, "the engine at /nonexistent/docker.sock: /info: cannot connect: No such file");
}

Test(http, an_application_behind_a_socket_keeps_its_own_name) {
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  HttpRequest request = {.url = "http://localhost:8080/ping", .unix_socket = "/proc/self/fd/999"};
  cr_assert(!http_perform(client, &request, &reply, &error));
  expect_failure(error, "http://localhost:8080/ping: cannot connect: ");
}

Test(http, gives_up_after_its_timeout) {
  g_auto(Server) server = {.replies = {PIECES("HTTP/1.1 200 OK\r\n", "never")}};
  start(&server, false);
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert(!(http_perform(client, &(HttpRequest){.url = server.url, .timeout_ms = 100}, &reply, &error)));
  expect_failure(error, "timed out");
}

Test(http, follows_redirects_only_when_asked_and_keeps_credentials_to_their_host) {
  g_auto(Server) target = {.replies = {PIECES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")}};
  start(&target, false);
  g_autofree char *away =
      g_strdup_printf("HTTP/1.1 307 Away\r\nLocation: %s/there\r\nContent-Length: 0\r\n\r\n", target.url);
  g_auto(Server) server = {.replies = {PIECES(away), PIECES(away)}, .is_cut = true};
  start(&server, false);
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) plain = {0}, followed = {0};
  HttpRequest request = {.url = server.url, .basic = "u:p"};
  cr_assert(http_perform(client, &request, &plain, NULL));
  cr_assert(plain.status == 307);
  request.follow_redirects = true;
  cr_assert(http_perform(client, &request, &followed, NULL));
  cr_assert(strcmp(followed.body->str, "hi") == 0);
  cr_assert(http_reply_header(&followed, "location") == NULL);
  cr_assert(strstr(target.requests->str, "Authorization") == NULL);
}

Test(http, a_header_cannot_smuggle_another) {
  g_autoptr(HttpClient) client = http_client_new();
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  HttpRequest request = {.url = "http://127.0.0.1:1", .headers = PIECES("A: b\r\nC: d")};
  cr_assert(!(http_perform(client, &request, &reply, &error)));
  expect_failure(error, "malformed");
}

Test(http, escapes_what_a_url_gives_meaning_to) {
  g_autofree char *text = http_escape("a/b:c@d e?&=%\xff~-._");
  cr_assert(strcmp(text, "a%2Fb%3Ac%40d%20e%3F%26%3D%25%FF~-._") == 0);
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static char *next_line(HttpStream *stream, int timeout_ms, HttpStreamState *state) {
  char *line = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(http_stream_next(stream, timeout_ms, state, &line, &error), "%s",
            error == NULL ? "" : error->message);
  return line;
}

Test(http_stream, gives_lines_as_they_come_and_the_last_one_without_newline, .init = http_global_init,
     .timeout = 20) {
  g_auto(Server) server = {
      .replies = {PIECES(CHUNKED "4\r\none\n\r\n2\r\ntw\r\n", "2\r\no\n\r\n4\r\nlast\r\n0\r\n\r\n")}};
  start(&server, true);
  g_autoptr(HttpStream) stream = NULL;
  cr_assert(http_stream_open(&(HttpRequest){.url = "http://engine/events", .unix_socket = server.path},
                             &stream, NULL));
  cr_assert(http_stream_status(stream) == 200);
  HttpStreamState state;
  g_autofree char *one = next_line(stream, -1, &state);
  cr_assert(strcmp(one, "one") == 0);
  g_autofree char *none = next_line(stream, 20, &state);
  cr_assert(none == NULL && state == HTTP_STREAM_TIMEOUT);
  open_gate(&server);
  http_stream_wait_any(&stream, 1, 5000);
  g_autofree char *two = next_line(stream, 0, &state);
  cr_assert(strcmp(two, "two") == 0);
  g_autofree char *last = next_line(stream, -1, &state);
  cr_assert(strcmp(last, "last") == 0);
  g_autofree char *end = next_line(stream, -1, &state);
  cr_assert(end == NULL && state == HTTP_STREAM_END);
}

Test(http_stream, waiting_for_any_wakes_for_the_one_that_has_something, .init = http_global_init,
     .timeout = 20) {
  g_auto(Server) quiet = {.replies = {PIECES(CHUNKED, "0\r\n\r\n")}};
  g_auto(Server) busy = {.replies = {PIECES(CHUNKED, "3\r\nhi\n\r\n")}};
  start(&quiet, true);
  start(&busy, true);
  HttpStream *streams[2] = {NULL, NULL};
  cr_assert(
      http_stream_open(&(HttpRequest){.url = "http://engine", .unix_socket = quiet.path}, &streams[0], NULL));
  cr_assert(
      http_stream_open(&(HttpRequest){.url = "http://engine", .unix_socket = busy.path}, &streams[1], NULL));
  g_autofree char *line = NULL;
  HttpStreamState state = HTTP_STREAM_TIMEOUT;
  for (guint i = 0; i < 2; i++) { /* libcurl's own timers are over then */
    http_stream_wait_any(streams, 2, 300);
    cr_assert_null(next_line(streams[0], 0, &state));
    cr_assert_null(next_line(streams[1], 0, &state));
  }
  open_gate(&busy);
  gint64 before = g_get_monotonic_time();
  while (state == HTTP_STREAM_TIMEOUT && g_get_monotonic_time() - before < 5 * G_USEC_PER_SEC) {
    http_stream_wait_any(streams, 2, 5000);
    line = next_line(streams[1], 0, &state);
  }
  cr_assert_str_eq(line, "hi");
  cr_assert(g_get_monotonic_time() - before < G_USEC_PER_SEC);
  http_stream_free(streams[0]);
  http_stream_free(streams[1]);
}

Test(http_stream, a_reply_cut_off_is_an_error_not_an_end, .init = http_global_init, .timeout = 20) {
  g_auto(Server) server = {.replies = {PIECES(CHUNKED "3\r\nhi\n\r\n")}, .is_cut = true};
  start(&server, true);
  g_autoptr(HttpStream) stream = NULL;
  g_autoptr(GError) error = NULL;
  HttpStreamState state;
  cr_assert(
      http_stream_open(&(HttpRequest){.url = "http://engine/e", .unix_socket = server.path}, &stream, NULL));
  g_autofree char *line = next_line(stream, -1, &state);
  cr_assert(strcmp(line, "hi") == 0);
  g_autofree char *nothing = NULL;
  cr_assert(!(http_stream_next(stream, 5000, &state, &nothing, &error)));
  expect_failure(error, "transfer closed");
}

Test(http_stream, refuses_an_endless_line, .init = http_global_init, .timeout = 20) {
  g_autofree char *filler = g_strnfill((2 << 20), 'x');
  g_auto(Server) server = {.replies = {PIECES("HTTP/1.1 200 OK\r\n\r\n", filler)}, .is_cut = true};
  start(&server, true);
  open_gate(&server);
  g_autoptr(HttpStream) stream = NULL;
  g_autoptr(GError) error = NULL;
  HttpStreamState state;
  cr_assert(
      http_stream_open(&(HttpRequest){.url = "http://engine/e", .unix_socket = server.path}, &stream, NULL));
  g_autofree char *line = NULL;
  cr_assert(!(http_stream_next(stream, 5000, &state, &line, &error)));
  expect_failure(error, "longer than 1 MiB");
}

Test(http_stream, need_not_wait_for_the_answer, .init = http_global_init, .timeout = 20) {
  g_auto(Server) server = {.replies = {PIECES("", "HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nno\n")}};
  start(&server, true);
  g_autoptr(HttpStream) stream = NULL;
  HttpStreamState state;
  HttpRequest request = {.url = "http://engine/e", .unix_socket = server.path, .is_answered_later = true};
  cr_assert(http_stream_open(&request, &stream, NULL));
  cr_assert(http_stream_status(stream) == 0);
  open_gate(&server);
  g_autofree char *line = next_line(stream, -1, &state);
  cr_assert_str_eq(line, "no");
  cr_assert(http_stream_status(stream) == 404);
}

Test(http_stream, a_server_that_never_answers_does_not_hold_it, .init = http_global_init, .timeout = 20) {
  g_auto(Server) server = {.replies = {PIECES("", "never")}};
  start(&server, true);
  g_autoptr(HttpStream) stream = NULL;
  g_autoptr(GError) error = NULL;
  HttpRequest request = {.url = "http://engine/e", .unix_socket = server.path, .timeout_ms = 100};
  cr_assert(!(http_stream_open(&request, &stream, &error)));
  expect_failure(error, "no answer within 100 ms");
}
