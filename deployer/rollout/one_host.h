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
} HostWish;

/* Connects to the hosts in their order until one will do; the secrets of what runs there are known to
 * redact.h then. SLIPWAY_ERROR_USAGE: no such host, or none where it
 * runs; SLIPWAY_ERROR_UNREADY. */
bool one_host_find(const HostWish *wish, OneHost **host, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All that have a container of the service; at least one. OneHost, free function set. */
bool one_host_find_all(const HostWish *wish, GPtrArray **hosts, GError **error) G_GNUC_WARN_UNUSED_RESULT;
