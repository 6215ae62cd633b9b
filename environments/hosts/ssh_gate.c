/* A counting semaphore for each door. */
#include "environments/hosts/ssh_gate.h"

#include <pthread.h>
#include <time.h>

#include "support/errors.h"
#include "support/interrupt.h"
#include "support/poison.h"

enum { WIDTH = 8, LOOK_NS = 100 * 1000 * 1000 };

struct SshGate {
  guint inside;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t somebody_left = PTHREAD_COND_INITIALIZER;
static GHashTable *gates; /* door -> SshGate, for good: there are few */

static SshGate *find_gate(const char *door) {
  if (gates == NULL)
    gates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  SshGate *gate = g_hash_table_lookup(gates, door);
  if (gate == NULL) {
    gate = g_new0(SshGate, 1);
    g_hash_table_insert(gates, g_strdup(door), gate);
  }
  return gate;
}

static void wait_a_moment(void) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += LOOK_NS;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_cond_timedwait(&somebody_left, &lock, &until);
}

bool ssh_gate_enter(const char *door, bool (*is_aborted)(gpointer data), gpointer data, SshGate **gate,
                    GError **error) {
  const bool was_interrupted = interrupt_requested();
  pthread_mutex_lock(&lock);
  SshGate *found = find_gate(door);
  bool is_over = is_aborted(data);
  bool is_interrupted = false;
  while (found->inside >= WIDTH && !is_over) {
    wait_a_moment();
    is_interrupted = interrupt_came_since(was_interrupted);
    is_over = is_interrupted || is_aborted(data);
  }
  if (!is_over) {
    found->inside++;
    *gate = found;
  }
  pthread_mutex_unlock(&lock);
  if (is_interrupted)
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
  return !is_over || fail(error, SLIPWAY_ERROR_UNREADY, "aborted");
}

void ssh_gate_leave(SshGate **gate) {
  if (*gate == NULL)
    return;
  pthread_mutex_lock(&lock);
  (*gate)->inside--;
  pthread_cond_broadcast(&somebody_left);
  pthread_mutex_unlock(&lock);
  *gate = NULL;
}
