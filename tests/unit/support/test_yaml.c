/* support/yaml: the tree with its positions, merge keys, hostile text, quoting. */
#include "support/yaml.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "support/errors.h"

static YamlDocument *parsed(const char *text) {
  g_autoptr(GError) error = NULL;
  YamlDocument *document = NULL;
  cr_assert(yaml_parse("f", text, strlen(text), &document, &error), "%s", error ? error->message : "");
  return document;
}

static void assert_refused(const char *text, gsize length, const char *message) {
  g_autoptr(GError) error = NULL;
  YamlDocument *document = NULL;
  clock_t start = clock(); /* processor time: other tests run beside this one */
  cr_assert(!(yaml_parse("f", text, length, &document, &error)), "%.40s", text);
  cr_assert(error_is(error, SLIPWAY_ERROR_CONFIG));
  cr_assert(g_str_has_prefix(error->message, message), "%s", error->message);
  cr_assert_lt(clock() - start, 2 * CLOCKS_PER_SEC, "slow: %.40s", text);
}

static char *repeated(const char *part, guint times) {
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < times; i++)
    g_string_append(text, part);
  return g_string_free(text, FALSE);
}

static void assert_repeated_refused(const char *start, const char *part, guint times, const char *message) {
  g_autofree char *middle = repeated(part, times), *text = g_strconcat(start, middle, NULL);
  assert_refused(text, strlen(text), message);
}

static void assert_at(const YamlNode *node, guint line, guint column) {
  cr_assert_not_null(node);
  cr_assert_eq(node->line, line);
  cr_assert_eq(node->column, column);
}

Test(yaml, nodes_know_where_they_stand) {
  g_autoptr(YamlDocument) document = parsed("# comment\n"
                                            "a: 1\n"
                                            "\"\303\274\303\274\": {b: [x, 'y']}\n"
                                            "c:\n"
                                            "  - d\n"
                                            "  -   e: f\n");
  const YamlNode *root = document->root, *u = yaml_get(root, "\303\274\303\274"), *b = yaml_get(u, "b");
  const YamlNode *c = yaml_get(root, "c");
  assert_at(root, 2, 1);
  assert_at(yaml_get(root, "a"), 2, 4);
  assert_at(u, 3, 7); /* columns are characters, not bytes */
  assert_at(b->items->pdata[1], 3, 15);
  assert_at(c, 5, 3);
  assert_at(c->items->pdata[1], 6, 7);
  assert_at(yaml_get(c->items->pdata[1], "e"), 6, 10);
}

Test(yaml, a_byte_order_mark_is_not_a_column) {
  g_autoptr(YamlDocument) document = parsed("\357\273\277a: b\n");
  assert_at(yaml_get(document->root, "a"), 1, 4);
}

Test(yaml, quotes_and_tags_make_a_text_of_a_scalar) {
  g_autoptr(YamlDocument) document =
      parsed("a: yes\nb: 'yes'\nc: !!str yes\nd: ~\ne: '~'\nf:\ng: !reset [x]\n");
  bool value = false;
  cr_assert(yaml_boolean(yaml_get(document->root, "a"), &value) && value);
  cr_assert(!(yaml_boolean(yaml_get(document->root, "b"), &value)));
  cr_assert(!(yaml_boolean(yaml_get(document->root, "c"), &value)));
  cr_assert(yaml_is_null(yaml_get(document->root, "d")));
  cr_assert(!(yaml_is_null(yaml_get(document->root, "e"))));
  cr_assert(yaml_is_null(yaml_get(document->root, "f")));
  cr_assert(yaml_is_null(NULL));
  cr_assert_str_eq(yaml_get(document->root, "g")->tag, "!reset");
}

Test(yaml, merge_keys_add_what_is_not_there) {
  g_autoptr(YamlDocument) document = parsed("x: &x {image: a, tty: 1}\n"
                                            "y: &y {image: b, init: 2}\n"
                                            "one:\n  <<: *x\n  image: own\n"
                                            "two:\n  <<: [*x, *y]\n"
                                            "three:\n  '<<': *x\n");
  const YamlNode *one = yaml_get(document->root, "one"), *two = yaml_get(document->root, "two");
  cr_assert_str_eq(yaml_get(one, "image")->text, "own");
  cr_assert_str_eq(yaml_get(one, "tty")->text, "1");
  cr_assert_null(yaml_get(one, "<<"));
  cr_assert_str_eq(yaml_get(two, "image")->text, "a");
  cr_assert_str_eq(yaml_get(two, "init")->text, "2");
  cr_assert_not_null(yaml_get(yaml_get(document->root, "three"), "<<"));
}

Test(yaml, all_duplicate_keys_are_reported_in_one_error) {
  static const char text[] = "a: 1\nb: {c: 1, c: 2}\n\"a\": 3\n";
  assert_refused(text, strlen(text),
                 "f:2:11: duplicate key \"c\"; it is already at line 2\n"
                 "f:3:1: duplicate key \"a\"; it is already at line 1");
}

Test(yaml, an_empty_document_has_no_root) {
  g_autoptr(YamlDocument) document = parsed("# nothing\n");
  cr_assert_null(document->root);
  cr_assert_null(yaml_get(document->root, "a"));
}

