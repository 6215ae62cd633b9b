/* When an environment takes releases: "Mon-Fri 09:00-17:00 Europe/London".
 *
 * Days are the English ones by three letters, as a list of days and ranges ("Mon-Wed,Fri", "Sat-Mon"). Hours
 * are what the clocks of the zone show, so that they follow its summer time; the end is not part of the
 * window, and 24:00 is the end of the day. An end before the start is on the next day: "Fri 22:00-06:00" ends
 * on Saturday. The zone is a name of the IANA database, UTC when there is none. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Is it one, and is its zone known here? A machine that has no zones at all (no package tzdata) takes any
 * name: a configuration that is right elsewhere must not keep a rollback from being read. */
bool window_is_valid(const char *text);

typedef struct {
  bool is_open;
  gint64 opens_at; /* microseconds, when it is closed: the next time; 0: never within a week and a day */
  char *problem;   /* NULL, or why nobody can tell, which counts as closed */
} WindowAnswer;
void window_answer_clear(WindowAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WindowAnswer, window_answer_clear)

/* At `now`. `windows`: char *, each as window_is_valid wants it; one that is open is enough, and none at all
 * is always open. */
void windows_ask(const GPtrArray *windows, gint64 now, WindowAnswer *answer);
