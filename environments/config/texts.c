/* The kinds of text a value of slipway.yml may be, and how each is checked. */
#include <string.h>

#include "environments/config/schema.h"
#include "environments/config/window.h"
#include "support/files.h"
#include "support/text.h"

#include "support/poison.h"

#define LONGEST_TEXT 4096
#define NAME_PATTERN "^(?!.*--)[a-z0-9][a-z0-9-]{0,39}\\z"
#define NAME_EXPECTED                                                                                        \
  "a name of a-z, 0-9 and single -, beginning with a letter or digit, at most 40 characters"
#define DOMAIN_PATTERN    "(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?"
#define COMPONENT_PATTERN "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*"

static char *convert_path(const char *text, const char *directory) {
  return *text == '-' ? NULL : path_resolve(directory, text);
}

/* A path that stays in the folder of slipway.yml, without "." and "..". */
static char *convert_compose_path(const char *text, const char *directory) {
  (void)directory;
  int depth = 0;
  g_auto(GStrv) parts = g_strsplit(text, "/", -1);
  if (strchr("/-~", *text) != NULL)
    return NULL;
  for (char **part = parts; *part != NULL; part++) {
    if (strcmp(*part, "..") == 0)
      depth--;
    else if (**part != '\0' && strcmp(*part, ".") != 0)
      depth++;
    if (depth < 0)
      return NULL;
  }
  g_autofree char *absolute = g_canonicalize_filename(text, "/");
  return depth == 0 || g_str_has_suffix(text, "/") ? NULL : g_strdup(absolute + 1);
}

static char *convert_project_path(const char *text, const char *directory) {
  gsize length = strlen(text);
  g_autofree char *folder =
      length > 1 && text[length - 1] == '/' ? g_strndup(text, length - 1) : g_strdup(text);
  return convert_compose_path(folder, directory);
}

/* Kept as written: both halves are looked at again when the task has run. */
static char *convert_artifact(const char *text, const char *directory) {
  const char *colon = strrchr(text, ':');
  g_autofree char *from = colon != NULL ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);
  g_autofree char *to = convert_project_path(colon != NULL ? colon + 1 : text, directory);
  return *from == '\0' || to == NULL ? NULL : g_strdup(text);
}

static char *convert_window(const char *text, const char *directory) {
  (void)directory;
  return window_is_valid(text) ? g_strdup(text) : NULL;
}

static char *convert_url(const char *text, const char *directory) {
  (void)directory;
  g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
  if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0')
    return NULL;
  return g_str_equal(g_uri_get_scheme(uri), "http") || g_str_equal(g_uri_get_scheme(uri), "https")
             ? g_strdup(text)
             : NULL;
}

const TextKind text_app = {.shown = "name", .expected = NAME_EXPECTED, .pattern = NAME_PATTERN};
const TextKind text_environment = {
    .shown = "environment", .expected = NAME_EXPECTED, .pattern = NAME_PATTERN};
const TextKind text_name = {.shown = "name",
                            .expected = "a name of letters, digits, _, . and -",
                            .pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\\z"};
const TextKind text_repository = {
    .shown = "repository",
    .expected = "an image repository without tag or digest, such as registry.example.org/journal/web",
    .pattern = "^(?=.{1,255}\\z)(?:" DOMAIN_PATTERN "/)?" COMPONENT_PATTERN "(?:/" COMPONENT_PATTERN ")*\\z"};
const TextKind text_registry = {
    .shown = "registry", .expected = "a registry such as 10.0.0.5:5000", .pattern = "^" DOMAIN_PATTERN "\\z"};
const TextKind text_path = {.shown = "path",
                            .expected = "a path that does not begin with -",
                            .convert = convert_path,
                            .is_path = true};
const TextKind text_compose_path = {.shown = "path",
                                    .expected =
                                        "a file in or below the folder of slipway.yml, as a relative path",
                                    .convert = convert_compose_path};
const TextKind text_socket = {.shown = "path",
                              .expected = "the absolute path of a socket, such as /run/user/1000/docker.sock",
                              .pattern = "^/[^/].*\\z"};
const TextKind text_user = {.shown = "user",
                            .expected = "a login name that does not begin with -",
                            .pattern = "^[A-Za-z0-9_.\\\\][A-Za-z0-9_.\\\\$+-]{0,63}\\z"};
const TextKind text_host_name = {.shown = "name",
                                 .expected = "a name of letters, digits, ., _, : and -, not beginning with -",
                                 .pattern = "^(?!\\.{1,2}\\z)[A-Za-z0-9_.:][A-Za-z0-9_.:%-]{0,254}\\z"};
const TextKind text_variable = {
    .shown = "name",
    .expected = "a variable name of letters, digits and _ that begins neither with a digit nor with SLIPWAY_",
    .pattern = "^(?!SLIPWAY_)[A-Za-z_][A-Za-z0-9_]{0,254}\\z"};
const TextKind text_any_variable = {.shown = "name",
                                    .expected = "a variable name of letters, digits and _",
                                    .pattern = "^[A-Za-z_][A-Za-z0-9_]{0,254}\\z"};
const TextKind text_project_path = {
    .shown = "path",
    .expected = "a file or folder below the folder of slipway.yml, as a relative path",
    .convert = convert_project_path};
const TextKind text_service = {.shown = "service",
                               .expected = "the name of a service: letters, digits, _, . and -",
                               .pattern = "^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,62}\\z"};
const TextKind text_artifact = {
    .shown = "path",
    .expected = "PATH, relative to the container's working folder, or PATH:DESTINATION, where DESTINATION is "
                "relative and below the folder of slipway.yml",
    .convert = convert_artifact};
const TextKind text_window = {
    .shown = "window",
    .expected =
        "days, hours and a time zone that this machine knows, such as Mon-Fri 09:00-17:00 Europe/London",
    .convert = convert_window};
const TextKind text_region = {
    .shown = "region", .expected = "an AWS region such as eu-west-1", .pattern = "^[a-z][a-z0-9-]{2,40}\\z"};
const TextKind text_tag = {.shown = "text", .expected = "a text", .pattern = "^.{1,256}\\z"};
const TextKind text_jumps = {.shown = "host,…",
                             .expected = "[user@]host[:port], several with commas, or none",
                             .pattern =
                                 "^(?![-])[A-Za-z0-9_.@:\\[\\]%-]+(?:,(?![-])[A-Za-z0-9_.@:\\[\\]%-]+)*\\z"};
const TextKind text_shell = {
    .shown = "command", .expected = "a command line for the shell", .pattern = "^.+\\z"};
const TextKind text_value = {
    .shown = "text", .expected = "a text; write \"\" for an empty one", .may_be_anything = true};
const TextKind text_url = {
    .shown = "URL", .expected = "a URL that begins with http:// or https://", .convert = convert_url};

/* Compiling is dear, and a file may have a thousand variables in a hundred environments: once a pattern, for
 * good. */
static bool is_match(const char *pattern, const char *text) {
  static GMutex lock;
  static GHashTable *compiled;
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);
  if (compiled == NULL)
    compiled = g_hash_table_new(g_direct_hash, g_direct_equal); /* the patterns are literals */
  GRegex *regex = g_hash_table_lookup(compiled, pattern);
  if (regex == NULL) {
    regex = g_regex_new(pattern, G_REGEX_OPTIMIZE, 0, NULL);
    g_assert(regex != NULL);
    g_hash_table_insert(compiled, (gpointer)pattern, regex);
  }
  return g_regex_match(regex, text, 0, NULL);
}

