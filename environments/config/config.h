/* slipway.yml (design §3) as structs, ready to use: defaults filled in, each environment complete in itself.
 * All facts about a key (name, type, default, help) are one row in schema.c; parsing, checking, `slipway
 * config` and the help come from it. Everything here is owned by its Config and borrowed by others; read-only
 * after config_load. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum { HOST_KEYS_STRICT, HOST_KEYS_ACCEPT_NEW } HostKeyPolicy;
typedef enum { ON_FAILURE_RESTORE, ON_FAILURE_STOP } OnFailure;

/* What slipway.yml says of SSH for one host. Unset (NULL, 0) means: what `ssh -G` says, then OpenSSH's
 * default. */
typedef struct {
  char *user;
  guint port;
  char *key;         /* path, "~" expanded, relative to slipway.yml */
  bool agent;        /* default true: keys of $SSH_AUTH_SOCK are tried */
  char *known_hosts; /* path; NULL: the user's and the system's */
  HostKeyPolicy host_keys;
  gint64 connect_timeout_ms; /* default 10 s: TCP, handshake and authentication each */
  gint64 keepalive_ms;       /* default 5 s between keepalives; the link is dead after two unanswered */
} SshSettings;

typedef struct {
  char *name;    /* unique in the environment; what output and history say */
  char *address; /* NULL: this machine (`local`) */
  SshSettings ssh;
  char *engine; /* socket path on the host; NULL: the default (local: $DOCKER_HOST too) */
} HostConfig;

typedef struct {
  char *url;
  guint expect;         /* status; default 200 */
  bool from_controller; /* default false: seen from the host */
} HttpCheck;

typedef struct {
  gint64 deadline_ms; /* default 2m, from the container's start */
  gint64 settle_ms;   /* default 5s */
  guint restarts;     /* default 2: more than that fail at once */
  bool early;         /* default true: run the image's own check meanwhile */
  GPtrArray *http;    /* HttpCheck */
} HealthConfig;

typedef struct {
  guint canary;        /* hosts that go first, by themselves; default 0 */
  gint64 pause_ms;     /* between waves; default 0 */
  guint batch;         /* hosts at a time, when batch_percent is 0; default: all */
  guint batch_percent; /* 1..100, of all hosts, rounded up */
  OnFailure on_failure;
} RolloutConfig;

typedef struct {
  char *name;
  GPtrArray *command; /* char *: the argv, at least the program; relative to Config.directory */
  gint64 timeout_ms;  /* default 10m */
} TaskConfig;

/* Around each host, on the controller; TaskConfig, in the order they run. */
typedef struct {
  GPtrArray *before_host;
  GPtrArray *after_host;
} TasksConfig;

typedef struct {
  char *name, *value;
} NamedValue;

typedef struct {
  char *name;
  GPtrArray *hosts;     /* HostConfig, in the order of the file */
  GPtrArray *compose;   /* char *: paths relative to Config.directory, base files first */
  GPtrArray *variables; /* NamedValue, in the order of the file, defaults' first */
  HealthConfig health;
  RolloutConfig rollout;
  TasksConfig tasks;
  bool is_protected;
  guint retain; /* default 5 */
} Environment;

typedef struct {
  char *path;      /* as given */
  char *directory; /* absolute; relative paths of the file start here */
  char *app;
  GPtrArray *images;              /* NamedValue: name -> repository, in the order of the file */
  GPtrArray *pipeline;            /* char *: environment names in promotion order */
  char *history;                  /* absolute path, default filled in ($XDG_STATE_HOME/slipway/APP.db) */
  GPtrArray *insecure_registries; /* char *: host[:port] */
  GPtrArray *environments;        /* Environment, in the order of the file */
} Config;

void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/* SLIPWAY_ERROR_CONFIG: every error of the file at once, a line each, "file:line:column: what; what to do".
 */
bool config_load(const char *path, Config **config, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same from memory: `name` stands for the file in errors, `directory` for its place. */
bool config_parse(const char *name, const char *directory, const char *text, gsize length, Config **config,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* NULL when there is none; config_find_environment_or_fail is SLIPWAY_ERROR_USAGE with the nearest name and
 * the list. */
Environment *config_find_environment(const Config *config, const char *name);
bool config_require_environment(const Config *config, const char *name, Environment **environment,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The environment before `name` in the pipeline; NULL for the first and for those outside. */
const char *config_environment_before(const Config *config, const char *name);
bool config_is_in_pipeline(const Config *config, const char *name);

/* The effective configuration as YAML that config_parse reads back to the same structs; only `environment`
 * when it is not NULL (then `pipeline` holds just that one, if it is in it). Paths are written relative to
 * the directory where they are below it. Caller frees. */
char *config_to_yaml(const Config *config, const char *environment);
/* The same as JSON text, for `slipway config --json`. Caller frees. */
char *config_to_json(const Config *config, const char *environment);

/* One line a key, "key  type  default  help", generated from the schema rows: for `slipway config --keys` and
 * the man page. Caller frees. */
char *config_describe_keys(void);
