/* Dividing hosts into waves. */
#include "deployer/rollout/waves.h"

#include "support/poison.h"

static guint batch_size(const RolloutConfig *config, guint hosts) {
  guint size = hosts;
  if (config->batch_percent > 0)
    size = (hosts * config->batch_percent + 99) / 100;
  else if (config->batch > 0)
    size = config->batch;
  return MAX(size, 1);
}

guint wave_of(const RolloutConfig *config, guint index, guint hosts) {
  if (index < config->canary)
    return 1;
  guint before = config->canary > 0 ? 1 : 0;
  return before + (index - config->canary) / batch_size(config, hosts) + 1;
}
