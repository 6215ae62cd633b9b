/* Credentials from where the controller runs: a container's endpoint
 * (https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html) or its instance's
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html, version
 * 2). */
#include <string.h>

#include "environments/inventory/aws.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/json.h"

#include "support/poison.h"

enum {
  CONTAINER_TIMEOUT_MS = 5000,
  INSTANCE_CONNECT_MS = 1000, /* elsewhere than on EC2 nobody answers at all */
  INSTANCE_TIMEOUT_MS = 2000,
  REPLY_CAP = 64 << 10,
  TOKEN_CAP = 16 << 10,
};

#define ECS_ENDPOINT "http://169.254.170.2"

/* ---- a container -----------------------------------------------------------------------------------------
 */

/* Plain HTTP is for addresses that do not leave the machine: the SDKs hold it the same way. */
static bool is_endpoint_allowed(const char *url) {
  static const char *const hosts[] = {"localhost",      "127.0.0.1",    "::1", "169.254.170.2",
                                      "169.254.170.23", "fd00:ec2::23", NULL};
  g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
  if (uri == NULL || g_uri_get_host(uri) == NULL)
    return false;
  return g_str_equal(g_uri_get_scheme(uri), "https") ||
         (g_str_equal(g_uri_get_scheme(uri), "http") && g_strv_contains(hosts, g_uri_get_host(uri)));
}

/* "Authorization: …", or NULL where none is asked for. */
static bool make_authorization(char **header, GError **error) {
  const char *path = aws_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  const char *token = aws_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  g_autoptr(GBytes) bytes = NULL;
  g_autofree char *text = NULL;
  if (path != NULL) {
    if (!file_read(path, TOKEN_CAP, &bytes, error))
      return recast(error, SLIPWAY_ERROR_UNREADY);
    gsize length = 0;
    const char *content = g_bytes_get_data(bytes, &length);
    text = g_strstrip(g_strndup(content, length));
    token = text;
  }
  *header = token != NULL ? g_strconcat("Authorization: ", token, NULL) : NULL;
  return true;
}

