/* The JSON of a release (design §4). */
#pragma once

#include <cjson/cJSON.h>

#include "pipelines/history/history.h"

/* Caller owns. */
cJSON *release_json(const Release *release);
/* {environment, release, person, claimed_by (null: the person), reason, approved_at}. Caller owns. */
cJSON *approval_json(const Approval *approval);
