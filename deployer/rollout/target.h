/* What a deployment shall make an environment run: the release, every service's digest, the Compose project
 * and the health rules. From today's configuration (deploy, promote) or from a recorded snapshot (rollback).
 * `resolve` of design §6 chooses it, local and pure; pins are the part of `ready` that may ask a registry. */
#pragma once

#include "deployer/rollout/rollout.h"
#include "deployer/rollout/situation.h"
#include "environments/compose/compose.h"

typedef struct {
  Release *release;
  ComposeProject *project;
  GPtrArray *builtins; /* NamedValue: SLIPWAY_APP … */
  GHashTable *pinned;  /* service -> reference; NULL until target_pin */
  GHashTable *fresh;   /* image string -> reference: pins to keep, or NULL */
  const Deployment
      *origin;      /* rollback, --as-is: whose snapshot it is, borrowed from the situation; else NULL */
  Config *recorded; /* the snapshot's settings, or NULL */
  const HealthConfig *health; /* borrowed: from `recorded` or today's */
  RollbackTarget rollback;    /* rollback only */
  GPtrArray *secrets;         /* TargetSecret (secrets.h); NULL until target_ask_secrets */
} Target;

void target_free(Target *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Target, target_free)

/* Chooses and reads; *target is NULL with success when there is nothing newer to promote, said in *note
 * (caller frees). Gates are asked: *answers (GateAnswer) holds what they said, and one that does not pass is
 * SLIPWAY_ERROR_REFUSED unless `force`. With `asking_only` (plan) it is not. */
bool target_resolve(const RolloutRequest *request, const Situation *situation, bool asking_only,
                    GPtrArray **answers, Target **target, char **note,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Every service's digest; asks a registry only for images that have no pin yet. */
bool target_pin(const RolloutRequest *request, Target *target, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Keeps what target_pin resolved anew, where design §3 says so. */
bool target_keep_pins(const RolloutRequest *request, const Target *target,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Each reference of `pinned` once, of the services that run on the host; borrowed strings. */
GPtrArray *target_references(const Target *target, const HostConfig *host);
/* {service: reference}, canonical JSON text. Caller frees. */
char *target_images_json(const Target *target);
