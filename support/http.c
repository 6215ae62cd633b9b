/* HTTP on libcurl: one kept-alive easy handle for whole exchanges, a multi handle with one easy for replies
 * that are read while they arrive. Both are set up by the same function, so timeouts, limits and credentials
 * are one story. */
#include "support/http.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "support/errors.h"
#include "support/interrupt.h"
#include "support/libcurl.h"
#include "support/poison.h"

enum {
  CONNECT_TIMEOUT_MS = 10 * 1000,
  TIMEOUT_MS = 60 * 1000,
  REPLY_CAP = 16 << 20,
  HEADERS_CAP = 256 << 10, /* bytes, of one reply */
  LINE_CAP = 1 << 20,
  REDIRECTS = 5,
  BLIND_WAIT_MS = 50, /* between looks at a stream whose socket is not known */
};

typedef struct curl_slist HeaderList;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HeaderList, curl_slist_free_all)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURLU, curl_url_cleanup)

/* What one exchange collects. Borrowed by the easy handle's callbacks while it runs. */
typedef struct {
  CURL *easy;
  HeaderList *headers; /* of the request */
  char error[CURL_ERROR_SIZE];
  char *subject; /* the request as errors call it */
  HttpReply reply;
  gsize header_bytes;
  gsize line_bytes;     /* of the last, unfinished line */
  gsize cap;            /* of reply.body: 0 for a stream, which empties it and caps each line instead */
  const char *excess;   /* what went over its cap; set by a callback that ends the transfer */
  bool has_all_headers; /* of the final reply */
  bool is_over_unix_socket;
  int socket; /* over a unix socket: the connection's, once there is one; else -1 */
} Exchange;

struct HttpClient {
  CURL *easy;
};

struct HttpStream {
  Exchange exchange;
  CURLM *multi;
  gsize taken;    /* bytes at the start of reply.body that have been handed out */
  gsize searched; /* bytes of reply.body (taken ones too) known to hold no further newline */
  bool is_done;
  CURLcode result; /* once is_done */
};

void http_global_init(void) {
  static gsize is_done = 0;
  if (!g_once_init_enter(&is_done))
    return;
  libcurl_load();
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    g_error("libcurl cannot be initialised");
  g_once_init_leave(&is_done, 1);
}

void http_reply_clear(HttpReply *reply) {
  g_clear_pointer(&reply->headers, g_hash_table_unref);
  if (reply->body != NULL)
    g_string_free(g_steal_pointer(&reply->body), TRUE);
  reply->status = 0;
}

const char *http_reply_header(const HttpReply *reply, const char *name) {
  return reply->headers == NULL ? NULL : g_hash_table_lookup(reply->headers, name);
}

char *http_escape(const char *text) {
  return g_uri_escape_string(text, NULL, FALSE);
}

static char *url_part(CURLU *url, CURLUPart part) {
  char *text = NULL;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
    return NULL;
  char *copy = g_strdup(text);
  curl_free(text);
  return copy;
}

static CURLU *url_parse(const char *text) {
  http_global_init();
  g_autoptr(CURLU) url = curl_url();
  return curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK ? g_steal_pointer(&url) : NULL;
}

char *http_url_for_people(const char *text) {
  g_autoptr(CURLU) url = url_parse(text);
  if (url == NULL)
    return g_strdup("a malformed URL");
  static const CURLUPart hidden[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY,
                                     CURLUPART_FRAGMENT};
  for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
    (void)curl_url_set(url, hidden[i], NULL, 0);
  return url_part(url, CURLUPART_URL);
}

static char *url_host(const char *text) {
  g_autoptr(CURLU) url = url_parse(text);
  return url == NULL ? NULL : url_part(url, CURLUPART_HOST);
}

/* What errors begin with. The engine has no URL that a person knows; nor does a descriptor's path (an
 * in-process listener) say anything.
 */
