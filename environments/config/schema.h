/* How slipway.yml is declared: one SchemaKey row a key (schema.c). Reading (reader.c), defaults, `slipway
 * config` and the list of keys (writer.c) are derived from the rows:
 *
 *   {"port", &type_number, offsetof(SshSettings, port), .low = 1, .high = 65535, .help = "port of sshd"},
 *
 * Private to environments/config. */
#pragma once

#include <cjson/cJSON.h>

#include "environments/config/config.h"
#include "support/yaml.h"

#define MOST_ENTRIES      1000 /* of one list or mapping */
#define MOST_ENVIRONMENTS 100  /* each reads `defaults` again */

typedef struct KeyType KeyType;
typedef struct TextKind TextKind;
typedef struct Schema Schema;

typedef struct {
  const char *name;
  const KeyType *type;
  gsize offset;               /* of the field in the schema's struct */
  const char *default_text;   /* read like the file's own; NULL: unset, or empty */
  gint64 low, high;           /* numbers; durations in ms */
  const char *const *choices; /* in the order of the enum's values, NULL-terminated */
  const TextKind *text;       /* what the text, the list's texts or the mapping's values may be */
  const TextKind *name_text;  /* mappings: what the names may be */
  const Schema *section;      /* the keys below */
  bool is_required;
  bool is_folded; /* not written: its effect is in the environments or their hosts */
  const char *help;
} SchemaKey;

struct Schema {
  const SchemaKey *keys; /* ends with a row without name; read in this order */
  gsize size;            /* of the struct */
  GDestroyNotify free;   /* list entries */
};

/* A kind of text: a pattern (PCRE), or a function, or both. */
struct TextKind {
  const char *shown;    /* in the list of keys: "path" */
  const char *expected; /* in errors: "expected …" */
  const char *pattern;
  char *(*convert)(const char *text, const char *directory); /* NULL when wrong; owned by the caller */
  bool is_path;         /* absolute in the structs, written relative to the directory when below it */
  bool may_be_anything; /* empty, long, with newlines */
};

/* What reading one file needs to remember. */
typedef struct {
  const char *file, *directory;
  GPtrArray *problems;      /* Problem */
  guint problem_count;      /* those too many to keep, too */
  bool is_muted;            /* reading `defaults` again: its problems are known */
  const YamlNode *defaults; /* environment keys for all environments; NULL: none */
  const YamlNode *hosts; /* of the environment being read: they are made when its ssh and engine are known */
  GPtrArray *compose;    /* char *: the base files; borrowed from the RootDraft */
} Reader;

/* A type of key. `target` is the struct that the row's offset is in. */
struct KeyType {
  const char *shown; /* in the list of keys; NULL: the row tells */
  const char *below; /* between this key and those of its section there; NULL: not listed */
  void (*prepare)(const SchemaKey *row, void *target); /* NULL: nothing but the default */
  void (*read)(Reader *reader, const SchemaKey *row, const YamlNode *node, void *target);
  cJSON *(*write)(const SchemaKey *row, const void *target, const char *directory); /* NULL when unset */
};

/* Structs that hold what only the file has: base Compose files, and an environment's ssh and engine before
 * its hosts get them. */
typedef struct {
  Config config;      /* first: rows that are not folded serve for a Config too */
  GPtrArray *compose; /* char * */
} RootDraft;

typedef struct {
  Environment environment; /* first, likewise */
  SshSettings ssh;
  char *engine;
} EnvironmentDraft;

extern const Schema root_schema, environment_schema, host_schema, inventory_schema, ssh_schema, task_schema,
    secret_schema;

/* types.c */
extern const KeyType type_text, type_texts, type_text_or_texts, type_named_texts, type_number, type_boolean,
    type_duration, type_choice, type_either, type_command, type_section, type_sections;
/* places.c: types with rules of their own */
extern const KeyType type_defaults, type_environments, type_address, type_batch;
/* host_lists.c */
extern const KeyType type_hosts;
void hosts_make(Reader *reader, const YamlNode *node, EnvironmentDraft *draft);
/* rules.c: tasks, secrets and gates, with what is wrong although each key is right */
extern const KeyType type_tasks, type_secrets, type_requires;
/* What an environment refers to that is defined elsewhere in the file. `key`: its name's place. */
void rules_check_environment(Reader *reader, const Config *config, const Environment *environment,
                             const YamlNode *key);
/* texts.c */
extern const TextKind text_app, text_environment, text_name, text_repository, text_registry, text_path,
    text_compose_path, text_socket, text_user, text_host_name, text_variable, text_any_variable, text_value,
    text_url, text_project_path, text_service, text_artifact, text_window, text_region, text_tag, text_jumps,
    text_shell;
/* NULL when `text` is not of the kind. */
char *text_convert(const TextKind *kind, const char *text, const char *directory);

/* Sets every field of the struct to its default. */
void schema_prepare(const Schema *schema, void *target);
/* Reads the mapping over what is in the struct; unknown keys and wrong values are reported. */
void schema_read(Reader *reader, const Schema *schema, const YamlNode *mapping, void *target);
/* Reports required keys that are neither in `mapping` nor (when not NULL) in `fallback`, at the place of
 * `at`. */
void schema_require(Reader *reader, const Schema *schema, const YamlNode *mapping, const YamlNode *fallback,
                    const YamlNode *at);
cJSON *schema_to_json(const Schema *schema, const void *target, const char *directory);

void reader_report(Reader *reader, const YamlNode *at, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* "port: expected WHAT, not "x"". */
void reader_report_type(Reader *reader, const SchemaKey *row, const YamlNode *node, const char *expected);
/* The node is of this kind, has no tag of its own and, if a list or mapping, not too many entries; else
 * reported. */
bool reader_expect(Reader *reader, const SchemaKey *row, const YamlNode *node, YamlKind kind,
                   const char *expected);
/* Fails with all problems, a line each, in the order of the file; true when there are none. */
bool reader_finish(Reader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void named_value_free(NamedValue *value);
void environment_free(Environment *environment);
void http_check_free(HttpCheck *check);
void task_config_free(TaskConfig *task);
void inventory_config_free(InventoryConfig *inventory);
void secret_config_free(SecretConfig *secret);
void ssh_settings_clear(SshSettings *ssh);

/* Below `directory`: relative to it, else as it is. Caller frees. */
char *path_relative(const char *path, const char *directory);