Test(yaml, malformed_text_is_refused_at_its_place) {
  static const struct {
    const char *text, *message;
  } wrong[] = {
      {"a: b\n c: d\n", "f:2:3: not YAML: mapping values are not allowed"},
      {"a: [1\nb: 2\n", "f:2:2: not YAML: did not find expected"},
      {"a: \"x\n", "f:2:1: not YAML: "},
      {"a: 1\n---\nb: 2\n", "f:2:1: a second document"},
      {"a: *b\n", "f:1:4: alias without an anchor"},
      {"a: &a [1, *a]\n", "f:1:11: an alias inside of what it stands for"},
      {"a: 1\n? [b]\n: c\n", "f:2:3: a key must be"},
      {"a:\n  <<: 3\n", "f:2:7: what \"<<\" merges"},
      {"a: b\nc: x\001\n", "f:2:5: not YAML: control characters"},
      {"a: b\nc: \"\\0\"\n", "f:2:4: a NUL character"},
      {"%TAG !a! tag:x\n---\na: 1\n", "f:1:1: %TAG directives"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
    assert_refused(wrong[i].text, strlen(wrong[i].text), wrong[i].message);
  assert_refused("a: b\nc: \0d", 9, "f:2:4: a NUL byte");
  assert_refused("a: b\n\303\274: \xff", 10, "f:2:4: not UTF-8");
}

Test(yaml, deep_nesting_is_refused_fast) {
  assert_repeated_refused("", "[", 1000000, "f:1:65: nested more than 64 levels deep");
  assert_repeated_refused("", "{a: ", 200000, "f:1:254: nested more than 64");
  assert_repeated_refused("", "- ", 500000, "f:1:129: nested more than 64");
  assert_repeated_refused("", "? ", 500000, "f:1:129: nested more than 64");
  /* 40 levels that end in an alias for 40 more */
  g_autofree char *open = repeated("[", 40), *close = repeated("]", 40);
  g_autofree char *text = g_strconcat("a: &a ", open, close, "\nb: ", open, "*a", close, "\n", NULL);
  assert_refused(text, strlen(text), "f:2:44: nested more than 64");
}

Test(yaml, alias_bombs_are_refused_fast) {
  g_autoptr(GString) bomb = g_string_new("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
  for (char name = 'b'; name < 'k'; name++) {
    g_autofree char *part = g_strdup_printf("*%c,", name - 1), *parts = repeated(part, 10);
    g_string_append_printf(bomb, "%c: &%c [%s]\n", name, name, parts);
  }
  assert_refused(bomb->str, bomb->len, "f:5:");
  g_autoptr(GString) merges = g_string_new("a: &a {");
  for (int i = 0; i < 10000; i++)
    g_string_append_printf(merges, "k%d: 1,", i);
  g_string_append(merges, "}\n");
  for (int i = 0; i < 1000; i++)
    g_string_append_printf(merges, "b%d: {<<: *a}\n", i);
  assert_refused(merges->str, merges->len, "f:1:4: more than 100,000 values");
}

Test(yaml, large_texts_are_refused_fast) {
  assert_repeated_refused("a: ", "x", 1 << 20, "f:1:1: larger than 1 MiB");
  assert_repeated_refused("", "a: 1\n", 100000, "f:50001:1: more than 100,000 values");
  assert_repeated_refused("", "%TAG !a! tag:x\n", 60000, "f:5:1: too many directives");
  g_autofree char *scalar = repeated("x", (1 << 20) - 10), *text = g_strconcat("a: ", scalar, NULL);
  g_autoptr(YamlDocument) document = parsed(text);
  cr_assert_eq((long)strlen(yaml_get(document->root, "a")->text), (1 << 20) - 10);
}

Test(yaml, a_quoted_text_comes_back_as_it_was) {
  static const char *const texts[] = {"",
                                      "a",
                                      "journal/web",
                                      "yes",
                                      "No",
                                      "null",
                                      "~",
                                      "8",
                                      "1e3",
                                      "0x1f",
                                      "1:30",
                                      ".inf",
                                      "- a",
                                      "a: b",
                                      "a #b",
                                      "#",
                                      "{",
                                      "*a",
                                      "&a",
                                      "!t",
                                      "%x",
                                      "@a",
                                      "`a",
                                      " a ",
                                      "a\nb",
                                      "\n",
                                      "\t",
                                      "\"\\",
                                      "'",
                                      "$X$$",
                                      "<<",
                                      "---",
                                      "...",
                                      "\x7f\001",
                                      "\302\205",
                                      "\342\200\250",
                                      "\357\273\277",
                                      "\360\237\232\242",
                                      "=",
                                      "2026-11-21",
                                      "y"};
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *quoted = yaml_quote(texts[i]), *text = g_strdup_printf("{k: [%s, z]}\n", quoted);
    g_autofree char *block = g_strdup_printf("%s: %s\n", quoted, quoted);
    g_autoptr(YamlDocument) flow = parsed(text), mapping = parsed(block);
    const YamlNode *item = yaml_get(flow->root, "k")->items->pdata[0];
    const YamlNode *value = yaml_get(mapping->root, texts[i]);
    bool boolean = false;
    cr_assert_str_eq(item->text, texts[i]);
    cr_assert_not_null(value, "%s", block);
    cr_assert_str_eq(value->text, texts[i]);
    cr_assert(!(yaml_is_null(value)) && !(yaml_boolean(value, &boolean)), "%s", quoted);
  }
}
