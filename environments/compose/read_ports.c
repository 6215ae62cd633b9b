/* A service's `ports:` in both syntaxes of the Compose specification, and how many containers it has: a fixed
 * host port can be had by one only. */
#include <string.h>

#include "environments/compose/reader.h"
#include "support/poison.h"
#include "support/text.h"

enum { LAST_PORT = 65535, MOST_REPLICAS = 100000 };

void port_draft_free(PortDraft *draft) {
  if (draft == NULL)
    return;
  g_free(draft->text);
  g_free(draft->target);
  g_free(draft->where);
  g_free(draft);
}

/* "80" is 1, "8080-8082" is 3; 0 for what is no port: Compose will say so. */
static guint count_ports(const char *text) {
  g_auto(GStrv) ends = g_strsplit(text, "-", 2);
  gint64 first = 0, last = 0;
  if (ends[0] == NULL || !number_parse(ends[0], 1, LAST_PORT, &first))
    return 0;
  if (ends[1] == NULL)
    return 1;
  return number_parse(ends[1], first, LAST_PORT, &last) ? (guint)(last - first) + 1 : 0;
}

/* A range for one port of the container is a choice; a range for a range is a host port for each of them. */
static guint count_choices(const char *published, const char *target) {
  return count_ports(target) == 1 ? count_ports(published) : 1;
}

static void add_port(Reader *reader, ServiceDraft *service, const YamlNode *node, const char *published,
                     const char *target) {
  if (count_ports(published) == 0 || count_ports(target) == 0)
    return;
  PortDraft *port = g_new0(PortDraft, 1);
  port->text = g_strdup(published);
  port->target = g_strdup(target);
  port->choices = count_choices(published, target);
  port->where = reader_where(reader, node);
  g_ptr_array_add(service->ports, port);
}

/* [[IP:]PUBLISHED:]TARGET[/PROTOCOL]; without PUBLISHED the engine chooses. An IPv6 address has colons of its
 * own. */
static void read_short(Reader *reader, ServiceDraft *service, const YamlNode *node) {
  g_autofree char *text = reader_text(reader, node, "a port");
  if (text == NULL)
    return;
  char *slash = strchr(text, '/');
  if (slash != NULL)
    *slash = '\0';
  char *colon = strrchr(text, ':');
  if (colon == NULL)
    return;
  *colon = '\0';
  const char *published = strrchr(text, ':');
  add_port(reader, service, node, published != NULL ? published + 1 : text, colon + 1);
}

static void read_long(Reader *reader, ServiceDraft *service, const YamlNode *node) {
  const YamlNode *published_node = yaml_get(node, "published"), *target_node = yaml_get(node, "target");
  if (yaml_is_null(published_node) || yaml_is_null(target_node))
    return;
  g_autofree char *published = reader_text(reader, published_node, "published");
  g_autofree char *target = reader_text(reader, target_node, "target");
  if (published != NULL && target != NULL)
    add_port(reader, service, node, published, target);
}

void read_ports(Reader *reader, ServiceDraft *service, const YamlNode *ports) {
  if (replaces_earlier(ports))
    g_ptr_array_set_size(service->ports, 0);
  if (ports == NULL || is_reset(ports) || ports->kind != YAML_SEQUENCE)
    return;
  for (guint i = 0; i < ports->items->len; i++) {
    const YamlNode *port = ports->items->pdata[i];
    if (port->kind == YAML_MAPPING)
      read_long(reader, service, port);
    else
      read_short(reader, service, port);
  }
}

static void read_count(Reader *reader, const YamlNode *node, const char *what, guint *count) {
  g_autofree char *text = yaml_is_null(node) || is_reset(node) ? NULL : reader_text(reader, node, what);
  gint64 number = 0;
  if (text != NULL && number_parse(text, 0, MOST_REPLICAS, &number))
    *count = (guint)number;
}

void read_replicas(Reader *reader, ServiceDraft *service, const YamlNode *node) {
  read_count(reader, yaml_get(node, "scale"), "scale", &service->scale);
  read_count(reader, yaml_get(yaml_get(node, "deploy"), "replicas"), "replicas", &service->replicas);
}

void check_ports(Reader *reader, const ServiceDraft *service) {
  guint containers = MAX(service->scale, service->replicas);
  for (guint i = 0; i < service->ports->len; i++) {
    const PortDraft *port = service->ports->pdata[i];
    if (port->choices < containers)
      reader_problem(
          reader, port->where,
          "service \"%s\" has %u containers on a host, and its host port %s is for %u of them; give "
          "a range (\"8080-%u:%s\"), or leave the host port away",
          service->name, containers, port->text, port->choices, 8080 + containers - 1, port->target);
  }
}
