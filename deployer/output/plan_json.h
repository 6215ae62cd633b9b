/* The JSON of `plan`. */
#pragma once

#include <cjson/cJSON.h>

#include "deployer/rollout/rollout.h"

/* {environment, release, note, current_release, current_version, gates, images, configuration, hosts}. Caller
 * owns. */
cJSON *plan_json(const char *environment, const Plan *plan);
