/* environments/config/variables: references between variables, to the builtins and to the controller. */
#include "environments/config/variables.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/errors.h"

static const char head[] = "app: journal\n"
                           "images: {web: r/web}\n"
                           "pipeline: [prod]\n"
                           "compose: compose.yml\n"
                           "environments:\n"
                           "  prod:\n"
                           "    hosts: [local]\n"
                           "    secrets: {KEY: {env: KEY}, CERT: {env: CERT, mount: cert}}\n"
                           "    variables:\n";

/* `variables`: lines "      NAME: value". */
static Config *config_with(const char *variables) {
  g_autoptr(GError) error = NULL;
  Config *config = NULL;
  g_autofree char *text = g_strconcat(head, variables, NULL);
  cr_assert(config_parse("slipway.yml", "/", text, strlen(text), &config, &error), "%s",
            error != NULL ? error->message : "");
  return config;
}

static bool resolve(const Config *config, const GPtrArray *set, GPtrArray **variables, GError **error) {
  static char name[] = "SLIPWAY_VERSION", text[] = "1.0";
  NamedValue version = {name, text};
  g_autoptr(GPtrArray) builtins = g_ptr_array_new();
  g_ptr_array_add(builtins, &version);
  return variables_resolve(config->environments->pdata[0], builtins, set, variables, error);
}

static const char *value_of(const GPtrArray *variables, const char *name) {
  for (guint i = 0; i < variables->len; i++)
    if (g_str_equal(((const NamedValue *)variables->pdata[i])->name, name))
      return ((const NamedValue *)variables->pdata[i])->value;
  return "(none)";
}

Test(variables, become_what_is_referred_to) {
  g_setenv("THERE", "o$u{t}", TRUE);
  g_unsetenv("NOT_THERE");
  static const struct {
    const char *written, *value;
  } cases[] = {
      {"plain", "plain"},
      {"${NAME}", "n"},
      {"<${LATER}>", "<later n>"},
      {"${SLIPWAY_VERSION}", "1.0"},
      {"${env:THERE}", "o$u{t}"},
      {"${env:NOT_THERE:-${env:THERE}}", "o$u{t}"},
      {"${env:THERE:-${env:NOT_THERE}}", "o$u{t}"},
      {"${env:THERE:-${env:NOT_THERE:?no}}", "o$u{t}"},
      {"${env:NOT_THERE-}", ""},
      {"${NONE:-d}", "d"},
      {"${EMPTY:-d}", "d"},
      {"${EMPTY-d}", ""},
      {"${NAME:+yes}", "yes"},
      {"${NAME:?wanted}", "n"},
      {"$${NAME}", "${NAME}"},
      {"$$", "$"},
      {"a$b", "a$b"},
      {"$", "$"},
      {"5$ $(x) $1 $}", "5$ $(x) $1 $}"},
      {"${NONE:-a$b}", "a$b"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) variables = NULL;
    g_autofree char *text = g_strdup_printf("      IT: '%s'\n"
                                            "      LATER: 'later ${NAME}'\n"
                                            "      NAME: n\n"
                                            "      EMPTY: ''\n",
                                            cases[i].written);
    g_autoptr(Config) config = config_with(text);
    cr_expect(resolve(config, NULL, &variables, &error), "%s: %s", cases[i].written,
              error != NULL ? error->message : "");
    if (variables != NULL)
      cr_expect_str_eq(value_of(variables, "IT"), cases[i].value, "%s", cases[i].written);
  }
}

Test(variables, that_refer_to_nothing_are_refused_with_what_to_write) {
  g_unsetenv("NOT_THERE");
  g_setenv("BYTES", "\xff", TRUE);
  static const struct {
    const char *written, *fragment;
  } cases[] = {
      {"${NMAE}", "did you mean ${NAME}?"},
      {"${QUITE_ANOTHER}", "${env:QUITE_ANOTHER}"},
      {"${NAME:-${NMAE}x}${NMAE}", "did you mean ${NAME}?"},
      {"${env:NOT_THERE}", "has no NOT_THERE"},
      {"${env:NOT_THERE:?say which}", "say which"},
      {"${env:BYTES}", "not UTF-8"},
      {"${KEY}", "KEY is a secret"},
      {"${KEY:-d}", "KEY is a secret"},
      {"${CERT}", "CERT is a secret"},
      {"x$NAME", "write ${NAME} or $$NAME"},
      {"x$KEY", "write ${KEY} or $$KEY"},
      {"${", "invalid interpolation"},
      {"${NAME", "invalid interpolation"},
      {"${NAME:x}", "invalid interpolation"},
      {"${env:}", "invalid interpolation"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) variables = NULL;
    g_autofree char *text = g_strdup_printf("      IT: '%s'\n      NAME: n\n", cases[i].written);
    g_autoptr(Config) config = config_with(text);
    cr_expect_not(resolve(config, NULL, &variables, &error), "%s", cases[i].written);
    cr_expect(error_is(error, SLIPWAY_ERROR_CONFIG));
    cr_expect(strstr(error->message, cases[i].fragment) != NULL, "%s: %s", cases[i].written, error->message);
    cr_expect(g_str_has_prefix(error->message, "variables of prod: IT: "), "%s", error->message);
  }
}

