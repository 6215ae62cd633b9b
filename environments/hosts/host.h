/* A host, however it is reached: one row of function pointers per way (local.c; ssh.c by libssh2, openssh.c
 * by the user's own `ssh` program, ssh_auto.c by the fitting one of them; a test's fault injector). All
 * remote effects pass these pointers. A Host belongs to one thread at a time; host_abort may come from any.
 * Failures to reach or talk are SLIPWAY_ERROR_UNREADY; callers that have changed something recast them.
 * Messages do not begin with the host's name: the caller's layer adds it once. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "environments/config/config.h"
#include "support/http.h"

typedef struct Host Host;

/* A script for the host's /bin/sh: `text` lives as environments/hosts/scripts/NAME.sh, argv arrives as $1…,
 * quoted in one place. It runs in a subshell in the user's home folder, with `input` as its standard input.
 */
typedef struct {
  const char *text;
  const char *const *argv; /* NULL-terminated; may be NULL */
  GBytes *first;           /* goes before `input`: what many hosts are given is there once; NULL: nothing */
  const void *input;
  gsize input_length;
  guint timeout_ms; /* of the whole script; 0: 60 s */
  bool is_lockless; /* an opening that takes no lock: nobody waits for it to come free when the link is cut */
} HostScript;

typedef struct {
  int status;   /* the script's exit status */
  GString *out; /* bytes; capped at 8 MiB: more is an error */
  GString *err;
} HostReply;
void host_reply_clear(HostReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HostReply, host_reply_clear)

typedef struct {
  const char *name;
  /* Each request to the engine costs a round trip worth saving: what does not depend on another's answer is
   * better sent at once (engine_calls_run). */
  bool is_far;
  /* Reaches the host and is let in, but starts nothing there; `open` then goes on from that. NULL, or
   * Host.is_reached still false afterwards: `open` does it all. */
  bool (*connect)(Host *host, GError **error);
  /* Connects, authenticates and opens the shell that stays open. `opening` runs in that very shell (not in a
   * subshell), so that a descriptor it opens (the lock) lives as long as the shell; it costs no round trip of
   * its own. */
  bool (*open)(Host *host, const HostScript *opening, HostReply *reply, GError **error);
  bool (*shell)(Host *host, const HostScript *script, HostReply *reply, GError **error);
  /* Whole or not at all (temporary name, rename). The path is absolute or relative to the home folder. */
  bool (*write)(Host *host, const char *path, guint mode, const void *bytes, gsize length, GError **error);
  /* Engine API request on the engine's socket; keep-alive. request->url is "http://engine/v1.41/…",
   * unix_socket is filled in here. */
  bool (*request)(Host *host, const HttpRequest *request, HttpReply *reply, GError **error);
  bool (*stream)(Host *host, const HttpRequest *request, HttpStream **stream, GError **error);
  /* A connection of its own to the engine's socket, for what is no request and reply (engine_wire.h); the
   * caller closes *descriptor. A peer that refuses may show only as the end of what is read. */
  bool (*dial)(Host *host, int *descriptor, GError **error);
  /* Of what was dialled or streamed, and failed later: adds what is known of why (host_explain). NULL:
   * nothing is known. */
  void (*explain)(Host *host, GError **error);
  /* An HTTP request to an application as seen from the host (health.http): the URL's host and port are
   * connected to from there. */
  bool (*fetch)(Host *host, const HttpRequest *request, HttpReply *reply, GError **error);
  /* From any thread: makes what is going on, and all that follows, fail soon. */
  void (*abort)(Host *host);
  void (*close)(Host *host); /* and frees `backend` */
} HostOps;

struct Host {
  const HostOps *ops;
  const HostConfig *config; /* borrowed */
  void *backend;
  bool is_reached; /* by `connect`: `dial`, requests and streams may come before `open`. Never set back: a
                      host that is lost is replaced by a new one */
  char *note; /* once it is open: what a person should be told of how it is reached; NULL: nothing. A process
                 says it of one host only */
};

/* Chooses the row by config: address NULL is `local`, else what `ssh: {client: …}` says. Does not connect. */
Host *host_new(const HostConfig *config);
/* For tests: host_new asks `factory` instead, from now on; NULL as before. Not while another thread runs. */
typedef Host *(*HostFactory)(const HostConfig *config);
void host_set_factory(HostFactory factory);
void host_free(Host *host); /* closes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Host, host_free)
/* Call once, before any thread: libssh2 and the user's SSH configuration. */
void host_global_init(void);

/* Has the row reach the host, if it can do that by itself. */
bool host_connect(Host *host, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A dialled connection or a stream has failed, which may be the link's fault, not the engine's: the row says.
 * Returns false. */
bool host_explain(Host *host, GError **error);

/* Calls through the row; host_run also fails (kind UNREADY) when the script's status is not 0, with what it
 * wrote to stderr. */
bool host_shell(Host *host, const HostScript *script, HostReply *reply,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool host_run(Host *host, const HostScript *script, HostReply *reply,
              GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool host_write(Host *host, const char *path, guint mode, const void *bytes, gsize length,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One word quoted for sh; the only place that does. Caller frees. */
char *shell_quote(const char *word);
