/* Reading NAME=VALUE lines, quotes and all. */
#include "support/dotenv.h"

#include <stdbool.h>
#include <string.h>

#include "support/poison.h"

static const char *skip_blanks(const char *at) {
  while (*at == ' ' || *at == '\t')
    at++;
  return at;
}

static const char *end_of_line(const char *at) {
  const char *newline = strchr(at, '\n');
  return newline != NULL ? newline : at + strlen(at);
}

static char unescaped(char letter) {
  static const char letters[] = "nrt", meanings[] = "\n\r\t";
  const char *found = strchr(letters, letter);
  return found != NULL && letter != '\0' ? meanings[found - letters] : letter;
}

/* What is between the quotes; NULL when they do not end. *end: behind the closing one. */
static char *read_quoted(const char *at, const char **end) {
  char quote = *at++;
  GString *value = g_string_new(NULL);
  for (; *at != '\0' && *at != quote; at++) {
    bool is_escape = quote == '"' && *at == '\\' && at[1] != '\0' && strchr("nrt\"\\", at[1]) != NULL;
    g_string_append_c(value, is_escape ? unescaped(*++at) : *at);
  }
  bool is_ended = *at == quote;
  *end = is_ended ? at + 1 : at;
  return g_string_free(value, !is_ended);
}

static char *read_plain(const char *at, const char **end) {
  *end = end_of_line(at);
  g_autofree char *line = g_strndup(at, (gsize)(*end - at));
  char *comment = strstr(line, " #");
  if (comment != NULL)
    *comment = '\0';
  return g_strdup(g_strchomp(line));
}

static bool is_of_name(char letter) {
  return g_ascii_isalnum(letter) || letter == '_' || letter == '.' || letter == '-';
}

/* NULL when no "NAME=" is there. *end: behind the "=". */
static char *read_name(const char *at, const char **end) {
  if (g_str_has_prefix(at, "export ") || g_str_has_prefix(at, "export\t"))
    at = skip_blanks(at + strlen("export "));
  const char *start = at;
  while (is_of_name(*at))
    at++;
  *end = skip_blanks(at);
  if (at == start || **end != '=')
    return NULL;
  *end = skip_blanks(*end + 1);
  return g_strndup(start, (gsize)(at - start));
}

GHashTable *dotenv_parse(const char *text) {
  GHashTable *values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (const char *at = text; *at != '\0'; at += *at == '\n' ? 1 : 0) {
    g_autofree char *name = read_name(skip_blanks(at), &at);
    if (name != NULL) {
      char *value = *at == '\'' || *at == '"' ? read_quoted(at, &at) : read_plain(at, &at);
      if (value != NULL)
        g_hash_table_replace(values, g_steal_pointer(&name), value);
    }
    at = end_of_line(at);
  }
  return values;
}
