/* Which hosts change together: canaries first, then batch by batch (`rollout:` of design §3). Pure. */
#pragma once

#include "environments/config/config.h"

/* The wave (1 …) in which the host at `index` (0 …, in the order of the inventory) of `hosts` changes. */
guint wave_of(const RolloutConfig *config, guint index, guint hosts);
