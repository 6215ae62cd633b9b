/* When windows are open: days, midnight, and the two nights on which the clocks are put forward and back. */
#include "environments/config/window.h"

#include "support/text.h"

#include <criterion/criterion.h>

Test(window, days_hours_and_zone_have_to_make_sense) {
  static const char *const good[] = {"Mon-Fri 09:00-17:00 Europe/London", "Sat,Sun 00:00-24:00",
                                     "Fri-Mon 22:00-06:00 America/New_York", "mon-wed,Fri 09:30-09:31 UTC",
                                     "Mon 09:00-17:00 Etc/GMT+5"};
  static const char *const bad[] = {
      "always",
      "Mon-Fri",
      "Mon-Fri 09:00-17:00 Europe/Londn",
      "Mon-Fri 9:00-17:00",
      "Mon-Fri 09:00-25:00",
      "Mon-Fri 09:60-17:00",
      "Mon-Fri 09:00-09:00",
      "Mon-Fri 24:00-17:00",
      "Mon-Fry 09:00-17:00",
      "Mon- 09:00-17:00",
      ",Mon 09:00-17:00",
      "Mon-Tue-Wed 09:00-17:00",
      "Mon-Fri 09:00-17:00 Europe/London UTC",
      "Mon-Fri  09:00-17:00",
      "",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
    cr_expect(window_is_valid(good[i]), "%s", good[i]);
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
    cr_expect_not(window_is_valid(bad[i]), "%s", bad[i]);
}

typedef struct {
  const char *window, *now;
  const char *opens; /* NULL: it is open; "": never soon */
} Row;

static void assert_row(const Row *row) {
  g_autoptr(GPtrArray) windows = g_ptr_array_new();
  g_auto(GStrv) texts = g_strsplit(row->window, "; ", -1);
  g_auto(WindowAnswer) answer = {0};
  gint64 now = 0, opens = 0;
  for (guint i = 0; texts[i] != NULL; i++)
    g_ptr_array_add(windows, texts[i]);
  cr_assert(time_parse(row->now, &now));
  windows_ask(windows, now, &answer);
  cr_expect_eq(answer.is_open, row->opens == NULL, "%s at %s", row->window, row->now);
  cr_expect_null(answer.problem);
  if (row->opens == NULL || *row->opens == '\0') {
    cr_expect_eq(answer.opens_at, 0);
    return;
  }
  cr_assert(time_parse(row->opens, &opens));
  g_autofree char *said = time_format(answer.opens_at);
  cr_expect_eq(answer.opens_at, opens, "%s at %s opens %s, not %s", row->window, row->now, said, row->opens);
}

Test(window, is_open_by_the_clocks_of_its_zone_and_says_when_it_opens) {
  /* 2026-11-21 is a Saturday. London is UTC in winter, +1 in summer. */
  static const Row rows[] = {
      {"Mon-Fri 09:00-17:00 Europe/London", "2026-11-20T09:00:00Z", NULL},
      {"Mon-Fri 09:00-17:00 Europe/London", "2026-11-20T16:59:59Z", NULL},
      {"Mon-Fri 09:00-17:00 Europe/London", "2026-11-20T17:00:00Z", "2026-11-23T09:00:00Z"},
      {"Mon-Fri 09:00-17:00 Europe/London", "2026-11-23T08:59:59Z", "2026-11-23T09:00:00Z"},
      {"Mon-Fri 09:00-17:00 Europe/London", "2026-07-06T07:59:00Z", "2026-07-06T08:00:00Z"},
      {"Mon-Fri 09:00-17:00 Europe/London", "2026-07-06T08:00:00Z", NULL},
      {"Mon-Fri 09:00-17:00 America/New_York", "2026-11-20T13:59:00Z", "2026-11-20T14:00:00Z"},
      {"Sat 00:00-24:00", "2026-11-21T23:59:59Z", NULL},
      {"Sat 00:00-24:00", "2026-11-22T00:00:00Z", "2026-11-28T00:00:00Z"},
      /* over midnight it belongs to the day on which it begins */
      {"Fri 22:00-06:00", "2026-11-21T05:59:00Z", NULL},
      {"Fri 22:00-06:00", "2026-11-21T06:00:00Z", "2026-11-27T22:00:00Z"},
      {"Fri 22:00-06:00", "2026-11-20T05:00:00Z", "2026-11-20T22:00:00Z"},
      {"Fri-Mon 22:00-06:00", "2026-11-24T05:00:00Z", NULL},
      {"Fri-Mon 22:00-06:00", "2026-11-25T05:00:00Z", "2026-11-27T22:00:00Z"},
      /* one of several is enough, and the earliest is named */
      {"Mon 09:00-10:00; Sat 12:00-13:00", "2026-11-21T12:30:00Z", NULL},
      {"Mon 09:00-10:00; Sat 12:00-13:00", "2026-11-21T13:30:00Z", "2026-11-23T09:00:00Z"},
      /* 2026-03-29: 01:00 is 02:00 in London, so there is no 01:30; nine o'clock is an hour earlier than the
         day before */
      {"Sat-Sun 09:00-17:00 Europe/London", "2026-03-28T17:00:00Z", "2026-03-29T08:00:00Z"},
      {"Sun 01:30-05:00 Europe/London", "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z"},
      {"Sun 01:10-01:50 Europe/London", "2026-03-29T00:30:00Z", "2026-04-05T00:10:00Z"},
      /* 2026-10-25: 02:00 is 01:00 again */
      {"Sat-Sun 09:00-17:00 Europe/London", "2026-10-24T16:00:00Z", "2026-10-25T09:00:00Z"},
      {"Sun 01:30-05:00 Europe/London", "2026-10-25T00:45:00Z", NULL},
      {"Sun 01:30-05:00 Europe/London", "2026-10-25T04:59:00Z", NULL},
      {"Sun 01:30-05:00 Europe/London", "2026-10-25T05:00:00Z", "2026-11-01T01:30:00Z"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
    assert_row(&rows[i]);
}

Test(window, none_at_all_is_always_open) {
  g_autoptr(GPtrArray) none = g_ptr_array_new();
  g_auto(WindowAnswer) answer = {0};
  windows_ask(none, 0, &answer);
  cr_expect(answer.is_open);
}
