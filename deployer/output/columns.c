/* Display width of UTF-8 text, and cutting by it without splitting a character. */
#include "deployer/output/columns.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/poison.h"

static guint width_of(gunichar character) {
  if (g_unichar_iszerowidth(character))
    return 0;
  return g_unichar_iswide(character) ? 2 : 1;
}

guint columns_of(const char *text) {
  guint columns = 0;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
    columns += width_of(g_utf8_get_char(at));
  return columns;
}

char *columns_cut(const char *text, guint width) {
  if (columns_of(text) <= width)
    return g_strdup(text);
  if (width == 0)
    return g_strdup("");
  GString *cut = g_string_new(NULL);
  guint columns = 0;
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar character = g_utf8_get_char(at);
    if (columns + width_of(character) > width - 1)
      break;
    columns += width_of(character);
    g_string_append_unichar(cut, character);
  }
  g_string_append(cut, "…");
  return g_string_free(cut, FALSE);
}

char *columns_pad(const char *text, guint width) {
  g_autofree char *cut = columns_cut(text, width);
  guint columns = columns_of(cut);
  g_autofree char *spaces = g_strnfill(width - columns, ' ');
  return g_strconcat(cut, spaces, NULL);
}

WindowSize window_size(int descriptor) {
  struct winsize size = {0};
  if (isatty(descriptor) == 0 || ioctl(descriptor, TIOCGWINSZ, &size) != 0)
    return (WindowSize){0};
  return (WindowSize){.width = size.ws_col, .height = size.ws_row};
}
