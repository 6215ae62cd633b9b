#include <criterion/criterion.h>

#include "support/dotenv.h"

Test(dotenv, reads_every_form_of_a_value) {
  g_autoptr(GHashTable) values = dotenv_parse("# comment\n"
                                              "A=1\n"
                                              "  B = two words # and a comment\n"
                                              "export C='as $it \\n # stands'\n"
                                              "D=\"line\\nnext \\\"quoted\\\"\" # comment\n"
                                              "E=\"over\nlines\"\n"
                                              "F=\n"
                                              "nonsense\n"
                                              "=x\n"
                                              "A=last\r\n"
                                              "G='never ended\n");
  static const char *const expected[][2] = {
      {"A", "last"}, {"B", "two words"},   {"C", "as $it \\n # stands"}, {"D", "line\nnext \"quoted\""},
      {"F", ""},     {"E", "over\nlines"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(expected); i++)
    cr_expect_str_eq(g_hash_table_lookup(values, expected[i][0]), expected[i][1]);
  cr_expect_eq(g_hash_table_size(values), G_N_ELEMENTS(expected));
}

Test(dotenv, takes_any_text) {
  static const char *const texts[] = {"",       "\n",     "A",       "A=",   "A='",
                                      "A=\"\\", "export", "export ", "=\n=", "A=\"x\"y\nB=1"};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GHashTable) values = dotenv_parse(texts[i]);
    cr_expect_not_null(values);
  }
}
