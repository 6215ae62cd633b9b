/* Compose on a host, for a release folder that is there: how scripts/compose.sh is called. */
#pragma once

#include "environments/hosts/facts.h"

typedef struct {
  const char *folder;       /* of the environment: ~/.slipway/APP--ENV */
  const char *uid;          /* the release's folder in it */
  const char *project;      /* Compose's project */
  const char *const *words; /* an action of the script ("config", "up", "template"), its arguments, NULL */
  guint timeout_ms;         /* 0: HostScript's default */
} ComposeCall;

/* reply->status is Compose's own. */
bool host_compose(Host *host, const HostFacts *facts, const ComposeCall *call, HostReply *reply,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for a release that is there for this call alone: the two halves of its bundle (compose.h) are
 * unpacked to call->folder, HOME/.slipway-plan-…, which is gone afterwards, however that ends: it has secrets
 * in it. A failure to unpack it is SLIPWAY_ERROR_UNREADY. */
bool host_compose_once(Host *host, const HostFacts *facts, const ComposeCall *call, GBytes *shared,
                       GBytes *own, HostReply *reply, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* False: SLIPWAY_ERROR_UNREADY with what Compose wrote when it did not take the release's files. */
bool host_compose_refuses(const HostReply *reply, GError **error) G_GNUC_WARN_UNUSED_RESULT;
