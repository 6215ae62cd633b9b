/* Where AWS credentials may be, and in which order. */
#include <criterion/criterion.h>
#include <string.h>

#include "environments/inventory/aws.h"
#include "fixture.h"
#include "support/errors.h"

static char *home;
static void enter(void) {
  home = home_make();
}
static void leave(void) {
  home_remove(home);
}

TestSuite(aws_credentials, .init = enter, .fini = leave);

/* "access secret token", or the error's message. `profile`: of slipway.yml. Caller frees. */
static char *find(const char *profile) {
  g_autoptr(GError) error = NULL;
  g_autoptr(AwsProfile) read = NULL;
  g_autoptr(AwsCredentials) found = NULL;
  g_autoptr(HttpClient) http = http_client_new();
  if (aws_profile_read(profile, &read, &error) && aws_find_credentials(read, http, &found, &error))
    return g_strdup_printf("%s %s %s", found->access_key, found->secret_key,
                           found->session_token != NULL ? found->session_token : "-");
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY), "%s", error->message);
  return g_strdup(error->message);
}

#define expect_found(profile, keys)                                                                          \
  do {                                                                                                       \
    g_autofree char *got = find(profile);                                                                    \
    cr_assert_str_eq(got, keys);                                                                             \
  } while (0)
#define expect_failure(profile, fragment)                                                                    \
  do {                                                                                                       \
    g_autofree char *got = find(profile);                                                                    \
    cr_assert(strstr(got, fragment) != NULL, "%s", got);                                                     \
  } while (0)

static void set_environment_keys(void) {
  g_setenv("AWS_ACCESS_KEY_ID", "ENVKEY", TRUE);
  g_setenv("AWS_SECRET_ACCESS_KEY", "envsecret", TRUE);
}

Test(aws_credentials, are_in_the_environment) {
  set_environment_keys();
  expect_found(NULL, "ENVKEY envsecret -");
  g_setenv("AWS_SESSION_TOKEN", "envtoken", TRUE);
  expect_found(NULL, "ENVKEY envsecret envtoken");
  g_unsetenv("AWS_SECRET_ACCESS_KEY");
  expect_failure(NULL, "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
}

Test(aws_credentials, are_in_the_files_by_profile) {
  home_write(home, ".aws/credentials",
             "# keys\n[default]\naws_access_key_id=A\naws_secret_access_key = s1+/=#;\n\n[ other ]\n"
             "aws_access_key_id = B\r\naws_secret_access_key = s2\r\naws_session_token=t2\n");
  home_write(home, ".aws/config",
             "[default]\naws_access_key_id=C\naws_secret_access_key=s3\n[profile \"third\"]\n"
             "s3 =\n  aws_access_key_id = nested\naws_access_key_id=D\naws_secret_access_key=s4\n");
  expect_found(NULL, "A s1+/=#; -");
  expect_found("other", "B s2 t2");
  g_setenv("AWS_PROFILE", "third", TRUE);
  expect_found(NULL, "D s4 -");
  set_environment_keys();
  expect_found(NULL, "ENVKEY envsecret -");
  expect_found("other", "B s2 t2"); /* what slipway.yml says is not overruled by the environment */
  expect_failure("nobody", "the AWS profile \"nobody\" (of slipway.yml) is neither in ");
  g_autofree char *path = g_build_filename(home, "elsewhere", NULL);
  home_write(home, "elsewhere", "[other]\naws_access_key_id=E\naws_secret_access_key=s5\n");
  g_setenv("AWS_SHARED_CREDENTIALS_FILE", path, TRUE);
  expect_found("other", "E s5 -");
}

Test(aws_credentials, come_from_a_process) {
  home_write_program(home, "keys",
                     "echo not to be shown >&2\n"
                     "echo '{\"Version\": 1, \"AccessKeyId\": \"'\"$1\"'\", \"SecretAccessKey\": \"s\", "
                     "\"SessionToken\": \"t\", \"Expiration\": \"2999-01-01T00:00:00Z\"}'");
  home_write(home, ".aws/config", "[default]\ncredential_process = ./keys \"P1\"\n");
  expect_found(NULL, "P1 s t");
  home_write(home, ".aws/credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=s1\n");
  expect_found(NULL, "A s1 -");
}

Test(aws_credentials, of_a_process_that_fails_are_an_error) {
  home_write(home, ".aws/config",
             "[default]\ncredential_process = sh -c 'echo login first >&2; exit 4'\n"
             "[profile old]\ncredential_process = echo '{\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"s\", "
             "\"Expiration\": \"2020-01-01T00:00:00Z\"}'\n"
             "[profile odd]\ncredential_process = echo secret-that-is-not-json\n");
  expect_failure(NULL, "credential_process of the profile default: exit status 4");
  expect_failure(NULL, "login first");
  expect_failure("old", "they expired at 2020-01-01T00:00:00.000Z");
  g_autofree char *odd = find("odd");
  cr_assert(strstr(odd, "not JSON") != NULL, "%s", odd);
  cr_assert(strstr(odd, "secret-that") == NULL, "%s", odd);
}

Test(aws_credentials, of_roles_and_single_sign_on_are_left_to_the_aws_command_line) {
  home_write(home, ".aws/config",
             "[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n"
             "[profile sso]\nsso_session = corp\n");
  expect_failure("role", "credential_process = aws configure export-credentials --profile role");
  expect_failure("sso", "has sso_session");
  set_environment_keys();
  g_setenv("AWS_PROFILE", "sso", TRUE);
  expect_found(NULL, "ENVKEY envsecret -");
  g_unsetenv("AWS_PROFILE");
  g_unsetenv("AWS_ACCESS_KEY_ID");
  g_setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token", TRUE);
  expect_failure(NULL, "AWS_WEB_IDENTITY_TOKEN_FILE is set, which slipway leaves to the AWS command line");
}

Test(aws_credentials, come_from_a_containers_endpoint) {
  PlayedServer *server = played_server_start(
      (const char *const[]){"200 {\"AccessKeyId\": \"C\", \"SecretAccessKey\": \"cs\", \"Token\": \"ct\"}",
                            "200 {\"AccessKeyId\": \"C\", \"SecretAccessKey\": \"cs\", \"Token\": \"ct\"}",
                            "403 {\"code\": \"AccessDenied\", \"message\": \"no such task\"}", NULL});
  g_autofree char *url = g_strconcat(played_server_url(server), "/creds?id=7", NULL);
  g_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, TRUE);
  g_setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "from-variable", TRUE);
  expect_found(NULL, "C cs ct");
  g_autofree char *path = g_build_filename(home, "token", NULL);
  home_write(home, "token", "from-file\n");
  g_setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, TRUE);
  expect_found(NULL, "C cs ct");
  expect_failure(NULL, "status 403: AccessDenied: no such task");
  g_autofree char *requests = played_server_requests(server);
  played_server_stop(server);
  cr_assert(strstr(requests, "GET /creds?id=7") != NULL, "%s", requests);
  cr_assert(strstr(requests, "Authorization: from-variable\r\n") != NULL, "%s", requests);
  cr_assert(strstr(requests, "Authorization: from-file\r\n") != NULL, "%s", requests);
  g_setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://creds.example.org/", TRUE);
  expect_failure(NULL, "neither https nor an address of this machine");
}

