/* Opening a host for an application's environment: lock (if asked) and everything worth knowing, in one round
 * trip (scripts/opening.sh). */
#pragma once

#include "environments/hosts/host.h"

typedef enum { COMPOSE_NONE, COMPOSE_V1, COMPOSE_V2 } ComposeKind;

typedef struct {
  const char *place; /* "APP--ENV" */
  /* Who locks, for what: one line for others to read. NULL: do not lock, and create nothing. */
  const char *holder;
  /* Out, may be NULL: it was refused because of a lock that another slipway will let go. */
  bool *may_come_free;
} HostPurpose;

typedef struct {
  char *home;
  char *folder;     /* absolute: HOME/.slipway/APP--ENV */
  char *machine_id; /* of /etc/machine-id, "" when the machine has none (yet): then it is not compared */
  char *hostname;
  ComposeKind compose; /* found by the plugin's file or `docker-compose` on PATH, not by running it */
  char *engine_socket; /* its path on the host: `engine:`, DOCKER_HOST's (local), or /var/run/docker.sock */
  /* NULL, or why not and what to do ("permission denied on /var/run/docker.sock: add deploy to its group
   * docker"). */
  char *engine_problem;
  gint64 free_bytes, free_inodes; /* for the release folder's file system; -1: the file system does not say,
                                     or there is no lock, so nobody will write there */
  gint64 clock;                   /* microseconds since the epoch, on the host */
  gint64
      clock_offset; /* that clock minus this machine's monotonic one, microseconds; 0: not known that well */
  char *current;    /* UID of the release folder that `current` points to, or NULL */
  char *manifest;   /* its manifest.json, or NULL */
  char *journal;    /* journal.jsonl's end, whole lines, at most 256 KiB; "" when there is none */
  GHashTable *releases; /* set of UIDs in releases/ */
  GHashTable *files;    /* set of HASHes in files/ */
  GHashTable *secrets;  /* set of names in secrets/ */
} HostFacts;

void host_facts_free(HostFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostFacts, host_facts_free)

/* In the host's shell the lock is descriptor 9, inherited by what scripts start: add `9>&-` to what may
 * outlive the deployment. SLIPWAY_ERROR_REFUSED when someone else holds the lock (who, since when, what is at
 * work), when this very process does (two hosts are one machine), or when the folder belongs to another
 * machine (a shared or copied home folder); SLIPWAY_ERROR_UNREADY otherwise. */
bool host_open(Host *host, const HostPurpose *purpose, HostFacts **facts,
               GError **error) G_GNUC_WARN_UNUSED_RESULT;
