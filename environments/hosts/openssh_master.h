/* One connection of the user's own ssh program to a host, kept open (ControlMaster in ssh_config(5)): its
 * process, its private folder with the control socket, and what goes through it beside the first command. */
#pragma once

#include "environments/hosts/ssh_settings.h"

typedef struct OpensshMaster OpensshMaster;

/* No process yet, so that abort may come before start. */
OpensshMaster *openssh_master_new(void);
/* Ends ssh and all it has started; nothing of the folder stays. */
void openssh_master_free(OpensshMaster *master);
/* From any thread: what is going on fails soon, and what is asked for later at once. */
void openssh_master_abort(OpensshMaster *master);
bool openssh_master_is_aborted(OpensshMaster *master);

/* Starts ssh with a command for the host, between its descriptors `io` (0, 1 and 2; the caller closes its
 * own). Does not wait until it has connected. Once. */
bool openssh_master_start(OpensshMaster *master, const HostConfig *config, const SshTarget *target,
                          const char *command, const int io[3], GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A socket in the private folder, whose connections come out at `to` on the host: a socket's path, or
 * "HOST:PORT" with brackets around an IPv6 address. *path is the caller's. */
bool openssh_master_forward(OpensshMaster *master, const char *to, char **path,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Starts another command on the host through the connection, its stdin and stdout being `socket`. */
bool openssh_master_run(OpensshMaster *master, const char *command, int socket,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Puts away those of them that have ended. In the same thread. */
void openssh_master_tidy(OpensshMaster *master);

/* How long ssh's complaints are by now; and what was complained of since then, printable, at most the last
 * few lines; NULL: nothing. Caller frees. */
gsize openssh_master_mark(OpensshMaster *master);
char *openssh_master_complaint(OpensshMaster *master, gsize since);
