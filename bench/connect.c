/* slipway's connect-and-inspect and nothing else, as the phase `ready` of each command has it:
 *   bench_connect SLIPWAY.YML ENVIRONMENT
 * connects to all hosts, authenticates, starts the shell that stays with its opening script, and asks the
 * engine for its version; without a lock. */
#include <stdio.h>

#include "deployer/rollout/phases.h"
#include "environments/hosts/host.h"
#include "support/http.h"
#include "support/interrupt.h"

#include "support/poison.h"

static bool connect_all(const char *path, const char *name, GError **error) {
  g_autoptr(Config) config = NULL;
  Environment *environment = NULL;
  if (!config_load(path, &config, error) || !config_require_environment(config, name, &environment, error))
    return false;
  g_autoptr(Reporter) reporter = reporter_new(&(ReporterOptions){.quiet = true});
  const RolloutRequest request = {
      .config = config, .environment = environment, .reporter = reporter, .command = "bench_connect"};
  g_autoptr(Deployment) record = rollout_bare_record(&request);
  g_autoptr(Rollout) rollout = rollout_new(&request, NULL, NULL, record);
  return phase_connect(rollout, NULL, error);
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  if (argc != 3) {
    (void)fputs("usage: bench_connect SLIPWAY.YML ENVIRONMENT\n", stderr);
    return 2;
  }
  interrupt_install();
  http_global_init();
  host_global_init();
  if (connect_all(argv[1], argv[2], &error))
    return 0;
  (void)fprintf(stderr, "bench_connect: %s\n", error->message);
  return 1;
}
