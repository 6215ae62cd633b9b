/* Reading the AWS command line's files. */
#include "environments/inventory/aws_files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/files.h"

#include "support/poison.h"

enum { FILE_CAP = 1 << 20 };

static void free_secret(gpointer text) {
  if (text != NULL)
    explicit_bzero(text, strlen(text));
  g_free(text);
}

void aws_profile_free(AwsProfile *profile) {
  if (profile == NULL)
    return;
  g_free(profile->name);
  g_free(profile->config_path);
  g_free(profile->credentials_path);
  g_clear_pointer(&profile->config, g_hash_table_unref);
  g_clear_pointer(&profile->credentials, g_hash_table_unref);
  g_free(profile);
}

/* ---- the format ------------------------------------------------------------------------------------------
 */

/* "[profile "prod"]" -> "profile prod"; NULL: no header. Caller frees. */
static char *read_header(const char *line) {
  const char *end = line[0] == '[' ? strchr(line, ']') : NULL;
  if (end == NULL)
    return NULL;
  g_autofree char *inside = g_strndup(line + 1, (gsize)(end - line - 1));
  g_auto(GStrv) words = g_strsplit_set(g_strdelimit(inside, "\"'", ' '), " \t", -1);
  GString *name = g_string_new(NULL);
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0')
      g_string_append_printf(name, "%s%s", name->len > 0 ? " " : "", *word);
  return g_string_free(name, FALSE);
}

static gsize indent_of(const char *line) {
  return strspn(line, " \t");
}

static void read_pair(const char *line, GHashTable *section) {
  const char *equals = strchr(line, '=');
  if (equals == NULL)
    return;
  g_autofree char *key = g_strndup(line, (gsize)(equals - line));
  g_hash_table_replace(section, g_ascii_strdown(g_strstrip(key), -1), g_strstrip(g_strdup(equals + 1)));
}

static GHashTable *find_section(const char *const *lines, const char *name) {
  GHashTable *section = NULL;
  bool is_inside = false;
  gsize key_indent = G_MAXSIZE;
  for (; *lines != NULL; lines++) {
    const char *text = *lines + indent_of(*lines);
    g_autofree char *header = read_header(text);
    if (*text == '\0' || *text == '\r' || *text == '#' || *text == ';')
      continue;
    if (header != NULL) {
      is_inside = strcmp(header, name) == 0;
      key_indent = G_MAXSIZE;
      if (is_inside && section == NULL)
        section = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_secret);
    } else if (is_inside && indent_of(*lines) <= key_indent) {
      key_indent = indent_of(*lines);
      read_pair(text, section);
    }
  }
  return section;
}

static void free_lines(char **lines) {
  for (char **line = lines; *line != NULL; line++)
    free_secret(*line);
  g_free(lines);
}

GHashTable *aws_section_parse(const char *text, const char *const *names) {
  char **lines = g_strsplit(text, "\n", -1);
  GHashTable *section = NULL;
  for (; *names != NULL && section == NULL; names++)
    section = find_section((const char *const *)lines, *names);
  free_lines(lines);
  return section;
}

/* ---- the files -------------------------------------------------------------------------------------------
 */

const char *aws_variable(const char *name) {
  const char *value = g_getenv(name);
  return value != NULL && *value != '\0' ? value : NULL;
}

static char *path_of(const char *variable, const char *fallback) {
  const char *named = aws_variable(variable);
  return path_resolve("/", named != NULL ? named : fallback);
}

static bool is_missing(const char *path) {
  return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* *section is NULL where the file is not there or has none. */
static bool read_section(const char *path, const char *const *names, GHashTable **section, GError **error) {
  g_autoptr(GBytes) bytes = NULL;
  if (is_missing(path)) {
    *section = NULL;
    return true;
  }
  if (!file_read(path, FILE_CAP, &bytes, error))
    return recast(error, SLIPWAY_ERROR_UNREADY);
  gsize length = 0;
  const char *content = g_bytes_get_data(bytes, &length);
  char *text = g_strndup(content, length);
  *section = aws_section_parse(text, names);
  free_secret(text);
  return true;
}

static const char *named_by_environment(void) {
  static const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
  for (guint i = 0; i < G_N_ELEMENTS(variables); i++) {
    const char *name = aws_variable(variables[i]);
    if (name != NULL)
      return name;
  }
  return NULL;
}

bool aws_profile_read(const char *configured, AwsProfile **profile, GError **error) {
  const char *named = configured != NULL ? configured : named_by_environment();
  g_autoptr(AwsProfile) found = g_new0(AwsProfile, 1);
  found->name = g_strdup(named != NULL ? named : "default");
  found->is_configured = configured != NULL;
  found->config_path = path_of("AWS_CONFIG_FILE", "~/.aws/config");
  found->credentials_path = path_of("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
  bool is_default = strcmp(found->name, "default") == 0;
  g_autofree char *header = g_strconcat("profile ", found->name, NULL);
  if (!read_section(found->config_path, (const char *const[]){header, is_default ? "default" : NULL, NULL},
                    &found->config, error) ||
      !read_section(found->credentials_path, (const char *const[]){found->name, NULL}, &found->credentials,
                    error))
    return false;
  if (named != NULL && found->config == NULL && found->credentials == NULL && !is_default)
    return fail(error, SLIPWAY_ERROR_UNREADY, "the AWS profile \"%s\" (%s) is neither in %s nor in %s", named,
                configured != NULL ? "of slipway.yml" : "AWS_PROFILE", found->config_path,
                found->credentials_path);
  *profile = g_steal_pointer(&found);
  return true;
}

const char *aws_profile_value(const AwsProfile *profile, const char *key) {
  const char *value = profile->credentials != NULL ? g_hash_table_lookup(profile->credentials, key) : NULL;
  if (value == NULL && profile->config != NULL)
    value = g_hash_table_lookup(profile->config, key);
  return value;
}
