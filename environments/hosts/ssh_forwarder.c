/* The forwarder's thread: transport buffer, turns of the channels, listeners, keepalive. */
#include "environments/hosts/ssh_forwarder.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "environments/hosts/shell.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum {
  OUTGOING_PAUSE = 256 << 10,    /* beyond this, channels are not written to */
  OUTGOING_KEPT = 4 << 10,       /* a buffer that held more is given back */
  LIBSSH2_KEEPALIVE_SECONDS = 2, /* its least; when they are sent is decided here */
  UNANSWERED_MAX = 2,
  ACCEPTS_A_PASS = 16,
  SPARE_SECONDS = 60, /* engines hang up on who says nothing for minutes */
};

struct ForwarderListener {
  UnixListener socket;
  Route *route;
  bool keeps_spare;
  bool wants_spare; /* the thread's own, as the next */
  Stream *spare;    /* in `streams`, or NULL */
};

struct Forwarder {
  SshLink *link;
  pthread_t thread;
  int wake; /* eventfd */
  ForwarderBeat beat;
  gpointer beat_data;
  gint64 keepalive_us;

  pthread_mutex_t lock; /* for the next group (not a GMutex: TSan does not see through that) */
  GPtrArray *incoming;  /* Stream, for the thread to take */
  GPtrArray *listeners; /* ForwarderListener */
  char *ahead_command;  /* for the channel that was opened ahead, for the thread to take */
  char *link_problem;
  char *channel_problem;
  bool should_stop;
  bool has_ended;
  _Atomic gint64 opening_since; /* monotonic; 0: no channel is being opened */

  /* Opened ahead (forwarder_exec_ahead): the worker's ends, -1: taken or none, and what the thread has. */
  int ahead_io, ahead_err;
  Route *ahead;

  /* The thread's own. */
  GPtrArray *streams;
  GByteArray *outgoing; /* encrypted, not yet sent */
  gsize outgoing_start;
  gint64 last_input, next_keepalive, next_beat;
  guint unanswered;
  int transport_problem; /* errno of the socket; ECONNRESET for its end */
  bool is_closing;
  bool has_started; /* a command, for which sshd stops waiting for more to send */
};

static void listener_free(ForwarderListener *listener) {
  unix_listener_clear(&listener->socket);
  route_unref(listener->route);
  g_free(listener);
}

/* --- transport
 * ------------------------------------------------------------------------------------------------ */

/* Always accepts: after a partial send libssh2 1.10 would refuse every other call on the session (-39). */
static LIBSSH2_SEND_FUNC(buffer_outgoing) {
  (void)socket;
  (void)flags;
  Forwarder *forwarder = *abstract;
  if (forwarder->is_closing || forwarder->transport_problem != 0)
    return -EPIPE;
  g_byte_array_append(forwarder->outgoing, buffer, (guint)length);
  return (ssize_t)length;
}

static LIBSSH2_RECV_FUNC(receive) {
  Forwarder *forwarder = *abstract;
  const ssize_t count = recv(socket, buffer, length, flags | MSG_DONTWAIT);
  if (count > 0) {
    forwarder->last_input = g_get_monotonic_time();
    forwarder->unanswered = 0;
    if (!forwarder
             ->has_started) { /* sshd sets TCP_NODELAY with a command, and waits for our word until then */
      const int on = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    }
    return count;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return -EAGAIN;
  forwarder->transport_problem = count == 0 ? ECONNRESET : errno;
  return count == 0 ? 0 : -errno;
}

static void flush_outgoing(Forwarder *forwarder) {
  GByteArray *outgoing = forwarder->outgoing;
  while (forwarder->outgoing_start < outgoing->len) {
    const ssize_t count = send(forwarder->link->socket, outgoing->data + forwarder->outgoing_start,
                               outgoing->len - forwarder->outgoing_start, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      if (errno != EAGAIN && errno != EINTR)
        forwarder->transport_problem = errno;
      return;
    }
    forwarder->outgoing_start += (gsize)count;
  }
  if (outgoing->len > OUTGOING_KEPT) { /* a thousand connections would keep as many of the largest so far */
    g_byte_array_unref(outgoing);
    forwarder->outgoing = g_byte_array_new();
  } else {
    g_byte_array_set_size(outgoing, 0);
  }
  forwarder->outgoing_start = 0;
}

static gsize outgoing_length(const Forwarder *forwarder) {
  return forwarder->outgoing->len - forwarder->outgoing_start;
}

static void set_callbacks(Forwarder *forwarder) {
  LIBSSH2_SESSION *session = forwarder->link->session;
  *libssh2_session_abstract(session) = forwarder;
#if LIBSSH2_VERSION_NUM >= 0x010b01
  libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_SEND, (libssh2_cb_generic *)buffer_outgoing);
  libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_RECV, (libssh2_cb_generic *)receive);
