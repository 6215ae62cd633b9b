/* Asking the places that the secrets of an environment come from (SecretConfig). Values of 6 bytes or more
 * are known to redact.h before anything here returns. */
#pragma once

#include "environments/config/config.h"
#include "support/secret.h"

/* A value, a file and what a command writes are at most this long. */
enum { LONGEST_SECRET = 1 << 20 };

typedef struct {
  const SecretConfig *config; /* borrowed */
  Secret *value;              /* NULL: it could not be had */
  char *problem;              /* then why, and what to do; never a value */
} SecretAnswer;

/* An answer for each of `secrets` (SecretConfig), in order; commands run in `directory`, some at once, and
 * identical ones (or a dotenv file that several are in) once. Only an interrupt is a failure:
 * SLIPWAY_ERROR_INTERRUPTED. */
bool secrets_ask(const char *directory, const GPtrArray *secrets, GPtrArray **answers,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* SLIPWAY_ERROR_UNREADY naming each that has no value, with its problem. */
bool secrets_require(const GPtrArray *answers, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* "the variable KEY of slipway's environment", "the file /etc/key", "the command vault". Caller frees. */
char *secret_source_words(const SecretConfig *config);
