/* Numbers, durations, sizes, times, near words and ids: reading them strictly, writing them readably. */
#include "support/text.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "support/poison.h"

#define MICROSECONDS_PER_SECOND G_GINT64_CONSTANT(1000000)
#define LONGEST_DURATION_MS                                                                                  \
  (G_GINT64_CONSTANT(36500) * 24 * 3600 * 1000) /* a century: sums and µs never overflow */

typedef struct {
  const char *name;
  gint64 factor;
} Unit;

static const Unit duration_units[] = {
    {"d", 24 * 3600 * 1000}, {"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1},
};

static const Unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000 * 1000},
    {"GB", 1000 * 1000 * 1000},
    {"TB", G_GINT64_CONSTANT(1000000000000)},
    {"KiB", 1 << 10},
    {"MiB", 1 << 20},
    {"GiB", 1 << 30},
    {"TiB", G_GINT64_CONSTANT(1) << 40},
};

/* Reads decimal digits at *cursor and moves it behind them; false when there are none or the number is above
 * `high`. */
static bool take_digits(const char **cursor, gint64 high, gint64 *number) {
  gint64 value = 0;
  const char *at = *cursor;
  if (!g_ascii_isdigit(*at))
    return false;
  for (; g_ascii_isdigit(*at); at++) {
    int digit = g_ascii_digit_value(*at);
    if (value > (high - digit) / 10)
      return false;
    value = value * 10 + digit;
  }
  *cursor = at;
  *number = value;
  return true;
}

bool number_parse(const char *text, gint64 low, gint64 high, gint64 *number) {
  gint64 value = 0;
  if (text == NULL || high < 0 || !take_digits(&text, high, &value) || *text != '\0' || value < low)
    return false;
  *number = value;
  return true;
}

/* The index at or after `from` of the unit that begins at *cursor (which moves behind it), or -1. */
static int take_duration_unit(const char **cursor, guint from) {
  gsize length = strspn(*cursor, "dhms");
  for (guint i = from; i < G_N_ELEMENTS(duration_units); i++) {
    const char *name = duration_units[i].name;
    if (strlen(name) == length && strncmp(name, *cursor, length) == 0) {
      *cursor += length;
      return (int)i;
    }
  }
  return -1;
}

bool duration_parse(const char *text, gint64 *milliseconds) {
  gint64 total = 0;
  guint next = 0;
  if (text == NULL || *text == '\0')
    return false;
  while (*text != '\0') {
    gint64 count = 0;
    if (!take_digits(&text, LONGEST_DURATION_MS, &count))
      return false;
    int unit = take_duration_unit(&text, next);
    if (unit < 0 || count > (LONGEST_DURATION_MS - total) / duration_units[unit].factor)
      return false;
    total += count * duration_units[unit].factor;
    next = (guint)unit + 1;
  }
  *milliseconds = total;
  return true;
}

char *duration_format(gint64 milliseconds) {
  const Unit *unit = &duration_units[0];
  if (milliseconds <= 0)
    return g_strdup("0s");
  while (milliseconds % unit->factor != 0)
    unit++;
  return g_strdup_printf("%" G_GINT64_FORMAT "%s", milliseconds / unit->factor, unit->name);
}

char *duration_for_people(gint64 milliseconds) {
  gint64 seconds = MAX(milliseconds, 0) / 1000;
  if (seconds < 60)
    return g_strdup_printf("%d.%ds", (int)seconds, (int)(MAX(milliseconds, 0) % 1000 / 100));
  if (seconds < 3600)
    return g_strdup_printf("%dm %02ds", (int)(seconds / 60), (int)(seconds % 60));
  if (seconds < G_GINT64_CONSTANT(24) * 3600)
    return g_strdup_printf("%dh %02dm", (int)(seconds / 3600), (int)(seconds / 60 % 60));
  return g_strdup_printf("%" G_GINT64_FORMAT "d %dh", seconds / (24 * 3600), (int)(seconds / 3600 % 24));
}

bool size_parse(const char *text, gint64 *bytes) {
  gint64 count = 0;
  if (text == NULL || !take_digits(&text, G_MAXINT64, &count))
    return false;
  for (guint i = 0; i < G_N_ELEMENTS(size_units); i++) {
    if (g_ascii_strcasecmp(text, size_units[i].name) != 0)
      continue;
    if (count > G_MAXINT64 / size_units[i].factor)
      return false;
    *bytes = count * size_units[i].factor;
    return true;
  }
  return false;
}

char *size_for_people(gint64 bytes) {
  static const char *const names[] = {"kB", "MB", "GB", "TB", "PB"};
  gint64 factor = 1000;
  guint name = 0;
  if (bytes < 1000)
    return g_strdup_printf("%" G_GINT64_FORMAT " B", MAX(bytes, 0));
  for (; bytes / factor >= 1000 && name + 1 < G_N_ELEMENTS(names); name++)
    factor *= 1000;
  return g_strdup_printf("%" G_GINT64_FORMAT ".%d %s", bytes / factor, (int)(bytes / (factor / 10) % 10),
                         names[name]);
}

char *time_format(gint64 microseconds) {
  /* Years 1 to 9999, which is what GDateTime and four digits can say. */
  const gint64 first = G_GINT64_CONSTANT(-62135596800), last = G_GINT64_CONSTANT(253402300799);
  gint64 seconds = microseconds / MICROSECONDS_PER_SECOND, rest = microseconds % MICROSECONDS_PER_SECOND;
  if (rest < 0) {
    rest += MICROSECONDS_PER_SECOND;
    seconds--;
  }
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(CLAMP(seconds, first, last));
  return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", g_date_time_get_year(time),
                         g_date_time_get_month(time), g_date_time_get_day_of_month(time),
                         g_date_time_get_hour(time), g_date_time_get_minute(time),
                         g_date_time_get_second(time), (int)(rest / 1000));
}

