/* The types a key may have: how each is read into its field and written from it. */
#include <string.h>

#include "environments/config/schema.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

#define FIELD(type, target, row)       ((type *)(void *)((char *)(target) + (row)->offset))
#define CONST_FIELD(type, target, row) ((const type *)(const void *)((const char *)(target) + (row)->offset))

static void prepare_list(const SchemaKey *row, void *target) {
  *FIELD(GPtrArray *, target, row) = g_ptr_array_new_with_free_func(g_free);
}

/* The scalar's text as the row's kind of text; NULL when it is none (reported). */
static char *read_kind(Reader *reader, const SchemaKey *row, const TextKind *kind, const YamlNode *node) {
  if (!reader_expect(reader, row, node, YAML_SCALAR, kind->expected))
    return NULL;
  char *text = text_convert(kind, node->text, reader->directory);
  if (text == NULL)
    reader_report_type(reader, row, node, kind->expected);
  return text;
}

static cJSON *write_kind(const TextKind *kind, const char *text, const char *directory) {
  g_autofree char *shown = kind->is_path ? path_relative(text, directory) : g_strdup(text);
  return cJSON_CreateString(shown);
}

static void read_text(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  char *text = read_kind(reader, row, row->text, node);
  if (text == NULL)
    return;
  g_free(*FIELD(char *, target, row));
  *FIELD(char *, target, row) = text;
}

static cJSON *write_text(const SchemaKey *row, const void *target, const char *directory) {
  const char *text = *CONST_FIELD(char *, target, row);
  return text != NULL ? write_kind(row->text, text, directory) : NULL;
}

const KeyType type_text = {.read = read_text, .write = write_text};

/* A wrong entry still counts as one: that a list is empty must not be a second problem. */
static void add_kind(Reader *reader, const SchemaKey *row, const YamlNode *node, GPtrArray *texts) {
  char *text = read_kind(reader, row, row->text, node);
  g_ptr_array_add(texts, text != NULL ? text : g_strdup(""));
}

/* A list replaces what was there: an environment's the one of `defaults`. */
static void read_texts(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  GPtrArray *texts = *FIELD(GPtrArray *, target, row);
  if (!reader_expect(reader, row, node, YAML_SEQUENCE, "a list"))
    return;
  g_ptr_array_set_size(texts, 0);
  for (guint i = 0; i < node->items->len; i++)
    add_kind(reader, row, node->items->pdata[i], texts);
}

static void read_text_or_texts(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  GPtrArray *texts = *FIELD(GPtrArray *, target, row);
  if (node->kind == YAML_SEQUENCE) {
    read_texts(reader, row, node, target);
    return;
  }
  g_ptr_array_set_size(texts, 0);
  add_kind(reader, row, node, texts);
}

static cJSON *write_texts(const SchemaKey *row, const void *target, const char *directory) {
  const GPtrArray *texts = *CONST_FIELD(GPtrArray *, target, row);
  cJSON *list = cJSON_CreateArray();
  for (guint i = 0; i < texts->len; i++)
    cJSON_AddItemToArray(list, write_kind(row->text, texts->pdata[i], directory));
  return list;
}

const KeyType type_texts = {
    .shown = "list", .prepare = prepare_list, .read = read_texts, .write = write_texts};
const KeyType type_text_or_texts = {
    .shown = "one or a list", .prepare = prepare_list, .read = read_text_or_texts, .write = write_texts};

static void read_command(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  read_texts(reader, row, node, target);
  if (node->kind != YAML_SEQUENCE)
    return;
  const YamlNode *program = node->items->len > 0 ? node->items->pdata[0] : NULL;
  bool is_empty =
      program == NULL || (program->kind == YAML_SCALAR && !program->plain && *program->text == '\0');
  if (is_empty)
    reader_report(reader, node, "%s: it names no program", row->name);
}

static cJSON *write_command(const SchemaKey *row, const void *target, const char *directory) {
  return (*CONST_FIELD(GPtrArray *, target, row))->len > 0 ? write_texts(row, target, directory) : NULL;
}

/* Texts of which the first is a program. */
const KeyType type_command = {
    .shown = "list", .prepare = prepare_list, .read = read_command, .write = write_command};