static char *request_for_people(const HttpRequest *request) {
  g_autofree char *host = url_host(request->url);
  if (request->unix_socket == NULL || g_strcmp0(host, "engine") != 0)
    return http_url_for_people(request->url);
  g_autoptr(CURLU) url = url_parse(request->url);
  g_autofree char *path = url_part(url, CURLUPART_PATH);
  bool is_in_process = g_str_has_prefix(request->unix_socket, "/proc/");
  return g_strdup_printf("the engine%s%s: %s", is_in_process ? "" : " at ",
                         is_in_process ? "" : request->unix_socket, path);
}

/* This machine, or what it is a guest of: AWS's endpoints for containers and instances. */
static bool is_nearby(const char *url_text) {
  static const char *const beginnings[] = {"127.", "169.254.", "[fd00:ec2:", "[fe80:"};
  g_autofree char *host = url_host(url_text);
  for (guint i = 0; host != NULL && i < G_N_ELEMENTS(beginnings); i++)
    if (g_str_has_prefix(host, beginnings[i]))
      return true;
  return host != NULL && (g_ascii_strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0);
}

static const char *request_method(const HttpRequest *request) {
  if (request->method != NULL)
    return request->method;
  return request->body == NULL ? "GET" : "POST";
}

static void store_header(Exchange *exchange, const char *line, gsize length) {
  const char *colon = memchr(line, ':', length);
  if (colon == NULL)
    return;
  g_autofree char *raw_name = g_strndup(line, (gsize)(colon - line));
  char *name = g_ascii_strdown(g_strstrip(raw_name), -1);
  char *value = g_strstrip(g_strndup(colon + 1, length - (gsize)(colon + 1 - line)));
  g_hash_table_replace(exchange->reply.headers, name, value);
}

static size_t receive_header(char *bytes, size_t size, size_t count, void *data) {
  Exchange *exchange = data;
  gsize length = size * count;
  if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
    g_hash_table_remove_all(exchange->reply.headers);
    exchange->header_bytes = 0;
    return length;
  }
  exchange->header_bytes += length;
  if (exchange->header_bytes > HEADERS_CAP) {
    exchange->excess = "the reply's headers are larger than 256 KiB";
    return 0;
  }
  if (length > 2 || (bytes[0] != '\r' && bytes[0] != '\n')) {
    store_header(exchange, bytes, length);
    return length;
  }
  long status = 0;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
  exchange->reply.status = status;
  exchange->has_all_headers =
      status >= 200 && status / 100 != 3; /* a redirect may be followed: see receive_body */
  return length;
}

static bool is_line_within_cap(Exchange *exchange, const char *bytes, gsize length) {
  const char *first = memchr(bytes, '\n', length);
  const char *last = memrchr(bytes, '\n', length);
  gsize line = exchange->line_bytes + (first == NULL ? length : (gsize)(first - bytes));
  exchange->line_bytes = last == NULL ? line : length - (gsize)(last + 1 - bytes);
  return line <= LINE_CAP;
}

static size_t receive_body(char *bytes, size_t size, size_t count, void *data) {
  Exchange *exchange = data;
  gsize length = size * count;
  exchange->has_all_headers = true; /* libcurl hands on no body of a redirect that it follows */
  if (exchange->cap == 0 && !is_line_within_cap(exchange, bytes, length))
    exchange->excess = "a line of the reply is longer than 1 MiB";
  if (exchange->cap != 0 && length > exchange->cap - exchange->reply.body->len)
    exchange->excess = "the reply is larger than slipway accepts";
  if (exchange->excess != NULL)
    return 0;
  g_string_append_len(exchange->reply.body, bytes, (gssize)length);
  return length;
}

/* libcurl 7.88 does not tell the socket of a transfer that goes on (CURLINFO_ACTIVESOCKET). To a unix socket
 * there is one attempt to connect, so the last that it made is the one. */
static int note_socket(void *data, curl_socket_t socket, curlsocktype purpose) {
  Exchange *exchange = data;
  exchange->socket = exchange->is_over_unix_socket && purpose == CURLSOCKTYPE_IPCXN ? socket : -1;
  return CURL_SOCKOPT_OK;
}

