/* Which ports of the host are taken: by containers, and by anything that listens. */
#include "environments/hosts/engine_ports.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "environments/hosts/engine_private.h"
#include "host_scripts.h"
#include "support/errors.h"
#include "support/poison.h"

void taken_port_free(TakenPort *port) {
  g_free(port->holder);
  g_free(port->address);
  g_free(port);
}

static void add(GPtrArray *ports, guint number, bool is_udp, const char *address, char *holder) {
  TakenPort *port = g_new0(TakenPort, 1);
  port->port = number;
  port->is_udp = is_udp;
  port->address = g_strdup(address);
  port->holder = holder;
  g_ptr_array_add(ports, port);
}

/* "container shop--ci--x-web-1 of shop--ci--x". Caller frees. */
static char *describe_container(const cJSON *container) {
  const cJSON *name = cJSON_GetArrayItem(json_array(container, "Names"), 0);
  const char *project = json_string(json_object(container, "Labels"), "com.docker.compose.project");
  const char *shown = cJSON_IsString(name) ? name->valuestring + (*name->valuestring == '/' ? 1 : 0) : "?";
  return g_strdup_printf("container %s%s%s", shown, project != NULL ? " of " : "",
                         project != NULL ? project : "");
}

static void add_container(GPtrArray *ports, const cJSON *container) {
  const cJSON *entry = NULL;
  cJSON_ArrayForEach(entry, json_array(container, "Ports")) {
    gint64 number = json_integer(entry, "PublicPort", 0);
    const char *address = json_string(entry, "IP");
    if (number > 0)
      add(ports, (guint)number, g_strcmp0(json_string(entry, "Type"), "udp") == 0,
          address != NULL ? address : "", describe_container(container));
  }
}

bool engine_list_ports(Engine *engine, GPtrArray **ports, GError **error) {
  g_autoptr(cJSON) list = NULL;
  const EngineCall call = {.doing = "list the containers that run", .path = "/containers/json"};
  if (!engine_call(engine, &call, &list, error))
    return false;
  GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)taken_port_free);
  const cJSON *container = NULL;
  cJSON_ArrayForEach(container, list) add_container(found, container);
  *ports = found;
  return true;
}

/* proc(5): an address is its 32-bit words in hexadecimal, each in the machine's byte order. Caller frees. */
static char *parse_address(const char *text) {
  guint32 words[4] = {0};
  gsize count = strlen(text) / 8;
  char address[INET6_ADDRSTRLEN];
  if (count != 1 && count != 4)
    return g_strdup("");
  for (gsize i = 0; i < count; i++) {
    g_autofree char *word = g_strndup(text + 8 * i, 8);
    words[i] = (guint32)g_ascii_strtoull(word, NULL, 16);
  }
  return g_strdup(inet_ntop(count == 1 ? AF_INET : AF_INET6, words, address, sizeof address));
}

/* "tcp 0: 0100007F:1F90 …" as listening.sh prints it. */
static void add_listener(GPtrArray *ports, const char *line) {
  char kind[8] = "", address[40] = "";
  guint number = 0;
  if (sscanf(line, "%7s %*s %39[0-9A-Fa-f]:%x", kind, address, &number) != 3) /* NOLINT(cert-err34-c) */
    return;
  g_autofree char *shown = parse_address(address);
  add(ports, number, g_str_has_prefix(kind, "udp"), shown, NULL);
}

bool host_list_listeners(Host *host, GPtrArray **ports, GError **error) {
  g_auto(HostReply) reply = {0};
  const HostScript script = {.text = host_script_listening};
  if (!host_run(host, &script, &reply, error))
    return false;
  GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)taken_port_free);
  g_auto(GStrv) lines = g_strsplit(reply.out->str, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    add_listener(found, *line);
  *ports = found;
  return true;
}
