/* Hosts that a command prints: lines, or JSON. */
#include <string.h>

#include "environments/inventory/ask.h"
#include "environments/inventory/source.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum { OUTPUT_CAP = 1 << 20, SHOWN = 80 };

#define LINE_FORM "[NAME] [user@]host[:port]"

static bool fail_shown(const char *text, const char *expected, GError **error) {
  g_autofree char *printable = text_printable(text, false);
  return fail(error, SLIPWAY_ERROR_UNREADY, "expected %s, not \"%.*s\"", expected, SHOWN, printable);
}

/* Sets address, user and port. */
static bool take_address(const char *text, FoundHost *host, GError **error) {
  return address_split(text, &host->user, &host->address, &host->port) ||
         fail_shown(text, "[user@]host[:port]", error);
}

/* What a source calls a host has to be one of slipway.yml's names: it was not chosen by somebody else, as a
 * tag is. */
static bool take_text(HostText kind, const char *text, char **taken, GError **error) {
  if (!host_text_is_valid(kind, text))
    return fail_shown(text, host_text_expected(kind), error);
  g_free(*taken);
  *taken = g_strdup(text);
  return true;
}

/* ---- lines -----------------------------------------------------------------------------------------------
 */

static bool read_words(char **words, FoundHost *host, GError **error) {
  guint count = g_strv_length(words);
  if (count > 2)
    return fail(error, SLIPWAY_ERROR_UNREADY, "expected %s, not %u words", LINE_FORM, count);
  return take_address(words[count - 1], host, error) &&
         (count == 1 || take_text(HOST_TEXT_NAME, words[0], &host->name, error));
}

/* Caller frees. */
static char **split_words(const char *line) {
  g_autoptr(GStrvBuilder) words = g_strv_builder_new();
  g_auto(GStrv) parts = g_strsplit_set(line, " \t\r", -1);
  for (char **part = parts; *part != NULL && **part != '#'; part++)
    if (**part != '\0')
      g_strv_builder_add(words, *part);
  return g_strv_builder_end(words);
}

static bool read_lines(const char *text, GPtrArray *found, GError **error) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_auto(GStrv) words = split_words(lines[i]);
    g_autoptr(FoundHost) host = g_new0(FoundHost, 1);
    if (words[0] == NULL)
      continue;
    if (!read_words(words, host, error))
      return prefix(error, "line %u: ", i + 1);
    g_ptr_array_add(found, g_steal_pointer(&host));
  }
  return true;
}

/* ---- JSON ------------------------------------------------------------------------------------------------
 */

static bool take_string(const cJSON *value, HostText kind, char **taken, GError **error) {
  return cJSON_IsString(value) ? take_text(kind, value->valuestring, taken, error)
                               : fail(error, SLIPWAY_ERROR_UNREADY, "expected a text");
}

static bool take_profiles(const cJSON *list, FoundHost *host, GError **error) {
  g_autoptr(GPtrArray) profiles = g_ptr_array_new_with_free_func(g_free);
  const cJSON *item = NULL;
  if (!cJSON_IsArray(list))
    return fail(error, SLIPWAY_ERROR_UNREADY, "profiles: expected an array of names");
  cJSON_ArrayForEach(item, list) {
    char *name = NULL;
    if (!take_string(item, HOST_TEXT_PROFILE, &name, error))
      return prefix(error, "profiles: ");
    g_ptr_array_add(profiles, name);
  }
  g_clear_pointer(&host->profiles, g_ptr_array_unref);
  host->profiles = g_steal_pointer(&profiles);
  return true;
}

static bool take_port(const cJSON *value, FoundHost *host, GError **error) {
  if (!cJSON_IsNumber(value) || value->valuedouble < 1 || value->valuedouble > 65535)
    return fail(error, SLIPWAY_ERROR_UNREADY, "port: expected 1 to 65535");
  host->port = (guint)value->valueint;
  return true;
}

static bool take_member(const cJSON *member, FoundHost *host, GError **error) {
  const struct {
    const char *key;
    HostText kind;
    char **target;
  } texts[] = {{"name", HOST_TEXT_NAME, &host->name},
               {"id", HOST_TEXT_NAME, &host->id},
               {"user", HOST_TEXT_USER, &host->user}};
  if (cJSON_IsNull(member) || strcmp(member->string, "address") == 0)
    return true;
  if (strcmp(member->string, "port") == 0)
    return take_port(member, host, error);
  if (strcmp(member->string, "profiles") == 0)
    return take_profiles(member, host, error);
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (strcmp(member->string, texts[i].key) == 0)
      return take_string(member, texts[i].kind, texts[i].target, error) ||
             prefix(error, "%s: ", texts[i].key);
  return fail_shown(member->string, "the keys address, name, id, user, port and profiles", error);
}

/* The address first: user and port of their own win over those in it. */
static bool read_element(const cJSON *element, FoundHost *host, GError **error) {
  if (cJSON_IsString(element))
    return take_address(element->valuestring, host, error);
  const char *address = json_string(element, "address");
  if (!cJSON_IsObject(element) || address == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "expected an address, or an object with \"address\"");
  if (!take_address(address, host, error))
    return prefix(error, "address: ");
  for (const cJSON *member = element->child; member != NULL; member = member->next)
    if (!take_member(member, host, error))
      return false;
  return true;
}

static bool read_json(const char *text, gsize length, GPtrArray *found, GError **error) {
  g_autoptr(cJSON) json = NULL;
  const cJSON *element = NULL;
  guint number = 0;
  if (!json_parse(text, length, "the output", &json, error))
    return false;
  const cJSON *list = cJSON_IsArray(json) ? json : json_array(json, "hosts");
  if (list == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "expected an array of hosts, or an object with \"hosts\"");
  cJSON_ArrayForEach(element, list) {
    g_autoptr(FoundHost) host = g_new0(FoundHost, 1);
    number++;
    if (!read_element(element, host, error))
      return prefix(error, "host %u: ", number);
    g_ptr_array_add(found, g_steal_pointer(&host));
  }
  return true;
}

/* A line may begin with "[", too: an IPv6 address. */
static bool is_json(const char *text) {
  if (*text != '[')
    return *text == '{';
  const char *inside = text + 1 + strspn(text + 1, " \t\r\n");
  return *inside != '\0' && strchr("\"{]", *inside) != NULL;
}

bool host_list_parse(const char *text, gsize length, GPtrArray *found, GError **error) {
  g_autofree char *copy = g_strndup(text, length);
  const char *start = copy + strspn(copy, " \t\r\n");
  if (strlen(copy) != length)
    return fail(error, SLIPWAY_ERROR_UNREADY, "the output has a NUL byte");
  return is_json(start) ? read_json(start, strlen(start), found, error) : read_lines(copy, found, error);
}

bool command_find_hosts(const InventoryConfig *inventory, const char *directory, GPtrArray *found,
                        GError **error) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_autoptr(SecretText) said = NULL;
  guint before = found->len;
  for (guint i = 0; i < inventory->command->len; i++)
    g_ptr_array_add(argv, inventory->command->pdata[i]);
  g_ptr_array_add(argv, NULL);
  const char *program = argv->pdata[0];
  if (!ask_program((const char *const *)argv->pdata, directory, inventory->timeout_ms, OUTPUT_CAP, &said,
                   error) ||
      !host_list_parse(said->str, said->len, found, error))
    return prefix(error, "inventory %s: ", program);
  return found->len > before ||
         fail(error, SLIPWAY_ERROR_UNREADY, "inventory %s: it printed no host", program);
}
