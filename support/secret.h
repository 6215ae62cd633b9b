/* A secret value: the one type that has no way to become a text. What may be done with it are the functions
 * below; its bytes are zeroed when it is freed. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Secret Secret;

/* Copies the bytes; they may be anything. */
Secret *secret_new(const void *bytes, gsize length);
Secret *secret_ref(Secret *secret);
/* Zeroes it with the last reference. */
void secret_unref(Secret *secret);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Secret, secret_unref)

bool secret_equals(const Secret *a, const Secret *b);
/* UTF-8 without NUL: what a variable can hold. */
bool secret_is_text(const Secret *secret);
/* HMAC-SHA256 (RFC 2104) in lower-case hex: tells whether it changed, and nothing else. Caller frees. */
char *secret_keyed_hash(const Secret *secret, GBytes *key);
/* Its forms are hidden in all output from now on (redact.h). */
void secret_redact(const Secret *secret);

/* Buffers that values pass through: growing leaves no copy behind, freeing zeroes. */
typedef GString SecretText;
SecretText *secret_text_new(void);
void secret_text_append(SecretText **text, const char *bytes, gsize length);
void secret_text_free(SecretText *text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SecretText, secret_text_free)
/* The same buffer as bytes; takes ownership. */
GBytes *secret_text_to_bytes(SecretText *text);

/* NAME='…' and a newline, for sh to read: a line of an env file. Only for a secret that is text. */
void secret_append_assignment(const Secret *secret, const char *name, SecretText **env);
/* The content of a 0600 file on a host. It holds the secret until it is freed. */
GBytes *secret_file_bytes(Secret *secret);
