/* Finding the credentials of a registry: config.json first says who knows, a helper or the file itself. */
#include "pipelines/credentials.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "environments/compose/image_reference.h"
#include "pipelines/program.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/json.h"
#include "support/poison.h"
#include "support/redact.h"

enum { CONFIG_CAP = 1 << 20, HELPER_TIMEOUT_MS = 30 * 1000, HELPER_NAME_CAP = 128 };

/* The docker client keeps Docker Hub under an address of its own. */
static const char HUB[] = "docker.io";
static const char HUB_KEY[] = "https://index.docker.io/v1/";
static const char *const HUB_HOSTS[] = {"index.docker.io", "docker.io", "registry-1.docker.io", NULL};

/* As the user name: the secret beside it is a refresh token. The second is Azure's way to say so. */
static const char *const TOKEN_USERS[] = {"<token>", "00000000-0000-0000-0000-000000000000", NULL};

/* Amazon's: its passwords are good for twelve hours. */
static const char ECR[] = "^[0-9]{12}\\.dkr\\.ecr(?:-fips)?\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?$";

/* How engines say that a registry wants other credentials, or any. */
static const char *const REFUSALS[] = {"unauthorized", "authentication required", "no basic auth credentials",
                                       "denied",       "token has expired",       "401 Unauthorized",
                                       "403 Forbidden"};

/* What helpers say, on stdout, when they simply have none. */
static const char *const NOT_FOUND[] = {"credentials not found", "no credentials", NULL};

static void free_secret(char *secret) {
  if (secret != NULL)
    explicit_bzero(secret, strlen(secret));
  g_free(secret);
}

void registry_credentials_free(RegistryCredentials *credentials) {
  if (credentials == NULL)
    return;
  g_free(credentials->user);
  free_secret(credentials->password);
  free_secret(credentials->identity_token);
  g_free(credentials);
}

static RegistryCredentials *credentials_new(const char *user, const char *secret) {
  RegistryCredentials credentials = {.user = g_strdup(user)};
  bool is_token = g_strv_contains(TOKEN_USERS, user);
  *(is_token ? &credentials.identity_token : &credentials.password) = g_strdup(secret);
  return g_memdup2(&credentials, sizeof credentials);
}

static char *config_path(void) {
  const char *folder = g_getenv("DOCKER_CONFIG");
  if (folder != NULL && *folder != '\0')
    return g_build_filename(folder, "config.json", NULL);
  return path_resolve("/", "~/.docker/config.json");
}

static const char *server_key(const char *registry) {
  return strcmp(registry, HUB) == 0 ? HUB_KEY : registry;
}

/* "https://host:port/v1/" and "host:port" both name that registry. */
static bool key_names(const char *key, const char *registry) {
  const char *scheme = strstr(key, "://");
  const char *start = scheme == NULL ? key : scheme + 3;
  g_autofree char *host = g_strndup(start, strcspn(start, "/"));
  if (strcmp(registry, HUB) == 0)
    return g_strv_contains(HUB_HOSTS, host);
  return g_ascii_strcasecmp(host, registry) == 0;
}

static const cJSON *entry_for(const cJSON *object, const char *registry) {
  const cJSON *exact = cJSON_GetObjectItemCaseSensitive(object, server_key(registry));
  if (exact != NULL)
    return exact;
  const cJSON *entry = NULL;
  cJSON_ArrayForEach(entry, object) {
    if (entry->string != NULL && key_names(entry->string, registry))
      return entry;
  }
  return NULL;
}

/* "auth" is base64 of "user:password"; the docker client has been seen to pad the password with NULs. */
static bool decode_auth(const char *auth, RegistryCredentials **credentials, GError **error) {
  gsize length = 0;
  g_autofree guchar *bytes = g_base64_decode(auth, &length);
  g_autofree char *text = g_strndup((const char *)bytes, length);
  char *colon = strchr(text, ':');
  if (colon != NULL) {
    *colon = '\0';
    *credentials = credentials_new(text, colon + 1);
  }
  explicit_bzero(bytes, length);
  explicit_bzero(text, length);
  return colon != NULL || fail(error, SLIPWAY_ERROR_UNREADY, "\"auth\" is not base64 of user:password");
}