#else
  libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, (void *)buffer_outgoing);
  libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, (void *)receive);
#endif
  libssh2_session_set_blocking(session, 0);
  libssh2_keepalive_config(session, 1, LIBSSH2_KEEPALIVE_SECONDS);
}

/* --- problems
 * ------------------------------------------------------------------------------------------------- */

static void note_problem(Forwarder *forwarder, char **problem, char *text) {
  pthread_mutex_lock(&forwarder->lock);
  g_free(*problem);
  *problem = text;
  pthread_mutex_unlock(&forwarder->lock);
}

/* True when the link is lost. `code` is libssh2's, or 0. */
static bool is_link_lost(Forwarder *forwarder, int code) {
  if (forwarder->transport_problem == ECONNRESET) {
    note_problem(forwarder, &forwarder->link_problem, g_strdup("the SSH connection was closed"));
  } else if (forwarder->transport_problem != 0) {
    note_problem(
        forwarder, &forwarder->link_problem,
        g_strdup_printf("the SSH connection was lost: %s", g_strerror(forwarder->transport_problem)));
  } else if (code != 0) {
    g_autofree char *complaint = ssh_link_complaint(forwarder->link);
    note_problem(forwarder, &forwarder->link_problem,
                 g_strdup_printf("the SSH connection was lost: %s (%d)", complaint, code));
  }
  return code != 0 || forwarder->transport_problem != 0;
}

/* Once for each stream. */
static void note_complaint(Forwarder *forwarder, Stream *stream) {
  g_autofree char *printable = text_printable(g_strstrip(stream->complaint->str), false);
  g_string_truncate(stream->complaint, 0);
  if (*printable == '\0')
    return;
  Route *route = stream->route;
  note_problem(forwarder, &route->problem, g_strdup(printable));
  note_problem(forwarder, &forwarder->channel_problem,
               g_strdup_printf("%s%s: %s",
                               stream->is_command && route->kind == ROUTE_SOCKET ? "docker, for " : "",
                               route->kind == ROUTE_EXEC ? "the shell" : route->name, printable));
}

/* Nothing came for so long that it is time to ask, or to give up. False when the link is dead. */
static bool keep_alive(Forwarder *forwarder) {
  const gint64 now = g_get_monotonic_time();
  if (now < forwarder->next_keepalive)
    return true;
  struct pollfd polled = {.fd = forwarder->link->socket, .events = POLLIN};
  if (poll(&polled, 1, 0) > 0) /* there is input, but no channel wants it now */
    forwarder->unanswered = 0;
  if (forwarder->unanswered >= UNANSWERED_MAX) {
    note_problem(forwarder, &forwarder->link_problem,
                 g_strdup_printf("the host has not answered for %d s: the connection was given up",
                                 (int)((now - forwarder->last_input) / G_USEC_PER_SEC)));
    return false;
  }
  int seconds_to_next = 0;
  libssh2_keepalive_send(forwarder->link->session, &seconds_to_next);
  forwarder->unanswered++;
  forwarder->next_keepalive = now + forwarder->keepalive_us;
  return true;
}

static void beat(Forwarder *forwarder) {
  const gint64 now = g_get_monotonic_time();
  if (now < forwarder->next_beat)
    return;
  if (forwarder->beat != NULL)
    forwarder->beat(forwarder->beat_data);
  forwarder->next_beat = now + (gint64)SHELL_BEAT_MS * 1000;
}

