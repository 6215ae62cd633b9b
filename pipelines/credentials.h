/* Registry credentials as the docker client keeps them: $DOCKER_CONFIG/config.json or ~/.docker/config.json
 * with `auths`, `credHelpers` and `credsStore` (the docker-credential-helpers protocol:
 * docker-credential-NAME get, the server on stdin). Never stored, never printed. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  char *user, *password; /* Basic */
  char *identity_token;  /* refresh token (user "<token>"), else NULL */
} RegistryCredentials;
/* Zeroes what it frees. */
void registry_credentials_free(RegistryCredentials *credentials);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RegistryCredentials, registry_credentials_free)

/* *credentials is NULL when none are kept for `registry` ("docker.io", "host:port"). A config.json that
 * cannot be read, or a helper that fails otherwise than by "credentials not found", is SLIPWAY_ERROR_UNREADY
 * naming the file or helper. */
bool registry_credentials_find(const char *registry, RegistryCredentials **credentials,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The value of X-Registry-Auth for a pull of `image` (base64url of JSON, engine API "Authentication"); NULL
 * without credentials. Caller frees. */
bool registry_credentials_header(const char *image, char **header, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where credentials for `registry` are looked for, what is found there, and what a person can do, as the end
 * of an error: "/root/.docker/config.json has no credentials for it: docker login r.example.org". Asks
 * nobody. Caller frees. */
char *registry_credentials_advice(const char *registry);
/* For an error of an engine that pulls `images` (char *): where it speaks of credentials, that advice
 * follows. Returns false. */
bool registry_credentials_explain(const GPtrArray *images, GError **error);
/* What config.json itself says: the credentials in it (or NULL), and the NAME of the helper to ask first (or
 * NULL; caller frees). */
bool registry_credentials_parse(const char *text, gsize length, const char *registry,
                                RegistryCredentials **credentials, char **helper,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
