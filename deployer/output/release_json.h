/* The JSON of a release (design §4). */
#pragma once

#include <cjson/cJSON.h>

#include "pipelines/history/history.h"

/* Caller owns. */
cJSON *release_json(const Release *release);
