/* Manifests and journal lines as records of the history. Hosts wrote them: nothing in them is taken as it is.
 */
#include "deployer/rollout/retell.h"

#include <string.h>

#include "deployer/output/exit_status.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

enum { HOSTS_CAP = 10000, NAME_CAP = 255, TEXT_CAP = 4096 };

/* ---- witnesses -------------------------------------------------------------------------------------------
 */

Witness *witness_new(const char *host, const char *address, bool is_whole) {
  Witness *witness = g_new0(Witness, 1);
  witness->host = host;
  witness->address = address;
  witness->runs = is_whole ? g_strdup("") : NULL;
  return witness;
}

void witness_free(Witness *witness) {
  g_free(witness->runs);
  g_free(witness);
}

static bool is_down(const JournalEntry *entry) {
  return g_strcmp0(json_string(entry->line, "kind"), deployment_kind_name(KIND_DOWN)) == 0;
}

void witnesses_advance(GPtrArray *witnesses, const JournalEntry *entry) {
  for (guint i = 0; i < entry->hosts->len; i++) {
    const JournalHost *host = entry->hosts->pdata[i];
    Witness *witness = witnesses->pdata[host->journal];
    if (host->has_restored)
      continue;
    g_free(witness->runs);
    witness->runs = host->has_succeeded ? g_strdup(is_down(entry) ? "" : entry->uid) : NULL;
  }
}

/* ---- fields ----------------------------------------------------------------------------------------------
 */

/* Printable, and not endless. NULL: absent. Caller frees. */
static char *take_text(const cJSON *json, const char *key) {
  const char *text = json_string(json, key);
  if (text == NULL || *text == '\0')
    return NULL;
  g_autofree char *start = g_strndup(text, TEXT_CAP);
  return text_printable(start, true);
}

static gint64 take_time(const cJSON *json, const char *key) {
  const char *text = json_string(json, key);
  gint64 time = 0;
  return text != NULL && time_parse(text, &time) ? time : 0;
}

static char *take_hash(const cJSON *json, const char *key) {
  const char *text = json_string(json, key);
  return is_sha256(text) ? g_strdup(text) : NULL;
}

static bool is_pinned(const cJSON *image) {
  return image->string != NULL && cJSON_IsString(image) && strstr(image->valuestring, "@sha256:") != NULL;
}

/* {service: reference}, canonical; NULL when it is not that. */
static char *take_images(const cJSON *json) {
  const cJSON *images = json_object(json, "images"), *image = NULL;
  if (images == NULL)
    return NULL;
  cJSON_ArrayForEach(image, images) {
    if (!is_pinned(image))
      return NULL;
  }
  return json_print_canonical(images);
}

Release *retell_release(const cJSON *description) {
  const cJSON *json = json_object(description, "release"), *image = NULL;
  const char *uid = json_string(json, "uid");
  g_autofree char *version = take_text(json, "version");
  if (version == NULL || strlen(version) > NAME_CAP || !is_unique_id(uid))
    return NULL;
  g_autoptr(Release) release = release_new();
  cJSON_ArrayForEach(image, json_object(json, "images")) {
    if (is_pinned(image))
      g_ptr_array_add(release->images, release_image_new(image->string, image->valuestring));
  }
  if (release->images->len == 0)
    return NULL;
  release->uid = g_strdup(uid);
  release->version = g_steal_pointer(&version);
  release->revision = take_text(json, "revision");
  release->build_url = take_text(json, "build_url");
  release->committed_at = take_time(json, "committed_at");
  release->created_at = take_time(json, "created_at");
  if (release->created_at == 0)
    release->created_at = take_time(description, "started_at");
  return g_steal_pointer(&release);
}

/* ---- hosts -----------------------------------------------------------------------------------------------
 */

static DeploymentHost *find_host(const GPtrArray *hosts, const char *name) {
  for (guint i = 0; i < hosts->len; i++)
    if (g_strcmp0(((DeploymentHost *)hosts->pdata[i])->name, name) == 0)
      return hosts->pdata[i];
  return NULL;
}

GPtrArray *retell_hosts(const cJSON *description) {
  GPtrArray *hosts = g_ptr_array_new_with_free_func((GDestroyNotify)deployment_host_free);
  const cJSON *item = NULL;
  cJSON_ArrayForEach(item, json_array(description, "hosts")) {
    g_autofree char *name = take_text(item, "name");
    g_autofree char *address = take_text(item, "address");
    if (name != NULL && strlen(name) <= NAME_CAP && hosts->len < HOSTS_CAP && find_host(hosts, name) == NULL)
      g_ptr_array_add(hosts, deployment_host_new(name, address));
  }
  return hosts;
}

static void settle(DeploymentHost *host, HostStatus status, const char *runs, const char *problem) {
  host->status = status;
  g_free(host->runs);
  host->runs = g_strdup(runs);
  g_free(host->error);
  host->error = g_strdup(problem);
}

static HostStatus status_of(const JournalHost *host) {
  if (host->has_restored)
    return HOST_RESTORED;
  if (!host->has_succeeded)
    return HOST_UNKNOWN;
  return host->is_touched ? HOST_CHANGED : HOST_UNCHANGED;
}

/* What the journals say. A machine that is called otherwise today still goes by the name it had. */
static void settle_witnessed(GPtrArray *hosts, const JournalEntry *entry, GPtrArray *witnesses,
                             GHashTable *settled) {
  for (guint i = 0; i < entry->hosts->len; i++) {
    const JournalHost *said = entry->hosts->pdata[i];
    const Witness *witness = witnesses->pdata[said->journal];
    DeploymentHost *host = find_host(hosts, said->host != NULL ? said->host : witness->host);
    if (host == NULL || g_hash_table_contains(settled, host)) {
      if (find_host(hosts, witness->host) != NULL)
        continue;
      host = deployment_host_new(witness->host, witness->address);
      g_ptr_array_add(hosts, host);
    }
    settle(host, status_of(said), witness->runs, said->problem);
    g_hash_table_add(settled, host);
  }
}

