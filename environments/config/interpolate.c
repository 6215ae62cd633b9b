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
  const References *references;
  guint depth;  /* of ${ that are open */
  guint unused; /* of those whose word is scanned but not used */
} Scanner;

static bool is_compose(const Scanner *scanner) {
  return scanner->references->is_known == NULL;
}

static bool is_name_start(char c) {
  return g_ascii_isalpha(c) || c == '_';
}

static bool is_name_part(char c) {
  return is_name_start(c) || g_ascii_isdigit(c);
}

/* Empty when there is none. */
static char *take_name(Scanner *scanner) {
  const char *start = scanner->at;
  gsize prefix = strlen(REFERENCE_ENV);
  if (!is_compose(scanner) && g_str_has_prefix(start, REFERENCE_ENV) && is_name_start(start[prefix]))
    scanner->at += prefix;
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

static bool is_word_use(char c) {
  return c == WORD_DEFAULT || c == WORD_ERROR || c == WORD_REPLACEMENT;
}

static bool apply_word(const Scanner *scanner, const char *name, const char *value, WordUse use,
                       const char *word, GString *result, GError **error) {
  switch (use) {
  case WORD_REPLACEMENT:
    g_string_append(result, value != NULL ? word : "");
    return true;
  case WORD_ERROR:
    if (value == NULL && (is_compose(scanner) || scanner->unused == 0))
      return fail(error, SLIPWAY_ERROR_CONFIG, "required variable %s is missing a value%s%s", name,
                  *word != '\0' ? ": " : "", word);
    g_string_append(result, value != NULL ? value : "");
    return true;
  case WORD_DEFAULT:
    g_string_append(result, value != NULL ? value : word);
    return true;
  }
  g_assert_not_reached();
}

/* scanner->at is behind the name, and the colon if there is one. Compose evaluates a word also where it is
 * not used, and an error in it counts; ours count where the word does. */
static bool scan_word(Scanner *scanner, const char *name, const char *value, bool is_colon, GString *result,
                      GError **error) {
  WordUse use = (WordUse)*scanner->at++;
  g_autoptr(GString) word = g_string_new(NULL);
  const char *counted = is_colon && value != NULL && *value == '\0' ? NULL : value;
  bool is_unused = (use == WORD_REPLACEMENT) == (counted == NULL);
  scanner->unused += is_unused ? 1 : 0;
  if (!scan(scanner, word, error))
    return false;
  scanner->unused -= is_unused ? 1 : 0;
  return apply_word(scanner, name, counted, use, word->str, result, error);
}

/* scanner->at is behind "${". */
static bool scan_braced(Scanner *scanner, GString *result, GError **error) {
  if (++scanner->depth > DEPTH_CAP)
    return fail(error, SLIPWAY_ERROR_CONFIG, "interpolation is nested deeper than %d: \"%.80s…\"", DEPTH_CAP,
                scanner->text);
  g_autofree char *name = take_name(scanner);
  bool is_colon = *scanner->at == ':';
  if (is_colon)
    scanner->at++;
  bool has_word = is_word_use(*scanner->at);
  if (*name == '\0' || (!has_word && (is_colon || *scanner->at != '}')))
    return fail_format(scanner, error);
  const References *references = scanner->references;
  const char *value = NULL;
  if (!references->find(name, !has_word && scanner->unused == 0, references->data, &value, error))
    return false;
  if (!has_word)
    g_string_append(result, value != NULL ? value : "");
  else if (!scan_word(scanner, name, value, is_colon, result, error))
    return false;
  if (*scanner->at != '}')
    return fail_format(scanner, error);
  scanner->at++;
  scanner->depth--;
  return true;
}

static bool scan_compose_name(Scanner *scanner, GString *result, GError **error) {
  const References *references = scanner->references;
  const char *value = NULL;
  g_autofree char *name = take_name(scanner);
  if (*name == '\0')
    return fail_format(scanner, error);
  if (!references->find(name, false, references->data, &value, error))
    return false;
  g_string_append(result, value != NULL ? value : "");
  return true;
}

/* A text, unless somebody who reads it could take it for a reference. */
static bool scan_own_name(Scanner *scanner, GString *result, GError **error) {
  const References *references = scanner->references;
  bool (*is_known)(const char *name, void *data) = references->is_known;
  g_autofree char *name = take_name(scanner);
  if (*name != '\0' && is_known(name, references->data))
    return fail(error, SLIPWAY_ERROR_CONFIG,
                "$%s may be meant as a reference or as it stands: write ${%s} or $$%s", name, name, name);
  g_string_append_printf(result, "$%s", name);
  return true;
}

/* scanner->at is behind "$". */
static bool scan_dollar(Scanner *scanner, GString *result, GError **error) {
  if (*scanner->at == '$') {
    g_string_append_c(result, *scanner->at++);
    return true;
  }
  if (*scanner->at != '{')
    return is_compose(scanner) ? scan_compose_name(scanner, result, error)
                               : scan_own_name(scanner, result, error);
  scanner->at++;
  return scan_braced(scanner, result, error);
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

bool interpolate_references(const char *text, const References *references, char **result, GError **error) {
  Scanner scanner = {.text = text, .at = text, .references = references};
  g_autoptr(GString) buffer = g_string_new(NULL);
  if (!scan(&scanner, buffer, error))
    return false;
  *result = g_string_free(g_steal_pointer(&buffer), FALSE);
  return true;
}

typedef struct {
  InterpolateLookup lookup;
  void *data;
} ComposeLookup;

static bool find_for_compose(const char *name, bool must_be_set, void *data, const char **value,
                             GError **error) {
  const ComposeLookup *lookup = data;
  (void)must_be_set;
  (void)error;
  *value = lookup->lookup(name, lookup->data);
  return true;
}

bool interpolate(const char *text, InterpolateLookup lookup, void *data, char **result, GError **error) {
  ComposeLookup compose = {lookup, data};
  const References references = {.find = find_for_compose, .data = &compose};
  return interpolate_references(text, &references, result, error);
}