/* One value of `auths`. Empty ones are left behind by `docker login` when a helper keeps the secret. */
static bool read_entry(const cJSON *entry, RegistryCredentials **credentials, GError **error) {
  const char *auth = json_string(entry, "auth");
  const char *user = json_string(entry, "username"), *password = json_string(entry, "password");
  const char *token = json_string(entry, "identitytoken");
  g_autoptr(RegistryCredentials) found = NULL;
  if (auth != NULL && *auth != '\0') {
    if (!decode_auth(auth, &found, error))
      return false;
  } else if (user != NULL && *user != '\0' && password != NULL) {
    found = credentials_new(user, password);
  }
  if (token != NULL && *token != '\0') {
    if (found == NULL)
      found = credentials_new("", "");
    free_secret(found->identity_token);
    found->identity_token = g_strdup(token);
  }
  *credentials = g_steal_pointer(&found);
  return true;
}

/* It becomes part of a program's name: nothing that leads elsewhere. */
static bool is_helper_name(const char *name) {
  gsize length = strlen(name);
  return length > 0 && length <= HELPER_NAME_CAP && strchr(name, '/') == NULL;
}

bool registry_credentials_parse(const char *text, gsize length, const char *registry,
                                RegistryCredentials **credentials, char **helper, GError **error) {
  g_autoptr(cJSON) json = NULL;
  g_autoptr(RegistryCredentials) found = NULL;
  if (!json_parse(text, length, "the file", &json, error))
    return false;
  const cJSON *entry = entry_for(json_object(json, "auths"), registry);
  if (entry != NULL && !read_entry(entry, &found, error))
    return prefix(error, "auths, %s: ", registry);
  const cJSON *own = entry_for(json_object(json, "credHelpers"), registry);
  const char *name = cJSON_IsString(own) ? own->valuestring : json_string(json, "credsStore");
  if (name != NULL && *name != '\0' && !is_helper_name(name))
    return fail(error, SLIPWAY_ERROR_UNREADY, "credHelpers, %s: not the name of a helper", registry);
  *helper = name == NULL || *name == '\0' ? NULL : g_strdup(name);
  *credentials = g_steal_pointer(&found);
  return true;
}

static bool says_not_found(const char *output) {
  for (guint i = 0; NOT_FOUND[i] != NULL; i++)
    if (strstr(output, NOT_FOUND[i]) != NULL)
      return true;
  return false;
}

static bool read_helper_reply(const ProgramReply *reply, RegistryCredentials **credentials, GError **error) {
  g_autoptr(cJSON) json = NULL;
  if (!json_parse(reply->output->str, reply->output->len, "its reply", &json, error))
    return false;
  const char *user = json_string(json, "Username"), *secret = json_string(json, "Secret");
  if (user == NULL || secret == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "its reply has no Username and Secret");
  *credentials = credentials_new(user, secret);
  return true;
}

static char *helper_program(const char *name) {
  return g_strconcat("docker-credential-", name, NULL);
}

static bool ask_helper(const char *name, const char *registry, RegistryCredentials **credentials,
                       GError **error) {
  g_autofree char *program = helper_program(name);
  const char *server = server_key(registry);
  g_auto(ProgramReply) reply = {0};
  if (!program_ask((const char *const[]){program, "get", NULL}, server, HELPER_TIMEOUT_MS, &reply, error))
    return prefix(error, "credentials for %s: ", registry);
  if (reply.exit_code != 0 && says_not_found(reply.output->str)) {
    *credentials = NULL;
    return true;
  }
  if (reply.exit_code != 0)
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "credentials for %s: %s: exit status %d; to see why: echo %s | %s get", registry, program,
                reply.exit_code, server, program);
  if (!read_helper_reply(&reply, credentials, error))
    return prefix(error, "credentials for %s: %s: ", registry, program);
  return true;
}

