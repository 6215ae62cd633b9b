/* YAML 1.1 (libyaml's) into a tree that remembers where each node stands. Hostile input is refused fast: at
 * most 1 MiB of text, 100,000 nodes after aliases are followed, 64 levels deep, no NUL bytes, no recursive
 * aliases. Merge keys ("<<") are resolved: own keys first, then the merged ones. An aliased node is one node
 * in several places, so positions are those of the anchor. A duplicate key is an error at the second one. One
 * document a file. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING } YamlKind;

typedef struct YamlNode YamlNode;
struct YamlNode {
  YamlKind kind;
  guint line, column; /* 1-based; of the node's first character (of a block mapping: its first key's) */
  char *tag;          /* as resolved ("!reset", "tag:yaml.org,2002:str"), NULL when none is written */
  char *text;         /* scalar */
  bool plain;       /* scalar: written without quotes or tag (so "true", "8" and "null" mean what they say) */
  GPtrArray *items; /* sequence: YamlNode; mapping: values, in order */
  GPtrArray *keys;  /* mapping: YamlNode (scalars), as many as items */
};

typedef struct {
  const YamlNode *key, *first; /* the key that is there again, and the one that counts */
} YamlDuplicate;

typedef struct {
  char *file;            /* as named in errors */
  YamlNode *root;        /* NULL for an empty document */
  GPtrArray *nodes;      /* owns all nodes */
  GPtrArray *duplicates; /* YamlDuplicate, in the order of the file */
} YamlDocument;

void yaml_document_free(YamlDocument *document);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YamlDocument, yaml_document_free)

/* Errors are "file:line:column: …", SLIPWAY_ERROR_CONFIG. Duplicate keys are all reported in one error, a
 * line each. */
bool yaml_parse(const char *file, const char *text, gsize length, YamlDocument **document,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, but duplicate keys are no failure: each is left out of the tree and put in document->duplicates,
 * for a caller that reports them together with other errors. */
bool yaml_parse_noting_duplicates(const char *file, const char *text, gsize length, YamlDocument **document,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* NULL when absent or `mapping` is no mapping. Borrowed. */
YamlNode *yaml_get(const YamlNode *mapping, const char *key);
bool yaml_is_null(const YamlNode *node); /* NULL, or plain "", "~", "null" */
/* Plain true/false in YAML 1.1's spellings (true, yes, on, …). */
bool yaml_boolean(const YamlNode *node, bool *value) G_GNUC_WARN_UNUSED_RESULT;

/* Writing: `text` as a YAML scalar that any YAML 1.1 or 1.2 reader gives back as this string, quoted where
 * needed. Caller frees. */
char *yaml_quote(const char *text);
