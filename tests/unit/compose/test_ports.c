/* Which host ports Compose's effective configuration publishes. */
#include "environments/compose/ports.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/errors.h"

static GPtrArray *published(const char *yaml) {
  GPtrArray *ports = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(compose_published_ports(yaml, strlen(yaml), &ports, &error), "%s",
            error != NULL ? error->message : "");
  return ports;
}

static void assert_port(const GPtrArray *ports, guint index, const char *service, guint number, bool is_udp,
                        const char *address) {
  cr_assert_lt(index, ports->len);
  const PublishedPort *port = ports->pdata[index];
  cr_assert_str_eq(port->service, service);
  cr_assert_eq(port->port, number);
  cr_assert_eq(port->is_udp, is_udp);
  cr_assert_str_eq(port->address, address);
}

Test(ports, version_1_writes_them_short) {
  g_autoptr(GPtrArray) ports =
      published("services:\n"
                "  web:\n"
                "    ports: [80:8080/tcp, '127.0.0.1:5353:53/udp', 90-91:90-91, '8000']\n"
                "  api: {image: x}\n");
  cr_assert_eq(ports->len, 4);
  assert_port(ports, 0, "web", 80, false, "");
  assert_port(ports, 1, "web", 5353, true, "127.0.0.1");
  assert_port(ports, 2, "web", 90, false, "");
  assert_port(ports, 3, "web", 91, false, "");
}

Test(ports, version_2_writes_them_long) {
  g_autoptr(GPtrArray) ports =
      published("services:\n"
                "  web:\n"
                "    ports:\n"
                "      - {mode: ingress, host_ip: '::1', target: 8080, published: '80', protocol: tcp}\n"
                "      - {target: 53, published: 5353, protocol: udp}\n"
                "      - {target: 9000}\n");
  cr_assert_eq(ports->len, 2);
  assert_port(ports, 0, "web", 80, false, "::1");
  assert_port(ports, 1, "web", 5353, true, "");
}

Test(ports, what_is_not_yaml_is_refused) {
  GPtrArray *ports = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert_not(compose_published_ports("a: [", 4, &ports, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
}
