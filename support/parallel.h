/* The same work on many things at once, by threads that have ended when it has: none is left to a pool.
 * (OpenSSL keeps something for each thread, which goes only when that ends before the program does.) */
#pragma once

#include <glib.h>

typedef struct Parallel Parallel;

/* Begins `work`(item, data) for each of `items` (at least until parallel_join; not owned), on at most
 * `threads` threads, in their order; on this one, at once, where the system gives none. */
Parallel *parallel_start(GPtrArray *items, guint threads, GFunc work, gpointer data);
/* Waits until all is done; frees. */
void parallel_join(Parallel *parallel);
/* Both. */
void parallel_run(GPtrArray *items, guint threads, GFunc work, gpointer data);
