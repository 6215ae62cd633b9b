/* Text as a terminal shows it: how many columns it takes, cut and padded to a width, and how wide the
 * terminal is. */
#pragma once

#include <glib.h>

/* Columns of valid UTF-8; wide characters take two, combining ones none. */
guint columns_of(const char *text);
/* `text` in exactly `width` columns: padded with spaces, or cut with an ellipsis. Caller frees. */
char *columns_pad(const char *text, guint width);
/* `text` in at most `width` columns. Caller frees. */
char *columns_cut(const char *text, guint width);

typedef struct {
  guint width, height; /* 0: no terminal, or it does not say */
} WindowSize;
/* Asked anew each time, so that a resized window needs no signal. */
WindowSize window_size(int descriptor);
