/* YAML events into a tree with positions. Hostile text is stopped by the caps below before it costs time or
 * memory. */
#include "support/yaml.h"

#include <string.h>
#include <yaml.h>

#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

#define LARGEST_TEXT    (1 << 20)
#define MOST_NODES      100000
#define DEEPEST_LEVEL   64
#define MOST_DIRECTIVES 4  /* libyaml compares each %TAG with all before it */
#define MOST_DUPLICATES 20 /* reported, of those in one file */

/* What an alias stands for counts again wherever it is used, so each node knows its size and height. */
typedef struct {
  YamlNode node; /* first, so that a YamlNode in the tree is its BuiltNode */
  guint weight;  /* nodes in it, itself included, aliases followed */
  guint height;  /* levels in it, itself included */
  bool is_open;  /* its end was not seen yet: an alias to it would be a cycle */
  YamlNode *key; /* mapping, while open: a key that waits for its value */
} BuiltNode;

typedef struct {
  YamlDocument *document;
  GPtrArray *open;     /* BuiltNode: from the root down to where the next node goes */
  GHashTable *anchors; /* name -> BuiltNode */
  guint weight;        /* of all finished nodes, aliases followed */
} Builder;

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(yaml_parser_t, yaml_parser_delete)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(yaml_event_t, yaml_event_delete)

static void builder_clear(Builder *builder) {
  g_ptr_array_unref(builder->open);
  g_hash_table_unref(builder->anchors);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Builder, builder_clear)

static void node_free(gpointer pointer) {
  YamlNode *node = pointer;
  g_free(node->text);
  g_free(node->tag);
  g_clear_pointer(&node->items, g_ptr_array_unref);
  g_clear_pointer(&node->keys, g_ptr_array_unref);
  g_free(node);
}

static YamlDocument *document_new(const char *file) {
  YamlDocument *document = g_new0(YamlDocument, 1);
  document->file = g_strdup(file);
  document->nodes = g_ptr_array_new_with_free_func(node_free);
  document->duplicates = g_ptr_array_new_with_free_func(g_free);
  return document;
}

void yaml_document_free(YamlDocument *document) {
  if (document == NULL)
    return;
  g_free(document->file);
  g_ptr_array_unref(document->nodes);
  g_ptr_array_unref(document->duplicates);
  g_free(document);
}

static bool fail_at(const Builder *builder, yaml_mark_t mark, GError **error, const char *message) {
  return fail(error, SLIPWAY_ERROR_CONFIG, "%s:%zu:%zu: %s", builder->document->file, mark.line + 1,
              mark.column + 1, message);
}

static BuiltNode *node_new(Builder *builder, YamlKind kind, yaml_mark_t mark, const yaml_char_t *tag) {
  BuiltNode *built = g_new0(BuiltNode, 1);
  built->node.kind = kind;
  built->node.line = (guint)mark.line + 1;
  built->node.column = (guint)mark.column + 1;
  built->node.tag = g_strdup((const char *)tag);
  built->weight = built->height = 1;
  if (kind != YAML_SCALAR)
    built->node.items = g_ptr_array_new();
  if (kind == YAML_MAPPING)
    built->node.keys = g_ptr_array_new();
  g_ptr_array_add(builder->document->nodes, built);
  return built;
}

static void grow(BuiltNode *parent, const BuiltNode *child) {
  parent->weight += child->weight;
  parent->height = MAX(parent->height, child->height + 1);
}

/* Puts a finished node (or, through an alias, one from elsewhere) where the text has it. */
static bool attach(Builder *builder, BuiltNode *built, yaml_mark_t mark, GError **error) {
  builder->weight += built->weight;
  if (builder->weight > MOST_NODES)
    return fail_at(builder, mark, error, "more than 100,000 values (aliases count wherever they are used)");
  if (builder->open->len + built->height > DEEPEST_LEVEL)
    return fail_at(builder, mark, error, "nested more than 64 levels deep");
  if (builder->open->len == 0) {
    builder->document->root = &built->node;
    return true;
  }
  BuiltNode *parent = builder->open->pdata[builder->open->len - 1];
  grow(parent, built);
  if (parent->node.kind == YAML_SEQUENCE) {
    g_ptr_array_add(parent->node.items, &built->node);
  } else if (parent->key == NULL) {
    if (built->node.kind != YAML_SCALAR)
      return fail_at(builder, mark, error, "a key must be a plain word, not a list or mapping");
    parent->key = &built->node;
  } else {
    g_ptr_array_add(parent->node.keys, g_steal_pointer(&parent->key));
    g_ptr_array_add(parent->node.items, &built->node);
  }
  return true;
}

