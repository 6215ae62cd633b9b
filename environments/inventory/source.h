/* What an inventory's source found: private to environments/inventory. */
#pragma once

#include "environments/config/config.h"

typedef struct {
  char *name;          /* as the source calls it, not checked yet; NULL: not at all */
  char *address;       /* a host name or IP address */
  char *id;            /* or NULL */
  char *user;          /* or NULL */
  guint port;          /* 0: not said */
  GPtrArray *profiles; /* char *; NULL: not said */
} FoundHost;
void found_host_free(FoundHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoundHost, found_host_free)
/* Of FoundHost, that owns them. */
GPtrArray *found_hosts_new(void);

/* Runs the command of the inventory in Config.directory. Adds to `found`. SLIPWAY_ERROR_UNREADY, also for
 * output that is wrong (naming its line or element) or longer than 1 MiB; SLIPWAY_ERROR_INTERRUPTED. */
bool command_find_hosts(const InventoryConfig *inventory, const char *directory, GPtrArray *found,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What such a command printed. */
bool host_list_parse(const char *text, gsize length, GPtrArray *found,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Instances that run and have all the tags, in all regions. Errors likewise; AWS's own code and message. */
bool ec2_find_hosts(const Ec2Config *ec2, GPtrArray *found, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A reply to DescribeInstances. Adds to `found`; *next_token is NULL on the last page; the caller frees. */
bool ec2_read_page(const char *xml, gsize length, Ec2Address wanted, GPtrArray *found, char **next_token,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What AWS says of a request that it refused: "AuthFailure: AWS was not …"; NULL: nothing that is understood.
 * Caller frees. `code` (or NULL): "AuthFailure", likewise. */
char *ec2_read_error(const char *xml, gsize length, char **code);
