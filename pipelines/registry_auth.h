/* How a registry wants to be shown who asks: the WWW-Authenticate header (RFC 9110 11.6.1) and the token
 * server it may name (https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/). */
#pragma once

#include "pipelines/credentials.h"
#include "support/http.h"

typedef struct {
  bool offers_bearer, offers_basic;
  char *realm, *service, *scope; /* of Bearer; NULL when not said */
} AuthChallenge;
void auth_challenge_clear(AuthChallenge *challenge);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AuthChallenge, auth_challenge_clear)

/* `header` may hold several challenges; schemes other than Bearer and Basic are passed over.
 * SLIPWAY_ERROR_UNREADY: malformed, longer than 8 KiB, or a Bearer without a realm. */
bool auth_challenge_parse(const char *header, AuthChallenge *challenge,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* `scope` is used where the challenge names none; `credentials` may be NULL: an anonymous token. A realm
 * without TLS is refused unless `plain_allowed`. *token is NULL when the server refused (401, 403); caller
 * zeroes and frees it. */
bool auth_fetch_token(HttpClient *http, const AuthChallenge *challenge, const char *scope,
                      const RegistryCredentials *credentials, bool plain_allowed, char **token,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