static void prepare_named_texts(const SchemaKey *row, void *target) {
  *FIELD(GPtrArray *, target, row) = g_ptr_array_new_with_free_func((GDestroyNotify)named_value_free);
}

/* Replaces the value among the first `count`, or adds one. Takes `value`. */
static void set_named(GPtrArray *values, guint count, const char *name, char *value) {
  for (guint i = 0; i < count; i++) {
    NamedValue *there = values->pdata[i];
    if (strcmp(there->name, name) == 0) {
      g_free(there->value);
      there->value = value;
      return;
    }
  }
  NamedValue *added = g_new0(NamedValue, 1);
  added->name = g_strdup(name);
  added->value = value;
  g_ptr_array_add(values, added);
}

/* Name by name over what was there: an environment's over those of `defaults`. */
static void read_named_texts(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  GPtrArray *values = *FIELD(GPtrArray *, target, row);
  if (yaml_is_null(node) || !reader_expect(reader, row, node, YAML_MAPPING, "a mapping of names to values"))
    return;
  guint count = values->len; /* a mapping's own names are all different: compare with what was there only */
  for (guint i = 0; i < node->items->len; i++) {
    const YamlNode *key = node->keys->pdata[i];
    g_autofree char *name = text_convert(row->name_text, key->text, reader->directory);
    if (name == NULL)
      reader_report_type(reader, row, key, row->name_text->expected);
    char *value = read_kind(reader, row, row->text, node->items->pdata[i]);
    if (name != NULL && value != NULL)
      set_named(values, count, name, value);
    else
      g_free(value);
  }
}

static cJSON *write_named_texts(const SchemaKey *row, const void *target, const char *directory) {
  const GPtrArray *values = *CONST_FIELD(GPtrArray *, target, row);
  cJSON *mapping = cJSON_CreateObject();
  for (guint i = 0; i < values->len; i++) {
    const NamedValue *value = values->pdata[i];
    cJSON_AddItemToObject(mapping, value->name, write_kind(row->text, value->value, directory));
  }
  return mapping;
}

const KeyType type_named_texts = {
    .shown = "mapping", .prepare = prepare_named_texts, .read = read_named_texts, .write = write_named_texts};

