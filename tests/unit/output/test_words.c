/* output/words: what people read. */
#include "deployer/output/words.h"

#include <criterion/criterion.h>

#include "deployer/output/reporter_style.h"

Test(words, a_deployment_is_named_by_d_and_its_number) {
  cr_assert_eq(deployment_number("d31"), 31);
  static const char *const wrong[] = {"31", "r31", "d", "d0", "d-1", "d31x", ""};
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
    cr_assert_eq(deployment_number(wrong[i]), 0, "%s", wrong[i]);
}

Test(words, time_ago_uses_its_largest_unit) {
  static const struct {
    gint64 seconds;
    const char *word;
  } rows[] = {{0, "just now"},  {59, "59s ago"},    {60, "1m ago"},
              {7199, "1h ago"}, {200000, "2d ago"}, {-5, "just now"}};
  gint64 now = G_GINT64_CONSTANT(1795249862) * G_USEC_PER_SEC;
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *word = time_ago(now - rows[i].seconds * G_USEC_PER_SEC, now);
    cr_assert_str_eq(word, rows[i].word);
  }
  cr_assert_null(time_ago(0, now));
}

Test(words, a_short_reference_keeps_twelve_digits) {
  g_autofree char *word = reference_short("journal/web@sha256:0123456789abcdef0123456789abcdef");
  cr_assert_str_eq(word, "journal/web@sha256:0123456789ab");
  g_autofree char *tag = reference_short("nginx:1.25");
  cr_assert_str_eq(tag, "nginx:1.25");
}

Test(words, pulled_bytes_share_one_unit) {
  static const struct {
    gint64 done, total;
    const char *word;
  } rows[] = {{12300000, 40100000, "12.3 of 40.1 MB"},
              {0, 512, "0 of 512 B"},
              {500, 1500, "0.5 of 1.5 kB"},
              {3000000, 0, "3.0 MB"},
              {0, 0, "0 B"}};
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *word = pull_words(rows[i].done, rows[i].total);
    cr_assert_str_eq(word, rows[i].word);
  }
}

Test(number_word, groups_digits_by_three) {
  static const struct {
    gint64 number;
    const char *word;
  } rows[] = {{0, "0"}, {999, "999"}, {4200, "4,200"}, {1234567, "1,234,567"}};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *word = number_word(rows[i].number);
    cr_expect_str_eq(word, rows[i].word);
  }
}
