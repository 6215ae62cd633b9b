/* What a private key file is, before libssh2 gets it: its type and whether it is encrypted, for choices and
 * errors. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  char *type; /* "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", …; "unknown" when it cannot be told */
  bool is_encrypted;
} SshKeyFile;

void ssh_key_file_clear(SshKeyFile *key);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SshKeyFile, ssh_key_file_clear)

/* SLIPWAY_ERROR_UNREADY when it cannot be read or is no private key. */
bool ssh_key_file_read(const char *path, SshKeyFile *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Keys of this type are of no use to the libssh2 that is here: RSA before 1.11, which cannot sign as today's
 * sshd demands (rsa-sha2, RFC 8332), and those on a hardware token (sk-…). */
bool ssh_key_is_beyond_libssh2(const char *type);
/* The public key beside it (PATH.pub) in wire form, or NULL. Caller frees with g_bytes_unref. */
GBytes *ssh_key_file_public(const char *path);
