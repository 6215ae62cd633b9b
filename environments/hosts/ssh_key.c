/* Reading just enough of a private key file (PEM, or OpenSSH's PROTOCOL.key) to say what it is. */
#include "environments/hosts/ssh_key.h"

#include <libssh2.h>
#include <string.h>

#include "environments/hosts/known_hosts.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/poison.h"

enum { KEY_FILE_CAP = 64 << 10 };

#define OPENSSH_MAGIC  "openssh-key-v1"
#define RSA_SHA2_SINCE 0x010b00

void ssh_key_file_clear(SshKeyFile *key) {
  g_clear_pointer(&key->type, g_free);
}

/* A string of RFC 4251 section 5 at *at; false when it does not fit. */
static bool take_string(const guchar *bytes, gsize length, gsize *at, const guchar **string,
                        gsize *string_length) {
  guint32 size = 0;
  if (*at > length || length - *at < sizeof size)
    return false;
  memcpy(&size, bytes + *at, sizeof size);
  size = GUINT32_FROM_BE(size);
  if (size > length - *at - sizeof size)
    return false;
  *string = bytes + *at + sizeof size;
  *string_length = size;
  *at += sizeof size + size;
  return true;
}

/* magic, cipher name, KDF name, KDF options, number of keys, public key, … */
static bool read_openssh(const char *base64, SshKeyFile *key) {
  gsize length = 0;
  g_autofree guchar *bytes = g_base64_decode(base64, &length);
  gsize at = sizeof OPENSSH_MAGIC;
  if (length < at || memcmp(bytes, OPENSSH_MAGIC, at) != 0)
    return false;
  const guchar *parts[3];
  gsize lengths[3];
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (!take_string(bytes, length, &at, &parts[i], &lengths[i]))
      return false;
  const guchar *public = NULL;
  gsize public_length = 0;
  at += sizeof(guint32);
  if (!take_string(bytes, length, &at, &public, &public_length))
    return false;
  key->is_encrypted = lengths[0] != strlen("none") || memcmp(parts[0], "none", lengths[0]) != 0;
  key->type = host_key_type(public, public_length);
  return true;
}

/* "-----BEGIN LABEL-----" -> the key's type; PKCS#8 does not say. */
static const struct {
  const char *label, *type;
} pem_types[] = {
    {"RSA PRIVATE KEY", "ssh-rsa"}, {"EC PRIVATE KEY", "ecdsa"},          {"DSA PRIVATE KEY", "ssh-dss"},
    {"PRIVATE KEY", "unknown"},     {"ENCRYPTED PRIVATE KEY", "unknown"},
};

static bool read_text(const char *text, SshKeyFile *key) {
  static const char begin[] = "-----BEGIN ";
  const char *label = strstr(text, begin);
  const char *body = label == NULL ? NULL : strchr(label, '\n');
  if (body == NULL)
    return false;
  label += strlen(begin);
  if (g_str_has_prefix(label, "OPENSSH PRIVATE KEY-----")) {
    const char *end = strstr(body, "-----END");
    g_autofree char *base64 = g_strndup(body, end == NULL ? strlen(body) : (gsize)(end - body));
    return read_openssh(base64, key);
  }
  for (guint i = 0; i < G_N_ELEMENTS(pem_types); i++) {
    if (!g_str_has_prefix(label, pem_types[i].label) ||
        !g_str_has_prefix(label + strlen(pem_types[i].label), "-----"))
      continue;
    key->type = g_strdup(pem_types[i].type);
    key->is_encrypted =
        g_str_has_prefix(label, "ENCRYPTED") || strstr(body, "Proc-Type: 4,ENCRYPTED") != NULL;
    return true;
  }
  return false;
}

bool ssh_key_file_read(const char *path, SshKeyFile *key, GError **error) {
  g_autoptr(GBytes) bytes = NULL;
  if (!file_read(path, KEY_FILE_CAP, &bytes, error))
    return recast(error, SLIPWAY_ERROR_UNREADY);
  gsize length = 0;
  const char *data = g_bytes_get_data(bytes, &length);
  g_autofree char *text = g_strndup(data == NULL ? "" : data, length);
  const bool is_key = read_text(text, key);
  memset(text, 0, strlen(text));
  return is_key || fail(error, SLIPWAY_ERROR_UNREADY, "%s is no private key", path);
}

bool ssh_key_is_beyond_libssh2(const char *type) {
  return g_str_has_prefix(type, "sk-") ||
         (strcmp(type, "ssh-rsa") == 0 && libssh2_version(RSA_SHA2_SINCE) == NULL);
}

GBytes *ssh_key_file_public(const char *path) {
  g_autofree char *public = g_strconcat(path, ".pub", NULL);
  g_autoptr(GBytes) bytes = NULL;
  if (!file_read(public, KEY_FILE_CAP, &bytes, NULL))
    return NULL;
  gsize length = 0;
  const char *data = g_bytes_get_data(bytes, &length);
  g_autofree char *text = g_strndup(data == NULL ? "" : data, length);
  g_auto(GStrv) words = g_strsplit_set(text, " \t\n", 3);
  if (g_strv_length(words) < 2)
    return NULL;
  gsize key_length = 0;
  guchar *key = g_base64_decode(words[1], &key_length);
  return g_bytes_new_take(key, key_length);
}
