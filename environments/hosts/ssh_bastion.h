/* Bastions: one SSH connection each per process, shared by all hosts behind it, whose channels lead on
 * (direct-tcpip, RFC 4254 section 7.2). However many hosts there are, the bastion sees one connection. */
#pragma once

#include "environments/hosts/ssh_settings.h"

/* A way through a bastion to one host. */
typedef struct SshPassage SshPassage;

/* A way through target->hop; *socket is the connection, for the caller to close. Does not wait: it ends where
 * the way fails, and ssh_passage_problem says why. */
bool ssh_passage_open(const SshTarget *target, int *socket, SshPassage **passage,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The last user of a bastion ends the connection to it. */
void ssh_passage_close(SshPassage *passage);

/* Where and why the way failed: "bastion deploy@b.example.org: …"; NULL: nothing known. Caller frees. */
char *ssh_passage_problem(SshPassage *passage);
/* Since when the bastion has been trying to connect to the host; monotonic, 0: not yet. */
gint64 ssh_passage_begun(SshPassage *passage);
/* It waits behind another host that does not answer; the next ssh_passage_open takes another connection. */
bool ssh_passage_is_stuck(SshPassage *passage);
/* The bastion, or one before it, wants a key that libssh2 cannot use (ssh_link.h). */
bool ssh_passage_is_beyond_libssh2(SshPassage *passage);
