/* The JSON of a deployment (design §4): in `history`, `show`, and the result of a running command. */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>

#include "pipelines/history/history.h"

/* `steps`: DeploymentStep, as `show` has them; NULL leaves the field out. Caller owns. */
cJSON *deployment_json(const Deployment *deployment, GPtrArray *steps);
/* [{name, address, status, runs, error}] of `hosts` (DeploymentHost). Caller owns. */
cJSON *deployment_hosts_json(GPtrArray *hosts);
