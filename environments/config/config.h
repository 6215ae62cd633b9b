/* slipway.yml (design §3) as structs, ready to use: defaults filled in, each environment complete in itself.
 * All facts about a key (name, type, default, help) are one row in schema.c; parsing, checking, `slipway
 * config` and the help come from it. Everything here is owned by its Config and borrowed by others; read-only
 * after config_load. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum { HOST_KEYS_STRICT, HOST_KEYS_ACCEPT_NEW } HostKeyPolicy;
typedef enum { ON_FAILURE_RESTORE, ON_FAILURE_STOP } OnFailure;
typedef enum {
  SSH_CLIENT_AUTO,    /* libssh2; the user's own `ssh` where libssh2 cannot do it, with a note */
  SSH_CLIENT_LIBSSH2, /* never the other */
  SSH_CLIENT_OPENSSH, /* the user's own `ssh` program: hardware keys, certificates, Kerberos */
} SshClient;
typedef enum { EC2_PRIVATE_ADDRESS, EC2_PUBLIC_ADDRESS, EC2_DNS_NAME } Ec2Address;
typedef enum { TASK_ON_ONE, TASK_ON_ALL } TaskHosts;

/* What slipway.yml says of SSH for one host. Unset (NULL, 0) means: what `ssh -G` says, then OpenSSH's
 * default. */
typedef struct {
  char *user;
  guint port;
  GPtrArray *keys;   /* char *: paths, "~" expanded, relative to slipway.yml; tried in order. Empty: unset */
  bool agent;        /* default true: keys of $SSH_AUTH_SOCK are tried */
  char *known_hosts; /* path; NULL: the user's and the system's */
  HostKeyPolicy host_keys;
  gint64 connect_timeout_ms; /* default 10 s: TCP, handshake and authentication each */
  gint64 keepalive_ms;       /* default 5 s between keepalives; the link is dead after two unanswered */
  char *proxy_jump;          /* [user@]host[:port], several with commas, as ssh_config(5); "none": not even
                                what ssh -G says */
  char *proxy_command;       /* for /bin/sh, its stdin and stdout are the connection; %h %p %r %n %% as
                                ssh_config(5); "none" likewise. Not beside proxy_jump */
  SshClient client;
} SshSettings;

typedef struct {
  char *name;    /* unique in the environment; what output and history say */
  char *address; /* NULL: this machine (`local`) */
  SshSettings ssh;
  char *engine; /* socket path on the host; NULL: the default (local: $DOCKER_HOST too) */
  char *id;     /* what the machine is, whatever its address: "i-0abc…"; NULL: the address is all there is.
                   known_hosts calls it that */
  GPtrArray *profiles; /* char *: Compose profiles that run there */
} HostConfig;

/* Where hosts come from that slipway.yml does not name: exactly one of ec2 and command is set. */
typedef struct {
  GPtrArray *regions; /* char *; empty: the AWS configuration's own */
  GPtrArray *tags;    /* NamedValue: all must be there; "*" and "?" as in EC2's filters */
  Ec2Address address; /* default private */
  char *profile;      /* of the AWS configuration; NULL: $AWS_PROFILE, default */
} Ec2Config;
typedef struct {
  Ec2Config ec2;      /* when command is empty */
  GPtrArray *command; /* char *: the argv; prints lines or JSON (inventory.h); relative to Config.directory */
  gint64 timeout_ms;  /* of the command; default 30s */
  HostConfig host;    /* ssh, engine and profiles of each of its hosts; name, address and id NULL */
  guint position;     /* it comes before the host with this index in Environment.hosts */
} InventoryConfig;

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

/* Both kinds: `service` NULL is one that runs on the controller. */
typedef struct {
  char *name;
  GPtrArray *command; /* char *: the argv, at least the program; on the controller relative to
                         Config.directory */
  gint64 timeout_ms;  /* default 10m */
  /* in a container only: */
  char *service;           /* whose image, variables, mounts and networks it gets */
  TaskHosts on;            /* default one: the first of the hosts that take part and run the service */
  GPtrArray *environments; /* char *: only there; empty: everywhere */
  GPtrArray *artifacts; /* char *: "PATH" or "PATH:DESTINATION": files or folders of the container, copied to
                           the controller also when it fails. PATH is relative to the container's working
                           folder, DESTINATION to Config.directory (default: PATH, when relative) */
  char *input;          /* `stdin:` path of a file that it reads; NULL: nothing */
} TaskConfig;

