#include <criterion/criterion.h>
#include <string.h>

#include "environments/config/interpolate.h"
#include "fixture.h"
#include "support/errors.h"
#include "support/yaml.h"

/* What all cases see; also given to the real Composes. */
static const char *const environment[] = {"SET=value",         "EMPTY=", "_U=u", "PATH=/usr/bin:/bin",
                                          "HOME=/nonexistent", NULL};

static const char *look_up(const char *name, void *data) {
  (void)data;
  for (const char *const *pair = environment; *pair != NULL; pair++)
    if (g_str_has_prefix(*pair, name) && (*pair)[strlen(name)] == '=')
      return *pair + strlen(name) + 1;
  return NULL;
}

/* `v1`: Compose 1.29 says the same; it knows neither nesting nor "+". */
static const struct {
  const char *text, *result;
  bool v1;
} good[] = {
    {"plain", "plain", true},
    {"a$$b", "a$b", true},
    {"$SET", "value", true},
    {"${SET}", "value", true},
    {"$SET-x", "value-x", true},
    {"x$SETx", "x", true},
    {"}${SET}{", "}value{", true},
    {"$$$SET", "$value", true},
    {"$$${SET}", "$value", true},
    {"$${SET}", "${SET}", true},
    {"${_U}$_U", "uu", true},
    {"x${EMPTY-d}", "x", true},
    {"${EMPTY:-d}", "d", true},
    {"${NONE-d}", "d", true},
    {"${NONE:-d}", "d", true},
    {"x${NONE:-}", "x", true},
    {"x${NONE}", "x", true},
    {"x${set}", "x", true},
    {"${SET-}", "value", true},
    {"${NONE:-a:-b}", "a:-b", true},
    {"${NONE-a:-b}", "a:-b", true},
    {"${NONE:-a-b?c+d}", "a-b?c+d", true},
    {"${NONE:-a}b}", "ab}", true},
    {"${NONE:-{x}}", "{x}", true},
    {"${SET:-x:?y}", "value", true},
    {"${SET:?err}", "value", true},
    {"${SET?}", "value", true},
    {"x${EMPTY?err}", "x", true},
    {"${NONE:-é}$SETé", "évalueé", true},
    {"${NONE:-${SET}}", "value", false},
    {"${NONE:-${NONE2:-deep}}", "deep", false},
    {"${NONE:-$SET}", "value", false},
    {"${NONE:-a$$b}", "a$b", false},
    {"${NONE:-$$}", "$", false},
    {"${NONE:-${SET}}${NONE:-b}", "valueb", false},
    {"${SET:+r}", "r", false},
    {"${SET+r}", "r", false},
    {"x${EMPTY:+r}", "x", false},
    {"${EMPTY+r}", "r", false},
    {"x${NONE:+r}", "x", false},
    {"x${NONE+r}", "x", false},
    {"x${NONE+x:-y}", "x", false},
    {"${SET:+${EMPTY-x}y}", "y", false},
    {"${SET:+a}${NONE:-b}", "ab", false},
};

/* `v2_takes`: v2 takes a "$" that begins nothing for itself; 1.29 and slipway refuse it. */
static const struct {
  const char *text, *fragment;
  bool v2_takes;
} bad[] = {
    {"${NONE:?err}", "required variable NONE is missing a value: err", false},
    {"${NONE?err}", "required variable NONE is missing a value: err", false},
    {"${EMPTY:?err}", "required variable EMPTY is missing a value: err", false},
    {"${NONE:?}", "required variable NONE is missing a value", false},
    {"${NONE:?no $SET here}", "missing a value: no value here", false},
    {"${NONE:?a}b}", "missing a value: a", false},
    {"${NONE:?x:-y}", "missing a value: x:-y", false},
    {"${SET:-${NONE:?x}}", "required variable NONE is missing a value: x", false},
    {"${}", "invalid interpolation format: \"${}\"", false},
    {"${SET", "invalid interpolation format", false},
    {"${SET:-", "invalid interpolation format", false},
    {"${1A}", "invalid interpolation format", false},
    {"${SET:x}", "invalid interpolation format", false},
    {"${SET!}", "invalid interpolation format", false},
    {"${SET:}", "invalid interpolation format", false},
    {"${SET SET}", "invalid interpolation format", false},
    {"${ SET}", "invalid interpolation format", false},
    {"${NONE:-${SET}", "invalid interpolation format", false},
    {"${NONE:-${}}", "invalid interpolation format", false},
    {"$1", "a literal $ is $$", true},
    {"a$", "a literal $ is $$", true},
    {"a$ b", "a literal $ is $$", true},
    {"${NONE:-$}", "a literal $ is $$", true},
};

