/* Asking registries: where they are, what they want to be shown, and when to ask again. */
#include "pipelines/registry_client.h"

#include <string.h>

#include "pipelines/credentials.h"
#include "pipelines/registry_auth.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/json.h"
#include "support/poison.h"
#include "support/text.h"

enum {
  TIMEOUT_MS = 30 * 1000,
  REPLY_CAP = 4 << 20, /* what the distribution specification lets a manifest have */
  ATTEMPTS = 3,
  FIRST_PAUSE_MS = 200,
  PATIENCE_MS = 10 * 1000, /* a longer Retry-After is the user's to wait for */
  EXCUSE_CAP = 200,        /* characters of a registry's own words in an error */
};

/* What is known of one registry. */
typedef struct {
  bool has_answered;
  bool knows_credentials; /* they have been looked for */
  bool wants_basic;
  RegistryCredentials *credentials; /* or NULL */
  GHashTable *tokens;               /* repository -> Bearer token */
} Host;

struct Registry {
  HttpClient *http;
  GPtrArray *insecure;
  GHashTable *hosts; /* registry as in ImageReference -> Host */
};

static void token_free(void *token) {
  explicit_bzero(token, strlen(token));
  g_free(token);
}

static void host_free(void *data) {
  Host *host = data;
  registry_credentials_free(host->credentials);
  g_hash_table_unref(host->tokens);
  g_free(host);
}

Registry *registry_new(GPtrArray *insecure) {
  Registry *registry = g_new0(Registry, 1);
  registry->http = http_client_new();
  registry->insecure = insecure;
  registry->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, host_free);
  return registry;
}

void registry_free(Registry *registry) {
  if (registry == NULL)
    return;
  http_client_free(registry->http);
  g_hash_table_unref(registry->hosts);
  g_free(registry);
}

static Host *find_host(Registry *registry, const char *name) {
  Host *host = g_hash_table_lookup(registry->hosts, name);
  if (host == NULL) {
    host = g_new0(Host, 1);
    host->tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, token_free);
    g_hash_table_insert(registry->hosts, g_strdup(name), host);
  }
  return host;
}

static bool is_loopback(const char *name) {
  g_autofree char *bare = g_strndup(name, name[0] == '[' ? strcspn(name, "]") + 1 : strcspn(name, ":"));
  if (g_ascii_strcasecmp(bare, "localhost") == 0 || strcmp(bare, "[::1]") == 0)
    return true;
  return g_str_has_prefix(bare, "127.") && g_hostname_is_ip_address(bare);
}

static bool is_plain(const Registry *registry, const char *name) {
  for (guint i = 0; registry->insecure != NULL && i < registry->insecure->len; i++)
    if (g_ascii_strcasecmp(g_ptr_array_index(registry->insecure, i), name) == 0)
      return true;
  return is_loopback(name);
}

static char *question_url(const Registry *registry, const ImageReference *image, const char *path) {
  bool is_hub = strcmp(image->registry, "docker.io") == 0;
  return g_strdup_printf("%s://%s/v2/%s/%s", is_plain(registry, image->registry) ? "http" : "https",
                         is_hub ? "registry-1.docker.io" : image->registry, image->repository, path);
}

static bool is_passing(long status) {
  return status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* Milliseconds until it is worth asking again. */
static gint64 pause_before(guint attempt, const HttpReply *reply) {
  gint64 seconds = 0;
  const char *after = http_reply_header(reply, "retry-after");
  if (after == NULL || !number_parse(after, 0, G_MAXINT32, &seconds))
    return (gint64)FIRST_PAUSE_MS << (2 * (attempt - 1));
  return MAX(seconds * 1000, FIRST_PAUSE_MS);
}

/* A registry that never answered is not there: one that did, and then does not, gets another chance. */
static bool ask_patiently(Registry *registry, Host *host, const HttpRequest *request, HttpReply *reply,
                          GError **error) {
  gint64 deadline = g_get_monotonic_time() + (gint64)PATIENCE_MS * 1000;
  for (guint attempt = 1;; attempt++) {
    g_auto(HttpReply) answer = {0};
    g_autoptr(GError) failure = NULL;
    bool answered = http_perform(registry->http, request, &answer, &failure);
    bool is_worth_repeating = answered ? is_passing(answer.status) : host->has_answered;
    gint64 wait = pause_before(attempt, &answer);
    host->has_answered |= answered;
    if (!is_worth_repeating || interrupt_requested() || attempt == ATTEMPTS ||
        g_get_monotonic_time() + wait * 1000 > deadline) {
      if (!answered) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
      }
      *reply = answer;
      answer = (HttpReply){0};
      return true;
    }
    g_usleep((gulong)wait * 1000);
  }
}

