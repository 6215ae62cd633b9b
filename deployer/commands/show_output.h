/* The part of `show` about what a deployment's tasks wrote. */
#pragma once

#include "pipelines/history/history.h"

/* `steps`: DeploymentStep. The last lines of each output; all that is kept with `in_full`. */
void print_outputs(const GPtrArray *steps, bool in_full);
