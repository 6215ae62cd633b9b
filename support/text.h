/* Small text work that several folders need: numbers, durations, sizes, times, near words, random ids. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The one checked number parser: decimal digits only, the whole text, within [low, high]. */
bool number_parse(const char *text, gint64 low, gint64 high, gint64 *number) G_GNUC_WARN_UNUSED_RESULT;

/* "250ms", "5s", "2m", "1h30m", "7d" -> milliseconds; units descend, each at most once. False when malformed
 * or too large. */
bool duration_parse(const char *text, gint64 *milliseconds) G_GNUC_WARN_UNUSED_RESULT;
/* A text that parses to the same, in the largest unit that divides it ("90s", "2m"); caller frees. */
char *duration_format(gint64 milliseconds);
/* For people: "0.4s", "12.3s", "2m 05s", "1h 03m", "3d 4h". Caller frees. */
char *duration_for_people(gint64 milliseconds);

/* "500MB" (decimal), "2GiB" (binary), "1024" -> bytes; upper and lower case are the same. */
bool size_parse(const char *text, gint64 *bytes) G_GNUC_WARN_UNUSED_RESULT;
/* For people: "512 B", "1.4 MB" (decimal). Caller frees. */
char *size_for_people(gint64 bytes);

/* Times are microseconds since the epoch, UTC (g_get_real_time). ISO 8601 with milliseconds:
 * 2026-11-21T08:01:22.123Z. Caller frees. */
char *time_format(gint64 microseconds);
/* Parses what time_format writes, and RFC 3339 in general. */
bool time_parse(const char *text, gint64 *microseconds) G_GNUC_WARN_UNUSED_RESULT;

/* The word of `words` (NULL-terminated) nearest to `word` by edit distance (with transpositions), or NULL
 * when none is near enough to be meant. */
const char *nearest_word(const char *word, const char *const *words);

/* 26 characters [0-9a-z], time first so that ids sort by creation; globally unique (time and getrandom(2)).
 * Caller frees. */
char *unique_id(void);

/* sha256 in lower-case hex of the bytes. Caller frees. */
char *sha256_hex(const void *bytes, gsize length);

/* Replaces control characters (but newline when keep_newlines) by '?', and a tab by a space and invalid UTF-8
 * by U+FFFD: what a peer sends may reach a terminal. Caller frees. */
char *text_printable(const char *text, bool keep_newlines);
