/* Calls in one round trip, against an engine of the test's own behind a real sshd: replies that refuse, a
 * connection that ends in the middle, and a link that is lost. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environments/hosts/engine_private.h"
#include "environments/hosts/engine_wire.h"
#include "fixture.h"
#include "support/errors.h"

/* --- the engine
 * ------------------------------------------------------------------------------------------------ */

enum { LARGE = 8 << 20 /* more than the sockets and SSH's window hold */ };

static Fixture fixture;
static HostConfig config;
static Host *host;
static pid_t server;
static Engine engine;

static void note(const char *text) {
  g_autofree char *path = fixture_path(&fixture, "asked");
  FILE *file = fopen(path, "ae");
  (void)fputs(text, file);
  (void)fclose(file);
}

static bool send_whole(int fd, const char *text) {
  for (gsize left = strlen(text); left > 0;) {
    const ssize_t count = send(fd, text, left, MSG_NOSIGNAL);
    if (count < 0)
      return false;
    text += count;
    left -= (gsize)count;
  }
  return true;
}

static bool send_reply(int fd, const char *status, const char *more, const char *body) {
  g_autofree char *text =
      g_strdup_printf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, more, strlen(body), body);
  return send_whole(fd, text);
}

/* What the path's word stands for; false: it hangs up. */
static bool answer(int fd, const char *path) {
  g_autofree char *body = g_strdup_printf("{\"path\":\"%s\"}", path);
  if (strstr(path, "/cut") != NULL)
    return false;
  if (strstr(path, "/silent") != NULL)
    return true;
  if (strstr(path, "/refused") != NULL)
    return send_reply(fd, "409 Conflict", "", "{\"message\":\"in use\"}");
  if (strstr(path, "/last") != NULL) {
    (void)send_reply(fd, "200 OK", "Connection: close\r\n", body);
    return false;
  }
  if (strstr(path, "/events") != NULL)
    return send_whole(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n");
  if (strstr(path, "/large") != NULL) {
    g_autofree char *large = g_strnfill(LARGE, ' ');
    const bool is_taken = send_reply(fd, "200 OK", "", large);
    note(is_taken ? "large taken\n" : "large left\n");
    return is_taken;
  }
  return send_reply(fd, "200 OK", "", body);
}

/* One request after the other, however they come. */
static void answer_requests(int fd) {
  g_autoptr(GString) text = g_string_new(NULL);
  char bytes[4096];
  bool was_asked = false;
  for (ssize_t count = 0; (count = read(fd, bytes, sizeof bytes)) > 0;) {
    note(was_asked ? "" : "connected\n"); /* what SSH keeps to spare asks nothing */
    was_asked = true;
    g_string_append_len(text, bytes, count);
    for (const char *end = NULL; (end = strstr(text->str, "\r\n\r\n")) != NULL;) {
      g_auto(GStrv) words = g_strsplit(text->str, " ", 3);
      g_autofree char *asked = g_strdup_printf("%s %s\n", words[0], words[1]);
      g_string_erase(text, 0, end + 4 - text->str);
      note(asked);
      if (!answer(fd, words[1]))
        return;
    }
  }
}

static void serve(int listening) {
  for (int fd = -1; (fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd)) {
    while (waitpid(-1, NULL, WNOHANG) > 0)
      continue;
    if (fork() != 0)
      continue;
    answer_requests(fd);
    _exit(0);
  }
}

static void start(void) {
  fixture_start(&fixture, NULL);
  config = fixture_config(&fixture);
  config.engine = fixture_path(&fixture, "engine.sock");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  g_strlcpy(address.sun_path, config.engine, sizeof address.sun_path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
  cr_assert_eq(listen(fd, 16), 0);
  server = fork();
  if (server == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    serve(fd);
    _exit(1);
  }
  close(fd);
  host = open_host(&config);
  engine = (Engine){.host = host, .base = (char *)"http://engine"};
}

static void stop(void) {
  host_free(host);
  end_process(&server);
  g_free(config.engine);
  fixture_stop(&fixture);
}

TestSuite(engine_calls, .init = start, .fini = stop);

/* --- calls
 * ----------------------------------------------------------------------------------------------------- */

/* "DELETE /a": removes; "/a": asks. */
static bool call_all(const char *const *words, GPtrArray **answers, GError **error) {
  g_autoptr(EngineCalls) calls = engine_calls_new();
  for (; *words != NULL; words++) {
    const char *path = strchr(*words, '/');
    engine_calls_add(calls, path == *words ? NULL : "DELETE", false, g_strdup_printf("take %s", path),
                     g_strdup(path));
  }
  return engine_calls_run(&engine, calls, answers, error);
}

static void expect_answers(const char *const *paths) {
  g_autoptr(GPtrArray) answers = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(call_all(paths, &answers, &error), "%s", error == NULL ? "" : error->message);
  for (guint i = 0; paths[i] != NULL; i++)
    cr_expect_str_eq(json_string(g_ptr_array_index(answers, i), "path"), paths[i]);
}

static void expect_failure(const char *const *words, const char *fragment) {
  g_autoptr(GPtrArray) answers = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(!call_all(words, &answers, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, fragment);
}

static guint count_notes(const char *note) {
  g_autofree char *path = fixture_path(&fixture, "asked");
  g_autofree char *text = NULL;
  cr_assert(g_file_get_contents(path, &text, NULL, NULL));
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  guint count = 0;
  for (char **line = lines; *line != NULL; line++)
    count += g_str_equal(*line, note) ? 1 : 0;
  return count;
}

static bool is_noted(gpointer note) {
  return count_notes(note) > 0;
}

Test(engine_calls, go_by_one_connection_and_are_answered_in_order) {
  expect_answers((const char *const[]){"/a", "/b", "/c", "/d", NULL});
  cr_expect_eq(count_notes("connected"), 1);
}

Test(engine_calls, are_all_carried_out_when_one_is_refused) {
  expect_failure((const char *const[]){"DELETE /a", "DELETE /refused", "DELETE /large", NULL},
                 "cannot take /refused: in use (status 409)");
  cr_expect(wait_until(is_noted, (gpointer) "large taken"), "the connection was closed on it");
  expect_answers((const char *const[]){"/a", "/b", NULL});
}

Test(engine_calls, tell_the_first_of_several_failures) {
  expect_failure((const char *const[]){"DELETE /refused/1", "DELETE /refused/2", "/cut", NULL},
                 "cannot take /refused/1: in use (status 409)");
}

Test(engine_calls, are_asked_again_behind_a_reply_that_ends_the_connection) {
  expect_answers((const char *const[]){"/a", "/last", "/b", "/c", NULL});
}

Test(engine_calls, are_not_sent_twice_when_they_change_something) {
  expect_failure((const char *const[]){"/a", "/last", "/b", "DELETE /c", NULL},
                 "cannot take /b: the engine closed the connection instead of answering");
  cr_expect_eq(count_notes("DELETE /c"), 0);
  expect_failure((const char *const[]){"DELETE /a", "DELETE /cut", "/b", NULL}, "cannot take /cut: ");
  cr_expect_eq(count_notes("DELETE /cut"), 1);
  expect_answers((const char *const[]){"/a", "/b", NULL});
}

Test(engine_calls, fail_when_the_engine_hangs_up_at_once_and_again) {
  expect_failure((const char *const[]){"/cut", "/a", NULL}, "cannot take /cut: the engine closed");
  expect_failure((const char *const[]){"/a", "/cut", "/b", NULL}, "/cut");
}

/* --- a link that is lost
 * ----------------------------------------------------------------------------------------------------- */

Test(engine_calls, say_that_the_link_was_lost) {
  const WireRequest requests[] = {{.doing = "wait", .path = "/a"}, {.doing = "wait", .path = "/silent"}};
  g_autoptr(EngineWire) wire = NULL;
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert(engine_wire_send_all(&engine, requests, G_N_ELEMENTS(requests), &wire, NULL));
  cr_assert(engine_wire_next(wire, "wait", &reply, NULL));
  signal_connections(&fixture, "KILL");
  cr_assert(!engine_wire_next(wire, "wait", &reply, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "the SSH connection was");
  cr_expect(g_str_has_suffix(error->message, ": cannot wait: the engine closed the connection instead of "
                                             "answering"),
            "%s", error->message);
}

Test(engine_calls, of_a_stream_say_that_the_link_was_lost) {
  g_autoptr(HttpStream) events = NULL;
  g_autoptr(HttpStream) unanswered = NULL;
  HttpStreamState state = HTTP_STREAM_TIMEOUT;
  g_autofree char *line = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) later = NULL;
  cr_assert(engine_watch(&engine, "p", &events, NULL));
  cr_assert(engine_watch_begun(&engine, events, NULL));
  engine.base = (char *)"http://engine/silent";
  cr_assert(engine_watch(&engine, "p", &unanswered, NULL));
  signal_connections(&fixture, "KILL");
  cr_assert(!engine_watch_begun(&engine, unanswered, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "the SSH connection was");
  cr_assert(http_stream_next(events, -1, &state, &line, NULL));
  g_clear_pointer(&line, g_free);
  cr_assert(!http_stream_next(events, -1, &state, &line, &later) && !host_explain(host, &later));
  expect_error(later, SLIPWAY_ERROR_UNREADY, "the SSH connection was");
}

/* --- signals
 * ----------------------------------------------------------------------------------------------------- */

enum { TICK_US = 1000, LAST_TICK = 20 };

static int peer;
static volatile sig_atomic_t ticks;

static void tick(int number) {
  (void)number;
  if (++ticks == LAST_TICK)
    (void)!write(peer, "}", 1);
}

static bool dial_peer(Host *of, int *descriptor, GError **error) {
  (void)of, (void)error;
  int pair[2];
  cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  *descriptor = pair[0];
  peer = pair[1];
  return send_whole(peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{");
}

Test(engine_wire, waits_on_when_a_signal_comes) {
  const HostOps ops = {.dial = dial_peer};
  Host own = {.ops = &ops};
  Engine with = {.host = &own, .base = (char *)"http://engine"};
  const struct sigaction action = {.sa_handler = tick};
  const struct itimerval timer = {{0, TICK_US}, {0, TICK_US}};
  g_autoptr(EngineWire) wire = NULL;
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  cr_assert(engine_wire_send_all(&with, &(WireRequest){.doing = "wait", .path = "/a"}, 1, &wire, NULL));
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &timer, NULL);
  cr_expect(engine_wire_next(wire, "wait", &reply, &error), "%s", error == NULL ? "" : error->message);
  setitimer(ITIMER_REAL, &(const struct itimerval){0}, NULL);
  cr_expect_str_eq(reply.body->str, "{}");
  close(peer);
}