static void exchange_clear(Exchange *exchange) {
  g_clear_pointer(&exchange->headers, curl_slist_free_all);
  g_clear_pointer(&exchange->subject, g_free);
  http_reply_clear(&exchange->reply);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Exchange, exchange_clear)

static bool add_header(Exchange *exchange, const char *header, GError **error) {
  if (strpbrk(header, "\r\n") != NULL || strchr(header, ':') == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: a header to send is malformed", exchange->subject);
  HeaderList *longer = curl_slist_append(exchange->headers, header);
  g_assert(longer != NULL);
  exchange->headers = longer;
  return true;
}

static bool set_headers(Exchange *exchange, const HttpRequest *request, GError **error) {
  /* "Name:" tells libcurl not to send one of its own making; libcurl 7.88 would sign it all the same. */
  if ((request->sigv4 == NULL && !add_header(exchange, "Expect:", error)) ||
      (request->body == NULL && !add_header(exchange, "Content-Type:", error)))
    return false;
  for (guint i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
    if (!add_header(exchange, request->headers[i], error))
      return false;
  curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers);
  return true;
}

static void set_method(CURL *easy, const HttpRequest *request) {
  const char *method = request_method(request);
  if (strcmp(method, "HEAD") == 0) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (request->body != NULL || strcmp(method, "POST") == 0) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body == NULL ? "" : request->body);
  }
  if (strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_route(CURL *easy, const HttpRequest *request) {
  bool is_secure = g_ascii_strncasecmp(request->url, "https:", 6) == 0;
  curl_easy_setopt(easy, CURLOPT_URL, request->url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, is_secure ? "https" : "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, request->follow_redirects ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  if (request->unix_socket != NULL)
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
  /* http_proxy and the like are for the world outside, not for this machine. */
  if (request->unix_socket != NULL || is_nearby(request->url))
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (request->basic != NULL) {
    if (request->sigv4 != NULL)
      curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, request->sigv4);
    else
      curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERPWD, request->basic);
  }
}

/* `exchange` is zeroed but for `easy`. The caller adds what is its own: a limit in time, a cap. */
static bool exchange_prepare(Exchange *exchange, const HttpRequest *request, GError **error) {
  CURL *easy = exchange->easy;
  exchange->subject = request_for_people(request);
  exchange->is_over_unix_socket = request->unix_socket != NULL;
  exchange->socket = -1;
  exchange->reply.headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  exchange->reply.body = g_string_new(NULL);
  set_method(easy, request);
  set_route(easy, request);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "slipway/" SLIPWAY_VERSION);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   request->connect_timeout_ms == 0 ? (long)CONNECT_TIMEOUT_MS
                                                    : (long)request->connect_timeout_ms);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, note_socket);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receive_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
  return set_headers(exchange, request, error);
}

static long request_timeout(const HttpRequest *request) {
  return request->timeout_ms == 0 ? (long)TIMEOUT_MS : (long)request->timeout_ms;
}

/* libcurl's own words for a socket that does not connect name the made-up host of the URL; errno says more.
 */
static bool fail_transfer(const Exchange *exchange, CURLcode code, GError **error) {
  if (exchange->excess != NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: %s", exchange->subject, exchange->excess);
  if (code == CURLE_ABORTED_BY_CALLBACK)
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "%s: interrupted", exchange->subject);
  long os_error = 0;
  curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &os_error);
  if (code == CURLE_COULDNT_CONNECT && exchange->is_over_unix_socket)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: cannot connect: %s", exchange->subject,
                os_error == 0 ? "is it running?" : g_strerror((int)os_error));
  return fail(error, SLIPWAY_ERROR_UNREADY, "%s: %s", exchange->subject,
              exchange->error[0] != '\0' ? exchange->error : curl_easy_strerror(code));
}

HttpClient *http_client_new(void) {
  http_global_init();
  HttpClient *client = g_new0(HttpClient, 1);
  client->easy = curl_easy_init();
  g_assert(client->easy != NULL);
  return client;
}