static void note_duplicate(Builder *builder, const YamlNode *key, const YamlNode *first) {
  YamlDuplicate *duplicate = g_new0(YamlDuplicate, 1);
  *duplicate = (YamlDuplicate){.key = key, .first = first};
  g_ptr_array_add(builder->document->duplicates, duplicate);
}

static bool is_merge_key(const YamlNode *key) {
  return key->plain && strcmp(key->text, "<<") == 0;
}

/* Adds what `source` has and the mapping does not have yet. */
static bool merge_one(Builder *builder, BuiltNode *mapping, GHashTable *seen, const YamlNode *source) {
  for (guint i = 0; i < source->keys->len; i++) {
    YamlNode *key = source->keys->pdata[i], *value = source->items->pdata[i];
    if (!g_hash_table_insert(seen, key->text, key))
      continue;
    g_ptr_array_add(mapping->node.keys, key);
    g_ptr_array_add(mapping->node.items, value);
    mapping->weight += 1 + ((BuiltNode *)value)->weight;
    builder->weight += 1 + ((BuiltNode *)value)->weight;
    if (builder->weight > MOST_NODES)
      return false;
  }
  return true;
}

/* The value of "<<": a mapping, or a list of mappings, of which the earlier ones win. */
static bool merge(Builder *builder, BuiltNode *mapping, GHashTable *seen, const YamlNode *value,
                  GError **error) {
  const yaml_mark_t mark = {.line = value->line - 1, .column = value->column - 1};
  guint count = value->kind == YAML_SEQUENCE ? value->items->len : 1;
  for (guint i = 0; i < count; i++) {
    const YamlNode *source = value->kind == YAML_SEQUENCE ? value->items->pdata[i] : value;
    if (source->kind != YAML_MAPPING)
      return fail_at(builder, mark, error, "what \"<<\" merges must be a mapping or a list of mappings");
    if (!merge_one(builder, mapping, seen, source))
      return fail_at(builder, mark, error, "more than 100,000 values (aliases count wherever they are used)");
  }
  return true;
}

/* At a mapping's end: finds duplicate keys and replaces "<<" by what it merges; own keys win over merged
 * ones. */
static bool finish_mapping(Builder *builder, BuiltNode *mapping, GError **error) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  g_autoptr(GPtrArray) keys = g_steal_pointer(&mapping->node.keys),
                       items = g_steal_pointer(&mapping->node.items);
  const YamlNode *merged = NULL;
  mapping->node.keys = g_ptr_array_new();
  mapping->node.items = g_ptr_array_new();
  for (guint i = 0; i < keys->len; i++) {
    YamlNode *key = keys->pdata[i];
    YamlNode *first = g_hash_table_lookup(seen, key->text);
    if (first != NULL) {
      note_duplicate(builder, key, first);
      continue;
    }
    g_hash_table_insert(seen, key->text, key);
    if (is_merge_key(key)) {
      merged = items->pdata[i];
      continue;
    }
    g_ptr_array_add(mapping->node.keys, key);
    g_ptr_array_add(mapping->node.items, items->pdata[i]);
  }
  return merged == NULL || merge(builder, mapping, seen, merged, error);
}

static void remember_anchor(Builder *builder, const yaml_char_t *anchor, BuiltNode *built) {
  if (anchor != NULL)
    g_hash_table_insert(builder->anchors, g_strdup((const char *)anchor), built);
}

static bool add_scalar(Builder *builder, const yaml_event_t *event, GError **error) {
  BuiltNode *built = node_new(builder, YAML_SCALAR, event->start_mark, event->data.scalar.tag);
  built->node.text = g_strndup((const char *)event->data.scalar.value, event->data.scalar.length);
  built->node.plain =
      event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && event->data.scalar.plain_implicit;
  /* "\0" in double quotes: nothing that reads C strings could tell it from the end. */
  if (strlen(built->node.text) != event->data.scalar.length)
    return fail_at(builder, event->start_mark, error, "a NUL character in a value");
  remember_anchor(builder, event->data.scalar.anchor, built);
  return attach(builder, built, event->start_mark, error);
}

static bool add_alias(Builder *builder, const yaml_event_t *event, GError **error) {
  BuiltNode *built = g_hash_table_lookup(builder->anchors, event->data.alias.anchor);
  if (built == NULL)
    return fail_at(builder, event->start_mark, error, "alias without an anchor of that name before it");
  if (built->is_open)
    return fail_at(builder, event->start_mark, error, "an alias inside of what it stands for");
  return attach(builder, built, event->start_mark, error);
}

