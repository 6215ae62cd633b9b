/* Reading known_hosts files, judging a key by them, adding a key to them. */
#include "environments/hosts/known_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/files.h"
#include "support/poison.h"

enum { FILE_CAP = 16 << 20, TYPE_MAX = 64, DEFAULT_PORT = 22 };

typedef struct {
  char *place; /* "FILE:LINE" */
  char *type;
  guchar *key;
  gsize length;
  bool is_revoked;
} KnownKey;

struct KnownHosts {
  GPtrArray *keys; /* KnownKey */
};

static void known_key_free(gpointer data) {
  KnownKey *key = data;
  g_free(key->place);
  g_free(key->type);
  g_free(key->key);
  g_free(key);
}

void known_hosts_free(KnownHosts *known) {
  if (known == NULL)
    return;
  g_ptr_array_unref(known->keys);
  g_free(known);
}

char *known_hosts_name(const char *name, guint port) {
  g_autofree char *lower = g_ascii_strdown(name, -1);
  return port == DEFAULT_PORT ? g_steal_pointer(&lower) : g_strdup_printf("[%s]:%u", lower, port);
}

char *host_key_fingerprint(const void *key, gsize length) {
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  g_checksum_update(checksum, key, (gssize)length);
  guint8 digest[32];
  gsize digest_length = sizeof digest;
  g_checksum_get_digest(checksum, digest, &digest_length);
  g_autofree char *encoded = g_base64_encode(digest, digest_length);
  encoded[strcspn(encoded, "=")] = '\0';
  return g_strconcat("SHA256:", encoded, NULL);
}

char *host_key_type(const void *key, gsize length) {
  guint32 type_length = 0;
  if (length < sizeof type_length)
    return g_strdup("unknown");
  memcpy(&type_length, key, sizeof type_length);
  type_length = GUINT32_FROM_BE(type_length);
  if (type_length > TYPE_MAX || type_length > length - sizeof type_length)
    return g_strdup("unknown");
  return g_strndup((const char *)key + sizeof type_length, type_length);
}

/* --- names
 * ---------------------------------------------------------------------------------------------------- */

/* "|1|SALT|HASH": HMAC-SHA1 of the name, keyed by the salt. */
static bool hash_matches(const char *pattern, const char *name) {
  g_auto(GStrv) parts = g_strsplit(pattern, "|", -1); /* "", "1", salt, hash */
  if (g_strv_length(parts) != 4 || strcmp(parts[1], "1") != 0)
    return false;
  gsize salt_length = 0;
  gsize hash_length = 0;
  g_autofree guchar *salt = g_base64_decode(parts[2], &salt_length);
  g_autofree guchar *hash = g_base64_decode(parts[3], &hash_length);
  g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA1, salt, salt_length);
  g_hmac_update(hmac, (const guchar *)name, -1);
  guint8 digest[20];
  gsize digest_length = sizeof digest;
  g_hmac_get_digest(hmac, digest, &digest_length);
  return digest_length == hash_length && memcmp(digest, hash, hash_length) == 0;
}

/* Any case; `name` is in lower case. */
static bool pattern_matches(const char *pattern, gsize length, const char *name) {
  if (strcspn(pattern, "*?,") >= length) /* as good as all are */
    return g_ascii_strncasecmp(pattern, name, length) == 0 && name[length] == '\0';
  g_autofree char *lower = g_ascii_strdown(pattern, (gssize)length);
  return g_pattern_match_simple(lower, name);
}

/* One pattern a comma; a matching one that begins with "!" overrules all others. */
static bool names_match(const char *names, const char *name) {
  if (*names == '|')
    return hash_matches(names, name);
  bool does_match = false;
  for (const char *pattern = names; pattern != NULL;) {
    const bool is_negated = *pattern == '!';
    pattern += is_negated ? 1 : 0;
    const char *comma = strchr(pattern, ',');
    const gsize length = comma == NULL ? strlen(pattern) : (gsize)(comma - pattern);
    const bool is_match = pattern_matches(pattern, length, name);
    if (is_match && is_negated)
      return false;
    does_match |= is_match;
    pattern = comma == NULL ? NULL : comma + 1;
  }
  return does_match;
}

/* --- files
 * ---------------------------------------------------------------------------------------------------- */

/* The next word of a line, NUL-terminated in place; NULL at its end. */
static char *next_word(char **line) {
  char *word = *line + strspn(*line, " \t\r");
  if (*word == '\0')
    return NULL;
  *line = word + strcspn(word, " \t\r");
  if (**line != '\0')
    *(*line)++ = '\0';
  return word;
}

/* Adds the key of a line ("[@marker] names type key [comment]") when it is about `name`. Most of a thousand
 * lines are not: they cost no more than their first word. */
static void read_line(KnownHosts *known, char *line, const char *name, const char *file, guint number) {
  const char *names = next_word(&line);
  if (names == NULL || *names == '#')
    return;
  const char *marker = *names == '@' ? names : NULL;
  if (marker != NULL)
    names = next_word(&line);
  if (names == NULL || !names_match(names, name))
    return;
  const char *type = next_word(&line);
  const char *encoded = next_word(&line);
  if (encoded == NULL || (marker != NULL && strcmp(marker, "@revoked") != 0))
    return;
  KnownKey *key = g_new0(KnownKey, 1);
  key->place = g_strdup_printf("%s:%u", file, number);
  key->type = g_strdup(type);
  key->key = g_base64_decode(encoded, &key->length);
  key->is_revoked = marker != NULL;
  g_ptr_array_add(known->keys, key);
}