static const Witness *find_witness(GPtrArray *witnesses, const char *name) {
  for (guint i = 0; i < witnesses->len; i++)
    if (g_strcmp0(((const Witness *)witnesses->pdata[i])->host, name) == 0)
      return witnesses->pdata[i];
  return NULL;
}

/* Once one host has noted success, all that it went to were well: who has no note was left out, or was not
 * asked. Where it failed, who has no note was not come to. */
static void settle_silent(GPtrArray *hosts, GPtrArray *witnesses, bool has_succeeded, GHashTable *settled) {
  for (guint i = 0; i < hosts->len; i++) {
    DeploymentHost *host = hosts->pdata[i];
    const Witness *witness = find_witness(witnesses, host->name);
    if (g_hash_table_contains(settled, host))
      continue;
    if (witness == NULL)
      settle(host, has_succeeded ? HOST_SKIPPED : HOST_UNKNOWN, NULL, "not asked when this was imported");
    else if (has_succeeded)
      settle(host, HOST_SKIPPED, witness->runs, "its journal does not have it");
    else
      settle(host, HOST_UNCHANGED, witness->runs, NULL);
  }
}

/* ---- how it ended ----------------------------------------------------------------------------------------
 */

typedef struct {
  guint succeeded, restored, open;
  bool is_touched;
} Tally;

static Tally count_outcomes(const JournalEntry *entry) {
  Tally tally = {0};
  for (guint i = 0; i < entry->hosts->len; i++) {
    const JournalHost *host = entry->hosts->pdata[i];
    tally.succeeded += host->has_succeeded ? 1 : 0;
    tally.restored += host->has_restored ? 1 : 0;
    tally.open += !host->has_succeeded && !host->has_restored ? 1 : 0;
    tally.is_touched = tally.is_touched || host->is_touched;
  }
  return tally;
}

typedef struct {
  DeploymentStatus status;
  SlipwayErrorKind kind;
  const char *message;
} Ending;

static void conclude(Deployment *deployment, const Ending *ending) {
  g_autoptr(GError) problem = g_error_new_literal(SLIPWAY_ERROR, (gint)ending->kind, ending->message);
  deployment->status = ending->status;
  deployment->exit_code = exit_status_of(problem)->status;
  deployment->message = g_strdup(ending->message);
}

static void judge(Deployment *deployment, const JournalEntry *entry, bool is_newest) {
  static const Ending failed = {STATUS_FAILED, SLIPWAY_ERROR_DEPLOY,
                                "it failed, and the hosts were put back: so their journals say"};
  static const Ending broken = {STATUS_BROKEN, SLIPWAY_ERROR_BROKEN,
                                "some hosts were put back, some were not: so their journals say"};
  static const Ending cut = {STATUS_INTERRUPTED, SLIPWAY_ERROR_INTERRUPTED,
                             "how it ended is not in the hosts' journals, and others came after it"};
  Tally tally = count_outcomes(entry);
  deployment->touched = tally.is_touched;
  deployment->finished_at = entry->ended_at != 0 ? entry->ended_at : deployment->started_at;
  if (tally.open == 0 && tally.restored == 0) {
    deployment->status = STATUS_SUCCEEDED;
    deployment->exit_code = 0;
  } else if (tally.open == 0) {
    conclude(deployment, tally.succeeded == 0 ? &failed : &broken);
  } else if (!is_newest) {
    conclude(deployment, &cut);
  } else {
    deployment->status = STATUS_RUNNING;
    deployment->exit_code = -1;
    deployment->finished_at = 0;
  }
}

static void take_fields(Deployment *deployment, const JournalEntry *entry, const cJSON *description) {
  if (!deployment_kind_parse(json_string(description, "kind"), &deployment->kind) &&
      !deployment_kind_parse(json_string(entry->line, "kind"), &deployment->kind))
    g_assert_not_reached(); /* journals_merge leaves such lines out */
  if (!stack_move_parse(json_string(description, "move"), &deployment->move) || deployment->move == MOVE_NONE)
    deployment->move = MOVE_PUSH;
  deployment->actor = take_text(description, "actor");
  deployment->reason = take_text(description, "reason");
  deployment->build_url = take_text(description, "build_url");
  deployment->config_revision = take_text(description, "config_revision");
  deployment->forced = json_boolean(description, "forced", false);
  deployment->config_dirty = json_boolean(description, "config_dirty", false);
  deployment->content = take_hash(description, "content");
  deployment->images = take_images(description);
  deployment->started_at = take_time(description, "started_at");
  if (deployment->started_at == 0)
    deployment->started_at = entry->begun_at;
}

Deployment *retell_deployment(const JournalEntry *entry, const cJSON *description, GPtrArray *hosts,
                              GPtrArray *witnesses, bool is_newest) {
  Deployment *deployment = deployment_new();
  g_autoptr(GHashTable) settled = g_hash_table_new(NULL, NULL);
  g_ptr_array_unref(deployment->hosts);
  deployment->hosts = hosts;
  deployment->uid = g_strdup(entry->uid);
  deployment->environment = g_strdup(json_string(entry->line, "environment"));
  take_fields(deployment, entry, description);
  judge(deployment, entry, is_newest);
  settle_witnessed(hosts, entry, witnesses, settled);
  settle_silent(hosts, witnesses, count_outcomes(entry).succeeded > 0, settled);
  return deployment;
}
