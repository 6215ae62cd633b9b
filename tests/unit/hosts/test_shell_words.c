/* shell_quote: every word comes through sh as it is. */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"

Test(shell_quote, brings_any_word_through_sh) {
  GString *every = g_string_new(NULL);
  for (int byte = 1; byte < 256; byte++)
    g_string_append_c(every, (char)byte);
  const char *words[] = {"",   " ",   "'",  "''", "a'b'c",  "$HOME", "`id`", "$(id)",
                         "\\", "\\'", "-n", "*",  "a\nb\n", "!",     "~",    every->str};
  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    g_autofree char *quoted = shell_quote(words[i]);
    g_autofree char *script = g_strconcat("printf %sX ", quoted, NULL);
    g_autofree char *out = run((const char *[]){"sh", "-c", script, NULL});
    g_autofree char *expected = g_strconcat(words[i], "X", NULL);
    cr_assert_str_eq(out, expected);
  }
  g_string_free(every, TRUE);
}
