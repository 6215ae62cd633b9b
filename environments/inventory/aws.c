/* The chain of places where credentials may be. */
#include "environments/inventory/aws.h"

#include <string.h>

#include "environments/config/config.h"
#include "environments/inventory/ask.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/secret.h"
#include "support/text.h"

#include "support/poison.h"

enum { PROCESS_TIMEOUT_MS = 60 * 1000, PROCESS_CAP = 64 << 10 };

static void free_secret(char *secret) {
  if (secret != NULL)
    explicit_bzero(secret, strlen(secret));
  g_free(secret);
}

void aws_credentials_free(AwsCredentials *credentials) {
  if (credentials == NULL)
    return;
  free_secret(credentials->access_key);
  free_secret(credentials->secret_key);
  free_secret(credentials->session_token);
  g_free(credentials->source);
  g_free(credentials);
}

/* They go into headers, and the two keys into "access:secret". */
static bool is_usable(const char *text) {
  for (; *text != '\0'; text++)
    if (!g_ascii_isgraph(*text))
      return false;
  return true;
}

/* From all output, whoever would say it. */
static void hide(const char *key) {
  g_autoptr(Secret) secret = secret_new(key, strlen(key));
  secret_redact(secret);
}

static bool credentials_make(const char *access_key, const char *secret_key, const char *session_token,
                             const char *source, AwsCredentials **credentials, GError **error) {
  bool has_token = session_token != NULL && *session_token != '\0';
  if (!is_usable(access_key) || strchr(access_key, ':') != NULL || !is_usable(secret_key) ||
      (has_token && !is_usable(session_token)))
    return fail(error, SLIPWAY_ERROR_UNREADY, "a key has characters that no key has");
  hide(secret_key);
  if (has_token)
    hide(session_token);
  AwsCredentials *made = g_new0(AwsCredentials, 1);
  made->access_key = g_strdup(access_key);
  made->secret_key = g_strdup(secret_key);
  made->session_token = has_token ? g_strdup(session_token) : NULL;
  made->source = g_strdup(source);
  *credentials = made;
  return true;
}

/* ---- JSON ------------------------------------------------------------------------------------------------
 */

static bool refuse_expired(const cJSON *json, GError **error) {
  const char *expiration = json_string(json, "Expiration");
  gint64 end = 0;
  if (expiration == NULL || !time_parse(expiration, &end) || end > g_get_real_time())
    return true;
  g_autofree char *when = time_format(end);
  return fail(error, SLIPWAY_ERROR_UNREADY, "they expired at %s", when);
}

static void wipe_strings(cJSON *json) {
  for (cJSON *item = json->child; item != NULL; item = item->next)
    if (cJSON_IsString(item))
      explicit_bzero(item->valuestring, strlen(item->valuestring));
}

static bool take_json(const cJSON *json, const char *source, AwsCredentials **credentials, GError **error) {
  const char *access_key = json_string(json, "AccessKeyId");
  const char *secret_key = json_string(json, "SecretAccessKey");
  const char *token = json_string(json, "SessionToken");
  if (access_key == NULL || secret_key == NULL || *access_key == '\0' || *secret_key == '\0')
    return fail(error, SLIPWAY_ERROR_UNREADY, "the reply has no AccessKeyId and SecretAccessKey");
  return refuse_expired(json, error) &&
         credentials_make(access_key, secret_key, token != NULL ? token : json_string(json, "Token"), source,
                          credentials, error);
}

bool aws_credentials_parse(const char *text, gsize length, const char *source, AwsCredentials **credentials,
                           GError **error) {
  g_autoptr(cJSON) json = NULL;
  if (!json_parse(text, length, "the reply", &json, error))
    return false;
  bool ok = take_json(json, source, credentials, error);
  wipe_strings(json);
  return ok;
}

/* ---- the chain -------------------------------------------------------------------------------------------
 * A step leaves *credentials NULL where it has none, and then says so in *absent (owned by the caller). */

static bool from_environment(const AwsProfile *profile, HttpClient *http, AwsCredentials **credentials,
                             char **absent, GError **error) {
  (void)http;
  const char *access_key = aws_variable("AWS_ACCESS_KEY_ID"),
             *secret_key = aws_variable("AWS_SECRET_ACCESS_KEY");
  if (profile->is_configured) {
    *absent = g_strdup_printf("not the environment: slipway.yml names the profile %s", profile->name);
    return true;
  }
  if (access_key == NULL && secret_key == NULL) {
    *absent = g_strdup("no AWS_ACCESS_KEY_ID in the environment");
    return true;
  }
  if (access_key == NULL || secret_key == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s is set and %s is not",
                access_key != NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                access_key != NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
  return credentials_make(access_key, secret_key, aws_variable("AWS_SESSION_TOKEN"),
                          "the environment (AWS_ACCESS_KEY_ID)", credentials, error) ||
         prefix(error, "AWS credentials of the environment: ");
}

static bool from_section(const AwsProfile *profile, GHashTable *section, const char *path,
                         AwsCredentials **credentials, char **absent, GError **error) {
  const char *access_key = section != NULL ? g_hash_table_lookup(section, "aws_access_key_id") : NULL;
  const char *secret_key = section != NULL ? g_hash_table_lookup(section, "aws_secret_access_key") : NULL;
  g_autofree char *place = g_strdup_printf("%s, profile %s", path, profile->name);
  if (access_key == NULL && secret_key == NULL) {
    *absent = g_strdup_printf("no keys in %s", place);
    return true;
  }
  if (access_key == NULL || secret_key == NULL || *access_key == '\0' || *secret_key == '\0')
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s: aws_access_key_id and aws_secret_access_key go together",
                place);
  return credentials_make(access_key, secret_key, g_hash_table_lookup(section, "aws_session_token"), place,
                          credentials, error) ||
         prefix(error, "%s: ", place);
}

