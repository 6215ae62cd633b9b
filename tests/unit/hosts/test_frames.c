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
