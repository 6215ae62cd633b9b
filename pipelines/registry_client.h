/* One question to a registry and its final answer: address, credentials, patience with passing faults, and
 * words for a refusal. What the answers mean is registry.c's. */
#pragma once

#include "environments/compose/image_reference.h"
#include "pipelines/registry.h"
#include "support/http.h"

typedef struct {
  const char *method; /* "HEAD" or "GET" */
  const char *path;   /* below /v2/REPOSITORY/ */
  const char *accept; /* media types, or NULL */
} RegistryQuestion;

/* Asks, with a token or password where the registry wants one, and again after a passing fault (429, 5xx, a
 * lost connection). Any status that then remains is an answer. `reply` is zero-initialised by the caller.
 * SLIPWAY_ERROR_UNREADY: not reached. */
bool registry_ask(Registry *registry, const ImageReference *image, const RegistryQuestion *question,
                  HttpReply *reply, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Always false: SLIPWAY_ERROR_UNREADY that says what `status` means for `what` ("tag 1.2") of `image`, and
 * what to do. */
bool registry_refuse(const ImageReference *image, const char *what, const HttpReply *reply, GError **error);