Test(variables, give_all_their_problems_at_once_and_a_circle_only_one) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) variables = NULL;
  g_autoptr(Config) config = config_with("      ONTO: 'x${A}'\n"
                                         "      A: '${B}'\n"
                                         "      B: '${C:-d}'\n"
                                         "      C: '${A}'\n"
                                         "      SELF: '${SELF}'\n"
                                         "      WRONG: '${NOWHERE_AT_ALL}'\n"
                                         "      UPON: '${WRONG}'\n"
                                         "      FINE: fine\n");
  cr_assert_not(resolve(config, NULL, &variables, &error));
  cr_expect_str_eq(
      error->message,
      "variables of prod: A: A -> B -> C -> A: they refer to each other in a circle\n"
      "variables of prod: SELF: SELF -> SELF: they refer to each other in a circle\n"
      "variables of prod: WRONG: there is no variable NOWHERE_AT_ALL; the environment of slipway "
      "itself is ${env:NOWHERE_AT_ALL}, a text that begins so is $${NOWHERE_AT_ALL}");
}

Test(variables, are_set_for_one_deployment_as_they_stand) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) variables = NULL;
  g_autoptr(GPtrArray) set = NULL;
  g_autoptr(GPtrArray) texts = g_ptr_array_new();
  g_autoptr(Config) config = config_with("      NAME: '${NOWHERE}'\n      IT: 'it is ${NAME}${NEW}'\n");
  g_ptr_array_add(texts, (gpointer) "NAME=first");
  g_ptr_array_add(texts, (gpointer) "NAME=${IT}$$=");
  g_ptr_array_add(texts, (gpointer) "NEW=");
  cr_assert(variables_parse_set(config->environments->pdata[0], texts, &set, &error));
  cr_assert(resolve(config, set, &variables, &error), "%s", error != NULL ? error->message : "");
  cr_expect_str_eq(value_of(variables, "NAME"), "${IT}$$=");
  cr_expect_str_eq(value_of(variables, "IT"), "it is ${IT}$$=");
  cr_expect_str_eq(value_of(variables, "NEW"), "");
  cr_expect_eq(variables->len, 3, "SLIPWAY_VERSION is not one of them");
}

Test(variables, cannot_be_set_where_that_makes_no_sense) {
  static const struct {
    const char *text, *fragment;
  } cases[] = {
      {"NAME", "expected KEY=VALUE"},
      {"=x", "begins neither with a digit"},
      {"1A=x", "neither with a digit"},
      {"SLIPWAY_VERSION=2", "nor with SLIPWAY_"},
      {"KEY=x", "it is a secret of prod"},
      {"CERT=x", "it is a secret of prod"},
      {"A=\xff", "not UTF-8"},
  };
  g_autoptr(Config) config = config_with("      NAME: n\n");
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) set = NULL;
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    g_ptr_array_add(texts, (gpointer)cases[i].text);
    cr_expect_not(variables_parse_set(config->environments->pdata[0], texts, &set, &error), "%s",
                  cases[i].text);
    cr_expect(error_is(error, SLIPWAY_ERROR_USAGE));
    cr_expect(strstr(error->message, cases[i].fragment) != NULL, "%s", error->message);
  }
}

Test(variables, may_refer_to_each_other_in_a_long_chain) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) variables = NULL;
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < 999; i++)
    g_string_append_printf(text, "      V%u: '${V%u}'\n", i, i + 1);
  g_string_append(text, "      V999: end\n");
  g_autoptr(Config) config = config_with(text->str);
  cr_assert(resolve(config, NULL, &variables, &error));
  cr_expect_str_eq(value_of(variables, "V0"), "end");
}
