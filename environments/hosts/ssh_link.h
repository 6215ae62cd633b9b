/* One SSH connection as far as the forwarder takes over: TCP, handshake, the host's key, the user's key. */
#pragma once

#include <libssh2.h>
#include <pthread.h>

#include "environments/hosts/ssh_bastion.h"
#include "environments/hosts/ssh_gate.h"
#include "environments/hosts/ssh_proxy.h"
#include "environments/hosts/ssh_settings.h"

typedef struct {
  pthread_mutex_t lock; /* for what `abort` touches from another thread */
  int socket;           /* -1: none */
  bool is_aborted;
  char *address; /* the numeric address connected to, or what leads there: for people */
  LIBSSH2_SESSION *session;
  SshPassage *passage;    /* through a bastion; NULL: not so */
  SshProxy *proxy;        /* by a proxy command; NULL: not so */
  SshGate *gate;          /* until authenticated, or failed: whose turn it is with that command */
  bool is_beyond_libssh2; /* it failed for a key that the ssh program could have used */
} SshLink;

void ssh_link_init(SshLink *link);
/* From any thread: whatever happens on the socket fails at once. */
void ssh_link_abort(SshLink *link);
/* Ends the connection; does not wait for a peer that may be gone. */
void ssh_link_free_session(SshLink *link);
/* That, and closes the socket. */
void ssh_link_clear(SshLink *link);

/* What went wrong on the way to the host, where a bastion or a proxy command is that; NULL: nothing known.
 * Caller frees. */
char *ssh_link_way_problem(SshLink *link);

/* Connects, shakes hands, verifies the host's key (adds it, where the target says so). Each at most
 * connect_timeout_ms. */
bool ssh_link_connect(SshLink *link, const SshTarget *target, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* By public key: the chosen file, the agent's keys, other files. The error names what was tried. */
bool ssh_link_authenticate(SshLink *link, const SshTarget *target, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What libssh2 last complained of. Caller frees. */
char *ssh_link_complaint(const SshLink *link);