Test(aws_credentials, come_from_the_instance_by_imds_v2) {
  static const char keys[] =
      "200 {\"Code\": \"Success\", \"AccessKeyId\": \"I\", \"SecretAccessKey\": \"is\", "
      "\"Token\": \"it\"}";
  PlayedServer *server = played_server_start((const char *const[]){
      "200 session-token", "200 my-role", keys, "200 session-token", "404 none", "403 no", NULL});
  g_unsetenv("AWS_EC2_METADATA_DISABLED");
  g_setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", played_server_url(server), TRUE);
  expect_found(NULL, "I is it");
  expect_failure(NULL, "6. the instance's metadata: no role is attached to this instance");
  expect_failure(NULL, "status 403 for a token (IMDSv2)");
  g_autofree char *requests = played_server_requests(server);
  played_server_stop(server);
  cr_assert(strstr(requests, "PUT /latest/api/token HTTP/1.1\r\n") != NULL, "%s", requests);
  cr_assert(strstr(requests, "X-aws-ec2-metadata-token-ttl-seconds: 300") != NULL, "%s", requests);
  cr_assert(strstr(requests, "GET /latest/meta-data/iam/security-credentials/my-role HTTP/1.1") != NULL, "%s",
            requests);
  cr_assert(strstr(requests, "X-aws-ec2-metadata-token: session-token") != NULL, "%s", requests);
}

Test(aws_credentials, that_are_nowhere_are_an_error_that_says_where_was_looked) {
  g_autofree char *message = find(NULL);
  g_autofree char *expected = g_strdup_printf(
      "there are no AWS credentials; looked in this order:\n  1. no AWS_ACCESS_KEY_ID in the environment\n"
      "  2. no keys in %s/.aws/credentials, profile default\n  3. no credential_process there\n"
      "  4. no keys in %s/.aws/config, profile default\n"
      "  5. no container endpoint (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or …_FULL_URI)\n"
      "  6. not the instance's metadata (AWS_EC2_METADATA_DISABLED)",
      home, home);
  cr_assert_str_eq(message, expected);
}

Test(aws_credentials, with_characters_that_no_key_has_are_refused) {
  g_setenv("AWS_ACCESS_KEY_ID", "A:B", TRUE);
  g_setenv("AWS_SECRET_ACCESS_KEY", "s", TRUE);
  expect_failure(NULL, "a key has characters that no key has");
}
