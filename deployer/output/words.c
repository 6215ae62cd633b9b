/* Ids, times, digests and counts for people. */
#include "deployer/output/words.h"

#include <string.h>

#include "support/text.h"

#include "support/poison.h"

static char *id_word(char letter, gint64 id) {
  return id > 0 ? g_strdup_printf("%c%" G_GINT64_FORMAT, letter, id) : NULL;
}

char *release_word(gint64 id) {
  return id_word('r', id);
}

char *deployment_word(gint64 id) {
  return id_word('d', id);
}

gint64 deployment_number(const char *word) {
  gint64 id = 0;
  if (word[0] != 'd' || !number_parse(word + 1, 1, G_MAXINT64, &id))
    return 0;
  return id;
}

char *time_ago(gint64 time, gint64 now) {
  static const struct {
    gint64 seconds;
    const char *unit;
  } units[] = {{G_GINT64_CONSTANT(86400), "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
  if (time == 0)
    return NULL;
  gint64 seconds = (now - time) / G_USEC_PER_SEC;
  for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
    if (seconds >= units[i].seconds)
      return g_strdup_printf("%" G_GINT64_FORMAT "%s ago", seconds / units[i].seconds, units[i].unit);
  return g_strdup("just now");
}

char *time_in_full(gint64 time, gint64 now) {
  if (time == 0)
    return NULL;
  g_autoptr(GDateTime) moment = g_date_time_new_from_unix_local(time / G_USEC_PER_SEC);
  g_autofree char *text =
      moment != NULL ? g_date_time_format(moment, "%Y-%m-%d %H:%M:%S %z") : time_format(time);
  g_autofree char *ago = time_ago(time, now);
  return g_strdup_printf("%s (%s)", text, ago);
}

char *reference_short(const char *reference) {
  enum { DIGITS = 12 };
  static const char algorithm[] = "@sha256:";
  const char *digest = reference != NULL ? strstr(reference, algorithm) : NULL;
  if (digest == NULL)
    return g_strdup(reference);
  gsize kept = (gsize)(digest - reference) + strlen(algorithm) + DIGITS;
  return g_strndup(reference, kept);
}

char *count_word(guint count, const char *singular, const char *plural) {
  return g_strdup_printf("%u %s", count, count == 1 ? singular : plural);
}

char *number_word(gint64 number) {
  g_autofree char *digits = g_strdup_printf("%" G_GINT64_FORMAT, number);
  gsize length = strlen(digits);
  GString *text = g_string_new(NULL);
  for (gsize i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0)
      g_string_append_c(text, ',');
    g_string_append_c(text, digits[i]);
  }
  return g_string_free(text, FALSE);
}

char *words_joined(GPtrArray *words) {
  if (words == NULL || words->len == 0)
    return NULL;
  GString *joined = g_string_new(NULL);
  for (guint i = 0; i < words->len; i++)
    g_string_append_printf(joined, "%s%s", i > 0 ? ", " : "", (const char *)words->pdata[i]);
  return g_string_free(joined, FALSE);
}
