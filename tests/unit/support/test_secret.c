/* support/secret: values that only few things can be done with. */
#include "support/secret.h"

#include <criterion/criterion.h>
#include <string.h>

static Secret *secret_of(const char *text) {
  return secret_new(text, strlen(text));
}

Test(secret, equal_bytes_are_equal) {
  g_autoptr(Secret) a = secret_of("abc");
  g_autoptr(Secret) same = secret_of("abc");
  g_autoptr(Secret) other = secret_of("abd");
  g_autoptr(Secret) longer = secret_of("abcd");
  cr_assert(secret_equals(a, same));
  cr_assert(!secret_equals(a, other));
  cr_assert(!secret_equals(a, longer));
}

Test(secret, text_is_utf8_without_nul) {
  g_autoptr(Secret) text = secret_of("z\xc3\xbcge\n");
  g_autoptr(Secret) latin = secret_of("z\xfcge");
  g_autoptr(Secret) with_nul = secret_new("a\0b", 3);
  g_autoptr(Secret) empty = secret_new(NULL, 0);
  cr_assert(secret_is_text(text));
  cr_assert(secret_is_text(empty));
  cr_assert(!secret_is_text(latin));
  cr_assert(!secret_is_text(with_nul));
}

/* RFC 4231, test case 2. */
Test(secret, its_keyed_hash_is_hmac_sha256) {
  g_autoptr(GBytes) key = g_bytes_new_static("Jefe", 4);
  g_autoptr(Secret) secret = secret_of("what do ya want for nothing?");
  g_autofree char *hash = secret_keyed_hash(secret, key);
  cr_assert_str_eq(hash, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

Test(secret, a_line_of_an_env_file_is_quoted_for_sh) {
  g_autoptr(Secret) secret = secret_of("it's $HOME\n\"\\");
  g_autoptr(SecretText) env = secret_text_new();
  secret_append_assignment(secret, "KEY", &env);
  cr_assert_str_eq(env->str, "KEY='it'\\''s $HOME\n\"\\'\n");
}

Test(secret, a_buffer_grows) {
  SecretText *text = secret_text_new();
  for (guint i = 0; i < 3000; i++)
    secret_text_append(&text, "0123456789", 10);
  cr_assert_eq(text->len, 30000);
  cr_assert_eq(strlen(text->str), 30000);
  g_autoptr(GBytes) bytes = secret_text_to_bytes(text);
  cr_assert_eq(g_bytes_get_size(bytes), 30000);
}