static bool open_node(Builder *builder, YamlKind kind, const yaml_event_t *event, GError **error) {
  const yaml_char_t *tag =
      kind == YAML_MAPPING ? event->data.mapping_start.tag : event->data.sequence_start.tag;
  const yaml_char_t *anchor =
      kind == YAML_MAPPING ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
  if (builder->open->len >= DEEPEST_LEVEL)
    return fail_at(builder, event->start_mark, error, "nested more than 64 levels deep");
  BuiltNode *built = node_new(builder, kind, event->start_mark, tag);
  built->is_open = true;
  remember_anchor(builder, anchor, built);
  g_ptr_array_add(builder->open, built);
  return true;
}

static bool close_node(Builder *builder, GError **error) {
  BuiltNode *built = g_ptr_array_steal_index(builder->open, builder->open->len - 1);
  const yaml_mark_t mark = {.line = built->node.line - 1, .column = built->node.column - 1};
  built->is_open = false;
  if (built->node.kind == YAML_MAPPING && !finish_mapping(builder, built, error))
    return false;
  builder->weight -= built->weight - 1; /* its parts were counted as they came, and come again with it */
  return attach(builder, built, mark, error);
}

static bool start_document(Builder *builder, const yaml_event_t *event, GError **error) {
  if (event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
    return fail_at(builder, event->start_mark, error, "%TAG directives are not supported");
  if (builder->document->nodes->len > 0)
    return fail_at(builder, event->start_mark, error, "a second document; only one is read");
  return true;
}

static bool take_event(Builder *builder, const yaml_event_t *event, GError **error) {
  switch (event->type) {
  case YAML_DOCUMENT_START_EVENT:
    return start_document(builder, event, error);
  case YAML_SCALAR_EVENT:
    return add_scalar(builder, event, error);
  case YAML_ALIAS_EVENT:
    return add_alias(builder, event, error);
  case YAML_SEQUENCE_START_EVENT:
    return open_node(builder, YAML_SEQUENCE, event, error);
  case YAML_MAPPING_START_EVENT:
    return open_node(builder, YAML_MAPPING, event, error);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    return close_node(builder, error);
  default:
    return true;
  }
}

/* Line and column of a byte, for what is found before libyaml looks at the text. */
static yaml_mark_t mark_of(const char *text, gsize offset) {
  yaml_mark_t mark = {0};
  for (gsize i = 0; i < offset; i++) {
    if (text[i] == '\n') {
      mark.line++;
      mark.column = 0;
    } else if (((guchar)text[i] & 0xC0) != 0x80) {
      mark.column++;
    }
  }
  return mark;
}

static bool has_too_many_directives(const char *text, gsize length, gsize *offset) {
  guint count = 0;
  for (gsize i = 0; i < length; i++) {
    if (text[i] == '%' && (i == 0 || text[i - 1] == '\n' || text[i - 1] == '\r') &&
        ++count > MOST_DIRECTIVES) {
      *offset = i;
      return true;
    }
  }
  return false;
}

static bool check_text(const Builder *builder, const char *text, gsize length, GError **error) {
  const char *invalid = NULL;
  gsize offset = 0;
  if (length > LARGEST_TEXT)
    return fail_at(builder, (yaml_mark_t){0}, error, "larger than 1 MiB");
  /* With a length, NUL bytes are invalid too. */
  if (!g_utf8_validate(text, (gssize)length, &invalid))
    return fail_at(builder, mark_of(text, (gsize)(invalid - text)), error,
                   *invalid == '\0' ? "a NUL byte; this is no text file" : "not UTF-8");
  if (has_too_many_directives(text, length, &offset))
    return fail_at(builder, mark_of(text, offset), error, "too many directives (lines that begin with %)");
  return true;
}

static bool fail_parser(const Builder *builder, const yaml_parser_t *parser, const char *text, gsize length,
                        GError **error) {
  yaml_mark_t mark = parser->problem_mark;
  if (parser->error == YAML_READER_ERROR) /* it knows the byte only */
    mark = mark_of(text, MIN(parser->problem_offset, length));
  g_autofree char *message =
      g_strconcat("not YAML: ", parser->problem != NULL ? parser->problem : "cannot be read",
                  parser->context != NULL ? " " : "", parser->context, NULL);
  return fail_at(builder, mark, error, message);
}

static bool parse_events(Builder *builder, const char *text, gsize length, GError **error) {
  g_auto(yaml_parser_t) parser;
  if (yaml_parser_initialize(&parser) == 0)
    g_error("libyaml: out of memory");
  yaml_parser_set_input_string(&parser, (const guchar *)text, length);
  for (bool is_done = false; !is_done;) {
    g_auto(yaml_event_t) event = {0};
    if (yaml_parser_parse(&parser, &event) == 0)
      return fail_parser(builder, &parser, text, length, error);
    if (!take_event(builder, &event, error))
      return false;
    is_done = event.type == YAML_STREAM_END_EVENT;
  }
  return true;
}

bool yaml_parse_noting_duplicates(const char *file, const char *text, gsize length, YamlDocument **document,
                                  GError **error) {
  g_autoptr(YamlDocument) parsed = document_new(file);
  g_auto(Builder) builder = {
      .document = parsed,
      .open = g_ptr_array_new(),
      .anchors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
  };
  if (!check_text(&builder, text, length, error) || !parse_events(&builder, text, length, error))
    return false; /* NOLINT(clang-analyzer-unix.Malloc): clang 14 does not know the cleanup attribute */
  *document = g_steal_pointer(&parsed);
  return true;
}

static bool fail_duplicates(const YamlDocument *document, GError **error) {
  g_autoptr(GString) lines = g_string_new(NULL);
  guint count = document->duplicates->len;
  for (guint i = 0; i < MIN(count, MOST_DUPLICATES); i++) {
    const YamlDuplicate *duplicate = document->duplicates->pdata[i];
    g_autofree char *shown = text_printable(duplicate->key->text, false);
    g_string_append_printf(lines, "%s%s:%u:%u: duplicate key \"%.80s\"; it is already at line %u",
                           i > 0 ? "\n" : "", document->file, duplicate->key->line, duplicate->key->column,
                           shown, duplicate->first->line);
  }
  if (count > MOST_DUPLICATES)
    g_string_append_printf(lines, "\n%s: and %u more duplicate keys", document->file,
                           count - MOST_DUPLICATES);
  return fail(error, SLIPWAY_ERROR_CONFIG, "%s", lines->str);
}

bool yaml_parse(const char *file, const char *text, gsize length, YamlDocument **document, GError **error) {
  g_autoptr(YamlDocument) parsed = NULL;
  if (!yaml_parse_noting_duplicates(file, text, length, &parsed, error))
    return false;
  if (parsed->duplicates->len > 0)
    return fail_duplicates(parsed, error); /* NOLINT(clang-analyzer-unix.Malloc): likewise */
  *document = g_steal_pointer(&parsed);
  return true;
}

YamlNode *yaml_get(const YamlNode *mapping, const char *key) {
  for (guint i = 0; mapping != NULL && mapping->kind == YAML_MAPPING && i < mapping->keys->len; i++)
    if (strcmp(((YamlNode *)mapping->keys->pdata[i])->text, key) == 0)
      return mapping->items->pdata[i];
  return NULL;
}

static bool is_one_of(const char *text, const char *const *words) {
  return g_strv_contains(words, text);
}

bool yaml_is_null(const YamlNode *node) {
  static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
  return node == NULL || (node->kind == YAML_SCALAR && node->plain && is_one_of(node->text, words));
}

bool yaml_boolean(const YamlNode *node, bool *value) {
  static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL};
  static const char *const no[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL};
  if (node == NULL || node->kind != YAML_SCALAR || !node->plain)
    return false;
  bool is_yes = is_one_of(node->text, yes);
  if (!is_yes && !is_one_of(node->text, no))
    return false;
  *value = is_yes;
  return true;
}

