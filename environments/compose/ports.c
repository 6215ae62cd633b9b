/* Published ports out of Compose's effective configuration. */
#include "environments/compose/ports.h"

#include <string.h>

#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"
#include "support/yaml.h"

enum { LAST_PORT = 65535 };

typedef struct {
  const char *service;
  GPtrArray *ports;
} Found;

void published_port_free(PublishedPort *port) {
  g_free(port->service);
  g_free(port->address);
  g_free(port);
}

/* "8080" or "8080-8090"; anything else, and port 0, publishes nothing that could be taken. */
static void add_range(const Found *found, const char *text, const char *address, bool is_udp) {
  g_auto(GStrv) ends = g_strsplit(text, "-", 2);
  gint64 first = 0, last = 0;
  if (ends[0] == NULL || !number_parse(ends[0], 1, LAST_PORT, &first))
    return;
  last = first;
  if (ends[1] != NULL && !number_parse(ends[1], first, LAST_PORT, &last))
    return;
  for (gint64 number = first; number <= last; number++) {
    PublishedPort *port = g_new0(PublishedPort, 1);
    port->service = g_strdup(found->service);
    port->port = (guint)number;
    port->is_udp = is_udp;
    port->address = g_strdup(address);
    g_ptr_array_add(found->ports, port);
  }
}

/* [[ADDRESS:]PORT:]TARGET[/PROTOCOL]; an IPv6 address stands in brackets. */
static void add_short(const Found *found, const char *text) {
  g_auto(GStrv) halves = g_strsplit(text, "/", 2);
  const char *target = strrchr(halves[0], ':');
  if (target == NULL)
    return;
  g_autofree char *front = g_strndup(halves[0], (gsize)(target - halves[0]));
  char *colon = strrchr(front, ':');
  g_autofree char *address = colon != NULL ? g_strndup(front, (gsize)(colon - front)) : g_strdup("");
  add_range(found, colon != NULL ? colon + 1 : front, address, g_strcmp0(halves[1], "udp") == 0);
}

static const char *scalar(const YamlNode *mapping, const char *key) {
  const YamlNode *node = yaml_get(mapping, key);
  return node != NULL && node->kind == YAML_SCALAR ? node->text : "";
}

static void add_port(const Found *found, const YamlNode *node) {
  if (node->kind == YAML_MAPPING)
    add_range(found, scalar(node, "published"), scalar(node, "host_ip"),
              g_str_equal(scalar(node, "protocol"), "udp"));
  else if (node->kind == YAML_SCALAR)
    add_short(found, node->text);
}

bool compose_published_ports(const char *yaml, gsize length, GPtrArray **ports, GError **error) {
  g_autoptr(YamlDocument) document = NULL;
  if (!yaml_parse("compose config", yaml, length, &document, error))
    return recast(error, SLIPWAY_ERROR_UNREADY);
  *ports = g_ptr_array_new_with_free_func((GDestroyNotify)published_port_free);
  const YamlNode *services = yaml_get(document->root, "services");
  for (guint i = 0; services != NULL && services->kind == YAML_MAPPING && i < services->items->len; i++) {
    const Found found = {((const YamlNode *)services->keys->pdata[i])->text, *ports};
    const YamlNode *list = yaml_get(services->items->pdata[i], "ports");
    for (guint k = 0; list != NULL && list->kind == YAML_SEQUENCE && k < list->items->len; k++)
      add_port(&found, list->items->pdata[k]);
  }
  return true;
}
