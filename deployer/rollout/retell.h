/* From what hosts say of a deployment to the record of it. Pure. */
#pragma once

#include "deployer/rollout/journal.h"
#include "pipelines/history/history.h"

/* A host whose journal is read. */
typedef struct {
  const char *host, *address; /* of today's inventory; address NULL: local */
  char *runs; /* after the entries so far: uid of a deployment, "" nothing, NULL not known. Owned */
} Witness;
Witness *witness_new(const char *host, const char *address, bool is_whole);
void witness_free(Witness *witness);
/* What runs after `entry`, which is the next one in order. `witnesses`: Witness, as the journals. */
void witnesses_advance(GPtrArray *witnesses, const JournalEntry *entry);

/* The record of `entry`, after witnesses_advance. `description`: a manifest, or the entry's line. `hosts`
 * (DeploymentHost, taken): where it went as far as known; those of the journals are added. What no journal
 * tells is unknown, not guessed: with `is_newest`, one without an outcome is `running`, for the hosts to be
 * asked; otherwise others came after it and it is `interrupted`. */
Deployment *retell_deployment(const JournalEntry *entry, const cJSON *description, GPtrArray *hosts,
                              GPtrArray *witnesses, bool is_newest);
/* NULL: it says none, or nonsense. */
Release *retell_release(const cJSON *description);
/* DeploymentHost, pending: a manifest's list. Empty for what has none. */
GPtrArray *retell_hosts(const cJSON *description);