/* --- the loop
 * ------------------------------------------------------------------------------------------------- */

/* False when it is time to end. */
static bool take_incoming(Forwarder *forwarder) {
  pthread_mutex_lock(&forwarder->lock);
  while (forwarder->incoming->len > 0)
    g_ptr_array_add(forwarder->streams, g_ptr_array_steal_index(forwarder->incoming, 0));
  if (forwarder->ahead_command != NULL)
    forwarder->ahead->name = g_steal_pointer(&forwarder->ahead_command);
  const bool should_stop = forwarder->should_stop;
  pthread_mutex_unlock(&forwarder->lock);
  return !should_stop;
}

/* What becomes of a spare one that was not needed is of no interest; the next is opened once there is a need.
 */
static void forget_spare(Forwarder *forwarder, Stream *stream) {
  g_string_truncate(stream->complaint, 0);
  pthread_mutex_lock(&forwarder->lock);
  for (guint i = 0; i < forwarder->listeners->len; i++) {
    ForwarderListener *listener = g_ptr_array_index(forwarder->listeners, i);
    if (listener->spare == stream)
      listener->spare = NULL;
  }
  pthread_mutex_unlock(&forwarder->lock);
}

static const Stream *find_requesting(const Forwarder *forwarder) {
  for (guint i = 0; i < forwarder->streams->len; i++) {
    const Stream *stream = g_ptr_array_index(forwarder->streams, i);
    if (stream->is_requesting)
      return stream;
  }
  return NULL;
}

/* One step of every channel; *is_lost when the link is. */
static bool step_streams(Forwarder *forwarder, bool *is_lost) {
  bool did_move = false;
  bool is_somebody_opening = false;
  gint64 since = 0;
  for (guint i = 0; i < forwarder->streams->len;) {
    Stream *stream = g_ptr_array_index(forwarder->streams, i);
    int code = 0;
    const Stream *requesting = find_requesting(forwarder);
    const StreamTurn turn = {.may_open = !is_somebody_opening,
                             .may_request = requesting == NULL || requesting == stream,
                             .may_send = outgoing_length(forwarder) < OUTGOING_PAUSE};
    did_move |= stream_step(stream, &turn, &code);
    if (is_link_lost(forwarder, code)) {
      *is_lost = true;
      return true;
    }
    is_somebody_opening |= stream->state == STREAM_WAITING || stream->state == STREAM_OPENING;
    if (stream->state == STREAM_OPENING)
      since = stream->route->begun;
    forwarder->has_started |= stream->state == STREAM_OPEN && stream->route->kind == ROUTE_EXEC;
    if (stream->state == STREAM_GONE || stream->state == STREAM_CLOSING) {
      if (stream->is_spare)
        forget_spare(forwarder, stream);
      note_complaint(forwarder, stream);
      stream_close_local(stream);
    }
    if (stream->state != STREAM_GONE) {
      i++;
      continue;
    }
    g_ptr_array_remove_index(forwarder->streams, i);
    stream_free(stream);
  }
  forwarder->opening_since = since;
  return did_move;
}

static Stream *add_stream(Forwarder *forwarder, const ForwarderListener *listener, int fd) {
  Stream *stream = stream_new(forwarder->link->session, route_ref(listener->route), fd, -1);
  g_ptr_array_add(forwarder->streams, stream);
  return stream;
}

static void serve_connection(Forwarder *forwarder, ForwarderListener *listener, int fd) {
  Stream *spare = g_steal_pointer(&listener->spare);
  const gint64 oldest = g_get_monotonic_time() - (gint64)SPARE_SECONDS * G_USEC_PER_SEC;
  const bool is_stale = spare != NULL && spare->state == STREAM_OPEN && spare->opened < oldest;
  if (is_stale)
    stream_give_up(spare);
  if (spare != NULL && !is_stale)
    stream_take_local(spare, fd);
  else
    add_stream(forwarder, listener, fd);
  listener->wants_spare = listener->keeps_spare;
}

