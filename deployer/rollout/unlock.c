/* Visits hosts without locking them, to see and to end what holds their locks. */
#include "deployer/rollout/unlock.h"

#include "deployer/rollout/crew.h"
#include "deployer/rollout/ephemeral.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/parallel.h"

#include "support/poison.h"

typedef struct {
  const Unlocking *unlocking;
  Host *host;
  HostFacts *facts;
  UnlockHost *shown; /* owned by `hosts` of the Unlocking */
} Visit;

struct Unlocking {
  char *place;  /* "APP--ENV" */
  char *holder; /* who takes a folder over */
  GPtrArray *visits;
  GPtrArray *hosts; /* UnlockHost, as in `visits` */
};

static void unlock_host_free(UnlockHost *host) {
  g_free(host->name);
  g_free(host->problem);
  host_lock_free(host->lock);
  host_lock_free(host->lock_then);
  g_free(host);
}

static void visit_free(Visit *visit) {
  host_facts_free(visit->facts);
  host_free(visit->host);
  g_free(visit);
}

void unlocking_free(Unlocking *unlocking) {
  if (unlocking == NULL)
    return;
  g_ptr_array_unref(unlocking->visits);
  g_ptr_array_unref(unlocking->hosts);
  g_free(unlocking->place);
  g_free(unlocking->holder);
  g_free(unlocking);
}

static void work_on_all(const Unlocking *unlocking, GFunc work) {
  parallel_run(unlocking->visits, CREW_THREADS, work, NULL);
}

static void look(gpointer data, gpointer unused) {
  Visit *visit = data;
  HostPurpose purpose = {.place = visit->unlocking->place};
  g_autoptr(GError) problem = NULL;
  (void)unused;
  if (interrupt_requested())
    visit->shown->problem = g_strdup("not asked: interrupted");
  else if (!host_open(visit->host, &purpose, &visit->facts, &problem) ||
           !host_lock_look(visit->host, visit->facts, &visit->shown->lock, &problem))
    visit->shown->problem = g_strdup(problem->message);
}

static void add_visit(Unlocking *unlocking, const HostConfig *config) {
  Visit *visit = g_new0(Visit, 1);
  visit->unlocking = unlocking;
  visit->host = host_new(config);
  visit->shown = g_new0(UnlockHost, 1);
  visit->shown->name = g_strdup(config->name);
  g_ptr_array_add(unlocking->visits, visit);
  g_ptr_array_add(unlocking->hosts, visit->shown);
}

Unlocking *unlocking_new(const RolloutRequest *request) {
  Unlocking *unlocking = g_new0(Unlocking, 1);
  g_autofree char *actor = actor_name();
  unlocking->place = environment_place(request->config, request->environment);
  unlocking->holder = g_strdup_printf("%s: %s", actor, request->command);
  unlocking->visits = g_ptr_array_new_with_free_func((GDestroyNotify)visit_free);
  unlocking->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)unlock_host_free);
  const GPtrArray *hosts = request->environment->hosts;
  for (guint i = 0; i < hosts->len; i++)
    if (request_takes_host(request, g_ptr_array_index(hosts, i)))
      add_visit(unlocking, g_ptr_array_index(hosts, i));
  work_on_all(unlocking, look);
  return unlocking;
}

GPtrArray *unlocking_hosts(const Unlocking *unlocking) {
  return unlocking->hosts;
}

bool unlock_host_needs_release(const UnlockHost *host) {
  return host->lock != NULL && (host->lock->is_held || host_lock_is_elsewhere(host->lock));
}

guint unlocking_count(const Unlocking *unlocking) {
  guint count = 0;
  for (guint i = 0; i < unlocking->hosts->len; i++)
    count += unlock_host_needs_release(g_ptr_array_index(unlocking->hosts, i)) ? 1 : 0;
  return count;
}

/* Why the lock is still held, though it was to be freed. Caller frees. */
static char *describe_failure(const UnlockHost *host) {
  if (g_strcmp0(host->lock_then->run, host->lock->run) != 0 ||
      g_strcmp0(host->lock_then->since, host->lock->since) != 0)
    return g_strdup("another deployment has taken the lock meanwhile; it was left alone");
  if (host->lock_then->processes->len == 0)
    return g_strdup(
        "held by a process that this user cannot see: end it as root there (fuser on the lock file)");
  return g_strdup("still held: its processes could not be ended; as root there, or by restarting the host");
}

static void release(gpointer data, gpointer unused) {
  Visit *visit = data;
  UnlockHost *host = visit->shown;
  g_autoptr(GError) problem = NULL;
  (void)unused;
  if (!unlock_host_needs_release(host))
    return;
  if (!host_lock_release(visit->host, visit->facts, host->lock, visit->unlocking->holder, &host->lock_then,
                         &problem))
    host->problem = g_strdup(problem->message);
  else if (host->lock_then->is_held || host_lock_is_elsewhere(host->lock_then))
    host->problem = describe_failure(host);
}

void unlocking_release(Unlocking *unlocking) {
  work_on_all(unlocking, release);
}

bool unlocking_conclude(const Unlocking *unlocking, GError **error) {
  const UnlockHost *first = NULL;
  guint problems = 0;
  for (guint i = 0; i < unlocking->hosts->len; i++) {
    const UnlockHost *host = g_ptr_array_index(unlocking->hosts, i);
    if (host->problem == NULL)
      continue;
    first = first == NULL ? host : first;
    problems++;
  }
  return first == NULL ||
         fail(error, SLIPWAY_ERROR_UNREADY, "%s: %s\n(%u of %u hosts could not be asked or freed)",
              first->name, first->problem, problems, unlocking->hosts->len);
}