/* Takes the text apart. */
static void read_text(KnownHosts *known, char *text, const char *name, const char *file) {
  guint number = 0;
  for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n"))
    read_line(known, line, name, file, ++number);
}

static bool read_files(KnownHosts *known, const char *const *files, const char *name, GError **error) {
  for (; *files != NULL; files++) {
    if (access(*files, F_OK) != 0)
      continue;
    g_autoptr(GBytes) bytes = NULL;
    if (!file_read(*files, FILE_CAP, &bytes, error))
      return recast(error, SLIPWAY_ERROR_UNREADY);
    gsize length = 0;
    const char *data = g_bytes_get_data(bytes, &length);
    g_autofree char *text = g_strndup(data == NULL ? "" : data, length);
    read_text(known, text, name, *files);
  }
  return true;
}

bool known_hosts_load(const char *const *files, const char *name, guint port, KnownHosts **known,
                      GError **error) {
  g_autoptr(KnownHosts) found = g_new0(KnownHosts, 1);
  found->keys = g_ptr_array_new_with_free_func(known_key_free);
  g_autofree char *full = known_hosts_name(name, port);
  if (!read_files(found, files, full, error))
    return false;
  g_autofree char *plain = g_ascii_strdown(name, -1);
  if (found->keys->len == 0 && port != DEFAULT_PORT && !read_files(found, files, plain, error))
    return false;
  *known = g_steal_pointer(&found);
  return true;
}

HostKeyVerdict known_hosts_judge(const KnownHosts *known, const void *key, gsize length, const char **place) {
  HostKeyVerdict verdict = HOST_KEY_UNKNOWN;
  for (guint i = 0; i < known->keys->len; i++) {
    const KnownKey *candidate = g_ptr_array_index(known->keys, i);
    const bool is_same = candidate->length == length && memcmp(candidate->key, key, length) == 0;
    if (is_same && candidate->is_revoked) {
      *place = candidate->place;
      return HOST_KEY_REVOKED;
    }
    if (candidate->is_revoked || verdict == HOST_KEY_KNOWN)
      continue;
    verdict = is_same ? HOST_KEY_KNOWN : HOST_KEY_CHANGED;
    *place = candidate->place;
  }
  return verdict;
}

/* Whether a key of this type is verified by this method: one RSA key serves several signature methods. */
static bool serves_method(const char *type, const char *method) {
  return strcmp(type, method) == 0 || (strcmp(type, "ssh-rsa") == 0 && g_str_has_prefix(method, "rsa-sha2-"));
}

char *known_hosts_order_methods(const KnownHosts *known, const char *supported) {
  g_auto(GStrv) methods = g_strsplit(supported, ",", -1);
  g_autoptr(GPtrArray) ordered = g_ptr_array_new();
  for (guint wants_known = 2; wants_known-- > 0;) {
    for (char **method = methods; *method != NULL; method++) {
      bool is_known = false;
      for (guint i = 0; i < known->keys->len && !is_known; i++) {
        const KnownKey *key = g_ptr_array_index(known->keys, i);
        is_known = !key->is_revoked && serves_method(key->type, *method);
      }
      if (is_known == (wants_known == 1))
        g_ptr_array_add(ordered, *method);
    }
  }
  g_ptr_array_add(ordered, NULL);
  return g_strjoinv(",", (char **)ordered->pdata);
}

/* --- adding
 * --------------------------------------------------------------------------------------------------- */

/* Under the file's lock: nobody else is between looking and adding. */
static bool append_locked(int fd, const char *file, const char *name, guint port, const void *key,
                          gsize length, GError **error) {
  const char *files[] = {file, NULL};
  g_autoptr(KnownHosts) known = NULL;
  if (!known_hosts_load(files, name, port, &known, error))
    return false;
  const char *place = NULL;
  const HostKeyVerdict verdict = known_hosts_judge(known, key, length, &place);
  if (verdict == HOST_KEY_KNOWN)
    return true;
  if (verdict != HOST_KEY_UNKNOWN)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s has another key of %s by now", place, name);
  char last = '\n';
  const off_t end = lseek(fd, 0, SEEK_END);
  if (end > 0 && pread(fd, &last, 1, end - 1) != 1)
    last = '\n';
  g_autofree char *written = known_hosts_name(name, port);
  g_autofree char *type = host_key_type(key, length);
  g_autofree char *encoded = g_base64_encode(key, length);
  g_autofree char *line = g_strdup_printf("%s%s %s %s\n", last == '\n' ? "" : "\n", written, type, encoded);
  if (write(fd, line, strlen(line)) != (ssize_t)strlen(line))
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot write %s: %s", file, g_strerror(errno));
  return true;
}

bool known_hosts_append(const char *file, const char *name, guint port, const void *key, gsize length,
                        GError **error) {
  g_autofree char *folder = g_path_get_dirname(file);
  if (g_mkdir_with_parents(folder, 0700) != 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot make %s: %s", folder, g_strerror(errno));
  const int fd = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot write %s: %s", file, g_strerror(errno));
  bool is_well = flock(fd, LOCK_EX) == 0;
  if (!is_well)
    fail(error, SLIPWAY_ERROR_UNREADY, "cannot lock %s: %s", file, g_strerror(errno));
  is_well = is_well && append_locked(fd, file, name, port, key, length, error);
  close(fd);
  return is_well;
}