static char *container_url(void) {
  const char *relative = aws_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  if (relative != NULL)
    return g_strconcat(ECS_ENDPOINT, *relative == '/' ? "" : "/", relative, NULL);
  return g_strdup(aws_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
}

/* {"code": …, "message": …} is how endpoints say it, more or less. Caller frees. */
static char *refusal_words(const HttpReply *reply) {
  g_autoptr(cJSON) json = NULL;
  if (!json_parse(reply->body->str, reply->body->len, "the reply", &json, NULL))
    return g_strdup("");
  const char *code = json_string(json, "code"), *message = json_string(json, "message");
  return g_strconcat(code != NULL ? ": " : "", code != NULL ? code : "", message != NULL ? ": " : "",
                     message != NULL ? message : "", NULL);
}

static bool ask_container(HttpClient *http, const char *url, const char *source, AwsCredentials **credentials,
                          GError **error) {
  g_autofree char *authorization = NULL;
  g_auto(HttpReply) reply = {0};
  if (!is_endpoint_allowed(url))
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https nor an address of this machine");
  if (!make_authorization(&authorization, error))
    return false;
  HttpRequest request = {.url = url,
                         .headers = (const char *const[]){authorization, NULL},
                         .timeout_ms = CONTAINER_TIMEOUT_MS,
                         .reply_cap = REPLY_CAP,
                         .is_interruptible = true};
  if (!http_perform(http, &request, &reply, error))
    return false;
  if (reply.status != 200) {
    g_autofree char *words = refusal_words(&reply);
    return fail(error, SLIPWAY_ERROR_UNREADY, "status %ld%s", reply.status, words);
  }
  return aws_credentials_parse(reply.body->str, reply.body->len, source, credentials, error);
}

bool aws_ask_container(HttpClient *http, AwsCredentials **credentials, char **absent, GError **error) {
  g_autofree char *url = container_url();
  if (url == NULL) {
    *absent = g_strdup("no container endpoint (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or …_FULL_URI)");
    return true;
  }
  g_autofree char *shown = http_url_for_people(url);
  g_autofree char *source = g_strdup_printf("the container's endpoint %s", shown);
  return ask_container(http, url, source, credentials, error) ||
         prefix(error, "AWS credentials from %s: ", source);
}

/* ---- an instance -----------------------------------------------------------------------------------------
 */

static const char *instance_endpoint(void) {
  const char *named = aws_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  const char *mode = aws_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
  if (named != NULL)
    return named;
  return mode != NULL && g_ascii_strcasecmp(mode, "ipv6") == 0 ? "http://[fd00:ec2::254]"
                                                               : "http://169.254.169.254";
}

static bool is_instance_disabled(void) {
  const char *disabled = aws_variable("AWS_EC2_METADATA_DISABLED");
  return disabled != NULL && g_ascii_strcasecmp(disabled, "true") == 0;
}

/* `header` is the one that the request has, or NULL. */
static bool ask_instance(HttpClient *http, const char *method, const char *path, const char *header,
                         HttpReply *reply, GError **error) {
  const char *endpoint = instance_endpoint();
  bool has_slash = g_str_has_suffix(endpoint, "/");
  g_autofree char *url = g_strconcat(endpoint, has_slash ? "" : "/", path, NULL);
  HttpRequest request = {.method = method,
                         .url = url,
                         .headers = (const char *const[]){header, NULL},
                         .connect_timeout_ms = INSTANCE_CONNECT_MS,
                         .timeout_ms = INSTANCE_TIMEOUT_MS,
                         .reply_cap = REPLY_CAP,
                         .is_interruptible = true};
  return http_perform(http, &request, reply, error);
}

/* The header that later requests have. */
static bool open_session(HttpClient *http, char **header, GError **error) {
  g_auto(HttpReply) reply = {0};
  if (!ask_instance(http, "PUT", "latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 300", &reply,
                    error))
    return false;
  if (reply.status != 200)
    return fail(error, SLIPWAY_ERROR_UNREADY, "status %ld for a token (IMDSv2)", reply.status);
  *header = g_strconcat("X-aws-ec2-metadata-token: ", g_strstrip(reply.body->str), NULL);
  return true;
}

/* Its first line. Empty: there is none of that. */
static bool read_metadata(HttpClient *http, const char *path, const char *session, char **text,
                          GError **error) {
  g_auto(HttpReply) reply = {0};
  if (!ask_instance(http, NULL, path, session, &reply, error))
    return false;
  if (reply.status != 200 && reply.status != 404)
    return fail(error, SLIPWAY_ERROR_UNREADY, "status %ld for %s", reply.status, path);
  *text = reply.status == 404 ? g_strdup("")
                              : g_strstrip(g_strndup(reply.body->str, strcspn(reply.body->str, "\n")));
  return true;
}

static bool read_role(HttpClient *http, const char *role, const char *session, AwsCredentials **credentials,
                      GError **error) {
  g_auto(HttpReply) reply = {0};
  g_autofree char *name = http_escape(role);
  g_autofree char *path = g_strconcat("latest/meta-data/iam/security-credentials/", name, NULL);
  g_autofree char *source = g_strdup_printf("the instance's role %s (%s)", role, instance_endpoint());
  if (!ask_instance(http, NULL, path, session, &reply, error))
    return false;
  if (reply.status != 200)
    return fail(error, SLIPWAY_ERROR_UNREADY, "status %ld for the role %s", reply.status, role);
  return aws_credentials_parse(reply.body->str, reply.body->len, source, credentials, error);
}

static bool find_role(HttpClient *http, AwsCredentials **credentials, char **absent, GError **error) {
  g_autofree char *role = NULL, *session = NULL;
  g_autoptr(GError) silence = NULL;
  if (!open_session(http, &session, &silence)) {
    if (error_is(silence, SLIPWAY_ERROR_INTERRUPTED)) {
      g_propagate_error(error, g_steal_pointer(&silence));
      return false;
    }
    *absent = g_strdup_printf("the instance's metadata: %s", silence->message);
    return true;
  }
  if (!read_metadata(http, "latest/meta-data/iam/security-credentials/", session, &role, error))
    return false;
  if (*role != '\0')
    return read_role(http, role, session, credentials, error);
  *absent = g_strdup("the instance's metadata: no role is attached to this instance");
  return true;
}

bool aws_ask_instance(HttpClient *http, AwsCredentials **credentials, char **absent, GError **error) {
  if (is_instance_disabled()) {
    *absent = g_strdup("not the instance's metadata (AWS_EC2_METADATA_DISABLED)");
    return true;
  }
  return find_role(http, credentials, absent, error) ||
         prefix(error, "AWS credentials from the instance's metadata (%s): ", instance_endpoint());
}

char *aws_ask_instance_region(HttpClient *http) {
  g_autofree char *session = NULL, *region = NULL;
  if (is_instance_disabled() || !open_session(http, &session, NULL) ||
      !read_metadata(http, "latest/meta-data/placement/region", session, &region, NULL) || *region == '\0')
    return NULL;
  return g_steal_pointer(&region);
}