/* Begins like a word, has nothing that YAML gives a meaning, and is none of YAML 1.1's special words. */
static bool is_safe_plain(const char *text) {
  static const char *const special[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", NULL};
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./@+-";
  g_autofree char *lower = g_ascii_strdown(text, -1);
  return (g_ascii_isalpha(*text) || *text == '/') && text[strspn(text, safe)] == '\0' &&
         !is_one_of(lower, special);
}

static void append_escaped(GString *quoted, gunichar character) {
  static const char with_backslash[] = "\"\\";
  if (character < 0x80 && strchr(with_backslash, (int)character) != NULL)
    g_string_append_printf(quoted, "\\%c", (char)character);
  else if (character == '\n')
    g_string_append(quoted, "\\n");
  else if (character == '\t')
    g_string_append(quoted, "\\t");
  else if (character == 0xFEFF || character == 0xFFFE || character == 0xFFFF || character == 0x2028 ||
           character == 0x2029 || g_unichar_iscntrl(character))
    g_string_append_printf(quoted, "\\u%04X", character);
  else
    g_string_append_unichar(quoted, character);
}

char *yaml_quote(const char *text) {
  if (is_safe_plain(text))
    return g_strdup(text);
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *quoted = g_string_new("\"");
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at))
    append_escaped(quoted, g_utf8_get_char(at));
  g_string_append_c(quoted, '"');
  return g_string_free(quoted, FALSE);
}
