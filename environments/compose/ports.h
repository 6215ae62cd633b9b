/* The ports of a host that a Compose project publishes, by Compose's own effective configuration. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  char *service;
  guint port;    /* 1..65535 */
  bool is_udp;   /* else TCP (and SCTP, which nobody asks about) */
  char *address; /* of the host; "" for all of them */
} PublishedPort;
void published_port_free(PublishedPort *port);

/* From what `config` printed: version 1.29 writes "[ADDRESS:]PORT[-PORT]:TARGET[/udp]", version 2 mappings
 * with `published`. Ports that the engine chooses are left out. *ports: PublishedPort, free function set.
 * SLIPWAY_ERROR_UNREADY: not YAML. */
bool compose_published_ports(const char *yaml, gsize length, GPtrArray **ports,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
