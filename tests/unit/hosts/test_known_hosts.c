/* known_hosts files: which entries are about a host, and what they make of a key. */
#include <criterion/criterion.h>
#include <string.h>

#include "environments/hosts/known_hosts.h"
#include "fixture.h"

static Fixture fixture;

static void start(void) {
  fixture_start_local(&fixture);
}

static void stop(void) {
  fixture_stop(&fixture);
}

TestSuite(known_hosts, .init = start, .fini = stop);

/* What a file makes of the key "key" ("a2V5" in base64) for a host. */
static HostKeyVerdict judge(const char *text, const char *name, guint port) {
  write_text(fixture.folder, "known_hosts", text, 0600);
  const char *files[] = {"/nonexistent", fixture.known_hosts, NULL};
  g_autoptr(KnownHosts) known = NULL;
  cr_assert(known_hosts_load(files, name, port, &known, NULL));
  const char *place = NULL;
  return known_hosts_judge(known, "key", 3, &place);
}

Test(known_hosts, match_as_ssh_matches) {
  static const struct {
    const char *line, *name;
    guint port;
    HostKeyVerdict verdict;
  } rows[] = {
      {"web ssh-ed25519 a2V5 comment", "web", 22, HOST_KEY_KNOWN},
      {"web ssh-ed25519 a2V5", "WEB", 22, HOST_KEY_KNOWN},
      {"a,web,b ssh-ed25519 a2V5", "web", 22, HOST_KEY_KNOWN},
      {"*.example.org ssh-ed25519 a2V5", "web.example.org", 22, HOST_KEY_KNOWN},
      {"*.example.org,!web.example.org ssh-ed25519 a2V5", "web.example.org", 22, HOST_KEY_UNKNOWN},
      {"[web]:2222 ssh-ed25519 a2V5", "web", 2222, HOST_KEY_KNOWN},
      {"[web]:2222 ssh-ed25519 a2V5", "web", 22, HOST_KEY_UNKNOWN},
      {"web ssh-ed25519 a2V5", "web", 2222, HOST_KEY_KNOWN}, /* only when the port's own name is unknown */
      {"web ssh-ed25519 a2V5\n[web]:2222 ssh-ed25519 b3RoZXI=", "web", 2222, HOST_KEY_CHANGED},
      {"web ssh-ed25519 b3RoZXI=", "web", 22, HOST_KEY_CHANGED},
      {"web ssh-ed25519 b3RoZXI=\nweb ssh-rsa a2V5", "web", 22, HOST_KEY_KNOWN},
      {"@revoked web ssh-ed25519 a2V5\nweb ssh-ed25519 a2V5", "web", 22, HOST_KEY_REVOKED},
      {"web ssh-ed25519 a2V5\n@revoked * ssh-ed25519 a2V5", "web", 22, HOST_KEY_REVOKED},
      {"@revoked web ssh-ed25519 b3RoZXI=", "web", 22, HOST_KEY_UNKNOWN},
      {"@cert-authority web ssh-ed25519 a2V5", "web", 22, HOST_KEY_UNKNOWN},
      {"# web ssh-ed25519 a2V5\n\nweb\nweb ssh-ed25519\n|1|x ssh-ed25519 a2V5", "web", 22, HOST_KEY_UNKNOWN},
  };
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    cr_assert_eq(judge(rows[i].line, rows[i].name, rows[i].port), rows[i].verdict, "%s", rows[i].line);
}