/* Takes new connections; the routes' listeners may go at any time, so this is under the lock. */
static void accept_connections(Forwarder *forwarder) {
  pthread_mutex_lock(&forwarder->lock);
  for (guint i = 0; i < forwarder->listeners->len; i++) {
    ForwarderListener *listener = g_ptr_array_index(forwarder->listeners, i);
    for (guint j = 0; j < ACCEPTS_A_PASS; j++) {
      const int fd = accept4(listener->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0)
        break;
      serve_connection(forwarder, listener, fd);
    }
    if (listener->wants_spare && listener->spare == NULL && !listener->route->is_by_command)
      listener->spare = add_stream(forwarder, listener, -1);
    listener->wants_spare = false;
  }
  pthread_mutex_unlock(&forwarder->lock);
}

static void add_polled(GArray *polled, int fd, short events) {
  const struct pollfd entry = {.fd = fd, .events = events};
  g_array_append_val(polled, entry);
}

static void wait_for_work(Forwarder *forwarder, GArray *polled, gint64 until) {
  g_array_set_size(polled, 0);
  bool wants_input = false;
  const bool may_send = outgoing_length(forwarder) < OUTGOING_PAUSE;
  for (guint i = 0; i < forwarder->streams->len; i++) {
    const Stream *stream = g_ptr_array_index(forwarder->streams, i);
    struct pollfd entries[2];
    stream_poll(stream, may_send, entries);
    g_array_append_vals(polled, entries, 2);
    wants_input |= stream_wants_input(stream);
  }
  pthread_mutex_lock(&forwarder->lock);
  for (guint i = 0; i < forwarder->listeners->len; i++) {
    const ForwarderListener *listener = g_ptr_array_index(forwarder->listeners, i);
    add_polled(polled, listener->socket.fd, POLLIN);
  }
  pthread_mutex_unlock(&forwarder->lock);
  add_polled(polled, forwarder->wake, POLLIN);
  const short events = (short)((wants_input ? POLLIN : 0) | (outgoing_length(forwarder) > 0 ? POLLOUT : 0));
  add_polled(polled, forwarder->link->socket, events);
  const gint64 left = until - g_get_monotonic_time();
  poll((struct pollfd *)(void *)polled->data, polled->len, left <= 0 ? 0 : (int)(left / 1000 + 1));
  const struct pollfd *last = &g_array_index(polled, struct pollfd, polled->len - 1);
  if ((last->revents & (POLLERR | POLLHUP)) != 0 && !wants_input)
    forwarder->transport_problem = ECONNRESET;
  guint64 count = 0;
  (void)!read(forwarder->wake, &count, sizeof count);
}

/* Until it should stop, or the link is lost. */
static void serve(Forwarder *forwarder) {
  g_autoptr(GArray) polled = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
  bool is_lost = false;
  while (take_incoming(forwarder)) {
    accept_connections(forwarder);
    const bool did_move = step_streams(forwarder, &is_lost);
    if (is_lost || !keep_alive(forwarder))
      return;
    beat(forwarder);
    flush_outgoing(forwarder);
    if (is_link_lost(forwarder, 0))
      return;
    wait_for_work(forwarder, polled, did_move ? 0 : MIN(forwarder->next_keepalive, forwarder->next_beat));
  }
}

