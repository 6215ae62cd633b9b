/* EC2's answers: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html */
#include <libxml/parser.h>
#include <string.h>

#include "environments/inventory/source.h"
#include "support/errors.h"
#include "support/lazy.h"
#include "support/text.h"

#include "support/poison.h"

/* Whatever wrote it: no document type (entities are declared there), no network, no files, no words on
 * stderr. */
enum { PARSE_OPTIONS = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA };

/* libxml2, which brings ICU and the C++ library along. */
static struct {
  __typeof__(xmlReadMemory) *read_memory;
  __typeof__(xmlDocGetRootElement) *root_of;
  __typeof__(xmlNodeGetContent) *content_of;
  __typeof__(xmlFreeDoc) *free_document;
  xmlFreeFunc *free; /* a variable */
} libxml;

static void load_libxml(void) {
  static const LazySymbol symbols[] = {
      {"xmlReadMemory", offsetof(__typeof__(libxml), read_memory)},
      {"xmlDocGetRootElement", offsetof(__typeof__(libxml), root_of)},
      {"xmlNodeGetContent", offsetof(__typeof__(libxml), content_of)},
      {"xmlFreeDoc", offsetof(__typeof__(libxml), free_document)},
      {"xmlFree", offsetof(__typeof__(libxml), free)},
      {NULL, 0},
  };
  static gsize is_loaded = 0;
  if (g_once_init_enter(&is_loaded)) {
    lazy_load(XML_SONAME, symbols, &libxml);
    g_once_init_leave(&is_loaded, 1);
  }
}

static void free_document(xmlDoc *document) {
  libxml.free_document(document);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, free_document)

static xmlDoc *parse(const char *xml, gsize length) {
  load_libxml();
  g_autoptr(xmlDoc) document =
      length > G_MAXINT ? NULL : libxml.read_memory(xml, (int)length, NULL, NULL, PARSE_OPTIONS);
  return document == NULL || document->intSubset != NULL ? NULL : g_steal_pointer(&document);
}

static bool is_named(const xmlNode *node, const char *name) {
  return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/* The first element below `node` with that name, whatever its namespace; NULL. */
static const xmlNode *child(const xmlNode *node, const char *name) {
  for (const xmlNode *at = node != NULL ? node->children : NULL; at != NULL; at = at->next)
    if (is_named(at, name))
      return at;
  return NULL;
}

static const xmlNode *next(const xmlNode *node, const char *name) {
  for (const xmlNode *at = node->next; at != NULL; at = at->next)
    if (is_named(at, name))
      return at;
  return NULL;
}

/* Printable, and NULL when it is absent or empty. Caller frees. */
static char *text_of(const xmlNode *node, const char *name) {
  const xmlNode *element = child(node, name);
  xmlChar *content = element != NULL ? libxml.content_of(element) : NULL;
  if (content == NULL)
    return NULL;
  g_autofree char *text = text_printable((const char *)content, false);
  (*libxml.free)(content);
  g_strstrip(text);
  return *text != '\0' ? g_steal_pointer(&text) : NULL;
}

static char *tag_of(const xmlNode *instance, const char *wanted) {
  for (const xmlNode *tag = child(child(instance, "tagSet"), "item"); tag != NULL; tag = next(tag, "item")) {
    g_autofree char *key = text_of(tag, "key");
    if (g_strcmp0(key, wanted) == 0)
      return text_of(tag, "value");
  }
  return NULL;
}

/* One without a public name is known by its private one. */
static const struct {
  const char *name, *elements[3];
} addresses[] = {
    [EC2_PRIVATE_ADDRESS] = {"private address", {"privateIpAddress"}},
    [EC2_PUBLIC_ADDRESS] = {"public address", {"ipAddress"}},
    [EC2_DNS_NAME] = {"DNS name", {"dnsName", "privateDnsName"}},
};

static char *address_of(const xmlNode *instance, Ec2Address wanted) {
  char *address = NULL;
  for (const char *const *element = addresses[wanted].elements; address == NULL && *element != NULL;
       element++)
    address = text_of(instance, *element);
  return address;
}

static bool read_instance(const xmlNode *instance, Ec2Address wanted, GPtrArray *found, GError **error) {
  g_autoptr(FoundHost) host = g_new0(FoundHost, 1);
  host->id = text_of(instance, "instanceId");
  host->name = tag_of(instance, "Name");
  host->address = address_of(instance, wanted);
  if (host->id == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "its answer has an instance without an id");
  if (!host_text_is_valid(HOST_TEXT_NAME,
                          host->id)) /* known_hosts is asked for it, and "*" is everybody there */
    return fail(error, SLIPWAY_ERROR_UNREADY, "its answer has an instance with \"%s\" for an id", host->id);
  if (host->address == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY,
                "%s%s%s%s has no %s; `address:` in slipway.yml says which to use", host->id,
                host->name != NULL ? " (" : "", host->name != NULL ? host->name : "",
                host->name != NULL ? ")" : "", addresses[wanted].name);
  g_ptr_array_add(found, g_steal_pointer(&host));
  return true;
}

bool ec2_read_page(const char *xml, gsize length, Ec2Address wanted, GPtrArray *found, char **next_token,
                   GError **error) {
  g_autoptr(xmlDoc) document = parse(xml, length);
  const xmlNode *root = document != NULL ? libxml.root_of(document) : NULL;
  if (root == NULL || !is_named(root, "DescribeInstancesResponse"))
    return fail(error, SLIPWAY_ERROR_UNREADY, "its answer is not EC2's: no DescribeInstancesResponse");
  for (const xmlNode *reservation = child(child(root, "reservationSet"), "item"); reservation != NULL;
       reservation = next(reservation, "item"))
    for (const xmlNode *instance = child(child(reservation, "instancesSet"), "item"); instance != NULL;
         instance = next(instance, "item"))
      if (!read_instance(instance, wanted, found, error))
        return false;
  *next_token = text_of(root, "nextToken");
  return true;
}

/* EC2: <Response><Errors><Error>; other services: <ErrorResponse><Error>. */
char *ec2_read_error(const char *xml, gsize length, char **code) {
  g_autoptr(xmlDoc) document = parse(xml, length);
  const xmlNode *root = document != NULL ? libxml.root_of(document) : NULL;
  const xmlNode *element = child(child(root, "Errors"), "Error");
  if (element == NULL)
    element = child(root, "Error");
  g_autofree char *kind = text_of(element, "Code"), *message = text_of(element, "Message");
  if (kind == NULL)
    return NULL;
  char *words = g_strconcat(kind, message != NULL ? ": " : "", message, NULL);
  if (code != NULL)
    *code = g_steal_pointer(&kind);
  return words;
}
