/* Image references by the grammar of github.com/distribution/reference, and what makes two of them the same
 * repository. */
#include "environments/compose/image_reference.h"

#include <string.h>

#include "support/errors.h"
#include "support/poison.h"

#define DEFAULT_REGISTRY "docker.io"

enum { NAME_CAP = 255, TAG_CAP = 128, SHA256_HEX_LENGTH = 64 };

void image_reference_clear(ImageReference *reference) {
  g_clear_pointer(&reference->registry, g_free);
  g_clear_pointer(&reference->repository, g_free);
  g_clear_pointer(&reference->tag, g_free);
  g_clear_pointer(&reference->digest, g_free);
  g_clear_pointer(&reference->name, g_free);
}

static bool is_lower_alphanumeric(char c) {
  return g_ascii_islower(c) || g_ascii_isdigit(c);
}

static bool is_word(char c) {
  return g_ascii_isalnum(c) || c == '_';
}

/* The length of one separator within a path component: ".", "_", "__" or any number of "-"; 0 when there is
 * none. */
static gsize separator_length(const char *text) {
  if (*text == '.')
    return 1;
  if (*text == '_')
    return text[1] == '_' ? 2 : 1;
  return strspn(text, "-");
}

/* path-component := alpha-numeric [separator alpha-numeric]* */
static bool is_component(const char *text) {
  if (!is_lower_alphanumeric(*text))
    return false;
  while (*text != '\0') {
    if (is_lower_alphanumeric(*text)) {
      text++;
      continue;
    }
    gsize length = separator_length(text);
    if (length == 0 || !is_lower_alphanumeric(text[length]))
      return false;
    text += length;
  }
  return true;
}

static bool is_path(const char *text) {
  g_auto(GStrv) components = g_strsplit(text, "/", -1);
  for (char **component = components; *component != NULL; component++)
    if (!is_component(*component))
      return false;
  return components[0] != NULL;
}

static bool is_port_or_end(const char *text) {
  return *text == '\0' ||
         (*text == ':' && text[1] != '\0' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

/* domain-name [":" port], or an IPv6 address in brackets. */
static bool is_domain(const char *text) {
  const char *end = text;
  if (*text == '[') {
    end = text + 1 + strspn(text + 1, "0123456789abcdefABCDEF:");
    if (*end++ != ']')
      return false;
  } else {
    for (; g_ascii_isalnum(*end) || *end == '.' || *end == '-'; end++)
      if ((*end == '.' || *end == '-') && (end == text || end[-1] == '.' || strchr(".:", end[1]) != NULL))
        return false;
    if (end == text || end[-1] == '-')
      return false;
  }
  return is_port_or_end(end);
}

static bool is_tag(const char *text) {
  gsize length = 0;
  for (; text[length] != '\0'; length++)
    if (!is_word(text[length]) && (length == 0 || strchr(".-", text[length]) == NULL))
      return false;
  return length >= 1 && length <= TAG_CAP;
}

static bool is_digest(const char *text) {
  if (!g_str_has_prefix(text, "sha256:"))
    return false;
  const char *hex = text + strlen("sha256:");
  return strlen(hex) == SHA256_HEX_LENGTH && strspn(hex, "0123456789abcdef") == SHA256_HEX_LENGTH;
}

/* The part before the first '/' is a registry when it cannot be a path component of Docker Hub. */
static bool is_registry(const char *first) {
  return strpbrk(first, ".:[") != NULL || g_str_equal(first, "localhost") || !is_component(first);
}

static void split_name(const char *name, ImageReference *reference) {
  const char *slash = strchr(name, '/');
  g_autofree char *first = slash == NULL ? NULL : g_strndup(name, (gsize)(slash - name));
  bool has_registry = first != NULL && is_registry(first);
  reference->registry = g_strdup(has_registry ? first : DEFAULT_REGISTRY);
  const char *path = has_registry ? slash + 1 : name;
  if (g_str_equal(reference->registry, "index.docker.io")) {
    g_free(reference->registry);
    reference->registry = g_strdup(DEFAULT_REGISTRY);
  }
  bool is_official = g_str_equal(reference->registry, DEFAULT_REGISTRY) && strchr(path, '/') == NULL;
  reference->repository = is_official ? g_strconcat("library/", path, NULL) : g_strdup(path);
}

static const char *problem_of(const ImageReference *reference) {
  if (reference->digest != NULL && !is_digest(reference->digest))
    return "the digest is not sha256: and 64 lower-case hex digits";
  if (reference->tag != NULL && !is_tag(reference->tag))
    return "a tag is at most 128 letters, digits, \"_\", \".\" and \"-\", and does not begin with the last "
           "two";
  if (!is_domain(reference->registry))
    return "the registry is not host[:port]";
  if (strlen(reference->name) > NAME_CAP)
    return "the repository is longer than 255 characters";
  if (!is_path(reference->repository))
    return "a repository is lower-case words of letters and digits, joined by \".\", \"_\", \"-\" and \"/\"";
  return NULL;
}

bool image_reference_parse(const char *text, ImageReference *reference, GError **error) {
  if (*text == '\0')
    return fail(error, SLIPWAY_ERROR_CONFIG, "the image is empty; write repository[:tag]");
  g_auto(ImageReference) parsed = {0};
  const char *at = strchr(text, '@');
  parsed.digest = at == NULL ? NULL : g_strdup(at + 1);
  parsed.name = at == NULL ? g_strdup(text) : g_strndup(text, (gsize)(at - text));
  char *colon = strrchr(parsed.name, ':');
  if (colon != NULL && strchr(colon, '/') == NULL) {
    parsed.tag = g_strdup(colon + 1);
    *colon = '\0';
  }
  split_name(parsed.name, &parsed);
  const char *problem = problem_of(&parsed);
  if (problem != NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "\"%s\" is no image reference: %s", text, problem);
  *reference = parsed;
  parsed = (ImageReference){0};
  return true;
}

bool image_same_repository(const char *a, const char *b) {
  g_auto(ImageReference) left = {0}, right = {0};
  return image_reference_parse(a, &left, NULL) && image_reference_parse(b, &right, NULL) &&
         g_str_equal(left.registry, right.registry) && g_str_equal(left.repository, right.repository);
}

char *image_pinned(const ImageReference *reference, const char *digest) {
  return g_strconcat(reference->name, "@", digest, NULL);
}
