/* Bridging one SSH channel to descriptors: opening it, moving bytes both ways, closing it without waiting. */
#include "environments/hosts/ssh_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/poison.h"

enum { CHUNK = 64 << 10, COMPLAINT_CAP = 2048 };

/* --- routes
 * --------------------------------------------------------------------------------------------------- */

Route *route_new(RouteKind kind, const char *name, guint port, const char *otherwise) {
  Route *route = g_atomic_rc_box_new0(Route);
  route->kind = kind;
  route->name = g_strdup(name);
  route->port = port;
  route->otherwise = g_strdup(otherwise);
  return route;
}

Route *route_ref(Route *route) {
  return g_atomic_rc_box_acquire(route);
}

static void route_clear(gpointer data) {
  Route *route = data;
  g_free(route->name);
  g_free(route->otherwise);
  g_free(route->problem);
}

void route_unref(Route *route) {
  g_atomic_rc_box_release_full(route, route_clear);
}

/* --- making and freeing
 * --------------------------------------------------------------------------------------- */

static void make_nonblocking(int fd) {
  if (fd >= 0)
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

Stream *stream_new(LIBSSH2_SESSION *session, Route *route, int local, int local_err) {
  Stream *stream = g_new0(Stream, 1);
  stream->session = session;
  stream->route = route;
  stream->is_command = route->kind == ROUTE_EXEC || route->is_by_command;
  stream->is_spare = local < 0;
  stream->local = local;
  stream->local_err = local_err;
  make_nonblocking(local);
  make_nonblocking(local_err);
  stream->message = g_byte_array_new();
  stream->to_channel = g_byte_array_new();
  stream->to_local = g_byte_array_new();
  stream->to_err = g_byte_array_new();
  stream->complaint = g_string_new(NULL);
  return stream;
}

void stream_take_local(Stream *stream, int local) {
  make_nonblocking(local);
  stream->local = local;
  stream->is_spare = false;
}

void stream_close_local(Stream *stream) {
  if (stream->local >= 0)
    close(stream->local);
  if (stream->local_err >= 0)
    close(stream->local_err);
  stream->local = stream->local_err = -1;
}

void stream_free(Stream *stream) {
  stream_close_local(stream);
  GByteArray *arrays[] = {stream->message, stream->to_channel, stream->to_local, stream->to_err};
  for (guint i = 0; i < G_N_ELEMENTS(arrays); i++)
    g_byte_array_unref(arrays[i]);
  g_string_free(stream->complaint, TRUE);
  route_unref(stream->route);
  g_free(stream);
}

/* The channel goes when the peer agrees. The forwarder closes the descriptors: the reason must be known
 * before their end is. */
static void start_closing(Stream *stream) {
  stream->state = stream->channel == NULL ? STREAM_GONE : STREAM_CLOSING;
}

void stream_give_up(Stream *stream) {
  start_closing(stream);
}

/* --- opening
 * -------------------------------------------------------------------------------------------------- */

static void put_number(GByteArray *message, guint32 number) {
  number = GUINT32_TO_BE(number);
  g_byte_array_append(message, (const guint8 *)&number, sizeof number);
}

static void put_string(GByteArray *message, const char *text) {
  put_number(message, (guint32)strlen(text));
  g_byte_array_append(message, (const guint8 *)text, (guint)strlen(text));
}

/* RFC 4254 sections 6.1 and 7.2; streamlocal: OpenSSH's PROTOCOL section 2.4. */
static const char *open_message(Stream *stream) {
  const Route *route = stream->route;
  g_byte_array_set_size(stream->message, 0);
  if (stream->is_command)
    return "session";
  put_string(stream->message, route->name);
  if (route->kind == ROUTE_SOCKET) {
    put_string(stream->message, "");
    put_number(stream->message, 0);
    return "direct-streamlocal@openssh.com";
  }
  put_number(stream->message, route->port);
  put_string(stream->message, "127.0.0.1");
  put_number(stream->message, 0);
  return "direct-tcpip";
}

static void complain(Stream *stream, const char *text, gsize length) {
  const gsize room = COMPLAINT_CAP - MIN(stream->complaint->len, COMPLAINT_CAP);
  g_string_append_len(stream->complaint, text, (gssize)MIN(length, room));
}

static void complain_of_session(Stream *stream) {
  char *message = NULL;
  libssh2_session_last_error(stream->session, &message, NULL, 0);
  if (message != NULL)
    complain(stream, message, strlen(message));
}

/* A socket that could not be connected to may be forbidden rather than absent: then a command leads there. */
static void open_failed(Stream *stream) {
  Route *route = stream->route;
  if (!stream->is_command && !stream->is_spare && route->otherwise != NULL && !route->has_worked) {
    stream->is_command = true;
    stream->state = STREAM_WAITING;
    return;
  }
  complain_of_session(stream);
  start_closing(stream);
}

/* These say something of one channel; whatever else goes wrong is the link's. */
static bool is_channel_error(int code) {
  switch (code) {
  case LIBSSH2_ERROR_CHANNEL_FAILURE:
  case LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED:
  case LIBSSH2_ERROR_CHANNEL_CLOSED:
  case LIBSSH2_ERROR_CHANNEL_EOF_SENT:
  case LIBSSH2_ERROR_CHANNEL_UNKNOWN:
    return true;
  default:
    return false;
  }
}

static bool step_opening(Stream *stream, int *link_problem) {
  if (stream->state == STREAM_WAITING)
    stream->route->begun = g_get_monotonic_time();
  stream->state = STREAM_OPENING;
  const char *type = open_message(stream);
  stream->channel = libssh2_channel_open_ex(stream->session, type, (unsigned)strlen(type),
                                            LIBSSH2_CHANNEL_WINDOW_DEFAULT, LIBSSH2_CHANNEL_PACKET_DEFAULT,
                                            (const char *)stream->message->data, stream->message->len);
  if (stream->channel != NULL) {
    if (!stream->is_command)
      stream->route->has_worked = true;
    stream->state = stream->is_command ? STREAM_STARTING : STREAM_OPEN;
    stream->opened = g_get_monotonic_time();
    return true;
  }
  const int code = libssh2_session_last_errno(stream->session);
  if (code == LIBSSH2_ERROR_EAGAIN)
    return false;
  if (is_channel_error(code))
    open_failed(stream);
  else
    *link_problem = code;
  return true;
}

static bool step_starting(Stream *stream, int *link_problem) {
  const Route *route = stream->route;
  const char *command = route->kind == ROUTE_EXEC ? route->name : route->otherwise;
  if (command == NULL)
    return false;
  stream->is_requesting = true;
  const int code = libssh2_channel_process_startup(stream->channel, "exec", (unsigned)strlen("exec"), command,
                                                   (unsigned)strlen(command));
  if (code == LIBSSH2_ERROR_EAGAIN)
    return false;
  stream->is_requesting = false;
  if (code == 0) {
    stream->state = STREAM_OPEN;
    if (route->kind == ROUTE_EXEC) /* it has the opening script in it, and is not needed any more */
      g_clear_pointer(&stream->route->name, g_free);
  } else if (is_channel_error(code)) {
    complain_of_session(stream);
    start_closing(stream);
  } else {
    *link_problem = code;
  }
  return true;
}

/* --- moving bytes
 * --------------------------------------------------------------------------------------------- */

/* True when the channel may go on; *did_move when bytes came. */
static bool read_channel(Stream *stream, int id, GByteArray *into, bool *did_move, int *link_problem) {
  if (into->len > 0)
    return true;
  char chunk[CHUNK];
  const ssize_t count = libssh2_channel_read_ex(stream->channel, id, chunk, sizeof chunk);
  if (count == LIBSSH2_ERROR_EAGAIN || count == 0)
    return true;
  if (count < 0) {
    if (!is_channel_error((int)count))
      *link_problem = (int)count;
    start_closing(stream);
    return false;
  }
  *did_move = true;
  if (id != 0 && stream->local_err < 0) {
    complain(stream, chunk, (gsize)count);
    return true;
  }
  g_byte_array_append(into, (const guint8 *)chunk, (guint)count);
  if (id == 0 && stream->is_command && stream->route->kind == ROUTE_SOCKET)
    stream->route->is_by_command = true;
  return true;
}

/* False when nobody reads there any more. */
static bool write_local(int fd, GByteArray *from, bool *did_move) {
  if (from->len == 0)
    return true;
  const ssize_t count = send(fd, from->data, from->len, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0)
    return errno == EAGAIN || errno == EINTR;
  g_byte_array_remove_range(from, 0, (guint)count);
  *did_move = true;
  return true;
}

static void read_local(Stream *stream, bool *did_move) {
  if (stream->has_local_ended || stream->to_channel->len > 0)
    return;
  char chunk[CHUNK];
  const ssize_t count = read(stream->local, chunk, sizeof chunk);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  *did_move = true;
  if (count <= 0)
    stream->has_local_ended = true;
  else
    g_byte_array_append(stream->to_channel, (const guint8 *)chunk, (guint)count);
}

static bool write_channel(Stream *stream, bool *did_move, int *link_problem) {
  if (stream->to_channel->len > 0) {
    const ssize_t count = libssh2_channel_write_ex(stream->channel, 0, (const char *)stream->to_channel->data,
                                                   stream->to_channel->len);
    if (count < 0 && count != LIBSSH2_ERROR_EAGAIN) {
      if (!is_channel_error((int)count))
        *link_problem = (int)count;
      start_closing(stream);
      return false;
    }
    if (count > 0) {
      g_byte_array_remove_range(stream->to_channel, 0, (guint)count);
      *did_move = true;
    }
  } else if (stream->has_local_ended && !stream->has_sent_end) {
    stream->has_sent_end = libssh2_channel_send_eof(stream->channel) == 0;
    *did_move |= stream->has_sent_end;
  }
  return true;
}

/* Both ends of a Unix socket are closed: nobody waits for an answer. */
static bool is_hung_up(int fd) {
  struct pollfd polled = {.fd = fd};
  return poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR)) != 0;
}

