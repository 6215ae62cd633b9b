/* The lock of an environment's folder on a host: who has it, and what to do about one that is left over. */
#pragma once

#include "environments/hosts/facts.h"
#include "environments/hosts/told.h"

typedef struct {
  gint64 pid;
  char *name;    /* of the program; "" for the shell that a slipway talks to, "(gone)" when that slipway is */
  char *command; /* its command line, the first 300 bytes */
} LockProcess;

/* Texts come from the host: text_printable before a person sees them. "" is not known. */
typedef struct {
  bool is_held;
  char *holder, *since, *run; /* who has, or last had, the lock; since when; which run of slipway that is */
  char *machine_id;           /* of the machine that was asked */
  char *owner;                /* the machine that the folder belongs to */
  GPtrArray *processes; /* LockProcess: those that have the lock file open, as far as the user may see */
} HostLock;
void host_lock_free(HostLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostLock, host_lock_free)

/* The folder came with a home folder that is copied, or shared. */
bool host_lock_is_elsewhere(const HostLock *lock);

/* Of an open host; locks nothing. */
bool host_lock_look(Host *host, const HostFacts *facts, HostLock **lock,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends the processes that have the lock, if it is still the holder in `seen`; takes over a folder of another
 * machine, in the name of `holder`. *lock is what is true then: still held by one whom nobody asked about, or
 * whom this user may not end. */
bool host_lock_release(Host *host, const HostFacts *facts, const HostLock *seen, const char *holder,
                       HostLock **lock, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- for facts.c ------------------------------------------------------------------------------------------
 */

/* Which run of slipway this process is, unlike any other; the lock file says it. */
const char *lock_run(void);
/* What opening.sh told when it did not get the lock, as SLIPWAY_ERROR_REFUSED. *may_come_free (or NULL):
 * waiting helps. */
bool fail_locked(const Told *told, const char *place, bool *may_come_free, GError **error);
bool fail_elsewhere(const Told *told, const char *place, const char *host, GError **error);