void http_client_free(HttpClient *client) {
  if (client == NULL)
    return;
  curl_easy_cleanup(client->easy);
  g_free(client);
}

/* libcurl asks about once a second, more often while bytes flow. */
static int end_when_interrupted(void *data, curl_off_t to_take, curl_off_t taken, curl_off_t to_give,
                                curl_off_t given) {
  (void)data, (void)to_take, (void)taken, (void)to_give, (void)given;
  return interrupt_requested() ? 1 : 0;
}

bool http_perform(HttpClient *client, const HttpRequest *request, HttpReply *reply, GError **error) {
  g_auto(Exchange)
      exchange = {.easy = client->easy, .cap = request->reply_cap == 0 ? REPLY_CAP : request->reply_cap};
  curl_easy_reset(client->easy); /* options only: connections stay */
  if (!exchange_prepare(&exchange, request, error))
    return false;
  curl_easy_setopt(client->easy, CURLOPT_TIMEOUT_MS, request_timeout(request));
  curl_easy_setopt(client->easy, CURLOPT_XFERINFOFUNCTION, end_when_interrupted);
  curl_easy_setopt(client->easy, CURLOPT_NOPROGRESS, request->is_interruptible ? 0L : 1L);
  CURLcode code = curl_easy_perform(client->easy);
  if (code != CURLE_OK)
    return fail_transfer(&exchange, code, error);
  *reply = exchange.reply;
  exchange.reply = (HttpReply){0};
  return true;
}

/* Moves what can be moved without waiting. */
static void stream_advance(HttpStream *stream) {
  g_string_erase(stream->exchange.reply.body, 0, (gssize)stream->taken);
  stream->searched -= stream->taken;
  stream->taken = 0;
  int running = 0;
  CURLMcode code = curl_multi_perform(stream->multi, &running);
  g_assert(code == CURLM_OK);
  int left = 0;
  for (CURLMsg *message; (message = curl_multi_info_read(stream->multi, &left)) != NULL;)
    if (message->msg == CURLMSG_DONE) {
      stream->is_done = true;
      stream->result = message->data.result;
    }
}

static int left_until(gint64 deadline) {
  if (deadline < 0)
    return G_MAXINT;
  gint64 left = (deadline - g_get_monotonic_time() + 999) / 1000;
  return (int)CLAMP(left, 0, G_MAXINT);
}

static void stream_poll(HttpStream *stream, int timeout_ms) {
  CURLMcode code = curl_multi_poll(stream->multi, NULL, 0, timeout_ms, NULL);
  g_assert(code == CURLM_OK);
}

static bool is_opening(const HttpStream *stream, bool is_answered_later) {
  if (stream->is_done || stream->exchange.has_all_headers)
    return false;
  long sent = 0;
  curl_easy_getinfo(stream->exchange.easy, CURLINFO_REQUEST_SIZE, &sent);
  return !is_answered_later || sent == 0;
}

/* Until there is an answer, or only until the request is sent. */
static bool stream_begin(HttpStream *stream, bool is_answered_later, long timeout_ms, GError **error) {
  gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
  stream_advance(stream);
  while (is_opening(stream, is_answered_later)) {
    int left = left_until(deadline);
    if (left == 0)
      return fail(error, SLIPWAY_ERROR_UNREADY, "%s: no answer within %ld ms", stream->exchange.subject,
                  timeout_ms);
    stream_poll(stream, left);
    stream_advance(stream);
  }
  return stream->result == CURLE_OK ||
         stream->exchange.has_all_headers || /* else after the lines that came */
         fail_transfer(&stream->exchange, stream->result, error);
}