/* Whoever connected already, or still will, is turned away; the worker may still know the path. */
static void stop_listening(const UnixListener *listener) {
  shutdown(listener->fd, SHUT_RDWR);
  int fd = -1;
  while ((fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
    close(fd);
}

static void *forward(void *data) {
  Forwarder *forwarder = data;
  serve(forwarder);
  forwarder->is_closing = true;
  pthread_mutex_lock(&forwarder->lock);
  forwarder->has_ended = true;
  if (forwarder->link_problem == NULL)
    forwarder->link_problem = g_strdup("the connection was closed");
  while (forwarder->incoming->len > 0)
    g_ptr_array_add(forwarder->streams, g_ptr_array_steal_index(forwarder->incoming, 0));
  for (guint i = 0; i < forwarder->listeners->len; i++)
    stop_listening(&((const ForwarderListener *)g_ptr_array_index(forwarder->listeners, i))->socket);
  pthread_mutex_unlock(&forwarder->lock);
  shutdown(forwarder->link->socket, SHUT_RDWR);
  for (guint i = 0; i < forwarder->streams->len; i++)
    stream_free(g_ptr_array_index(forwarder->streams, i));
  g_ptr_array_set_size(forwarder->streams, 0);
  return NULL;
}

/* --- for the worker
 * ------------------------------------------------------------------------------------------- */

static void wake(Forwarder *forwarder) {
  const guint64 one = 1;
  (void)!write(forwarder->wake, &one, sizeof one);
}

/* The session goes first: its callbacks need the forwarder. */
static void free_members(Forwarder *forwarder) {
  ssh_link_free_session(forwarder->link);
  if (forwarder->wake >= 0)
    close(forwarder->wake);
  g_ptr_array_unref(forwarder->incoming);
  g_ptr_array_unref(forwarder->listeners);
  g_ptr_array_unref(forwarder->streams);
  g_byte_array_unref(forwarder->outgoing);
  if (forwarder->ahead != NULL)
    route_unref(forwarder->ahead);
  if (forwarder->ahead_io >= 0) {
    close(forwarder->ahead_io);
    close(forwarder->ahead_err);
  }
  g_free(forwarder->ahead_command);
  g_free(forwarder->link_problem);
  g_free(forwarder->channel_problem);
  pthread_mutex_destroy(&forwarder->lock);
  g_free(forwarder);
}

bool forwarder_start(SshLink *link, guint keepalive_ms, ForwarderBeat on_beat, gpointer data,
                     Forwarder **forwarder, GError **error) {
  Forwarder *started = g_new0(Forwarder, 1);
  started->link = link;
  started->ahead_io = started->ahead_err = -1;
  started->beat = on_beat;
  started->beat_data = data;
  started->keepalive_us = (gint64)MAX(keepalive_ms, (LIBSSH2_KEEPALIVE_SECONDS + 1) * 1000) * 1000;
  pthread_mutex_init(&started->lock, NULL);
  started->incoming = g_ptr_array_new();
  started->listeners = g_ptr_array_new();
  started->streams = g_ptr_array_new();
  started->outgoing = g_byte_array_new();
  started->last_input = g_get_monotonic_time();
  started->next_keepalive = started->last_input + started->keepalive_us;
  started->next_beat = started->last_input + (gint64)SHELL_BEAT_MS * 1000;
  started->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  set_callbacks(started);
  const int problem = started->wake < 0 ? errno : pthread_create(&started->thread, NULL, forward, started);
  if (problem != 0) {
    started->is_closing = true;
    free_members(started);
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot start a thread: %s", g_strerror(problem));
  }
  *forwarder = started;
  return true;
}

void forwarder_free(Forwarder *forwarder) {
  if (forwarder == NULL)
    return;
  pthread_mutex_lock(&forwarder->lock);
  forwarder->should_stop = true;
  pthread_mutex_unlock(&forwarder->lock);
  wake(forwarder);
  pthread_join(forwarder->thread, NULL);
  for (guint i = 0; i < forwarder->listeners->len; i++)
    listener_free(g_ptr_array_index(forwarder->listeners, i));
  free_members(forwarder);
}

/* Fails when the thread does not serve any more. */
static bool submit(Forwarder *forwarder, GPtrArray *list, gpointer item, GError **error) {
  pthread_mutex_lock(&forwarder->lock);
  const bool is_serving = !forwarder->has_ended;
  if (is_serving)
    g_ptr_array_add(list, item);
  else
    fail(error, SLIPWAY_ERROR_UNREADY, "%s", forwarder->link_problem);
  pthread_mutex_unlock(&forwarder->lock);
  wake(forwarder);
  return is_serving;
}

/* `route` is taken. */
static bool open_session(Forwarder *forwarder, Route *route, int *io, int *err, GError **error) {
  int main_pair[2] = {-1, -1};
  int err_pair[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, main_pair) != 0 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, err_pair) != 0) {
    const int cause = errno;
    if (main_pair[0] >= 0) {
      close(main_pair[0]);
      close(main_pair[1]);
    }
    route_unref(route);
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot make a socket pair: %s", g_strerror(cause));
  }
  Stream *stream = stream_new(forwarder->link->session, route, main_pair[1], err_pair[1]);
  if (!submit(forwarder, forwarder->incoming, stream, error)) {
    stream_free(stream);
    close(main_pair[0]);
    close(err_pair[0]);
    return false;
  }
  *io = main_pair[0];
  *err = err_pair[0];
  return true;
}