static bool step_open(Stream *stream, bool may_send, int *link_problem) {
  bool did_move = false;
  if (!read_channel(stream, 0, stream->to_local, &did_move, link_problem) ||
      !read_channel(stream, SSH_EXTENDED_DATA_STDERR, stream->to_err, &did_move, link_problem))
    return true;
  if (stream->is_spare) {
    if (libssh2_channel_eof(stream->channel) == 1)
      start_closing(stream);
    return did_move;
  }
  bool is_read = write_local(stream->local, stream->to_local, &did_move);
  if (stream->local_err >= 0)
    is_read = write_local(stream->local_err, stream->to_err, &did_move) && is_read;
  if (may_send) {
    read_local(stream, &did_move);
    if (!write_channel(stream, &did_move, link_problem))
      return true;
  }
  const bool is_drained = stream->to_local->len == 0 && stream->to_err->len == 0;
  const bool is_over = is_drained && libssh2_channel_eof(stream->channel) == 1;
  if (is_over || !is_read || (stream->has_local_ended && is_hung_up(stream->local))) {
    start_closing(stream);
    return true;
  }
  return did_move;
}

static bool step_closing(Stream *stream) {
  if (libssh2_channel_free(stream->channel) == LIBSSH2_ERROR_EAGAIN)
    return false;
  stream->channel = NULL;
  stream->state = STREAM_GONE;
  return true;
}

