/* One profile of the AWS command line's files: ~/.aws/config ($AWS_CONFIG_FILE) and ~/.aws/credentials
 * ($AWS_SHARED_CREDENTIALS_FILE); https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  char *name;         /* "default" when nobody names one */
  bool is_configured; /* slipway.yml names it, not the environment */
  char *config_path, *credentials_path;
  GHashTable *config;      /* key -> value of its section; NULL: it has none there */
  GHashTable *credentials; /* likewise; may hold secrets, zeroed when freed */
} AwsProfile;
void aws_profile_free(AwsProfile *profile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AwsProfile, aws_profile_free)

/* `configured`: of slipway.yml, or NULL: $AWS_PROFILE, $AWS_DEFAULT_PROFILE, "default". Files that do not
 * exist have no sections. SLIPWAY_ERROR_UNREADY: a file that cannot be read, or a profile that was named and
 * is in neither. */
bool aws_profile_read(const char *configured, AwsProfile **profile, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Of the environment; NULL when it is absent or empty. Borrowed. */
const char *aws_variable(const char *name);

/* From its section in the one file, else in the other; NULL. Borrowed. */
const char *aws_profile_value(const AwsProfile *profile, const char *key);

/* A section as such a file has it: `names` (NULL-terminated) are what its header may say, the first that is
 * there counts. NULL: none of them. Keys in lower case; a later value replaces an earlier one. Indented lines
 * below a key belong to that key and are passed over. Caller unrefs. */
GHashTable *aws_section_parse(const char *text, const char *const *names);
