/* What differs between two targets: images by service, variables and files of the configuration. Pure. */
#pragma once

#include "deployer/rollout/rollout.h"
#include "environments/compose/compose.h"

/* `before` may be NULL (nothing runs). Each gives an array of PlanChange, sorted by subject; unchanged ones
 * are left out. */
GPtrArray *compare_images(GHashTable *before, GHashTable *after);
GPtrArray *compare_projects(const ComposeProject *before, const ComposeProject *after);
/* Adds those of secrets ("secret NAME": "set", "changed"). Both are what snapshot_read_secrets gives; where
 * it cannot be told whether a value changed, it is left out. */
void compare_secret_hashes(GHashTable *before, GHashTable *after, GPtrArray *changes);
/* slipway.yml's keys as far as they concern an environment, and are not compared as above: "health.deadline",
 * "hosts[web1].ssh.port". */
GPtrArray *compare_settings(const Config *before, const char *environment_before, const Config *after,
                            const char *environment_after);
