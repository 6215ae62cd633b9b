/* One thread that owns an authenticated SSH session and offers plain descriptors for its channels, so that
 * the worker for the host is straight-line blocking code. It also keeps the link alive, and notices when it
 * is dead. */
#pragma once

#include "environments/hosts/ssh_link.h"
#include "environments/hosts/ssh_stream.h"
#include "environments/hosts/unix_listener.h"

typedef struct Forwarder Forwarder;

/* Called by the thread every SHELL_BEAT_MS; NULL for a connection that has no shell. */
typedef void (*ForwarderBeat)(gpointer data);

/* From here on the session is the thread's; `link` outlives the forwarder, and is aborted (ssh_link_abort) to
 * stop it early. */
bool forwarder_start(SshLink *link, guint keepalive_ms, ForwarderBeat beat, gpointer data,
                     Forwarder **forwarder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the thread; all descriptors it served are at their end. */
void forwarder_free(Forwarder *forwarder);

/* Runs a command through the user's login shell: stdin and stdout are *io, stderr *err; the caller closes
 * both. Does not wait: where it fails, the descriptors end, and forwarder_exec_problem says why. Once, after
 * forwarder_exec_ahead. */
void forwarder_exec(Forwarder *forwarder, const char *command, int *io, int *err);

/* Opens the channel that forwarder_exec will use, which then only has to start its command. Once; does not
 * wait. */
bool forwarder_exec_ahead(Forwarder *forwarder, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Why the link is lost, else why that channel failed, whatever became of others since; NULL: nothing known.
 * Caller frees. */
char *forwarder_exec_problem(Forwarder *forwarder);

/* Puts a channel on a route behind `fd` (taken in any case), a socket. Does not wait: where it fails, the
 * socket ends, and forwarder_route_problem says why. */
bool forwarder_connect(Forwarder *forwarder, Route *route, int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Why the link is lost, else why the route's last channel failed; NULL: nothing known. Caller frees. */
char *forwarder_route_problem(Forwarder *forwarder, const Route *route);
/* Nothing can be asked any more. */
bool forwarder_is_lost(Forwarder *forwarder);
/* For how long the channel that is being opened has been: others wait behind it (one at a time is all that
 * libssh2 does). 0: none is. Microseconds. */
gint64 forwarder_opening_for(Forwarder *forwarder);

/* Every connection to the listener becomes a channel on the route (a reference is taken). `keeps_spare`: a
 * channel is open for the next one already, where there are channels to the route's name itself; opening it
 * takes a round trip. */
typedef struct ForwarderListener ForwarderListener;
bool forwarder_listen(Forwarder *forwarder, Route *route, bool keeps_spare, ForwarderListener **listener,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
const char *forwarder_listener_path(const ForwarderListener *listener);
/* Connections that were made stay. */
void forwarder_unlisten(Forwarder *forwarder, ForwarderListener *listener);

/* Why the link is lost, else why the last channel failed, since the last call of forwarder_forget; NULL:
 * nothing known. Caller frees. */
char *forwarder_problem(Forwarder *forwarder);
void forwarder_forget(Forwarder *forwarder);
