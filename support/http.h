/* HTTP/1.1 on libcurl (RFC 9110, 9112): a registry, or the Docker Engine API through a unix socket.
 * A program that uses it in several threads calls http_global_init() before the first of them is made
 * (libcurl before 7.84 wants that); else the first client does it. Failures to transfer are
 * SLIPWAY_ERROR_UNREADY; a status such as 404 is no failure. Replies are capped. */
#pragma once

#include <glib.h>
#include <stdbool.h>

void http_global_init(void);

typedef struct {
  const char *method; /* NULL: GET, or POST when there is a body */
  const char *
      url; /* with unix_socket, "http://engine/…": the name is only the Host header, and "engine" in errors */
  const char *unix_socket;    /* connect here instead (CURLOPT_UNIX_SOCKET_PATH); NULL: by the URL */
  const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
  const char *basic;          /* "user:password" for Basic authentication (RFC 7617); NULL: none */
  const char *sigv4;          /* signs as AWS's Signature Version 4 wants it, `basic` being
                                 "access key:secret key": "aws:amz:REGION:SERVICE". A session token is a header
                                 (X-Amz-Security-Token). NULL: not */
  const void *body;           /* NULL: none */
  gsize body_length;          /* bytes */
  guint connect_timeout_ms;   /* 0: 10 s */
  guint timeout_ms;           /* of the whole exchange; 0: 60 s */
  gsize reply_cap;            /* bytes of body beyond which it fails; 0: 16 MiB */
  bool is_answered_later;     /* stream only: http_stream_open does not wait for the answer, only until the
                                 request is sent */
  bool is_interruptible;      /* http_perform only: SIGINT or SIGTERM ends it within about a second, as
                                 SLIPWAY_ERROR_INTERRUPTED */
  bool follow_redirects;      /* at most 5; credentials are not sent to another host */
} HttpRequest;

typedef struct {
  long status;
  GHashTable *headers; /* lower-case name -> value (the last one wins) */
  GString *body;       /* bytes; also NUL-terminated */
} HttpReply;

void http_reply_clear(HttpReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpReply, http_reply_clear)
/* NULL when absent; name in lower case. */
const char *http_reply_header(const HttpReply *reply, const char *name);

/* Keeps connections alive between requests. One thread at a time. */
typedef struct HttpClient HttpClient;
HttpClient *http_client_new(void);
void http_client_free(HttpClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, http_client_free)

/* `reply` is zero-initialised by the caller, and written on success only. */
bool http_perform(HttpClient *client, const HttpRequest *request, HttpReply *reply,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A reply read while it arrives: pull progress, events, logs. Has a connection of its own; one thread at a
 * time. */
typedef struct HttpStream HttpStream;
typedef enum { HTTP_STREAM_LINE, HTTP_STREAM_TIMEOUT, HTTP_STREAM_END } HttpStreamState;

/* Sends the request and waits (at most timeout_ms of the request) for the status and headers. The body has no
 * total limit; a line is at most 1 MiB. */
bool http_stream_open(const HttpRequest *request, HttpStream **stream,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Waits until there is an answer (is_answered_later), at most timeout_ms. */
bool http_stream_await(HttpStream *stream, guint timeout_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* 0 as long as there is no answer yet (is_answered_later); known once there is a line or the end. */
long http_stream_status(const HttpStream *stream);
/* Waits at most timeout_ms (0: do not wait, -1: for ever) for the next line; *line (owned by the caller,
 * without the newline) is set only with HTTP_STREAM_LINE. A last line without a newline counts. */
bool http_stream_next(HttpStream *stream, int timeout_ms, HttpStreamState *state, char **line,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Waits until one of the streams has something to read or timeout_ms passed. */
void http_stream_wait_any(HttpStream *const *streams, guint count, int timeout_ms);
void http_stream_free(HttpStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpStream, http_stream_free)

/* `text` percent-encoded for a path segment or query value (RFC 3986). Caller frees. */
char *http_escape(const char *text);
/* A URL as errors and output show it: without user, password, query and fragment, which may be secrets.
 * Caller frees. */
char *http_url_for_people(const char *url);