bool stream_step(Stream *stream, const StreamTurn *turn, int *link_problem) {
  switch (stream->state) {
  case STREAM_WAITING:
  case STREAM_OPENING:
    return turn->may_open && step_opening(stream, link_problem);
  case STREAM_STARTING:
    return turn->may_request && step_starting(stream, link_problem);
  case STREAM_OPEN:
    return step_open(stream, turn->may_send, link_problem);
  case STREAM_CLOSING:
    return step_closing(stream);
  case STREAM_GONE:
  default:
    return false;
  }
}

void stream_poll(const Stream *stream, bool may_send, struct pollfd polled[2]) {
  polled[0] = polled[1] = (struct pollfd){.fd = -1};
  if (stream->state != STREAM_OPEN)
    return;
  const bool wants_local = !stream->has_local_ended && stream->to_channel->len == 0 && may_send;
  polled[0].events = (short)((wants_local ? POLLIN : 0) | (stream->to_local->len > 0 ? POLLOUT : 0));
  if (polled[0].events != 0 || stream->has_local_ended)
    polled[0].fd = stream->local;
  if (stream->to_err->len > 0)
    polled[1] = (struct pollfd){.fd = stream->local_err, .events = POLLOUT};
}

bool stream_wants_input(const Stream *stream) {
  const bool waits_for_command =
      stream->state == STREAM_STARTING && stream->route->kind == ROUTE_EXEC && stream->route->name == NULL;
  return stream->state != STREAM_GONE && stream->state != STREAM_WAITING && !waits_for_command &&
         (stream->state != STREAM_OPEN || stream->to_local->len == 0 || stream->to_err->len == 0);
}