bool http_stream_open(const HttpRequest *request, HttpStream **out, GError **error) {
  g_autoptr(HttpStream) stream = g_new0(HttpStream, 1);
  http_global_init();
  stream->multi = curl_multi_init();
  stream->exchange.easy = curl_easy_init();
  g_assert(stream->multi != NULL && stream->exchange.easy != NULL);
  if (!exchange_prepare(&stream->exchange, request, error))
    return false;
  curl_multi_add_handle(stream->multi, stream->exchange.easy);
  if (!stream_begin(stream, request->is_answered_later, request_timeout(request), error))
    return false;
  *out = g_steal_pointer(&stream);
  return true;
}

bool http_stream_await(HttpStream *stream, guint timeout_ms, GError **error) {
  return stream_begin(stream, false, (long)timeout_ms, error);
}

long http_stream_status(const HttpStream *stream) {
  return stream->exchange.reply.status;
}

static const char *stream_find_newline(const HttpStream *stream) {
  const GString *buffer = stream->exchange.reply.body;
  return memchr(buffer->str + stream->searched, '\n', buffer->len - stream->searched);
}

/* The next whole line, or (at the end) what is left; NULL when there is none yet. */
static char *stream_take_line(HttpStream *stream) {
  const GString *buffer = stream->exchange.reply.body;
  const char *newline = stream_find_newline(stream);
  bool is_last = stream->is_done && stream->result == CURLE_OK && buffer->len > stream->taken;
  if (newline == NULL && !is_last) {
    stream->searched = buffer->len;
    return NULL;
  }
  const char *start = buffer->str + stream->taken;
  const char *end = newline == NULL ? buffer->str + buffer->len : newline;
  stream->taken = (gsize)(end - buffer->str) + (newline == NULL ? 0 : 1);
  stream->searched = stream->taken;
  return g_strndup(start, (gsize)(end - start) - (end > start && end[-1] == '\r' ? 1 : 0));
}

bool http_stream_next(HttpStream *stream, int timeout_ms, HttpStreamState *state, char **line,
                      GError **error) {
  gint64 deadline = timeout_ms < 0 ? -1 : g_get_monotonic_time() + (gint64)timeout_ms * 1000;
  char *next = stream_take_line(stream);
  while (next == NULL) {
    if (!stream->is_done)
      stream_advance(stream);
    next = stream_take_line(stream);
    if (next != NULL)
      break;
    if (stream->is_done && stream->result != CURLE_OK)
      return fail_transfer(&stream->exchange, stream->result, error);
    int left = left_until(deadline);
    if (stream->is_done || left == 0) {
      *state = stream->is_done ? HTTP_STREAM_END : HTTP_STREAM_TIMEOUT;
      return true;
    }
    stream_poll(stream, left);
  }
  *state = HTTP_STREAM_LINE;
  *line = next;
  return true;
}

void http_stream_wait_any(HttpStream *const *streams, guint count, int timeout_ms) {
  g_autofree struct pollfd *sockets = g_new0(struct pollfd, count);
  int wait = timeout_ms;
  for (guint i = 0; i < count; i++) {
    if (streams[i]->is_done || stream_find_newline(streams[i]) != NULL)
      return; /* NOLINT(clang-analyzer-unix.Malloc): clang 14 does not know the cleanup attribute */
    int socket = streams[i]->exchange.socket;
    sockets[i] = (struct pollfd){.fd = socket, .events = POLLIN};
    long timer = -1; /* libcurl's own: a time limit, or bytes that it has already taken from the socket */
    curl_multi_timeout(streams[i]->multi, &timer);
    if (socket < 0)
      timer = timer < 0 ? BLIND_WAIT_MS : MIN(timer, BLIND_WAIT_MS);
    if (timer >= 0 && (wait < 0 || timer < wait))
      wait = (int)timer;
  }
  /* An interrupted or failed poll only means that the caller looks sooner. */
  (void)poll(sockets, count, wait);
}

void http_stream_free(HttpStream *stream) {
  if (stream == NULL)
    return;
  curl_multi_remove_handle(stream->multi, stream->exchange.easy);
  curl_easy_cleanup(stream->exchange.easy);
  curl_multi_cleanup(stream->multi);
  exchange_clear(&stream->exchange);
  g_free(stream);
}
