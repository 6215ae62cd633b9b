/* HTTP/1.1 by hand: the requests, a reply's head, and its body in the three ways that it may come. */
#include "environments/hosts/engine_wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "environments/hosts/engine_private.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum {
  HEAD_MS = 60 * 1000,
  HEAD_CAP = 64 << 10,
  CHUNK = 16 << 10,
  READ_CAP = 64 << 10,
  REFUSAL_CAP = 64 << 10, /* of a reply that says why not */
  CHUNK_LINE_CAP = 1 << 10,
  REPLY_CAP = 16 << 20,
  SWITCHING_PROTOCOLS = 101,
  NO_CONTENT = 204,
};

/* How the body's end is known. */
typedef enum { BODY_UNTIL_CLOSE, BODY_COUNTED, BODY_CHUNKED } Body;

struct EngineWire {
  Host *host;
  int fd;
  char *doing;
  GByteArray *raw; /* received, not yet looked at */
  GByteArray *outgoing;
  Body body;
  guint64 left;         /* bytes of the body, or of the chunk */
  bool is_behind_chunk; /* its CRLF comes next */
  bool has_ended;
  bool is_closed;      /* by the peer */
  bool has_hung_up;    /* before any of the reply that is waited for */
  GHashTable *headers; /* of the last head: lower-case name -> value */
};

void engine_wire_free(EngineWire *wire) {
  if (wire == NULL)
    return;
  if (wire->fd >= 0)
    close(wire->fd);
  g_free(wire->doing);
  g_byte_array_unref(wire->raw);
  g_byte_array_unref(wire->outgoing);
  g_hash_table_unref(wire->headers);
  g_free(wire);
}

int engine_wire_descriptor(const EngineWire *wire) {
  return wire->fd;
}

static bool fail_wire(const EngineWire *wire, const char *why, GError **error) {
  return fail(error, SLIPWAY_ERROR_UNREADY, "cannot %s: %s", wire->doing, why);
}

/* The connection is at fault, or what it goes over: the host may know. */
static bool fail_lost(const EngineWire *wire, const char *why, GError **error) {
  return fail_wire(wire, why, error) || host_explain(wire->host, error);
}

/* A signal that was handled is no reason to stop waiting. */
static bool is_ready(int fd, short events, int timeout_ms) {
  struct pollfd polled = {.fd = fd, .events = events};
  int count = 0;
  do {
    count = poll(&polled, 1, timeout_ms);
  } while (count < 0 && errno == EINTR);
  return count > 0;
}

/* --- sending ------------------------------------------------------------------------------------------- */

gsize engine_wire_unsent(const EngineWire *wire) {
  return wire->outgoing->len;
}