static bool ask_as_known(Registry *registry, Host *host, const ImageReference *image,
                         const RegistryQuestion *question, HttpReply *reply, GError **error) {
  g_autofree char *url = question_url(registry, image, question->path);
  const char *token = g_hash_table_lookup(host->tokens, image->repository);
  char *bearer = token == NULL ? NULL : g_strconcat("Authorization: Bearer ", token, NULL);
  char *basic = NULL;
  if (host->wants_basic)
    basic = g_strconcat(host->credentials->user, ":", host->credentials->password, NULL);
  g_autofree char *accept =
      g_strconcat("Accept: ", question->accept == NULL ? "*/*" : question->accept, NULL);
  HttpRequest request = {
      .method = question->method,
      .url = url,
      .headers = (const char *const[]){accept, bearer, NULL},
      .basic = basic,
      .timeout_ms = TIMEOUT_MS,
      .reply_cap = REPLY_CAP,
      .is_interruptible = true,
      .follow_redirects = true,
  };
  bool answered = ask_patiently(registry, host, &request, reply, error);
  g_clear_pointer(&bearer, token_free);
  g_clear_pointer(&basic, token_free);
  return answered;
}

static bool learn_token(Registry *registry, Host *host, const ImageReference *image,
                        const AuthChallenge *challenge, bool *learned, GError **error) {
  g_autofree char *scope = g_strdup_printf("repository:%s:pull", image->repository);
  char *token = NULL;
  if (!auth_fetch_token(registry->http, challenge, scope, host->credentials,
                        is_plain(registry, image->registry), &token, error))
    return false;
  if (token != NULL)
    g_hash_table_replace(host->tokens, g_strdup(image->repository), token);
  *learned = token != NULL;
  return true;
}

/* From a 401: whether there is something else to show, and if so it will be shown next time. */
static bool learn_from_challenge(Registry *registry, Host *host, const ImageReference *image,
                                 const HttpReply *reply, bool *learned, GError **error) {
  g_auto(AuthChallenge) challenge = {0};
  const char *header = http_reply_header(reply, "www-authenticate");
  if (header != NULL && !auth_challenge_parse(header, &challenge, error))
    return false;
  if (!host->knows_credentials && !registry_credentials_find(image->registry, &host->credentials, error))
    return false;
  host->knows_credentials = true;
  if (challenge.offers_bearer)
    return learn_token(registry, host, image, &challenge, learned, error);
  bool has_password = host->credentials != NULL && host->credentials->password != NULL;
  *learned = challenge.offers_basic && has_password && !host->wants_basic;
  host->wants_basic |= *learned;
  return true;
}

bool registry_ask(Registry *registry, const ImageReference *image, const RegistryQuestion *question,
                  HttpReply *reply, GError **error) {
  Host *host = find_host(registry, image->registry);
  g_auto(HttpReply) first = {0};
  bool learned = false;
  if (!ask_as_known(registry, host, image, question, &first, error))
    return prefix(error, "registry %s does not answer: ", image->registry);
  if (first.status == 401 && !learn_from_challenge(registry, host, image, &first, &learned, error))
    return prefix(error, "registry %s: ", image->registry);
  if (learned) {
    if (!ask_as_known(registry, host, image, question, reply, error))
      return prefix(error, "registry %s does not answer: ", image->registry);
    return true;
  }
  *reply = first;
  first = (HttpReply){0};
  return true;
}

/* The first message of the specification's error list, made harmless, or NULL. Caller frees. */
static char *registry_excuse(const HttpReply *reply) {
  g_autoptr(cJSON) json = NULL;
  if (reply->body->len == 0 || !json_parse(reply->body->str, reply->body->len, "", &json, NULL))
    return NULL;
  const char *message = json_string(cJSON_GetArrayItem(json_array(json, "errors"), 0), "message");
  if (message == NULL)
    return NULL;
  g_autofree char *safe = text_printable(message, false);
  return g_utf8_substring(safe, 0, MIN(g_utf8_strlen(safe, -1), EXCUSE_CAP));
}

static bool refuse_access(const ImageReference *image, const HttpReply *reply, GError **error) {
  g_autofree char *advice = registry_credentials_advice(image->registry);
  g_autofree char *excuse = registry_excuse(reply);
  return fail(error, SLIPWAY_ERROR_UNREADY, "registry %s does not let us read %s (%ld%s%s); %s",
              image->registry, image->repository, reply->status, excuse == NULL ? "" : ": ",
              excuse == NULL ? "" : excuse, advice);
}

bool registry_refuse(const ImageReference *image, const char *what, const HttpReply *reply, GError **error) {
  long status = reply->status;
  if (status == 401 || status == 403)
    return refuse_access(image, reply, error);
  if (status == 404)
    return fail(error, SLIPWAY_ERROR_UNREADY, "registry %s has no %s in %s: has it been pushed?",
                image->registry, what, image->repository);
  if (status == 429)
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "registry %s has had too many requests (429): wait a while, or log in (docker login)",
                image->registry);
  g_autofree char *excuse = registry_excuse(reply);
  return fail(error, SLIPWAY_ERROR_UNREADY, "registry %s answers %ld for %s of %s%s%s", image->registry,
              status, what, image->repository, excuse == NULL ? "" : ": ", excuse == NULL ? "" : excuse);
}