bool forwarder_exec_ahead(Forwarder *forwarder, GError **error) {
  forwarder->ahead = route_new(ROUTE_EXEC, NULL, 0, NULL);
  return open_session(forwarder, route_ref(forwarder->ahead), &forwarder->ahead_io, &forwarder->ahead_err,
                      error);
}

void forwarder_exec(Forwarder *forwarder, const char *command, int *io, int *err) {
  g_assert(forwarder->ahead_io >= 0);
  *io = forwarder->ahead_io;
  *err = forwarder->ahead_err;
  forwarder->ahead_io = forwarder->ahead_err = -1;
  pthread_mutex_lock(&forwarder->lock);
  forwarder->ahead_command = g_strdup(command);
  pthread_mutex_unlock(&forwarder->lock);
  wake(forwarder);
}

bool forwarder_connect(Forwarder *forwarder, Route *route, int fd, GError **error) {
  Stream *stream = stream_new(forwarder->link->session, route_ref(route), fd, -1);
  if (submit(forwarder, forwarder->incoming, stream, error))
    return true;
  stream_free(stream);
  return false;
}

char *forwarder_route_problem(Forwarder *forwarder, const Route *route) {
  pthread_mutex_lock(&forwarder->lock);
  char *problem = g_strdup(forwarder->link_problem != NULL ? forwarder->link_problem : route->problem);
  pthread_mutex_unlock(&forwarder->lock);
  return problem;
}

char *forwarder_exec_problem(Forwarder *forwarder) {
  return forwarder_route_problem(forwarder, forwarder->ahead);
}

bool forwarder_is_lost(Forwarder *forwarder) {
  pthread_mutex_lock(&forwarder->lock);
  const bool is_lost = forwarder->has_ended;
  pthread_mutex_unlock(&forwarder->lock);
  return is_lost;
}

gint64 forwarder_opening_for(Forwarder *forwarder) {
  const gint64 since = forwarder->opening_since;
  return since == 0 ? 0 : g_get_monotonic_time() - since;
}

bool forwarder_listen(Forwarder *forwarder, Route *route, bool keeps_spare, ForwarderListener **listener,
                      GError **error) {
  ForwarderListener *made = g_new0(ForwarderListener, 1);
  made->keeps_spare = made->wants_spare = keeps_spare;
  if (!unix_listener_open(&made->socket, error)) {
    g_free(made);
    return false;
  }
  made->route = route_ref(route);
  if (!submit(forwarder, forwarder->listeners, made, error)) {
    listener_free(made);
    return false;
  }
  *listener = made;
  return true;
}

const char *forwarder_listener_path(const ForwarderListener *listener) {
  return listener->socket.path;
}

void forwarder_unlisten(Forwarder *forwarder, ForwarderListener *listener) {
  pthread_mutex_lock(&forwarder->lock);
  g_ptr_array_remove(forwarder->listeners, listener);
  pthread_mutex_unlock(&forwarder->lock);
  listener_free(listener);
}

char *forwarder_problem(Forwarder *forwarder) {
  pthread_mutex_lock(&forwarder->lock);
  char *problem =
      g_strdup(forwarder->link_problem != NULL ? forwarder->link_problem : forwarder->channel_problem);
  pthread_mutex_unlock(&forwarder->lock);
  return problem;
}

void forwarder_forget(Forwarder *forwarder) {
  note_problem(forwarder, &forwarder->channel_problem, NULL);
}