static bool has_control_character(const char *text) {
  for (; *text != '\0'; text++)
    if (g_ascii_iscntrl(*text))
      return true;
  return false;
}

char *text_convert(const TextKind *kind, const char *text, const char *directory) {
  if (!kind->may_be_anything && (*text == '\0' || strlen(text) > LONGEST_TEXT || has_control_character(text)))
    return NULL;
  if (kind->pattern != NULL && !is_match(kind->pattern, text))
    return NULL;
  return kind->convert != NULL ? kind->convert(text, directory) : g_strdup(text);
}

/* ":2222" behind a host; nothing is port 0. */
static bool port_split(const char *text, guint *port) {
  gint64 number = 0;
  if (*text != '\0' && (*text != ':' || !number_parse(text + 1, 1, 65535, &number)))
    return false;
  *port = (guint)number;
  return true;
}

static bool is_host(const char *text) {
  return is_match("^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}\\z", text);
}

static bool is_ipv6(const char *text) {
  return strchr(text, ':') != NULL && is_match("^[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9_.-]{1,64})?\\z", text);
}

/* Where the address ends and a port may begin. */
static const char *address_end(const char *text, const char *bracket, bool is_bare_ipv6) {
  if (bracket != NULL)
    return bracket + 1;
  const char *colon = strchr(text, ':');
  return colon == NULL || is_bare_ipv6 ? text + strlen(text) : colon;
}

bool address_split(const char *text, char **user, char **host, guint *port) {
  const char *at = strrchr(text, '@'), *rest = at != NULL ? at + 1 : text;
  g_autofree char *name = at != NULL ? g_strndup(text, (gsize)(at - text)) : NULL;
  g_autofree char *login = name != NULL ? text_convert(&text_user, name, NULL) : NULL;
  if (at != NULL && login == NULL)
    return false;
  const char *bracket = *rest == '[' ? strchr(rest, ']') : NULL;
  bool is_bare_ipv6 = is_ipv6(rest) && strchr(rest, ':') != strrchr(rest, ':');
  const char *end = address_end(rest, bracket, is_bare_ipv6);
  g_autofree char *address = bracket != NULL ? g_strndup(rest + 1, (gsize)(bracket - rest - 1))
                                             : g_strndup(rest, (gsize)(end - rest));
  guint number = 0;
  if (!(bracket != NULL || is_bare_ipv6 ? is_ipv6(address) : is_host(address)) || !port_split(end, &number))
    return false;
  *user = g_steal_pointer(&login);
  *host = g_steal_pointer(&address);
  *port = number;
  return true;
}

char *path_relative(const char *path, const char *directory) {
  gsize length = strlen(directory);
  const char *rest = path + length + 1;
  /* What begins with "-" or "~" would be read as something else. */
  if (!g_str_has_prefix(path, directory) || path[length] != '/' || strchr("-~/", *rest) != NULL)
    return g_strdup(path);
  return g_strdup(rest);
}
