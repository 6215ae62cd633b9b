/* OpenSSH's known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): plain, wildcard and hashed names,
 * [host]:port,
 * @revoked. @cert-authority lines are ignored: libssh2 knows no certificates. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The keys that some files know for one name. */
typedef struct KnownHosts KnownHosts;

typedef enum {
  HOST_KEY_KNOWN,
  HOST_KEY_UNKNOWN, /* nothing is known of the name */
  HOST_KEY_CHANGED, /* another key is known; *place says where ("FILE:LINE") */
  HOST_KEY_REVOKED,
} HostKeyVerdict;

/* `files`: paths, NULL-terminated; a missing one is empty. `name` is looked up as ssh does: "host", or
 * "[host]:port" and, only when that is not known at all, "host". SLIPWAY_ERROR_UNREADY when a file cannot be
 * read. */
bool known_hosts_load(const char *const *files, const char *name, guint port, KnownHosts **known,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
void known_hosts_free(KnownHosts *known);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KnownHosts, known_hosts_free)

/* `key` is the key's wire form. *place is borrowed. */
HostKeyVerdict known_hosts_judge(const KnownHosts *known, const void *key, gsize length, const char **place);
/* `supported` (a comma-separated list of host key methods, best first) with the methods of known keys moved
 * to the front, so that the server shows a key that can be verified. Caller frees. */
char *known_hosts_order_methods(const KnownHosts *known, const char *supported);

/* How known_hosts writes a host: "host" or "[host]:port". Caller frees. */
char *known_hosts_name(const char *name, guint port);
/* "SHA256:…" as ssh-keygen -l prints it. Caller frees. */
char *host_key_fingerprint(const void *key, gsize length);
/* The key's type as its wire form says ("ssh-ed25519"), or "unknown". Caller frees. */
char *host_key_type(const void *key, gsize length);

/* Appends a line for a host that is not known yet, once, whoever else does so at the same time (other
 * threads, other programs). Fails when the file says another key by now. */
bool known_hosts_append(const char *file, const char *name, guint port, const void *key, gsize length,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
