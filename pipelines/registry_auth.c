/* Reading challenges, and asking token servers. */
#include "pipelines/registry_auth.h"

#include <string.h>

#include "support/errors.h"
#include "support/json.h"
#include "support/poison.h"

enum { HEADER_CAP = 8 << 10, TOKEN_CAP = 64 << 10, REPLY_CAP = 1 << 20, TIMEOUT_MS = 30 * 1000 };

void auth_challenge_clear(AuthChallenge *challenge) {
  g_clear_pointer(&challenge->realm, g_free);
  g_clear_pointer(&challenge->service, g_free);
  g_clear_pointer(&challenge->scope, g_free);
}

static bool is_token_character(char character) {
  return g_ascii_isalnum(character) || (character != '\0' && strchr("!#$%&'*+-.^_`|~/:", character) != NULL);
}

static char *read_token(const char **cursor) {
  const char *start = *cursor;
  while (is_token_character(**cursor))
    (*cursor)++;
  return g_strndup(start, (gsize)(*cursor - start));
}

/* NULL: it does not end. */
static char *read_quoted(const char **cursor) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (const char *at = *cursor + 1; *at != '\0'; at++) {
    if (*at == '"') {
      *cursor = at + 1;
      return g_string_free(g_steal_pointer(&text), FALSE);
    }
    if (*at == '\\' && at[1] != '\0')
      at++;
    g_string_append_c(text, *at);
  }
  return NULL;
}

static void skip(const char **cursor, const char *characters) {
  *cursor += strspn(*cursor, characters);
}

/* The first value of each name holds. */
static void keep_parameter(AuthChallenge *challenge, const char *name, char *value) {
  const struct {
    const char *name;
    char **target;
  } rows[] = {{"realm", &challenge->realm}, {"service", &challenge->service}, {"scope", &challenge->scope}};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    if (g_ascii_strcasecmp(name, rows[i].name) == 0 && *rows[i].target == NULL) {
      *rows[i].target = value;
      return;
    }
  g_free(value);
}

/* After the name of a parameter: "=value". */
static bool read_parameter(const char **cursor, const char *name, AuthChallenge *challenge, bool is_wanted) {
  skip(cursor, "= \t");
  char *value = **cursor == '"' ? read_quoted(cursor) : read_token(cursor);
  if (is_wanted && value != NULL)
    keep_parameter(challenge, name, value);
  else
    g_free(value);
  return value != NULL;
}

static bool read_challenges(const char *cursor, AuthChallenge *challenge) {
  bool in_bearer = false;
  for (skip(&cursor, ", \t"); *cursor != '\0'; skip(&cursor, ", \t")) {
    g_autofree char *word = read_token(&cursor);
    skip(&cursor, " \t");
    if (*word == '\0')
      return false;
    if (*cursor == '=') {
      if (!read_parameter(&cursor, word, challenge, in_bearer))
        return false;
      continue;
    }
    in_bearer = g_ascii_strcasecmp(word, "Bearer") == 0;
    challenge->offers_bearer |= in_bearer;
    challenge->offers_basic |= g_ascii_strcasecmp(word, "Basic") == 0;
  }
  return !challenge->offers_bearer || challenge->realm != NULL;
}

bool auth_challenge_parse(const char *header, AuthChallenge *challenge, GError **error) {
  g_auto(AuthChallenge) found = {0};
  if (strnlen(header, HEADER_CAP + 1) > HEADER_CAP)
    return fail(error, SLIPWAY_ERROR_UNREADY, "its WWW-Authenticate header is longer than 8 KiB");
  if (!read_challenges(header, &found))
    return fail(error, SLIPWAY_ERROR_UNREADY, "its WWW-Authenticate header is malformed");
  *challenge = found;
  found = (AuthChallenge){0};
  return true;
}

static void append_field(GString *form, const char *name, const char *value) {
  if (value == NULL)
    return;
  g_autofree char *escaped = http_escape(value);
  g_string_append_printf(form, "%s%s=%s", form->len == 0 ? "" : "&", name, escaped);
  explicit_bzero(escaped, strlen(escaped));
}