static bool is_missing(const char *path) {
  return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

static void hide(const RegistryCredentials *credentials) {
  if (credentials->password != NULL)
    redact_add(credentials->password, strlen(credentials->password));
  if (credentials->identity_token != NULL)
    redact_add(credentials->identity_token, strlen(credentials->identity_token));
}

bool registry_credentials_find(const char *registry, RegistryCredentials **credentials, GError **error) {
  g_autofree char *path = config_path(), *helper = NULL;
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(RegistryCredentials) written = NULL, helped = NULL;
  if (is_missing(path)) {
    *credentials = NULL;
    return true;
  }
  if (!file_read(path, CONFIG_CAP, &bytes, error))
    return recast(error, SLIPWAY_ERROR_UNREADY);
  gsize length = 0;
  const char *text = g_bytes_get_data(bytes, &length);
  if (!registry_credentials_parse(text, length, registry, &written, &helper, error))
    return prefix(error, "%s: ", path);
  if (helper != NULL && !ask_helper(helper, registry, &helped, error))
    return prefix(error, "%s: ", path);
  *credentials = helped != NULL ? g_steal_pointer(&helped) : g_steal_pointer(&written);
  if (*credentials != NULL)
    hide(*credentials);
  return true;
}

/* ---- for errors ------------------------------------------------------------------------------------------
 */

static char *ecr_region(const char *registry) {
  g_autoptr(GRegex) regex = g_regex_new(ECR, 0, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  return g_regex_match(regex, registry, 0, &match) ? g_match_info_fetch(match, 1) : NULL;
}

/* What a person can do. Caller frees. */
static char *remedy_for(const char *registry, const char *helper) {
  g_autofree char *region = ecr_region(registry);
  if (helper != NULL)
    return g_strdup_printf("to see what that answers: echo %s | docker-credential-%s get",
                           server_key(registry), helper);
  if (region != NULL)
    return g_strdup_printf("aws ecr get-login-password --region %s | docker login --username AWS "
                           "--password-stdin %s (good for 12 hours), or {\"credHelpers\": {\"%s\": "
                           "\"ecr-login\"}} with docker-credential-ecr-login",
                           region, registry, registry);
  bool is_hub = strcmp(registry, HUB) == 0;
  return g_strconcat("docker login", is_hub ? "" : " ", is_hub ? "" : registry, NULL);
}

/* What is written about the registry; nothing where that cannot be read: then find has failed, too. */
static void read_written(const char *path, const char *registry, bool *has_some, char **helper) {
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(RegistryCredentials) written = NULL;
  if (!file_read(path, CONFIG_CAP, &bytes, NULL))
    return;
  gsize length = 0;
  const char *text = g_bytes_get_data(bytes, &length);
  *has_some = registry_credentials_parse(text, length, registry, &written, helper, NULL) && written != NULL;
}

char *registry_credentials_advice(const char *registry) {
  g_autofree char *path = config_path(), *helper = NULL;
  bool has_some = false;
  read_written(path, registry, &has_some, &helper);
  g_autofree char *remedy = remedy_for(registry, helper);
  if (helper != NULL)
    return g_strdup_printf("credentials come from docker-credential-%s, which %s names; %s", helper, path,
                           remedy);
  if (is_missing(path))
    return g_strdup_printf("there is no %s with credentials for it: %s", path, remedy);
  return g_strdup_printf(has_some ? "the credentials that %s has for it may have expired: %s"
                                  : "%s has no credentials for it: %s",
                         path, remedy);
}

static bool speaks_of_credentials(const char *message) {
  for (guint i = 0; i < G_N_ELEMENTS(REFUSALS); i++)
    if (strstr(message, REFUSALS[i]) != NULL)
      return true;
  return false;
}

bool registry_credentials_explain(const GPtrArray *images, GError **error) {
  if (error == NULL || !speaks_of_credentials((*error)->message))
    return false;
  for (guint i = 0; i < images->len; i++) {
    g_auto(ImageReference) reference = {0};
    if (strstr((*error)->message, images->pdata[i]) == NULL ||
        !image_reference_parse(images->pdata[i], &reference, NULL))
      continue;
    g_autofree char *advice = registry_credentials_advice(reference.registry);
    char *message = g_strdup_printf("%s; registry %s: %s", (*error)->message, reference.registry, advice);
    g_free((*error)->message);
    (*error)->message = message;
    break;
  }
  return false;
}

/* The engine reads base64url with padding. */
static char *base64url(const char *text) {
  char *encoded = g_base64_encode((const guchar *)text, strlen(text));
  g_strdelimit(encoded, "+", '-');
  return g_strdelimit(encoded, "/", '_');
}

bool registry_credentials_header(const char *image, char **header, GError **error) {
  g_auto(ImageReference) reference = {0};
  g_autoptr(RegistryCredentials) credentials = NULL;
  if (!image_reference_parse(image, &reference, error) ||
      !registry_credentials_find(reference.registry, &credentials, error))
    return false;
  if (credentials == NULL) {
    *header = NULL;
    return true;
  }
  g_autoptr(cJSON) json = cJSON_CreateObject();
  if (credentials->identity_token != NULL) {
    json_set_string(json, "identitytoken", credentials->identity_token);
  } else {
    json_set_string(json, "username", credentials->user);
    json_set_string(json, "password", credentials->password);
  }
  json_set_string(json, "serveraddress", server_key(reference.registry));
  char *text = json_print(json);
  *header = base64url(text);
  free_secret(text);
  return true;
}
