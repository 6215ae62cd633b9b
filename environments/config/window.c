/* Reading windows, and comparing them with what the clocks of their zone show. */
#include "environments/config/window.h"

#include <stdio.h>
#include <string.h>

#include "support/poison.h"

enum { DAYS = 7, MINUTES_OF_HOUR = 60, MINUTES_OF_DAY = 24 * 60, DAYS_AHEAD = 9 };

static const char *const day_names[DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

typedef struct {
  bool days[DAYS]; /* on which it begins */
  int start, end;  /* minutes since midnight; end <= start: on the next day */
  char *zone;
} Window;

static void window_clear(Window *window) {
  g_clear_pointer(&window->zone, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Window, window_clear)

/* ---- reading ---- */

static int day_index(const char *text) {
  for (int i = 0; i < DAYS; i++)
    if (g_ascii_strncasecmp(text, day_names[i], 3) == 0)
      return i;
  return -1;
}

/* "Mon" or "Fri-Mon". */
static bool read_range(const char *text, bool days[DAYS]) {
  gsize length = strlen(text);
  bool is_range = length == 7 && text[3] == '-';
  if (length != 3 && !is_range)
    return false;
  int first = day_index(text), last = is_range ? day_index(text + 4) : first;
  if (first < 0 || last < 0)
    return false;
  for (int i = first;; i = (i + 1) % DAYS) {
    days[i] = true;
    if (i == last)
      return true;
  }
}

static bool read_days(const char *text, bool days[DAYS]) {
  g_auto(GStrv) ranges = g_strsplit(text, ",", -1);
  for (guint i = 0; ranges[i] != NULL; i++)
    if (!read_range(ranges[i], days))
      return false;
  return ranges[0] != NULL;
}

static bool read_digits(const char *text, int *number) {
  if (!g_ascii_isdigit(text[0]) || !g_ascii_isdigit(text[1]))
    return false;
  *number = g_ascii_digit_value(text[0]) * 10 + g_ascii_digit_value(text[1]);
  return true;
}

/* The "09:00" that `text` begins with. */
static bool read_clock(const char *text, int *minutes) {
  int hour = 0, minute = 0;
  if (!read_digits(text, &hour) || text[2] != ':' || !read_digits(text + 3, &minute) ||
      minute >= MINUTES_OF_HOUR)
    return false;
  *minutes = hour * MINUTES_OF_HOUR + minute;
  return *minutes <= MINUTES_OF_DAY;
}

static bool read_hours(const char *text, Window *window) {
  return strlen(text) == strlen("09:00-17:00") && text[5] == '-' && read_clock(text, &window->start) &&
         read_clock(text + 6, &window->end) && window->start != window->end && window->start < MINUTES_OF_DAY;
}

static bool window_read(const char *text, Window *window) {
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  guint count = g_strv_length(words);
  if (count < 2 || count > 3 || !read_days(words[0], window->days) || !read_hours(words[1], window))
    return false;
  window->zone = g_strdup(count == 3 ? words[2] : "UTC");
  return true;
}

static bool has_zones(void) {
  g_autoptr(GTimeZone) any = g_time_zone_new_identifier("Europe/London");
  return any != NULL;
}

bool window_is_valid(const char *text) {
  g_auto(Window) window = {0};
  if (!window_read(text, &window))
    return false;
  g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(window.zone);
  return zone != NULL || !has_zones();
}

/* ---- asking ---- */

void window_answer_clear(WindowAnswer *answer) {
  g_clear_pointer(&answer->problem, g_free);
}

static bool is_within(const Window *window, GDateTime *local) {
  int today = g_date_time_get_day_of_week(local) - 1, yesterday = (today + DAYS - 1) % DAYS;
  int minute = g_date_time_get_hour(local) * MINUTES_OF_HOUR + g_date_time_get_minute(local);
  bool crosses_midnight = window->end <= window->start;
  if (crosses_midnight)
    return (window->days[today] && minute >= window->start) ||
           (window->days[yesterday] && minute < window->end);
  return window->days[today] && minute >= window->start && minute < window->end;
}

static gint64 real_time(GDateTime *time) {
  return g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
}

/* The next start after `local`; where summer time begins, an hour that the clocks leave out begins after it.
 */
static gint64 next_opening(const Window *window, GTimeZone *zone, GDateTime *local) {
  for (int ahead = 0; ahead < DAYS_AHEAD; ahead++) {
    g_autoptr(GDateTime) day = g_date_time_add_days(local, ahead);
    g_autoptr(GDateTime) start = g_date_time_new(
        zone, g_date_time_get_year(day), g_date_time_get_month(day), g_date_time_get_day_of_month(day),
        window->start / MINUTES_OF_HOUR, window->start % MINUTES_OF_HOUR, 0);
    if (start != NULL && g_date_time_compare(start, local) > 0 && is_within(window, start))
      return real_time(start);
  }
  return 0;
}

static void ask_one(const char *text, gint64 now, WindowAnswer *answer) {
  g_auto(Window) window = {0};
  if (!window_read(text, &window)) {
    answer->problem = g_strdup_printf("\"%s\" is no window", text);
    return;
  }
  g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(window.zone);
  if (zone == NULL) {
    answer->problem =
        g_strdup_printf("this machine does not know the time zone %s (package tzdata)", window.zone);
    return;
  }
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now / G_USEC_PER_SEC);
  g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
  answer->is_open = is_within(&window, local);
  answer->opens_at = answer->is_open ? 0 : next_opening(&window, zone, local);
}

void windows_ask(const GPtrArray *windows, gint64 now, WindowAnswer *answer) {
  g_auto(WindowAnswer) all = {.is_open = windows->len == 0};
  for (guint i = 0; i < windows->len && !all.is_open; i++) {
    g_auto(WindowAnswer) one = {0};
    ask_one(windows->pdata[i], now, &one);
    all.is_open = one.is_open;
    if (one.opens_at != 0 && (all.opens_at == 0 || one.opens_at < all.opens_at))
      all.opens_at = one.opens_at;
    if (all.problem == NULL)
      all.problem = g_steal_pointer(&one.problem);
  }
  if (all.is_open)
    all.opens_at = 0;
  *answer = (WindowAnswer){.is_open = all.is_open, .opens_at = all.opens_at};
  if (!all.is_open)
    answer->problem = g_steal_pointer(&all.problem);
}
