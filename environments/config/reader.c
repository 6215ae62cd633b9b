/* Reads a mapping by its schema's rows and gathers every problem of the file, so that one run reports them
 * all. */
#include <string.h>

#include "environments/config/schema.h"
#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

#define MOST_PROBLEMS 50 /* a person reads no more */

typedef struct {
  guint line, column;
  char text[]; /* ends with NUL */
} Problem;

void reader_report(Reader *reader, const YamlNode *at, const char *format, ...) {
  if (reader->is_muted || reader->problem_count++ >= MOST_PROBLEMS)
    return;
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  Problem *problem = g_malloc(sizeof *problem + strlen(text) + 1);
  problem->line = at != NULL ? at->line : 1;
  problem->column = at != NULL ? at->column : 1;
  memcpy(problem->text, text, strlen(text) + 1);
  g_ptr_array_add(reader->problems, problem);
}

static bool is_full(const Reader *reader) {
  return reader->is_muted || reader->problem_count >= MOST_PROBLEMS;
}

/* What stands there, for "…, not WHAT". Caller frees. */
static char *describe_node(const YamlNode *node) {
  if (yaml_is_null(node))
    return g_strdup("nothing");
  if (node->kind != YAML_SCALAR)
    return g_strdup(node->kind == YAML_MAPPING ? "a mapping" : "a list");
  g_autofree char *shown = text_printable(node->text, false);
  g_autofree char *start = g_utf8_strlen(shown, -1) > 60 ? g_utf8_substring(shown, 0, 60) : NULL;
  return start != NULL ? g_strdup_printf("\"%s…\"", start)
         : node->plain ? g_strdup_printf("\"%s\"", shown)
                       : g_strdup_printf("the text \"%s\"", shown);
}

void reader_report_type(Reader *reader, const SchemaKey *row, const YamlNode *node, const char *expected) {
  if (is_full(reader)) {
    reader->problem_count += !reader->is_muted;
    return;
  }
  g_autofree char *found = describe_node(node);
  reader_report(reader, node, "%s: expected %s, not %s", row->name, expected, found);
}

static bool has_own_tag(const YamlNode *node) {
  return node->tag != NULL && strcmp(node->tag, "!") != 0 &&
         !g_str_has_prefix(node->tag, "tag:yaml.org,2002:");
}

bool reader_expect(Reader *reader, const SchemaKey *row, const YamlNode *node, YamlKind kind,
                   const char *expected) {
  if (node->kind != kind || (kind == YAML_SCALAR && yaml_is_null(node))) {
    reader_report_type(reader, row, node, expected);
    return false;
  }
  if (has_own_tag(node)) {
    reader_report(reader, node, "%s: a YAML tag; slipway.yml has none", row->name);
    return false;
  }
  if (kind != YAML_SCALAR && node->items->len > MOST_ENTRIES) {
    reader_report(reader, node, "%s: %u entries; at most %d are read", row->name, node->items->len,
                  MOST_ENTRIES);
    return false;
  }
  return true;
}

static const SchemaKey *find_row(const Schema *schema, const char *name) {
  for (const SchemaKey *row = schema->keys; row->name != NULL; row++)
    if (strcmp(row->name, name) == 0)
      return row;
  return NULL;
}

static void report_unknown(Reader *reader, const Schema *schema, const YamlNode *key) {
  if (is_full(reader)) {
    reader->problem_count += !reader->is_muted;
    return;
  }
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (const SchemaKey *row = schema->keys; row->name != NULL; row++)
    g_ptr_array_add(names, (gpointer)row->name);
  g_ptr_array_add(names, NULL);
  const char *nearest = nearest_word(key->text, (const char *const *)names->pdata);
  g_autofree char *shown = text_printable(key->text, false);
  if (nearest != NULL) {
    reader_report(reader, key, "unknown key \"%.80s\"; did you mean \"%s\"?", shown, nearest);
    return;
  }
  g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
  reader_report(reader, key, "unknown key \"%.80s\"; the keys here are %s", shown, list);
}

void schema_read(Reader *reader, const Schema *schema, const YamlNode *mapping, void *target) {
  for (const SchemaKey *row = schema->keys; row->name != NULL; row++) {
    const YamlNode *node = yaml_get(mapping, row->name);
    if (node != NULL)
      row->type->read(reader, row, node, target);
  }
  for (guint i = 0; i < mapping->keys->len; i++) {
    const YamlNode *key = mapping->keys->pdata[i];
    if (find_row(schema, key->text) == NULL)
      report_unknown(reader, schema, key);
  }
}

void schema_require(Reader *reader, const Schema *schema, const YamlNode *mapping, const YamlNode *fallback,
                    const YamlNode *at) {
  for (const SchemaKey *row = schema->keys; row->name != NULL; row++)
    if (row->is_required && yaml_get(mapping, row->name) == NULL && yaml_get(fallback, row->name) == NULL)
      reader_report(reader, at, "missing key \"%s\": %s", row->name, row->help);
}

static void read_default(const SchemaKey *row, void *target) {
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
  Reader reader = {.file = "default", .directory = "/", .problems = problems};
  YamlNode node = {.kind = YAML_SCALAR, .text = (char *)row->default_text, .plain = true};
  row->type->read(&reader, row, &node, target);
  g_assert(reader.problem_count == 0); /* a row's default is of the row's type */
}

void schema_prepare(const Schema *schema, void *target) {
  for (const SchemaKey *row = schema->keys; row->name != NULL; row++) {
    if (row->type->prepare != NULL)
      row->type->prepare(row, target);
    if (row->default_text != NULL)
      read_default(row, target);
  }
}

static int compare_problems(gconstpointer a, gconstpointer b) {
  const Problem *left = *(const Problem *const *)a, *right = *(const Problem *const *)b;
  if (left->line != right->line)
    return left->line < right->line ? -1 : 1;
  if (left->column != right->column)
    return left->column < right->column ? -1 : 1;
  return strcmp(left->text, right->text);
}

bool reader_finish(Reader *reader, GError **error) {
  if (reader->problem_count == 0)
    return true;
  g_autoptr(GString) lines = g_string_new(NULL);
  const Problem *last = NULL;
  g_ptr_array_sort(reader->problems, compare_problems);
  for (guint i = 0; i < reader->problems->len; i++) {
    const Problem *problem = reader->problems->pdata[i];
    /* What an alias or `defaults` brings in twice is wrong once. */
    if (last != NULL && compare_problems(&last, &problem) == 0)
      continue;
    g_string_append_printf(lines, "%s%s:%u:%u: %s", last != NULL ? "\n" : "", reader->file, problem->line,
                           problem->column, problem->text);
    last = problem;
  }
  if (reader->problem_count > MOST_PROBLEMS)
    g_string_append_printf(lines, "\n%s: and %u more", reader->file, reader->problem_count - MOST_PROBLEMS);
  return fail(error, SLIPWAY_ERROR_CONFIG, "%s", lines->str);
}
