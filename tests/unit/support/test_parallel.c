#include <criterion/criterion.h>

#include "support/parallel.h"

enum { ITEMS = 200, THREADS = 7 };

typedef struct {
  gint at_work, most; /* (atomic) */
} Count;

static void count(gpointer item, gpointer data) {
  Count *counted = data;
  const gint now = g_atomic_int_add(&counted->at_work, 1) + 1;
  for (gint most = g_atomic_int_get(&counted->most); now > most; most = g_atomic_int_get(&counted->most))
    if (g_atomic_int_compare_and_exchange(&counted->most, most, now))
      break;
  g_thread_yield();
  (*(guint *)item)++;
  g_atomic_int_add(&counted->at_work, -1);
}

Test(parallel, each_item_is_worked_on_once_by_no_more_threads_than_asked) {
  guint times[ITEMS] = {0};
  g_autoptr(GPtrArray) items = g_ptr_array_new();
  Count counted = {0};
  for (guint i = 0; i < ITEMS; i++)
    g_ptr_array_add(items, &times[i]);
  parallel_run(items, THREADS, count, &counted);
  for (guint i = 0; i < ITEMS; i++)
    cr_expect_eq(times[i], 1);
  cr_expect_leq(counted.most, THREADS);
  cr_expect_eq(counted.at_work, 0);
}

Test(parallel, nothing_to_do_is_done_at_once) {
  g_autoptr(GPtrArray) items = g_ptr_array_new();
  parallel_run(items, THREADS, count, NULL);
}
