/* support/json: parsing what peers send, typed look-ups, printing. */
#include "support/json.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/errors.h"

static cJSON *parsed(const char *text) {
  g_autoptr(GError) error = NULL;
  cJSON *json = NULL;
  cr_assert(json_parse(text, strlen(text), "test", &json, &error), "%s", error ? error->message : "");
  return json;
}

Test(json, what_is_not_json_is_refused_with_its_name_and_place) {
  static const char *const wrong[] = {"", "{", "{\"a\":1}x", "nul", "{\"1\":1,", "[1,]", "{\"a\":1} {}"};
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    cJSON *json = NULL;
    cr_assert(!(json_parse(wrong[i], strlen(wrong[i]), "the reply", &json, &error)), "%s", wrong[i]);
    cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
    cr_assert(strstr(error->message, "the reply: not JSON (at byte "), "%s", error->message);
  }
}

Test(json, a_thousand_levels_do_not_exhaust_the_stack) {
  g_autofree char *deep = g_strnfill(100000, '[');
  g_autoptr(GError) error = NULL;
  cJSON *json = NULL;
  cr_assert(!(json_parse(deep, 100000, "the reply", &json, &error)));
}

Test(json, only_the_given_length_is_read) {
  g_autoptr(cJSON) json = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(json_parse("{\"a\":1} \n}garbage", 9, "the reply", &json, &error), "%s",
            error ? error->message : "");
  cr_assert_eq(json_integer(json, "a", 0), 1);
}

Test(json, look_ups_of_another_type_give_the_fallback) {
  g_autoptr(cJSON) json =
      parsed("{\"s\":\"x\",\"n\":3,\"f\":1.5,\"big\":1e300,\"b\":true,\"o\":{\"a\":[1]},\"z\":null}");
  cr_assert_str_eq(json_string(json, "s"), "x");
  cr_assert_null(json_string(json, "n"));
  cr_assert_null(json_string(json, "z"));
  cr_assert_null(json_string(json, "S"));
  cr_assert_null(json_string(NULL, "s"));
  cr_assert_eq(json_integer(json, "n", 7), 3);
  cr_assert_eq(json_integer(json, "f", 7), 7);
  cr_assert_eq(json_integer(json, "big", 7), 7);
  cr_assert_eq(json_integer(json, "s", 7), 7);
  cr_assert(json_boolean(json, "b", false));
  cr_assert(json_boolean(json, "n", true));
  cr_assert_null(json_array(json, "o"));
  cr_assert_not_null(json_object(json, "o"));
  cr_assert_not_null(json_path(json, "o", "a", NULL));
  cr_assert_null(json_path(json, "o", "a", "b", NULL));
  cr_assert_null(json_path(json, "s", "a", NULL));
}

Test(json, equal_values_print_the_same_canonical_text) {
  g_autoptr(cJSON) a = parsed("{\"b\":[{\"y\":1,\"x\":2}],\"a\":null}");
  g_autoptr(cJSON) b = parsed("{ \"a\": null, \"b\": [ {\"x\": 2, \"y\": 1} ] }");
  g_autofree char *one = json_print_canonical(a), *two = json_print_canonical(b), *plain = json_print(a);
  cr_assert_str_eq(one, "{\"a\":null,\"b\":[{\"x\":2,\"y\":1}]}");
  cr_assert_str_eq(two, one);
  cr_assert_str_eq(plain, "{\"b\":[{\"y\":1,\"x\":2}],\"a\":null}");
}

Test(json, setters_replace_and_print_valid_json) {
  g_autoptr(cJSON) json = cJSON_CreateObject();
  json_set_string(json, "s", "old");
  json_set_string(json, "s", "\xff\"\n");
  json_set_string(json, "none", NULL);
  json_set_integer(json, "time", G_GINT64_CONSTANT(1795248082123456));
  json_set_boolean(json, "b", true);
  g_autofree char *text = json_print(json);
  cr_assert_str_eq(text,
                   "{\"s\":\"\357\277\275\\\"\\n\",\"none\":null,\"time\":1795248082123456,\"b\":true}");
}
