/* `slipway unlock ENV`: what still holds an environment's locks, and ending it. Locks nothing itself and
 * writes no history.
 *
 *   g_autoptr(Unlocking) unlocking = unlocking_new(&request);     // asks every host
 *   … show unlocking_hosts(unlocking), ask …
 *   unlocking_release(unlocking);                                 // ends and takes over what was shown
 *   unlocking_conclude(unlocking, &error)
 */
#pragma once

#include "deployer/rollout/rollout.h"
#include "environments/hosts/lock.h"

typedef struct Unlocking Unlocking;

typedef struct {
  char *name;
  HostLock *lock; /* as it was found; NULL: the host could not be asked */
  HostLock
      *lock_then; /* as it is after unlocking_release; NULL: nothing had to be done there, or it failed */
  char *problem;  /* NULL, or why it could not be asked, or freed */
} UnlockHost;

/* Connects to the hosts of request->environment, or to those in request->only, and looks. A host that cannot
 * be asked is a problem in its row, no failure. */
Unlocking *unlocking_new(const RolloutRequest *request);
void unlocking_free(Unlocking *unlocking); /* lets go of the hosts; the request is the caller's */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Unlocking, unlocking_free)

/* UnlockHost, in the order of the inventory; borrowed. */
GPtrArray *unlocking_hosts(const Unlocking *unlocking);
/* The lock is held, or the folder is another machine's: there is something to release. */
bool unlock_host_needs_release(const UnlockHost *host);
/* Hosts where there is. */
guint unlocking_count(const Unlocking *unlocking);
/* On all of these, at once. Look at lock_then and problem of each. */
void unlocking_release(Unlocking *unlocking);
/* SLIPWAY_ERROR_UNREADY when a host could not be asked, or is not free now. */
bool unlocking_conclude(const Unlocking *unlocking, GError **error) G_GNUC_WARN_UNUSED_RESULT;
