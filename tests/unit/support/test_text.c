/* support/text: numbers, durations, sizes, times, near words, ids, printable text. */
#include "support/text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(text, a_number_is_digits_within_its_range) {
  static const char *const wrong[] = {
      "", " 1", "1 ", "+1", "-1", "0x1", "1.0", "1e3", "4", "11", "99999999999999999999"};
  gint64 number = 0;
  cr_assert(number_parse("5", 5, 10, &number));
  cr_assert_eq(number, 5);
  cr_assert(number_parse("9223372036854775807", 0, G_MAXINT64, &number));
  cr_assert_eq(number, G_MAXINT64);
  cr_assert(!(number_parse("9223372036854775808", 0, G_MAXINT64, &number)));
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
    cr_assert(!(number_parse(wrong[i], 5, 10, &number)), "%s", wrong[i]);
}

Test(text, a_duration_is_the_sum_of_descending_units) {
  static const struct {
    const char *text;
    gint64 milliseconds;
  } right[] = {{"250ms", 250},    {"5s", 5000}, {"2m", 120000},  {"1h30m", 5400000},
               {"7d", 604800000}, {"0s", 0},    {"1m1ms", 60001}};
  for (gsize i = 0; i < G_N_ELEMENTS(right); i++) {
    gint64 milliseconds = -1;
    cr_assert(duration_parse(right[i].text, &milliseconds), "%s", right[i].text);
    cr_assert_eq(milliseconds, right[i].milliseconds);
  }
}

Test(text, a_malformed_or_endless_duration_is_refused) {
  static const char *const wrong[] = {
      "",         "5",   "s",    "5 s", "-5s",  "1.5s",   "5m1h",
      "1s1s",     "5sm", "5mss", "5M",  "1h30", "36501d", "99999999999999999999s",
      "36500d1ms"};
  gint64 milliseconds = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
    cr_assert(!(duration_parse(wrong[i], &milliseconds)), "%s", wrong[i]);
}

Test(text, a_formatted_duration_parses_to_itself) {
  static const gint64 values[] = {0, 1, 250, 1000, 90000, 120000, 5400000, 86400000, 86400001};
  for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
    gint64 again = -1;
    g_autofree char *text = duration_format(values[i]);
    cr_assert(duration_parse(text, &again), "%s", text);
    cr_assert_eq(again, values[i]);
  }
}

Test(text, durations_and_sizes_for_people_round_down) {
  static const struct {
    gint64 value;
    const char *duration, *size;
  } shown[] = {{400, "0.4s", "400 B"},          {12345, "12.3s", "12.3 kB"},
               {59999, "59.9s", "59.9 kB"},     {125000, "2m 05s", "125.0 kB"},
               {999999, "16m 39s", "999.9 kB"}, {3780000, "1h 03m", "3.7 MB"},
               {273600000, "3d 4h", "273.6 MB"}};
  for (gsize i = 0; i < G_N_ELEMENTS(shown); i++) {
    g_autofree char *duration = duration_for_people(shown[i].value), *size = size_for_people(shown[i].value);
    cr_assert_str_eq(duration, shown[i].duration);
    cr_assert_str_eq(size, shown[i].size);
  }
}

Test(text, sizes_have_decimal_and_binary_units) {
  gint64 bytes = 0;
  cr_assert(size_parse("1024", &bytes) && bytes == 1024);
  cr_assert(size_parse("500MB", &bytes) && bytes == 500000000);
  cr_assert(size_parse("2GiB", &bytes) && bytes == G_GINT64_CONSTANT(2147483648));
  cr_assert(!(size_parse("2XB", &bytes)));
  cr_assert(!(size_parse("", &bytes)));
  cr_assert(!(size_parse("9223372036854775807kB", &bytes)));
}

Test(text, times_survive_formatting_and_parsing) {
  gint64 time = 0, again = 0;
  cr_assert(time_parse("2026-11-21T08:01:22.123456789Z", &time));
  g_autofree char *text = time_format(time);
  cr_assert_str_eq(text, "2026-11-21T08:01:22.123Z");
  cr_assert_eq(time % 1000000, 123456);
  cr_assert(time_parse("2026-11-21T10:01:22.123456+02:00", &again));
  cr_assert_eq(again, time);
  cr_assert(time_parse("0001-01-01T00:00:00Z", &time)); /* the engine's "never" */
  g_autofree char *never = time_format(time);
  cr_assert_str_eq(never, "0001-01-01T00:00:00.000Z");
}

Test(text, a_malformed_time_is_refused) {
  static const char *const wrong[] = {"",
                                      "2026-11-21",
                                      "2026-11-21T08:01:22",
                                      "2026-13-21T08:01:22Z",
                                      "2026-02-30T08:01:22Z",
                                      "2026-11-21T08:01:22.Z",
                                      "2026-11-21T08:01:22Zz",
                                      "2026-11-21T08:01:22+0200",
                                      "2026-11-21T8:01:22Z"};
  gint64 time = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
    cr_assert(!(time_parse(wrong[i], &time)), "%s", wrong[i]);
}

Test(text, the_nearest_word_is_the_one_that_was_meant) {
  static const char *const words[] = {"hosts", "health", "history", "rollback", "rollout", NULL};
  cr_assert_str_eq(nearest_word("hsots", words), "hosts");
  cr_assert_str_eq(nearest_word("helth", words), "health");
  cr_assert_str_eq(nearest_word("rollbakc", words), "rollback");
  cr_assert_str_eq(nearest_word("his", words), "history");
  cr_assert_null(nearest_word("secrets", words));
  cr_assert_null(nearest_word("x", words));
  cr_assert_null(nearest_word("", words));
  g_autofree char *endless = g_strnfill(100000, 'h');
  cr_assert_null(nearest_word(endless, words));
}

Test(text, ids_are_unique_and_sort_by_time) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (int i = 0; i < 1000; i++)
    cr_assert(g_hash_table_add(seen, unique_id()));
  g_autofree char *earlier = unique_id();
  for (gint64 start = g_get_real_time() / 1000; g_get_real_time() / 1000 <= start;)
    ;
  g_autofree char *later = unique_id();
  cr_assert_eq((long)strlen(later), 26);
  cr_assert_eq((long)strspn(later, "0123456789abcdefghijklmnopqrstuvwxyz"), 26);
  cr_assert_lt(strcmp(earlier, later), 0);
}

Test(text, what_a_peer_sends_cannot_command_a_terminal) {
  g_autofree char *shown = text_printable("a\033[31m\r\n\tb\302\233c\xff", false);
  cr_assert_str_eq(shown, "a?[31m?? b?c\357\277\275");
  g_autofree char *lines = text_printable("a\nb", true);
  cr_assert_str_eq(lines, "a\nb");
}
