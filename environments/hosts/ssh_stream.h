/* One SSH channel bridged to plain descriptors: a step moves what can be moved without waiting. The
 * forwarder's thread only. */
#pragma once

#include <libssh2.h>
#include <poll.h>

#include <glib.h>
#include <stdbool.h>

/* Where channels lead. Shared by a listener and its streams (g_atomic_rc_box). */
typedef enum { ROUTE_EXEC, ROUTE_SOCKET, ROUTE_TCP } RouteKind;
typedef struct {
  RouteKind kind;
  char *name; /* command (NULL: not known yet); socket path; host */
  guint port;
  char *otherwise;      /* ROUTE_SOCKET: the command to run where forwarding is refused; NULL: none */
  bool has_worked;      /* a channel of this kind was opened: a refusal is the socket's, not sshd's */
  bool is_by_command;   /* `otherwise` brought an answer, so it is what is used from now on */
  _Atomic gint64 begun; /* when its last channel began to be opened, monotonic; 0: it waits for its turn */
  char *problem;        /* why its last channel failed, under the forwarder's lock; NULL: it has not */
} Route;
Route *route_new(RouteKind kind, const char *name, guint port, const char *otherwise);
Route *route_ref(Route *route);
void route_unref(Route *route);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Route, route_unref)

typedef enum {
  STREAM_WAITING, /* for its turn: channels are opened one at a time */
  STREAM_OPENING,
  STREAM_STARTING, /* the command */
  STREAM_OPEN,
  STREAM_CLOSING, /* waits for the peer's close, as long as that takes; the descriptors are to be closed */
  STREAM_GONE,
} StreamState;

typedef struct {
  StreamState state;
  Route *route;
  LIBSSH2_SESSION *session;
  LIBSSH2_CHANNEL *channel;
  GByteArray *message;                        /* of the open request: stays valid until that is done */
  bool is_command;                            /* runs route->name, or route->otherwise */
  bool is_spare;                              /* nobody has it yet: `local` is -1 */
  bool is_requesting;                         /* the answer to `exec` has not come yet */
  gint64 opened;                              /* monotonic */
  int local;                                  /* the worker's other end; -1 when closed */
  int local_err;                              /* for the command's stderr; -1: goes to `complaint` */
  GByteArray *to_channel, *to_local, *to_err; /* read, not yet written */
  bool has_local_ended;                       /* nothing more to send */
  bool has_sent_end;
  GString *complaint; /* why it failed: libssh2's words, or the command's stderr */
} Stream;

/* Takes the descriptors (made non-blocking) and a reference of the route. local_err may be -1; `local` is -1
 * for a spare one. */
Stream *stream_new(LIBSSH2_SESSION *session, Route *route, int local, int local_err);
void stream_free(Stream *stream); /* the channel must be gone, or its session about to be freed */
void stream_close_local(Stream *stream);
/* Gives a spare one its descriptor. */
void stream_take_local(Stream *stream, int local);
/* Begins to close it, whatever it was doing. */
void stream_give_up(Stream *stream);

/* One channel at a time opens, and one asks for its command: libssh2 takes the answer to another's request
 * for an error of the link. */
typedef struct {
  bool may_open, may_request; /* it is this stream's turn */
  bool may_send;              /* the link is not behind */
} StreamTurn;

/* Moves what can be moved; true when anything was. *link_problem is set to libssh2's code when the link
 * itself is lost. */
bool stream_step(Stream *stream, const StreamTurn *turn, int *link_problem);
/* What to poll on `local` and `local_err` (fd -1: nothing). */
void stream_poll(const Stream *stream, bool may_send, struct pollfd polled[2]);
/* Whether data from the peer would be read now. */
bool stream_wants_input(const Stream *stream);
