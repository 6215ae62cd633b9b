/* Reading NAME=VALUE lines, quotes and all. */
#include "support/dotenv.h"

#include <string.h>

#include "support/errors.h"

#include "support/poison.h"

typedef struct {
  const char *at, *end;
  guint line;
} Cursor;

static bool is_blank(const Cursor *cursor) {
  return cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\r');
}

static void skip_blanks(Cursor *cursor) {
  while (is_blank(cursor))
    cursor->at++;
}

static bool is_at_line_end(const Cursor *cursor) {
  return cursor->at >= cursor->end || *cursor->at == '\n';
}

static void skip_line(Cursor *cursor) {
  while (!is_at_line_end(cursor))
    cursor->at++;
  if (cursor->at < cursor->end)
    cursor->at++;
  cursor->line++;
}

static char *take_name(Cursor *cursor) {
  static const char keyword[] = "export";
  gsize length = strlen(keyword);
  if ((gsize)(cursor->end - cursor->at) > length && memcmp(cursor->at, keyword, length) == 0 &&
      (cursor->at[length] == ' ' || cursor->at[length] == '\t')) {
    cursor->at += length;
    skip_blanks(cursor);
  }
  const char *start = cursor->at;
  while (cursor->at < cursor->end && (g_ascii_isalnum(*cursor->at) || strchr("_.-", *cursor->at) != NULL) &&
         *cursor->at != '\0')
    cursor->at++;
  char *name = g_strndup(start, (gsize)(cursor->at - start));
  skip_blanks(cursor);
  return name;
}

/* To the line's end, or a comment behind a blank. */
static SecretText *take_plain(Cursor *cursor) {
  const char *start = cursor->at, *last = start;
  while (!is_at_line_end(cursor)) {
    if (*cursor->at == '#' && (cursor->at == start || g_ascii_isspace(cursor->at[-1])))
      break;
    if (!is_blank(cursor))
      last = cursor->at + 1;
    cursor->at++;
  }
  SecretText *text = secret_text_new();
  secret_text_append(&text, start, (gsize)(last - start));
  return text;
}

/* Behind a backslash between double quotes. */
static void append_escaped(SecretText **text, const char *letter) {
  static const char letters[] = "nrt\"\\$", meanings[] = "\n\r\t\"\\$";
  const char *known = *letter != '\0' ? strchr(letters, *letter) : NULL;
  if (known == NULL)
    secret_text_append(text, "\\", 1);
  secret_text_append(text, known != NULL ? meanings + (known - letters) : letter, 1);
}

/* cursor->at is behind the opening quote; NULL when there is no closing one. */
static SecretText *take_quoted(Cursor *cursor, char quote) {
  g_autoptr(SecretText) text = secret_text_new();
  for (; cursor->at < cursor->end && *cursor->at != quote; cursor->at++) {
    if (*cursor->at == '\n')
      cursor->line++;
    if (quote == '"' && *cursor->at == '\\' && cursor->at + 1 < cursor->end)
      append_escaped(&text, ++cursor->at);
    else
      secret_text_append(&text, cursor->at, 1);
  }
  if (cursor->at >= cursor->end)
    return NULL;
  cursor->at++;
  return g_steal_pointer(&text);
}

static bool read_assignment(Cursor *cursor, DotenvTake take, void *data, GError **error) {
  const guint line = cursor->line;
  g_autofree char *name = take_name(cursor);
  if (*name == '\0' || is_at_line_end(cursor) || *cursor->at != '=')
    return fail(error, SLIPWAY_ERROR_CONFIG, "line %u is not NAME=VALUE", line);
  cursor->at++;
  skip_blanks(cursor);
  const char quote = is_at_line_end(cursor) ? '\0' : *cursor->at;
  const bool is_quoted = quote == '"' || quote == '\'';
  if (is_quoted)
    cursor->at++;
  g_autoptr(SecretText) value = is_quoted ? take_quoted(cursor, quote) : take_plain(cursor);
  if (value == NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "a quote in line %u is not closed", line);
  skip_blanks(cursor);
  if (!is_at_line_end(cursor) && *cursor->at != '#')
    return fail(error, SLIPWAY_ERROR_CONFIG, "something stands behind the closing quote in line %u", line);
  take(name, value, data);
  return true;
}

bool dotenv_parse(const char *text, gsize length, DotenvTake take, void *data, GError **error) {
  static const char byte_order_mark[] = "\xef\xbb\xbf";
  Cursor cursor = {text, text + length, 1};
  if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0)
    cursor.at += 3;
  for (; cursor.at < cursor.end; skip_line(&cursor)) {
    skip_blanks(&cursor);
    if (!is_at_line_end(&cursor) && *cursor.at != '#' && !read_assignment(&cursor, take, data, error))
      return false;
  }
  return true;
}
