/* Who asks AWS, and where: credentials and region as the AWS SDKs find them
 * (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html). Private to
 * environments/inventory. */
#pragma once

#include "environments/inventory/aws_files.h"
#include "support/http.h"

typedef struct {
  char *access_key, *secret_key;
  char *session_token; /* or NULL */
  char *source;        /* for people: "the environment (AWS_ACCESS_KEY_ID)" */
} AwsCredentials;
/* Zeroes what it frees. */
void aws_credentials_free(AwsCredentials *credentials);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AwsCredentials, aws_credentials_free)

/* In this order: environment variables (not where a profile is named in slipway.yml), the profile's keys in
 * ~/.aws/credentials, its credential_process, its keys in ~/.aws/config, the container's endpoint, the
 * instance's (IMDSv2). SLIPWAY_ERROR_UNREADY: one that is there and fails, or none; then it says where was
 * looked. */
bool aws_find_credentials(const AwsProfile *profile, HttpClient *http, AwsCredentials **credentials,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* AWS_REGION, AWS_DEFAULT_REGION, the profile's, the instance's. Caller frees. SLIPWAY_ERROR_UNREADY: none
 * says, or what is said is no region (it becomes part of a host name). */
bool aws_find_region(const AwsProfile *profile, HttpClient *http, char **region,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes {AccessKeyId, SecretAccessKey, Token or SessionToken, Expiration}: what credential_process,
 * containers and instances answer with. SLIPWAY_ERROR_UNREADY: not that, or expired. */
bool aws_credentials_parse(const char *text, gsize length, const char *source, AwsCredentials **credentials,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* aws_endpoints.c. *credentials stays NULL where there is no such endpoint; *absent (owned by the caller)
 * then says why, for people. */
bool aws_ask_container(HttpClient *http, AwsCredentials **credentials, char **absent,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool aws_ask_instance(HttpClient *http, AwsCredentials **credentials, char **absent,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* NULL: it does not say. Caller frees. */
char *aws_ask_instance_region(HttpClient *http);