static bool from_credentials_file(const AwsProfile *profile, HttpClient *http, AwsCredentials **credentials,
                                  char **absent, GError **error) {
  (void)http;
  return from_section(profile, profile->credentials, profile->credentials_path, credentials, absent, error);
}

static bool from_config_file(const AwsProfile *profile, HttpClient *http, AwsCredentials **credentials,
                             char **absent, GError **error) {
  (void)http;
  return from_section(profile, profile->config, profile->config_path, credentials, absent, error);
}

static bool run_process(const char *command, const char *source, AwsCredentials **credentials,
                        GError **error) {
  g_auto(GStrv) argv = NULL;
  g_autoptr(GError) problem = NULL;
  g_autoptr(SecretText) said = NULL;
  if (!g_shell_parse_argv(command, NULL, &argv, &problem))
    return fail(error, SLIPWAY_ERROR_UNREADY, "%s", problem->message);
  return ask_program((const char *const *)argv, NULL, PROCESS_TIMEOUT_MS, PROCESS_CAP, &said, error) &&
         aws_credentials_parse(said->str, said->len, source, credentials, error);
}

static bool from_process(const AwsProfile *profile, HttpClient *http, AwsCredentials **credentials,
                         char **absent, GError **error) {
  (void)http;
  const char *command = aws_profile_value(profile, "credential_process");
  if (command == NULL) {
    *absent = g_strdup("no credential_process there");
    return true;
  }
  g_autofree char *source = g_strdup_printf("credential_process of the profile %s", profile->name);
  return run_process(command, source, credentials, error) || prefix(error, "%s: ", source);
}

static bool from_container(const AwsProfile *profile, HttpClient *http, AwsCredentials **credentials,
                           char **absent, GError **error) {
  (void)profile;
  return aws_ask_container(http, credentials, absent, error);
}

static bool from_instance(const AwsProfile *profile, HttpClient *http, AwsCredentials **credentials,
                          char **absent, GError **error) {
  (void)profile;
  return aws_ask_instance(http, credentials, absent, error);
}

typedef bool (*Step)(const AwsProfile *profile, HttpClient *http, AwsCredentials **credentials, char **absent,
                     GError **error);
static const Step steps[] = {from_environment, from_credentials_file, from_process,
                             from_config_file, from_container,        from_instance};

static bool has_environment_keys(const AwsProfile *profile) {
  return !profile->is_configured && aws_variable("AWS_ACCESS_KEY_ID") != NULL;
}

/* Roles and single sign-on take a dance that the AWS command line knows. Keys that stand beside a role, or
 * that the machine has, are another's. */
static bool refuse_what_only_aws_can(const AwsProfile *profile, GError **error) {
  static const char *const keys[] = {"role_arn", "sso_session", "sso_start_url", "sso_account_id",
                                     "web_identity_token_file"};
  if (has_environment_keys(profile) || aws_profile_value(profile, "credential_process") != NULL)
    return true;
  for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
    if (aws_profile_value(profile, keys[i]) != NULL)
      return fail(
          error, SLIPWAY_ERROR_UNREADY,
          "the AWS profile %s has %s, which slipway leaves to the AWS command line: make another profile in "
          "%s with `credential_process = aws configure export-credentials --profile %s`, and name that "
          "one (`profile:` in slipway.yml, or AWS_PROFILE)",
          profile->name, keys[i], profile->config_path, profile->name);
  if (!profile->is_configured && aws_variable("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL)
    return fail(
        error, SLIPWAY_ERROR_UNREADY,
        "AWS_WEB_IDENTITY_TOKEN_FILE is set, which slipway leaves to the AWS command line: make a profile "
        "in %s with `credential_process = aws configure export-credentials`, and name it (`profile:` in "
        "slipway.yml, or AWS_PROFILE)",
        profile->config_path);
  return true;
}

bool aws_find_credentials(const AwsProfile *profile, HttpClient *http, AwsCredentials **credentials,
                          GError **error) {
  g_autoptr(GString) looked = g_string_new(NULL);
  if (!refuse_what_only_aws_can(profile, error))
    return false;
  for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
    g_autofree char *absent = NULL;
    AwsCredentials *found = NULL;
    if (!steps[i](profile, http, &found, &absent, error))
      return false;
    if (found != NULL) {
      *credentials = found;
      return true;
    }
    g_string_append_printf(looked, "\n  %u. %s", i + 1, absent);
  }
  return fail(error, SLIPWAY_ERROR_UNREADY, "there are no AWS credentials; looked in this order:%s",
              looked->str);
}

bool aws_find_region(const AwsProfile *profile, HttpClient *http, char **region, GError **error) {
  const char *named = aws_variable("AWS_REGION");
  if (named == NULL)
    named = aws_variable("AWS_DEFAULT_REGION");
  if (named == NULL)
    named = aws_profile_value(profile, "region");
  g_autofree char *found = named != NULL ? g_strdup(named) : aws_ask_instance_region(http);
  if (found == NULL)
    return fail(
        error, SLIPWAY_ERROR_UNREADY,
        "no AWS region: set `region:` in slipway.yml, AWS_REGION, or `region` of the profile %s in %s",
        profile->name, profile->config_path);
  if (!host_text_is_valid(HOST_TEXT_REGION, found))
    return fail(error, SLIPWAY_ERROR_UNREADY, "\"%s\" is no AWS region: expected %s", found,
                host_text_expected(HOST_TEXT_REGION));
  *region = g_steal_pointer(&found);
  return true;
}
