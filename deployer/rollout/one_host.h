/* One host of an environment, for a command of the user's there: nothing is locked, recorded or changed. */
#pragma once

#include "deployer/rollout/rollout.h"
#include "environments/hosts/engine.h"
#include "environments/hosts/facts.h"

typedef struct {
  const HostConfig *config; /* borrowed */
  Host *host;
  HostFacts *facts;
  Engine *engine;
  char *place;     /* Compose's project */
  char *container; /* of the service: its id; NULL: the host has none */
} OneHost;
void one_host_free(OneHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OneHost, one_host_free)

typedef struct {
  const Config *config;
  const Environment *environment;
  const char *service;
  const char *host; /* by name; NULL: the first that has a container of the service */
  bool must_run;    /* a container that is running; else any, and a host without one will do */
  /* A host that is passed over because it cannot be asked. */
  void (*on_problem)(const char *problem, void *data);
  void *data;
} HostWish;

/* Connects to the hosts in their order until one will do; the secrets of what runs there are known to
 * redact.h then. SLIPWAY_ERROR_USAGE: no host of that name; SLIPWAY_ERROR_UNREADY: it runs nowhere, or those
 * that are left cannot be asked. */
bool one_host_find(const HostWish *wish, OneHost **host, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All that have a container of the service, or, when none has (a profile that only tasks use), all that are
 * deployed to; at least one. None is passed over. OneHost, free function set. */
bool one_host_find_all(const HostWish *wish, GPtrArray **hosts, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What slipway could not do is told apart from what the user's command did: UNREADY and DEPLOY become
 * SLIPWAY_ERROR_COMMAND. Returns false. */
bool one_host_fail_command(GError **error);