static void read_number(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  g_autofree char *expected =
      g_strdup_printf("a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, row->low, row->high);
  gint64 number = 0;
  if (!reader_expect(reader, row, node, YAML_SCALAR, expected))
    return;
  /* 022 is 18 for YAML 1.1 and 22 for YAML 1.2: neither is a guess worth making. */
  bool is_octal = node->text[0] == '0' && node->text[1] != '\0';
  if (!node->plain || is_octal || !number_parse(node->text, row->low, row->high, &number))
    reader_report_type(reader, row, node, expected);
  else
    *FIELD(guint, target, row) = (guint)number;
}

static cJSON *write_number(const SchemaKey *row, const void *target, const char *directory) {
  (void)directory;
  guint number = *CONST_FIELD(guint, target, row);
  bool is_unset = number == 0 && row->low > 0;
  return is_unset ? NULL : cJSON_CreateNumber(number);
}

const KeyType type_number = {.shown = "number", .read = read_number, .write = write_number};

static void read_boolean(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  if (reader_expect(reader, row, node, YAML_SCALAR, "true or false") &&
      !yaml_boolean(node, FIELD(bool, target, row)))
    reader_report_type(reader, row, node, "true or false");
}

static cJSON *write_boolean(const SchemaKey *row, const void *target, const char *directory) {
  (void)directory;
  return cJSON_CreateBool(*CONST_FIELD(bool, target, row));
}

const KeyType type_boolean = {.shown = "true|false", .read = read_boolean, .write = write_boolean};

static void read_duration(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  g_autofree char *low = duration_format(row->low), *high = duration_format(row->high);
  g_autofree char *expected = g_strdup_printf("a duration such as 90s or 1h30m, from %s to %s", low, high);
  gint64 duration = 0;
  if (!reader_expect(reader, row, node, YAML_SCALAR, expected))
    return;
  if (!duration_parse(node->text, &duration) || duration < row->low || duration > row->high)
    reader_report_type(reader, row, node, expected);
  else
    *FIELD(gint64, target, row) = duration;
}

static cJSON *write_duration(const SchemaKey *row, const void *target, const char *directory) {
  (void)directory;
  g_autofree char *text = duration_format(*CONST_FIELD(gint64, target, row));
  return cJSON_CreateString(text);
}

const KeyType type_duration = {.shown = "duration", .read = read_duration, .write = write_duration};

/* The index of the row's choice that stands there; false when none does (reported). */
static bool read_index(Reader *reader, const SchemaKey *row, const YamlNode *node, guint *index) {
  g_autofree char *list = g_strjoinv(" or ", (char **)row->choices);
  if (!reader_expect(reader, row, node, YAML_SCALAR, list))
    return false;
  for (guint i = 0; row->choices[i] != NULL; i++) {
    if (strcmp(row->choices[i], node->text) == 0) {
      *index = i;
      return true;
    }
  }
  reader_report_type(reader, row, node, list);
  return false;
}

static void read_choice(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  guint index = 0;
  if (read_index(reader, row, node, &index))
    *FIELD(guint, target, row) = index;
}

static cJSON *write_choice(const SchemaKey *row, const void *target, const char *directory) {
  (void)directory;
  return cJSON_CreateString(row->choices[*CONST_FIELD(guint, target, row)]);
}

/* An enum whose values index the choices. */
const KeyType type_choice = {.read = read_choice, .write = write_choice};
G_STATIC_ASSERT(sizeof(HostKeyPolicy) == sizeof(guint) && sizeof(OnFailure) == sizeof(guint));

static void read_either(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  guint index = 0;
  if (read_index(reader, row, node, &index))
    *FIELD(bool, target, row) = index == 1;
}

static cJSON *write_either(const SchemaKey *row, const void *target, const char *directory) {
  (void)directory;
  return cJSON_CreateString(row->choices[*CONST_FIELD(bool, target, row) ? 1 : 0]);
}

/* A bool: the second of two choices is true. */
const KeyType type_either = {.read = read_either, .write = write_either};

static void prepare_section(const SchemaKey *row, void *target) {
  schema_prepare(row->section, FIELD(void, target, row));
}

/* Key by key over what was there. `health:` with nothing below it says nothing. */
static void read_section(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  if (!yaml_is_null(node) && reader_expect(reader, row, node, YAML_MAPPING, "a mapping"))
    schema_read(reader, row->section, node, FIELD(void, target, row));
}

static cJSON *write_section(const SchemaKey *row, const void *target, const char *directory) {
  return schema_to_json(row->section, CONST_FIELD(void, target, row), directory);
}

const KeyType type_section = {.shown = "mapping",
                              .below = ".",
                              .prepare = prepare_section,
                              .read = read_section,
                              .write = write_section};

static void prepare_sections(const SchemaKey *row, void *target) {
  *FIELD(GPtrArray *, target, row) = g_ptr_array_new_with_free_func(row->section->free);
}

static void read_sections(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target) {
  GPtrArray *entries = *FIELD(GPtrArray *, target, row);
  if (!reader_expect(reader, row, node, YAML_SEQUENCE, "a list of mappings"))
    return;
  g_ptr_array_set_size(entries, 0);
  for (guint i = 0; i < node->items->len; i++) {
    const YamlNode *item = node->items->pdata[i];
    if (!reader_expect(reader, row, item, YAML_MAPPING, "a mapping"))
      continue;
    void *entry = g_malloc0(row->section->size);
    g_ptr_array_add(entries, entry);
    schema_prepare(row->section, entry);
    schema_read(reader, row->section, item, entry);
    schema_require(reader, row->section, item, NULL, item);
  }
}

static cJSON *write_sections(const SchemaKey *row, const void *target, const char *directory) {
  const GPtrArray *entries = *CONST_FIELD(GPtrArray *, target, row);
  cJSON *list = cJSON_CreateArray();
  for (guint i = 0; i < entries->len; i++)
    cJSON_AddItemToArray(list, schema_to_json(row->section, entries->pdata[i], directory));
  return list;
}

const KeyType type_sections = {.shown = "list",
                               .below = "[].",
                               .prepare = prepare_sections,
                               .read = read_sections,
                               .write = write_sections};
