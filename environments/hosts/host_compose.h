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
