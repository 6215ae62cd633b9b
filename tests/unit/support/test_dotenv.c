/* support/dotenv: files of NAME=VALUE lines. */
#include "support/dotenv.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/errors.h"

static void take(const char *name, const SecretText *value, void *values) {
  g_hash_table_replace(values, g_strdup(name), g_strdup(value->str));
}

static GHashTable *new_table(void) {
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static void check_value(GHashTable *values, const char *name, const char *expected) {
  const char *found = g_hash_table_lookup(values, name);
  cr_assert_not_null(found, "%s", name);
  cr_assert_str_eq(found, expected, "%s", name);
}

Test(dotenv, each_way_to_write_a_value_is_read) {
  static const char right[] = "\xef\xbb\xbf# a comment\n\n"
                              "PLAIN=a b  # comment\n"
                              "  export EXPORTED = x#y \r\n"
                              "EMPTY=\nEMPTY_COMMENT= # nothing\n"
                              "SINGLE='a $b \\n \"c\"' # comment\n"
                              "DOUBLE=\"a\\n\\\"b\\\" \\$c 'd' \\q\"\n"
                              "KEY=\"-----BEGIN-----\nabc\n\"\n"
                              "exported=1\n"
                              "TWICE=1\nTWICE=2";
  g_autoptr(GHashTable) values = new_table();
  cr_assert(dotenv_parse(right, strlen(right), take, values, NULL));
  check_value(values, "PLAIN", "a b");
  check_value(values, "EXPORTED", "x#y");
  check_value(values, "EMPTY", "");
  check_value(values, "EMPTY_COMMENT", "");
  check_value(values, "SINGLE", "a $b \\n \"c\"");
  check_value(values, "DOUBLE", "a\n\"b\" $c 'd' \\q");
  check_value(values, "KEY", "-----BEGIN-----\nabc\n");
  check_value(values, "exported", "1");
  check_value(values, "TWICE", "2");
}

Test(dotenv, what_is_wrong_is_said_with_its_line_and_without_its_text) {
  static const struct {
    const char *text, *message;
  } wrong[] = {
      {"A=1\nhunter2\n", "line 2 is not NAME=VALUE"},
      {"=hunter2\n", "line 1 is not NAME=VALUE"},
      {"A='1\n2'\nB=\"hunter2\n", "a quote in line 3 is not closed"},
      {"A='hunter2'hunter2\n", "something stands behind the closing quote in line 1"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GHashTable) values = new_table();
    g_autoptr(GError) error = NULL;
    cr_assert(!dotenv_parse(wrong[i].text, strlen(wrong[i].text), take, values, &error));
    cr_assert(error_is(error, SLIPWAY_ERROR_CONFIG));
    cr_assert_str_eq(error->message, wrong[i].message);
  }
}
