/* What an inventory is told: any bytes as the output of a command, as EC2's answer, and as one of AWS's
 * files. */
#include <glib.h>
#include <stdint.h>

#include "environments/inventory/aws_files.h"
#include "environments/inventory/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_list(const char *text, gsize length) {
  g_autoptr(GPtrArray) found = found_hosts_new();
  g_autoptr(GError) error = NULL;
  bool is_read = host_list_parse(text, length, found, &error);
  g_assert(is_read == (error == NULL));
  for (guint i = 0; i < found->len; i++)
    g_assert(((const FoundHost *)found->pdata[i])->address[0] != '-');
}

static void try_page(const char *xml, gsize length) {
  g_autoptr(GPtrArray) found = found_hosts_new();
  g_autoptr(GError) error = NULL;
  g_autofree char *token = NULL, *code = NULL;
  bool is_read = ec2_read_page(xml, length, EC2_DNS_NAME, found, &token, &error);
  g_assert(is_read == (error == NULL));
  g_autofree char *words = ec2_read_error(xml, length, &code);
  g_assert((words == NULL) == (code == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup((const char *)data, size);
  GHashTable *section = aws_section_parse(text, (const char *const[]){"profile ops", "default", NULL});
  g_clear_pointer(&section, g_hash_table_unref);
  try_list((const char *)data, size);
  try_page((const char *)data, size);
  return 0;
}
