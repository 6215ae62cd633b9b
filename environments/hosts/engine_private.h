/* What the engine_*.c files share: one way to ask, and the parsers of what is answered (tested on recorded
 * replies). */
#pragma once

#include "environments/hosts/engine.h"
#include "support/json.h"

struct Engine {
  Host *host;
  char *base; /* "http://engine/v1.41" */
  char *version, *architecture, *os;
  char *data_root;             /* NULL: not asked */
  struct EngineWire *question; /* from engine_begin to engine_finish */
  gint64 clock_offset;         /* the host's clock minus our monotonic one, microseconds */
  bool is_clock_known;
};

typedef struct {
  const char *doing;  /* for errors, after "cannot ": "inspect image web" */
  const char *method; /* NULL: GET, or POST when there is a body */
  const char *path;   /* "/images/json?all=1" */
  const cJSON *body;  /* NULL: none */
  bool may_be_absent; /* 404 is an answer, not a failure */
} EngineCall;

/* *json is NULL when the engine had nothing to say: 404 with may_be_absent, or an empty reply. `json` may be
 * NULL. */
bool engine_call(Engine *engine, const EngineCall *call, cJSON **json,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Calls that do not depend on each other's answers, with their texts. */
typedef struct EngineCalls EngineCalls;
EngineCalls *engine_calls_new(void);
void engine_calls_free(EngineCalls *calls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EngineCalls, engine_calls_free)
/* As EngineCall says; `doing` and `path` are taken. */
void engine_calls_add(EngineCalls *calls, const char *method, bool may_be_absent, char *doing, char *path);
/* One round trip where each would cost one (HostOps.is_far), else one after the other until one fails: after
 * a failure, which is the first one's, later calls may or may not have been carried out. *answers: cJSON or
 * NULL for each, free function set. */
bool engine_calls_run(Engine *engine, const EngineCalls *calls, GPtrArray **answers,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Fails with the engine's own message out of a reply such as {"message": "…"}; returns false. */
bool engine_fail(const char *doing, long status, const char *body, GError **error);
/* `name` for a path: escaped, but for what image names are made of. Caller frees. */
char *engine_escape_name(const char *name);
/* Which of its streams a command has. */
typedef struct {
  bool has_input, has_output, is_terminal;
} ExecStreams;
/* A command for a running container, not started yet; argv ends with NULL. Caller frees *exec_id. */
bool engine_create_exec(Engine *engine, const char *container, const char *const *argv,
                        const ExecStreams *streams, char **exec_id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The list of a project's containers, as a call among others, and its answer. */
void engine_calls_add_list(EngineCalls *calls, const char *project);
bool engine_take_list(Engine *engine, const cJSON *list, GPtrArray **containers,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* {"label": ["com.docker.compose.project=PROJECT"]} and, unless NULL, {"type": [TYPE]}, escaped for a query.
 * Caller frees. */
char *engine_project_filter(const char *project, const char *type);

/* What a ping's headers say, as /version would; NULL: not enough, and that has to be asked. Caller frees. */
cJSON *engine_read_ping(const HttpReply *reply);
/* "1.41" for the newest version that both sides speak. */
bool engine_choose_api(const cJSON *version, char **api, GError **error) G_GNUC_WARN_UNUSED_RESULT;
EngineImage *engine_parse_image(const cJSON *json);
ContainerState *engine_parse_container(const cJSON *json);
/* What a removal freed: the image's history and count of layers before it, and the engine's answer to it.
 * Bytes. */
gint64 engine_freed_bytes(const cJSON *history, guint layers, const cJSON *answer);
/* Frames of stdout and stderr (8-byte headers), or a terminal's raw bytes: at most `cap` bytes from the end;
 * what is cut is redacted before. Caller frees. */
char *engine_demultiplex(const char *bytes, gsize length, gsize cap);

/* Layers by the start of their digest, over all pulls: what two images share is pulled once. */
typedef struct {
  GHashTable *layers; /* id -> PullLayer */
  gint64 done, total; /* bytes */
} PullTally;
PullTally *pull_tally_new(void);
void pull_tally_free(PullTally *tally);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PullTally, pull_tally_free)
/* A line of progress; when it reports a failure, *problem is the registry's words (caller frees), else NULL.
 */
bool pull_tally_line(PullTally *tally, const char *line, char **problem,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
