/* Frames and lines of what containers write, cut anywhere. */
#include <criterion/criterion.h>
#include <string.h>

#include "environments/hosts/engine_frames.h"

static void keep(const char *bytes, gsize length, bool is_stderr, void *data) {
  GString **texts = data;
  g_string_append_len(texts[is_stderr ? 1 : 0], bytes, (gssize)length);
}

static void keep_line(const char *line, void *data) {
  g_string_append_printf(data, "[%s]", line);
}

static const guint8 two_frames[] = {1, 0, 0, 0, 0, 0, 0, 6,   'o', 'n', 'e',  '\n', 't', 'w', 2,
                                    0, 0, 0, 0, 0, 0, 4, 'e', 'r', 'r', '\n', 1,    0,   0,   0,
                                    0, 0, 0, 0, 1, 0, 0, 0,   0,   0,   0,    2,    'o', '\n'};

Test(frames, may_be_cut_anywhere) {
  for (gsize piece = 1; piece <= sizeof two_frames; piece++) {
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GString) err = g_string_new(NULL);
    g_autoptr(GByteArray) pending = g_byte_array_new();
    GString *texts[] = {out, err};
    Frames frames = {0};
    for (gsize at = 0; at < sizeof two_frames; at += piece) {
      g_byte_array_append(pending, two_frames + at, (guint)MIN(piece, sizeof two_frames - at));
      frames_take(&frames, pending, keep, texts);
    }
    cr_assert_str_eq(out->str, "one\ntwo\n", "in pieces of %zu", piece);
    cr_assert_str_eq(err->str, "err\n", "in pieces of %zu", piece);
    cr_assert_eq(pending->len, 0);
  }
}

Test(frames, of_a_terminal_are_none) {
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(GString) err = g_string_new(NULL);
  g_autoptr(GByteArray) pending = g_byte_array_new();
  GString *texts[] = {out, err};
  Frames frames = {.is_raw = true};
  g_byte_array_append(pending, two_frames, 8);
  frames_take(&frames, pending, keep, texts);
  cr_assert_eq(out->len, 8);
}

Test(lines, end_at_newlines_at_the_longest_and_at_the_end) {
  g_autoptr(GString) said = g_string_new(NULL);
  Lines lines = {.begun = g_string_new(NULL), .longest = 4, .on_line = keep_line, .data = said};
  lines_add(&lines, "ab\n\nabcdef\nx", 12);
  lines_add(&lines, "y\0z", 3);
  lines_end(&lines);
  cr_assert_str_eq(said->str, "[ab][][abcd][ef][xy?z]");
}

/* As an engine sends a long line, cut anywhere. */
static const char *const long_line[] = {"2026-11-21T15:00:00.1Z key corre",
                                        "2026-11-21T15:00:00.2Z ct-horse end\n",
                                        "2026-11-21T15:00:00.3Z next\n"};

Test(log_lines, hide_a_value_that_the_engine_or_the_longest_piece_cuts) {
  redact_add("correct-horse", 13);
  for (gsize piece = 1; piece <= 64; piece++) {
    g_autoptr(GString) said = g_string_new(NULL);
    LogLines log = {.lines = {g_string_new(NULL), 30, keep_line, said},
                    .redacted = redact_stream_new(),
                    .has_times = true};
    for (gsize i = 0; i < G_N_ELEMENTS(long_line); i++)
      for (gsize at = 0; at < strlen(long_line[i]); at += piece)
        log_lines_add(&log, long_line[i] + at, MIN(piece, strlen(long_line[i]) - at), at == 0);
    log_lines_end(&log);
    cr_assert_str_eq(said->str, "[2026-11-21T15:00:00.1Z key ***][ end][2026-11-21T15:00:00.3Z next]",
                     "in pieces of %zu", piece);
  }
}

Test(log_lines, give_out_whole_lines_when_nothing_comes) {
  g_autoptr(GString) said = g_string_new(NULL);
  redact_add("correct\nhorse", 13);
  LogLines log = {.lines = {g_string_new(NULL), 99, keep_line, said}, .redacted = redact_stream_new()};
  log_lines_add(&log, "is correct\n", 11, true);
  log_lines_rest(&log);
  log_lines_add(&log, "is corre", 8, true);
  log_lines_rest(&log);
  cr_expect_str_eq(said->str, "[is ***]");
  log_lines_end(&log);
}