/* TaskConfig, in the order they run. */
typedef struct {
  GPtrArray *before_host; /* on the controller, around each host */
  GPtrArray *after_host;
  GPtrArray *before; /* once a deployment, in the new image, before any container changes */
  GPtrArray *verify; /* when all hosts are well; a failure puts everything back */
  GPtrArray *after;  /* when all is done; a failure is a warning */
  GPtrArray *run;    /* only by name: `slipway run ENV TASK` */
} TasksConfig;

/* Where a secret's value comes from; exactly one source. */
typedef enum { SECRET_FROM_ENV, SECRET_FROM_FILE, SECRET_FROM_COMMAND, SECRET_FROM_DOTENV } SecretSource;
typedef struct {
  char *name;         /* the variable's */
  char *env;          /* a variable of the controller's environment */
  char *file;         /* path; its content, less one final newline */
  GPtrArray *command; /* char *: argv; what it writes, less one final newline. With `dotenv`: decrypts it, the
                         file's path being its last argument */
  char *dotenv;       /* path of a file of NAME=VALUE lines */
  char *key;          /* the NAME there; NULL: the secret's own name */
  gint64 timeout_ms;  /* of the command; default 30s */
  char *mount;        /* name of a secret of the Compose files that this is the content of: a 0600 file on the
                         host, and no variable. NULL: a variable */
} SecretConfig;
SecretSource secret_source(const SecretConfig *secret);

typedef struct {
  bool has_requires;   /* said, or filled in: the environment before it in the pipeline */
  GPtrArray *requires; /* char *: environments in which a release must be verified */
  gint64 soak_ms;      /* for how long it must have been, in each of them */
  guint approvals;     /* by how many people */
  GPtrArray *window;   /* char *: "Mon-Fri 09:00-17:00 Europe/London" (window.h); empty: always */
  GPtrArray *command;  /* char *: argv; gets the plan as JSON, exit status 0 lets it pass */
  gint64 timeout_ms;   /* of the command; default 1m */
} GatesConfig;

typedef struct {
  char *name, *value;
} NamedValue;

typedef struct {
  char *name;
  GPtrArray *hosts;       /* HostConfig, in the order of the file; those of inventories once inventory_resolve
                             (environments/inventory/inventory.h) has asked */
  GPtrArray *inventories; /* InventoryConfig, in the order of the file; empty: all hosts are named */
  guint max_hosts;        /* more than these from inventories are an error; default 100 */
  GPtrArray *compose;     /* char *: paths relative to Config.directory, base files first */
  GPtrArray *files;       /* char *: files and folders to upload besides what Compose names, likewise */
  GPtrArray *variables;   /* NamedValue, in the order of the file, defaults' first; as written, references to
                             other values in them (variables.h) are not followed yet */
  GPtrArray *secrets;     /* SecretConfig, likewise */
  HealthConfig health;
  RolloutConfig rollout;
  TasksConfig tasks;
  GatesConfig gates;
  bool is_protected;
  bool is_ephemeral; /* lives for one deployment: torn down, volumes too, whatever happens */
  guint retain;      /* default 5 */
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
/* NULL when it has none of that name. */
const HostConfig *environment_find_host(const Environment *environment, const char *name);
/* What --host names. SLIPWAY_ERROR_USAGE with the names that there are. */
bool environment_require_host(const Environment *environment, const char *name,
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

/* ---- hosts that slipway.yml does not name (environments/inventory) are held to what it may say of one ----
 */

/* "user@host:port", "[::1]:22", "host" -> parts; user NULL and port 0 when not written. False when malformed.
 */
bool address_split(const char *text, char **user, char **host, guint *port) G_GNUC_WARN_UNUSED_RESULT;
typedef enum { HOST_TEXT_NAME, HOST_TEXT_USER, HOST_TEXT_PROFILE, HOST_TEXT_REGION } HostText;
bool host_text_is_valid(HostText kind, const char *text);
/* For "expected …". */
const char *host_text_expected(HostText kind);
/* All of it. Caller frees. */
HostConfig *host_config_copy(const HostConfig *host);
void host_config_free(HostConfig *host);

/* One line a key, "key  type  default  help", generated from the schema rows: for `slipway config --keys` and
 * the man page. Caller frees. */
char *config_describe_keys(void);
