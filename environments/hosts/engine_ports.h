/* Ports of a host that are taken. */
#pragma once

#include "environments/hosts/engine.h"

typedef struct {
  guint port;
  bool is_udp;   /* else TCP */
  char *address; /* "0.0.0.0" and "::" are all addresses */
  char *holder;  /* "container NAME of PROJECT"; NULL: not known */
} TakenPort;
void taken_port_free(TakenPort *port);

/* What containers that run publish. *ports: TakenPort, free function set. SLIPWAY_ERROR_UNREADY. */
bool engine_list_ports(Engine *engine, GPtrArray **ports, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What listens there, the engine's own proxies too (proc(5), /proc/net/tcp). Likewise. */
bool host_list_listeners(Host *host, GPtrArray **ports, GError **error) G_GNUC_WARN_UNUSED_RESULT;
