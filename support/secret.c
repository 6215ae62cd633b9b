/* Secret values in memory, and the buffers they pass through. */
#include "support/secret.h"

#include <string.h>

#include "support/redact.h"

#include "support/poison.h"

enum { FIRST_CAPACITY = 4096 };

struct Secret {
  gint references;
  gsize length;
  guchar bytes[];
};

Secret *secret_new(const void *bytes, gsize length) {
  Secret *secret = g_malloc0(sizeof(Secret) + length + 1); /* and a NUL, so that an empty one has bytes */
  secret->references = 1;
  secret->length = length;
  if (length > 0)
    memcpy(secret->bytes, bytes, length);
  return secret;
}

Secret *secret_ref(Secret *secret) {
  g_atomic_int_inc(&secret->references);
  return secret;
}

void secret_unref(Secret *secret) {
  if (secret == NULL || !g_atomic_int_dec_and_test(&secret->references))
    return;
  explicit_bzero(secret->bytes, secret->length);
  g_free(secret);
}

bool secret_equals(const Secret *a, const Secret *b) {
  guchar difference = 0;
  if (a->length != b->length)
    return false;
  for (gsize i = 0; i < a->length; i++)
    difference |= a->bytes[i] ^ b->bytes[i];
  return difference == 0;
}

bool secret_is_text(const Secret *secret) {
  return g_utf8_validate_len((const char *)secret->bytes, secret->length, NULL); /* false with a NUL, too */
}

char *secret_keyed_hash(const Secret *secret, GBytes *key) {
  gsize length = 0;
  const guchar *bytes = g_bytes_get_data(key, &length);
  return g_compute_hmac_for_data(G_CHECKSUM_SHA256, bytes, length, secret->bytes, secret->length);
}

void secret_redact(const Secret *secret) {
  redact_add(secret->bytes, secret->length);
}

void secret_append_assignment(const Secret *secret, const char *name, SecretText **env) {
  static const char quote[] = "'\\''";
  secret_text_append(env, name, strlen(name));
  secret_text_append(env, "='", 2);
  for (gsize i = 0; i < secret->length; i++) {
    const char *byte = (const char *)&secret->bytes[i];
    bool is_quote = *byte == '\'';
    secret_text_append(env, is_quote ? quote : byte, is_quote ? strlen(quote) : 1);
  }
  secret_text_append(env, "'\n", 2);
}

static void free_secret_bytes(gpointer data) {
  secret_unref(data);
}

GBytes *secret_file_bytes(Secret *secret) {
  return g_bytes_new_with_free_func(secret->bytes, secret->length, free_secret_bytes, secret_ref(secret));
}

SecretText *secret_text_new(void) {
  return g_string_sized_new(FIRST_CAPACITY);
}

void secret_text_append(SecretText **text, const char *bytes, gsize length) {
  SecretText *old = *text;
  if (old->len + length >= old->allocated_len) {
    *text = g_string_sized_new(2 * (old->len + length));
    g_string_append_len(*text, old->str, (gssize)old->len);
    secret_text_free(old);
  }
  g_string_append_len(*text, bytes, (gssize)length);
}

void secret_text_free(SecretText *text) {
  if (text == NULL)
    return;
  explicit_bzero(text->str, text->allocated_len);
  g_string_free(text, TRUE);
}

static void free_text(gpointer text) {
  secret_text_free(text);
}

GBytes *secret_text_to_bytes(SecretText *text) {
  return g_bytes_new_with_free_func(text->str, text->len, free_text, text);
}
