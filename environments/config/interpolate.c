/* Variable interpolation as Compose v2 does it (Compose specification, 13-interpolation.md). 1.29 knows
 * neither nesting nor
 * "+"; what a host's own Compose makes of the text is checked there (compose_check_effective). */
#include "environments/config/interpolate.h"

#include <string.h>

#include "support/errors.h"
#include "support/poison.h"

enum { DEPTH_CAP = 32, RESULT_CAP = 1 << 20 };

typedef struct {
  const char *text; /* the whole, for messages */
  const char *at;   /* the next character */
  InterpolateLookup lookup;
  void *data;
  guint depth; /* of ${ that are open */
} Scanner;

static bool is_name_start(char c) {
  return g_ascii_isalpha(c) || c == '_';
}

static bool is_name_part(char c) {
  return is_name_start(c) || g_ascii_isdigit(c);
}

static char *take_name(Scanner *scanner) {
  const char *start = scanner->at;
  if (is_name_start(*scanner->at))
    while (is_name_part(*scanner->at))
      scanner->at++;
  return g_strndup(start, (gsize)(scanner->at - start));
}

static bool fail_format(const Scanner *scanner, GError **error) {
  return fail(error, SLIPWAY_ERROR_CONFIG,
              "invalid interpolation format: \"%s\"; a variable is written ${NAME}, a literal $ is $$",
              scanner->text);
}

static bool scan(Scanner *scanner, GString *result, GError **error);

/* What follows the name in ${NAME…}: which values of the variable choose the word, and what the word is for.
 */
typedef enum { WORD_DEFAULT = '-', WORD_ERROR = '?', WORD_REPLACEMENT = '+' } WordUse;

static bool apply_word(const char *name, const char *value, WordUse use, const char *word, GString *result,
                       GError **error) {
  switch (use) {
  case WORD_REPLACEMENT:
    g_string_append(result, value != NULL ? word : "");
    return true;
  case WORD_ERROR:
    if (value == NULL)
      return fail(error, SLIPWAY_ERROR_CONFIG, "required variable %s is missing a value%s%s", name,
                  *word != '\0' ? ": " : "", word);
    g_string_append(result, value);
    return true;
  case WORD_DEFAULT:
    g_string_append(result, value != NULL ? value : word);
    return true;
  }
  g_assert_not_reached();
}

/* scanner->at is behind the name, and the colon if there is one. */
static bool scan_use(Scanner *scanner, const char *name, const char *value, bool is_colon, GString *result,
                     GError **error) {
  char use = *scanner->at;
  if (use == WORD_DEFAULT || use == WORD_ERROR || use == WORD_REPLACEMENT) {
    scanner->at++;
    g_autoptr(GString) word = g_string_new(NULL);
    bool counts_as_unset = value == NULL || (is_colon && *value == '\0');
    return scan(scanner, word, error) &&
           apply_word(name, counts_as_unset ? NULL : value, (WordUse)use, word->str, result, error);
  }
  if (is_colon || use != '}')
    return fail_format(scanner, error);
  g_string_append(result, value != NULL ? value : "");
  return true;
}

/* scanner->at is behind "${". The word is evaluated even where it is not used, as Compose does: an error in
 * it counts. */
static bool scan_braced(Scanner *scanner, GString *result, GError **error) {
  if (++scanner->depth > DEPTH_CAP)
    return fail(error, SLIPWAY_ERROR_CONFIG, "interpolation is nested deeper than %d: \"%.80s…\"", DEPTH_CAP,
                scanner->text);
  g_autofree char *name = take_name(scanner);
  if (*name == '\0')
    return fail_format(scanner, error);
  const char *value = scanner->lookup(name, scanner->data);
  bool is_colon = *scanner->at == ':';
  if (is_colon)
    scanner->at++;
  if (!scan_use(scanner, name, value, is_colon, result, error))
    return false;
  if (*scanner->at != '}')
    return fail_format(scanner, error);
  scanner->at++;
  scanner->depth--;
  return true;
}

/* scanner->at is behind "$". */
static bool scan_dollar(Scanner *scanner, GString *result, GError **error) {
  if (*scanner->at == '$') {
    g_string_append_c(result, *scanner->at++);
    return true;
  }
  if (*scanner->at == '{') {
    scanner->at++;
    return scan_braced(scanner, result, error);
  }
  g_autofree char *name = take_name(scanner);
  if (*name == '\0')
    return fail_format(scanner, error);
  const char *value = scanner->lookup(name, scanner->data);
  g_string_append(result, value != NULL ? value : "");
  return true;
}

/* To the end of the text, or to the "}" that ends the innermost word. */
static bool scan(Scanner *scanner, GString *result, GError **error) {
  while (*scanner->at != '\0' && (scanner->depth == 0 || *scanner->at != '}')) {
    char c = *scanner->at++;
    if (c != '$')
      g_string_append_c(result, c);
    else if (!scan_dollar(scanner, result, error))
      return false;
    if (result->len > RESULT_CAP)
      return fail(error, SLIPWAY_ERROR_CONFIG, "\"%.80s…\" becomes longer than 1 MiB by interpolation",
                  scanner->text);
  }
  return true;
}

bool interpolate(const char *text, InterpolateLookup lookup, void *data, char **result, GError **error) {
  Scanner scanner = {.text = text, .at = text, .lookup = lookup, .data = data};
  g_autoptr(GString) buffer = g_string_new(NULL);
  if (!scan(&scanner, buffer, error))
    return false;
  *result = g_string_free(g_steal_pointer(&buffer), FALSE);
  return true;
}