Test(interpolate, gives_what_the_specification_says) {
  for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
    g_autofree char *result = NULL;
    g_autoptr(GError) error = NULL;
    cr_expect(interpolate(good[i].text, look_up, NULL, &result, &error), "%s: %s", good[i].text,
              error == NULL ? "" : error->message);
    cr_expect_str_eq(result, good[i].result, "%s gave %s", good[i].text, result);
  }
}

Test(interpolate, refuses_malformed_text_and_missing_variables) {
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    char *result = NULL;
    g_autoptr(GError) error = NULL;
    cr_expect_not(interpolate(bad[i].text, look_up, NULL, &result, &error), "%s gave %s", bad[i].text,
                  result);
    cr_assert_not_null(error);
    cr_expect(error_is(error, SLIPWAY_ERROR_CONFIG));
    cr_expect_not_null(strstr(error->message, bad[i].fragment), "%s: %s", bad[i].text, error->message);
  }
}

Test(interpolate, ends_on_deep_nesting_and_growing_text) {
  g_autoptr(GString) deep = g_string_new(NULL), wide = g_string_new(NULL);
  g_autoptr(GError) error = NULL, second = NULL;
  char *result = NULL;
  for (int i = 0; i < 1000; i++)
    g_string_append(deep, "${NONE:-");
  cr_expect_not(interpolate(deep->str, look_up, NULL, &result, &error));
  cr_expect_not_null(strstr(error->message, "nested deeper"));
  for (int i = 0; i < 300000; i++)
    g_string_append(wide, "$SET");
  cr_expect_not(interpolate(wide->str, look_up, NULL, &result, &second));
  cr_expect_not_null(strstr(second->message, "longer than 1 MiB"));
}

/* What this Compose makes of compose.yml, or NULL when it fails. */
static YamlDocument *ask(const Compose *compose, Folder folder, const char *yaml) {
  g_autofree char *file = g_build_filename(folder, "compose.yml", NULL), *out = NULL;
  const char *const argv[] = {compose->program, "-f", file, "config", NULL};
  YamlDocument *document = NULL;
  folder_write(folder, "compose.yml", yaml);
  if (run(argv, environment, NULL, &out, NULL) == 0)
    cr_assert(yaml_parse("config", out, strlen(out), &document, NULL), "%s", out);
  return document;
}

/* All good cases in one file: service sN has case N as its image. */
static void check_good(const Compose *compose, Folder folder, bool is_v1) {
  g_autoptr(GString) yaml = g_string_new("services:\n");
  for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
    if (good[i].v1 || !is_v1)
      g_string_append_printf(yaml, "  s%zu:\n    image: '%s'\n", i, good[i].text);
  g_autoptr(YamlDocument) document = ask(compose, folder, yaml->str);
  cr_assert_not_null(document, "Compose %s refuses a good case", compose->kind);
  for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
    g_autofree char *name = g_strdup_printf("s%zu", i);
    const YamlNode *image = yaml_get(yaml_get(yaml_get(document->root, "services"), name), "image");
    if (!good[i].v1 && is_v1)
      continue;
    g_auto(GStrv) parts = g_strsplit(image->text, "$$", -1); /* `config` prints what can be read again */
    g_autofree char *theirs = g_strjoinv("$", parts);
    cr_expect_str_eq(theirs, good[i].result, "Compose %s: %s gives %s", compose->kind, good[i].text, theirs);
  }
}

Test(interpolate, agrees_with_the_composes_that_are_here, .timeout = 60) {
  need_a_compose();
  g_auto(Folder) folder = folder_new();
  const Compose *v1 = &composes()[0], *v2 = &composes()[1];
  if (v1->program != NULL)
    check_good(v1, folder, true);
  if (v2->program == NULL)
    return;
  check_good(v2, folder, false);
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autofree char *yaml = g_strdup_printf("services:\n  s:\n    image: '%s'\n", bad[i].text);
    g_autoptr(YamlDocument) document = ask(v2, folder, yaml);
    cr_expect_eq(document != NULL, bad[i].v2_takes, "Compose v2: %s", bad[i].text);
  }
}