/* The token server's reply, by GET (every server knows it). */
static bool ask_by_get(HttpClient *http, const char *realm, const GString *query,
                       const RegistryCredentials *credentials, HttpReply *reply, GError **error) {
  g_autofree char *url = g_strconcat(realm, strchr(realm, '?') == NULL ? "?" : "&", query->str, NULL);
  char *basic = credentials == NULL ? NULL : g_strconcat(credentials->user, ":", credentials->password, NULL);
  HttpRequest request = {
      .url = url, .basic = basic, .timeout_ms = TIMEOUT_MS, .reply_cap = REPLY_CAP, .is_interruptible = true};
  bool answered = http_perform(http, &request, reply, error);
  if (basic != NULL)
    explicit_bzero(basic, strlen(basic));
  g_free(basic);
  return answered;
}

/* By POST: the way for refresh tokens. */
static bool ask_by_post(HttpClient *http, const char *realm, GString *form, const char *refresh_token,
                        HttpReply *reply, GError **error) {
  append_field(form, "grant_type", "refresh_token");
  append_field(form, "client_id", "slipway");
  append_field(form, "refresh_token", refresh_token);
  HttpRequest request = {
      .url = realm,
      .headers = (const char *const[]){"Content-Type: application/x-www-form-urlencoded", NULL},
      .body = form->str,
      .body_length = form->len,
      .timeout_ms = TIMEOUT_MS,
      .reply_cap = REPLY_CAP,
      .is_interruptible = true,
  };
  bool answered = http_perform(http, &request, reply, error);
  explicit_bzero(form->str, form->len);
  return answered;
}

/* It goes into a header. */
static bool is_usable_token(const char *token) {
  gsize length = strnlen(token, TOKEN_CAP + 1);
  if (length == 0 || length > TOKEN_CAP)
    return false;
  for (const char *at = token; *at != '\0'; at++)
    if (!g_ascii_isgraph(*at))
      return false;
  return true;
}

static bool read_token_reply(const HttpReply *reply, char **token, GError **error) {
  if (reply->status == 401 || reply->status == 403) {
    *token = NULL;
    return true;
  }
  if (reply->status != 200)
    return fail(error, SLIPWAY_ERROR_UNREADY, "it answered with status %ld", reply->status);
  g_autoptr(cJSON) json = NULL;
  if (!json_parse(reply->body->str, reply->body->len, "its reply", &json, error))
    return false;
  const char *found = json_string(json, "token");
  if (found == NULL)
    found = json_string(json, "access_token");
  if (found == NULL || !is_usable_token(found))
    return fail(error, SLIPWAY_ERROR_UNREADY, "its reply has no usable token");
  *token = g_strdup(found);
  return true;
}

bool auth_fetch_token(HttpClient *http, const AuthChallenge *challenge, const char *scope,
                      const RegistryCredentials *credentials, bool plain_allowed, char **token,
                      GError **error) {
  const char *realm = challenge->realm;
  if (!g_str_has_prefix(realm, "https://") && !(plain_allowed && g_str_has_prefix(realm, "http://")))
    return fail(error, SLIPWAY_ERROR_UNREADY, "its token server %s does not use TLS", realm);
  g_autoptr(GString) form = g_string_new(NULL);
  g_auto(HttpReply) reply = {0};
  append_field(form, "service", challenge->service);
  append_field(form, "scope", challenge->scope == NULL ? scope : challenge->scope);
  const char *refresh_token = credentials == NULL ? NULL : credentials->identity_token;
  bool answered = refresh_token == NULL ? ask_by_get(http, realm, form, credentials, &reply, error)
                                        : ask_by_post(http, realm, form, refresh_token, &reply, error);
  if (!answered || !read_token_reply(&reply, token, error))
    return prefix(error, "token server %s: ", realm);
  return true;
}