bool engine_wire_send(EngineWire *wire, const void *bytes, gsize length) {
  if (length > 0)
    g_byte_array_append(wire->outgoing, bytes, (guint)length);
  while (wire->outgoing->len > 0) {
    const ssize_t count =
        send(wire->fd, wire->outgoing->data, wire->outgoing->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return errno == EAGAIN;
    g_byte_array_remove_range(wire->outgoing, 0, (guint)count);
  }
  return true;
}

void engine_wire_send_end(EngineWire *wire) {
  shutdown(wire->fd, SHUT_WR);
}

static const char *connection_of(const WireRequest *request, bool is_last) {
  if (request->is_upgraded)
    return "Upgrade\r\nUpgrade: tcp";
  return is_last ? "close" : "keep-alive";
}

static void append_request(GString *head, const Engine *engine, const WireRequest *request, bool is_last) {
  const char *prefix_of_base = strstr(engine->base, "://engine") + strlen("://engine");
  g_autofree char *body = request->body == NULL ? NULL : json_print(request->body);
  const char *method = request->method == NULL ? "GET" : request->method;
  g_string_append_printf(head, "%s %s%s HTTP/1.1\r\nHost: engine\r\nConnection: %s\r\n", method,
                         prefix_of_base, request->path, connection_of(request, is_last));
  if (body != NULL)
    g_string_append(head, "Content-Type: application/json\r\n");
  if (!g_str_equal(method, "GET"))
    g_string_append_printf(head, "Content-Length: %zu\r\n", body == NULL ? (size_t)0 : strlen(body));
  g_string_append_printf(head, "\r\n%s", body == NULL ? "" : body);
}

static bool send_requests(EngineWire *wire, const Engine *engine, const WireRequest *requests, guint count,
                          GError **error) {
  g_autoptr(GString) head = g_string_new(NULL);
  for (guint i = 0; i < count; i++)
    append_request(head, engine, &requests[i], i + 1 == count);
  if (!engine_wire_send(wire, head->str, head->len))
    return fail_lost(wire, g_strerror(errno), error);
  /* Nothing is read meanwhile: a prune's requests are tens of kB, for which sockets and SSH's window (2 MiB)
   * have room, whatever the engine does. */
  while (engine_wire_unsent(wire) > 0)
    if (!is_ready(wire->fd, POLLOUT, HEAD_MS) || !engine_wire_send(wire, NULL, 0))
      return fail_lost(wire, "the engine does not take the request", error);
  return true;
}

/* --- receiving ----------------------------------------------------------------------------------------- */

/* False: nothing came in time. */
static bool receive(EngineWire *wire, int timeout_ms) {
  if (wire->is_closed || !is_ready(wire->fd, POLLIN, timeout_ms))
    return wire->is_closed;
  guint8 bytes[CHUNK];
  const ssize_t count = read(wire->fd, bytes, sizeof bytes);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  if (count <= 0)
    wire->is_closed = true;
  else
    g_byte_array_append(wire->raw, bytes, (guint)count);
  return true;
}

/* "transfer-encoding: chunked" and "content-length: 12" of the head say where the body ends. */
static bool read_headers(EngineWire *wire, char **lines, GError **error) {
  wire->body = BODY_UNTIL_CLOSE;
  for (; *lines != NULL; lines++) {
    const char *colon = strchr(*lines, ':');
    g_autofree char *name = g_ascii_strdown(*lines, colon == NULL ? 0 : (gssize)(colon - *lines));
    g_autofree char *value = g_ascii_strdown(colon == NULL ? "" : colon + 1, -1);
    gint64 length = 0;
    g_strstrip(value);
    if (colon != NULL)
      g_hash_table_replace(wire->headers, g_strdup(name), g_strstrip(g_strdup(colon + 1)));
    if (g_str_equal(name, "transfer-encoding") && g_str_has_suffix(value, "chunked")) {
      wire->body = BODY_CHUNKED;
    } else if (g_str_equal(name, "content-length") && wire->body != BODY_CHUNKED) {
      if (!number_parse(value, 0, G_MAXINT64, &length))
        return fail_wire(wire, "the engine's reply has no proper length", error);
      wire->body = BODY_COUNTED;
      wire->left = (guint64)length;
    }
  }
  return true;
}

static bool parse_head(EngineWire *wire, gsize length, long *status, GError **error) {
  g_autofree char *text = g_strndup((const char *)wire->raw->data, length);
  g_byte_array_remove_range(wire->raw, 0, (guint)length);
  g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
  g_auto(GStrv) words = g_strsplit(lines[0], " ", 3);
  gint64 number = 0;
  if (!g_str_has_prefix(lines[0], "HTTP/1.") || words[1] == NULL ||
      !number_parse(words[1], 100, 599, &number))
    return fail_wire(wire, "what answers on the engine's socket does not speak HTTP", error);
  *status = (long)number;
  wire->has_ended = wire->is_behind_chunk = false;
  g_hash_table_remove_all(wire->headers);
  if (!read_headers(wire, lines + 1, error))
    return false;
  if (number == NO_CONTENT) {
    wire->body = BODY_COUNTED;
    wire->left = 0;
  }
  return true;
}

static bool receive_head(EngineWire *wire, long *status, GError **error) {
  const gint64 deadline = g_get_monotonic_time() + (gint64)HEAD_MS * 1000;
  for (;;) {
    const guint8 *end = wire->raw->len == 0 ? NULL : memmem(wire->raw->data, wire->raw->len, "\r\n\r\n", 4);
    if (end != NULL)
      return parse_head(wire, (gsize)(end - wire->raw->data) + 4, status, error);
    const gint64 left_ms = (deadline - g_get_monotonic_time()) / 1000;
    wire->has_hung_up = wire->is_closed && wire->raw->len == 0;
    if (wire->is_closed || wire->raw->len > HEAD_CAP)
      return fail_lost(wire, "the engine closed the connection instead of answering", error);
    if (left_ms <= 0)
      return fail_lost(wire, "the engine does not answer", error);
    (void)receive(wire, (int)left_ms);
  }
}

/* Moves `left` at most. */
static void take_counted(EngineWire *wire, GByteArray *into) {
  const guint count = (guint)MIN(wire->left, wire->raw->len);
  if (count == 0)
    return;
  g_byte_array_append(into, wire->raw->data, count);
  g_byte_array_remove_range(wire->raw, 0, count);
  wire->left -= count;
}

/* The line that says how long the next chunk is (RFC 9112, 7.1). False: it is not all there, or there is no
 * next. */
static bool begin_chunk(EngineWire *wire, bool *is_wrong) {
  if (wire->is_behind_chunk) {
    if (wire->raw->len < 2)
      return false;
    g_byte_array_remove_range(wire->raw, 0, 2);
    wire->is_behind_chunk = false;
  }
  const guint8 *end = wire->raw->len == 0 ? NULL : memmem(wire->raw->data, wire->raw->len, "\r\n", 2);
  *is_wrong = end == NULL && wire->raw->len > CHUNK_LINE_CAP;
  if (end == NULL)
    return false;
  char *after = NULL;
  const guint length = (guint)(end - wire->raw->data);
  g_autofree char *line = g_strndup((const char *)wire->raw->data, length);
  wire->left = g_ascii_strtoull(line, &after, 16);
  *is_wrong = after == line || wire->left > G_MAXINT32;
  g_byte_array_remove_range(wire->raw, 0, length + 2);
  wire->has_ended = wire->left == 0; /* trailers are of no interest */
  return !wire->has_ended && !*is_wrong;
}

static bool take_chunks(EngineWire *wire, GByteArray *into) {
  bool is_wrong = false;
  while (!wire->has_ended && (wire->left > 0 || begin_chunk(wire, &is_wrong))) {
    if (wire->raw->len == 0)
      return true;
    take_counted(wire, into);
    wire->is_behind_chunk = wire->left == 0;
  }
  return !is_wrong;
}

/* Body bytes out of what was received; false when they make no sense. */
static bool decode(EngineWire *wire, GByteArray *into) {
  switch (wire->body) {
  case BODY_CHUNKED:
    return take_chunks(wire, into);
  case BODY_COUNTED:
    take_counted(wire, into);
    wire->has_ended = wire->left == 0;
    return true;
  case BODY_UNTIL_CLOSE:
  default:
    wire->left = G_MAXUINT64;
    take_counted(wire, into);
    wire->has_ended = wire->is_closed;
    return true;
  }
}

bool engine_wire_read(EngineWire *wire, int timeout_ms, WireState *state, GByteArray *into, GError **error) {
  const guint before = into->len;
  if (!decode(wire, into))
    return fail_wire(wire, "the engine's reply is malformed", error);
  while (!wire->has_ended && into->len - before < READ_CAP &&
         receive(wire, into->len > before ? 0 : timeout_ms)) {
    if (!decode(wire, into))
      return fail_wire(wire, "the engine's reply is malformed", error);
    if (wire->is_closed && !wire->has_ended)
      return fail_lost(wire, "the connection to the engine was lost", error);
  }
  *state = into->len > before ? WIRE_DATA : wire->has_ended ? WIRE_END : WIRE_TIMEOUT;
  return true;
}

/* The engine's own words for a request that it refuses. */
static bool fail_status(EngineWire *wire, long status, GError **error) {
  g_autoptr(GByteArray) words = g_byte_array_new();
  WireState state = WIRE_DATA;
  while (state == WIRE_DATA && words->len < REFUSAL_CAP)
    if (!engine_wire_read(wire, HEAD_MS, &state, words, NULL))
      break;
  g_byte_array_append(words, (const guint8 *)"", 1);
  return engine_fail(wire->doing, status, (const char *)words->data, error);
}

bool engine_wire_send_all(Engine *engine, const WireRequest *requests, guint count, EngineWire **out,
                          GError **error) {
  g_autoptr(EngineWire) wire = g_new0(EngineWire, 1);
  wire->host = engine->host;
  wire->fd = -1;
  wire->doing = g_strdup(requests->doing);
  wire->raw = g_byte_array_new();
  wire->outgoing = g_byte_array_new();
  wire->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  if (!engine->host->ops->dial(engine->host, &wire->fd, error))
    return prefix(error, "cannot %s: ", requests->doing);
  if (!send_requests(wire, engine, requests, count, error))
    return false;
  *out = g_steal_pointer(&wire);
  return true;
}

/* The end of the chunked body, before the next reply. */
static bool skip_trailer(EngineWire *wire) {
  while (wire->raw->len < 2)
    if (wire->is_closed || !receive(wire, HEAD_MS))
      return false;
  bool is_end = memcmp(wire->raw->data, "\r\n", 2) == 0;
  g_byte_array_remove_range(wire->raw, 0, 2);
  return is_end;
}

static bool read_body(EngineWire *wire, GByteArray *body, GError **error) {
  for (WireState state = WIRE_DATA; state != WIRE_END;) {
    if (!engine_wire_read(wire, HEAD_MS, &state, body, error))
      return false;
    if (state == WIRE_TIMEOUT)
      return fail_lost(wire, "the engine does not answer", error);
    if (body->len > REPLY_CAP)
      return fail_wire(wire, "the engine's reply is too long", error);
  }
  return wire->body != BODY_CHUNKED || skip_trailer(wire) ||
         fail_wire(wire, "the engine's reply is malformed", error);
}

bool engine_wire_has_hung_up(const EngineWire *wire) {
  return wire->has_hung_up;
}

bool engine_wire_next(EngineWire *wire, const char *doing, HttpReply *reply, GError **error) {
  g_autoptr(GByteArray) body = g_byte_array_new();
  long status = 0;
  g_free(wire->doing);
  wire->doing = g_strdup(doing);
  if (!receive_head(wire, &status, error) || !read_body(wire, body, error))
    return false;
  *reply = (HttpReply){.status = status,
                       .headers = g_steal_pointer(&wire->headers),
                       .body = g_string_new_len((const char *)body->data, (gssize)body->len)};
  wire->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return true;
}

bool engine_wire_open(Engine *engine, const WireRequest *request, EngineWire **out, GError **error) {
  g_autoptr(EngineWire) wire = NULL;
  long status = 0;
  if (!engine_wire_send_all(engine, request, 1, &wire, error) || !receive_head(wire, &status, error))
    return false;
  if (status != SWITCHING_PROTOCOLS && status / 100 != 2)
    return fail_status(wire, status, error);
  if (request
          ->is_upgraded) /* an old proxy in between may leave the upgrade out; the bytes come all the same */
    wire->body = BODY_UNTIL_CLOSE;
  *out = g_steal_pointer(&wire);
  return true;
}
