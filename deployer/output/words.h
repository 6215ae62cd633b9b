/* Small facts in the words that people read: ids, times ago, digests, counts. Callers free. */
#pragma once

#include <glib.h>

char *release_word(gint64 id);    /* "r7"; NULL for 0 */
char *deployment_word(gint64 id); /* "d31"; NULL for 0 */
/* "d31" -> 31; 0 when it is none. */
gint64 deployment_number(const char *word);

/* "just now", "3m ago", "2d ago"; NULL for time 0. */
char *time_ago(gint64 time, gint64 now);
/* "2026-11-21 08:31:02 +0000 (3m ago)", local time; NULL for time 0. */
char *time_in_full(gint64 time, gint64 now);
/* The reference with its digest cut to 12 digits: "journal/web@sha256:0123456789ab"; NULL stays NULL. */
char *reference_short(const char *reference);
/* "1 host", "3 hosts". */
char *count_word(guint count, const char *singular, const char *plural);
/* "4,200", of a number that is not negative. */
char *number_word(gint64 number);
/* ", "-separated; NULL when empty. `words`: char *. */
char *words_joined(GPtrArray *words);