/* Reads exactly `digits` decimal digits and, when it is not 0, the separator behind them. */
static bool take_field(const char **cursor, guint digits, char separator, int *field) {
  int value = 0;
  const char *at = *cursor;
  for (guint i = 0; i < digits; i++, at++) {
    if (!g_ascii_isdigit(*at))
      return false;
    value = value * 10 + g_ascii_digit_value(*at);
  }
  if (separator != '\0' && *at++ != separator)
    return false;
  *cursor = at;
  *field = value;
  return true;
}

/* ".123456789" -> microseconds; nothing there is 0. */
static bool take_fraction(const char **cursor, gint64 *microseconds) {
  gint64 value = 0, weight = MICROSECONDS_PER_SECOND / 10;
  if (**cursor == '.') {
    if (!g_ascii_isdigit(*++*cursor))
      return false;
    for (; g_ascii_isdigit(**cursor); ++*cursor, weight /= 10)
      value += g_ascii_digit_value(**cursor) * weight;
  }
  *microseconds = value;
  return true;
}

/* "Z" or "+01:30" -> seconds east of UTC; must end the text. */
static bool take_offset(const char *cursor, gint64 *seconds) {
  int hours = 0, minutes = 0;
  char sign = *cursor;
  if (sign == 'Z' || sign == 'z') {
    *seconds = 0;
    return cursor[1] == '\0';
  }
  if (sign != '+' && sign != '-')
    return false;
  cursor++;
  if (!take_field(&cursor, 2, ':', &hours) || !take_field(&cursor, 2, '\0', &minutes) || *cursor != '\0' ||
      hours > 23 || minutes > 59)
    return false;
  *seconds = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  return true;
}

bool time_parse(const char *text, gint64 *microseconds) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  gint64 fraction = 0, offset = 0;
  if (text == NULL || !take_field(&text, 4, '-', &year) || !take_field(&text, 2, '-', &month) ||
      !take_field(&text, 2, '\0', &day) || *text == '\0' || strchr("Tt ", *text) == NULL)
    return false;
  text++;
  if (!take_field(&text, 2, ':', &hour) || !take_field(&text, 2, ':', &minute) ||
      !take_field(&text, 2, '\0', &second) || !take_fraction(&text, &fraction) || !take_offset(text, &offset))
    return false;
  if (second == 60) /* a leap second: POSIX time has none */
    second = 59;
  g_autoptr(GDateTime) time = g_date_time_new_utc(year, month, day, hour, minute, second);
  if (time == NULL)
    return false;
  *microseconds = (g_date_time_to_unix(time) - offset) * MICROSECONDS_PER_SECOND + fraction;
  return true;
}

#define LONGEST_WORD 64

/* Damerau-Levenshtein distance (optimal string alignment) of two words of at most LONGEST_WORD bytes. */
static guint edit_distance(const char *a, const char *b) {
  guint rows[3][LONGEST_WORD + 1] = {{0}};
  gsize a_length = strlen(a), b_length = strlen(b);
  for (guint j = 0; j <= b_length; j++)
    rows[0][j] = j;
  for (guint i = 1; i <= a_length; i++) {
    guint *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (guint j = 1; j <= b_length; j++) {
      guint replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
      row[j] = MIN(replaced, MIN(above[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = MIN(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a_length % 3][b_length];
}

const char *nearest_word(const char *word, const char *const *words) {
  const char *nearest = NULL;
  gsize length = strlen(word);
  guint best = G_MAXUINT;
  for (; length <= LONGEST_WORD && *words != NULL; words++) {
    gsize longer = MAX(length, strlen(*words));
    if (longer > LONGEST_WORD)
      continue;
    guint distance = edit_distance(word, *words);
    bool is_near = distance <= (longer + 3) / 4 && distance < length;
    /* "roll" for "rollback": the beginning of a word is as near as a few slips. */
    if (!is_near && length >= 3 && g_str_has_prefix(*words, word)) {
      is_near = true;
      distance = LONGEST_WORD;
    }
    if (is_near && distance < best) {
      best = distance;
      nearest = *words;
    }
  }
  return nearest;
}

char *unique_id(void) {
  static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
  enum { TIME_DIGITS = 10, RANDOM_DIGITS = 16 };
  guint8 noise[RANDOM_DIGITS];
  char id[TIME_DIGITS + RANDOM_DIGITS + 1] = "";
  guint64 now = (guint64)g_get_real_time() / 1000;
  if (getrandom(noise, sizeof noise, 0) != (ssize_t)sizeof noise)
    g_error("getrandom: %s", g_strerror(errno));
  for (int i = TIME_DIGITS - 1; i >= 0; i--, now >>= 5)
    id[i] = digits[now & 31];
  for (int i = 0; i < RANDOM_DIGITS; i++)
    id[TIME_DIGITS + i] = digits[noise[i] & 31];
  return g_strdup(id);
}

char *sha256_hex(const void *bytes, gsize length) {
  return g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, length);
}

char *text_printable(const char *text, bool keep_newlines) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *printable = g_string_sized_new(strlen(valid));
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar character = g_utf8_get_char(at);
    if (character == '\t')
      g_string_append_c(printable, ' ');
    else if (g_unichar_iscntrl(character) && !(character == '\n' && keep_newlines))
      g_string_append_c(printable, '?');
    else
      g_string_append_unichar(printable, character);
  }
  return g_string_free(printable, FALSE);
}
