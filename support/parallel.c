/* Threads that take the next item until there is none. */
#include "support/parallel.h"

#include "support/poison.h"

struct Parallel {
  GPtrArray *items;
  GFunc work;
  gpointer data;
  gint next; /* (atomic) the first item that no thread has */
  GPtrArray *threads;
};

static gpointer work_on(gpointer data) {
  Parallel *parallel = data;
  for (;;) {
    const guint index = (guint)g_atomic_int_add(&parallel->next, 1);
    if (index >= parallel->items->len)
      return NULL;
    parallel->work(g_ptr_array_index(parallel->items, index), parallel->data);
  }
}

Parallel *parallel_start(GPtrArray *items, guint threads, GFunc work, gpointer data) {
  Parallel *parallel = g_new0(Parallel, 1);
  *parallel = (Parallel){.items = items, .work = work, .data = data, .threads = g_ptr_array_new()};
  for (guint i = 0; i < MIN(threads, items->len); i++) {
    GThread *thread = g_thread_try_new("worker", work_on, parallel, NULL);
    if (thread == NULL) /* the system gives no more */
      break;
    g_ptr_array_add(parallel->threads, thread);
  }
  if (parallel->threads->len == 0)
    work_on(parallel);
  return parallel;
}

void parallel_join(Parallel *parallel) {
  for (guint i = 0; i < parallel->threads->len; i++)
    g_thread_join(g_ptr_array_index(parallel->threads, i));
  g_ptr_array_unref(parallel->threads);
  g_free(parallel);
}

void parallel_run(GPtrArray *items, guint threads, GFunc work, gpointer data) {
  parallel_join(parallel_start(items, threads, work, data));
}
