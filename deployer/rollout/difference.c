/* Finding what two names stand for, and comparing that. */
#include "deployer/rollout/difference.h"

#include <string.h>

#include "deployer/rollout/compare.h"
#include "deployer/rollout/snapshot.h"
#include "pipelines/state.h"
#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

static void side_clear(DifferenceSide *side) {
  g_clear_pointer(&side->deployment, deployment_free);
  g_clear_pointer(&side->release, release_free);
}

void difference_free(Difference *difference) {
  if (difference == NULL)
    return;
  side_clear(&difference->from);
  side_clear(&difference->to);
  g_clear_pointer(&difference->images, g_ptr_array_unref);
  g_clear_pointer(&difference->configuration, g_ptr_array_unref);
  g_clear_pointer(&difference->settings, g_ptr_array_unref);
  g_clear_pointer(&difference->secrets, g_ptr_array_unref);
  g_free(difference);
}

/* ---- names ---- */

static bool find_environment(History *history, const Config *config, const char *name, bool *is_one,
                             GError **error) {
  g_autoptr(GPtrArray) deployments = NULL;
  *is_one = config != NULL && config_find_environment(config, name) != NULL;
  if (*is_one)
    return true;
  if (!history_list_deployments(history, name, 1, &deployments, error))
    return false;
  *is_one = deployments->len > 0;
  return true;
}

static bool is_relative(const char *name) {
  return g_str_equal(name, "current") || g_str_equal(name, "previous");
}

/* `below`: how far below the top of the environment's stack. */
static bool find_in_stack(History *history, const char *environment, guint below, Deployment **deployment,
                          GError **error) {
  g_autoptr(GPtrArray) deployments = NULL;
  if (!history_list_deployments(history, environment, 0, &deployments, error))
    return false;
  g_autoptr(EnvironmentState) state = environment_state_new(environment, deployments);
  if (state->stack->len == 0)
    return fail(error, SLIPWAY_ERROR_USAGE, "nothing was deployed successfully in %s yet", environment);
  if (state->stack->len <= below)
    return fail(error, SLIPWAY_ERROR_USAGE, "%s has no previous deployment to go back to", environment);
  const Deployment *found = state->stack->pdata[state->stack->len - 1 - below];
  return history_get_deployment(history, found->id, deployment, error);
}

static bool find_numbered(History *history, const char *name, gint64 id, Deployment **deployment,
                          GError **error) {
  if (!history_get_deployment(history, id, deployment, error))
    return false;
  return *deployment != NULL ||
         fail(error, SLIPWAY_ERROR_USAGE, "there is no deployment %s; see: slipway history", name);
}

static bool fail_unknown(const char *name, GError **error) {
  if (error == NULL || !error_is(*error, SLIPWAY_ERROR_USAGE))
    return false;
  return prefix(error, "\"%s\" is neither a deployment (d31) nor an environment: ", name);
}

/* `environment`: of the pair, or NULL. */
static bool find_side(History *history, const Config *config, const char *name, const char *environment,
                      DifferenceSide *side, GError **error) {
  gint64 id = 0;
  bool is_environment = false;
  if (name[0] == 'd' && number_parse(name + 1, 1, G_MAXINT64, &id))
    return find_numbered(history, name, id, &side->deployment, error);
  if (is_relative(name) && environment == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "%s of which environment? Name it as the other one: %s prod",
                name, name);
  if (is_relative(name))
    return find_in_stack(history, environment, g_str_equal(name, "previous") ? 1 : 0, &side->deployment,
                         error);
  if (!find_environment(history, config, name, &is_environment, error))
    return false;
  if (is_environment)
    return find_in_stack(history, name, 0, &side->deployment, error);
  return history_find_release(history, name, &side->release, error) || fail_unknown(name, error);
}

/* The one that `current` and `previous` mean: one of the two names, or the environment of a deployment that
 * is named. *environment: NULL when there is none; caller frees. */
static bool find_pair_environment(History *history, const Config *config, const char *const names[2],
                                  char **environment, GError **error) {
  for (guint i = 0; i < 2; i++) {
    gint64 id = 0;
    bool is_one = false;
    g_autoptr(Deployment) deployment = NULL;
    if (is_relative(names[i]))
      continue;
    if (names[i][0] == 'd' && number_parse(names[i] + 1, 1, G_MAXINT64, &id)) {
      if (!history_get_deployment(history, id, &deployment, error))
        return false;
      *environment = deployment != NULL ? g_strdup(deployment->environment) : NULL;
    } else if (!find_environment(history, config, names[i], &is_one, error)) {
      return false;
    } else if (is_one) {
      *environment = g_strdup(names[i]);
    }
    if (*environment != NULL)
      return true;
  }
  return true;
}

/* ---- releases ---- */

static GHashTable *new_map(void) {
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

/* Its images, and the pins of those that are not its own. */
static bool release_map(History *history, const Release *release, GHashTable **map, GError **error) {
  g_autoptr(GHashTable) pins = NULL;
  if (!history_get_pins(history, release->id, &pins, error))
    return false;
  GHashTable *images = new_map();
  for (guint i = 0; i < release->images->len; i++) {
    const ReleaseImage *image = release->images->pdata[i];
    g_hash_table_insert(images, g_strdup(image->name), g_strdup(image->reference));
  }
  GHashTableIter iterator;
  gpointer image = NULL, reference = NULL;
  g_hash_table_iter_init(&iterator, pins);
  while (g_hash_table_iter_next(&iterator, &image, &reference))
    g_hash_table_insert(images, g_strconcat("pin ", image, NULL), g_strdup(reference));
  *map = images;
  return true;
}

static bool compare_releases(History *history, Difference *difference, GError **error) {
  g_autoptr(GHashTable) before = NULL, after = NULL;
  if (!release_map(history, difference->from.release, &before, error) ||
      !release_map(history, difference->to.release, &after, error))
    return false;
  difference->images = compare_images(before, after);
  difference->configuration = g_ptr_array_new();
  difference->settings = g_ptr_array_new();
  difference->secrets = g_ptr_array_new();
  return true;
}

/* ---- secrets ---- */

const char *secret_state_name(SecretState state) {
  static const char *const names[] = {[SECRET_SAME] = "same",
                                      [SECRET_CHANGED] = "changed",
                                      [SECRET_ADDED] = "added",
                                      [SECRET_REMOVED] = "removed",
                                      [SECRET_NOT_KNOWN] = "not known"};
  return names[state];
}

static void secret_difference_free(SecretDifference *secret) {
  g_free(secret->name);
  g_free(secret);
}

/* As snapshot_read_secrets gives them; NULL: there was none. */
static SecretState compare_hashes(const char *before, const char *after) {
  if (before == NULL || after == NULL)
    return before == NULL ? SECRET_ADDED : SECRET_REMOVED;
  gsize key = strcspn(before, ":");
  bool is_comparable =
      *before != '\0' && *after != '\0' && strcspn(after, ":") == key && strncmp(before, after, key) == 0;
  if (!is_comparable)
    return SECRET_NOT_KNOWN;
  return g_str_equal(before, after) ? SECRET_SAME : SECRET_CHANGED;
}

static GPtrArray *secret_differences(GHashTable *before, GHashTable *after) {
  GPtrArray *secrets = g_ptr_array_new_with_free_func((GDestroyNotify)secret_difference_free);
  g_autoptr(GList) names = g_list_concat(g_hash_table_get_keys(before), g_hash_table_get_keys(after));
  names = g_list_sort(names, (GCompareFunc)strcmp);
  const char *last = NULL;
  for (const GList *name = names; name != NULL; name = name->next) {
    if (g_strcmp0(name->data, last) == 0)
      continue;
    last = name->data;
    SecretDifference *secret = g_new0(SecretDifference, 1);
    secret->name = g_strdup(last);
    secret->state = compare_hashes(g_hash_table_lookup(before, last), g_hash_table_lookup(after, last));
    g_ptr_array_add(secrets, secret);
  }
  return secrets;
}

bool difference_is_any(const Difference *difference) {
  for (guint i = 0; i < difference->secrets->len; i++) {
    SecretState state = ((const SecretDifference *)difference->secrets->pdata[i])->state;
    if (state != SECRET_SAME && state != SECRET_NOT_KNOWN)
      return true;
  }
  return difference->images->len + difference->configuration->len + difference->settings->len > 0;
}

/* ---- deployments ---- */

typedef struct {
  ComposeProject *project;
  GHashTable *pinned;
  Config *settings;
  GHashTable *secrets;
} Recorded;

static void recorded_clear(Recorded *recorded) {
  g_clear_pointer(&recorded->project, compose_project_free);
  g_clear_pointer(&recorded->pinned, g_hash_table_unref);
  g_clear_pointer(&recorded->settings, config_free);
  g_clear_pointer(&recorded->secrets, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Recorded, recorded_clear)

static bool read_recorded(History *history, const Deployment *deployment, Recorded *recorded,
                          GError **error) {
  if (deployment->snapshot == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "d%" G_GINT64_FORMAT " ended before its configuration was known: there is nothing to compare",
                deployment->id);
  return (snapshot_read(history, deployment, &recorded->project, &recorded->pinned, &recorded->settings,
                        error) &&
          snapshot_read_secrets(history, deployment, &recorded->secrets, error)) ||
         prefix(error, "d%" G_GINT64_FORMAT ": ", deployment->id);
}

static bool compare_deployments(History *history, Difference *difference, GError **error) {
  const Deployment *from = difference->from.deployment, *to = difference->to.deployment;
  g_auto(Recorded) before = {0}, after = {0};
  if (!read_recorded(history, from, &before, error) || !read_recorded(history, to, &after, error))
    return false;
  difference->images = compare_images(before.pinned, after.pinned);
  difference->configuration = compare_projects(before.project, after.project);
  difference->settings =
      compare_settings(before.settings, from->environment, after.settings, to->environment);
  difference->secrets = secret_differences(before.secrets, after.secrets);
  return true;
}

static bool read_release(History *history, DifferenceSide *side, bool is_needed, GError **error) {
  const Deployment *deployment = side->deployment;
  if (deployment == NULL || (deployment->release == 0 && !is_needed))
    return true;
  if (deployment->release == 0)
    return fail(error, SLIPWAY_ERROR_USAGE, "d%" G_GINT64_FORMAT " has no release to compare",
                deployment->id);
  return history_get_release(history, deployment->release, &side->release, error);
}

bool rollout_difference(History *history, const Config *config, const char *from, const char *to,
                        Difference **difference, GError **error) {
  const char *const names[2] = {from, to};
  g_autofree char *environment = NULL;
  g_autoptr(Difference) made = g_new0(Difference, 1);
  if (!find_pair_environment(history, config, names, &environment, error) ||
      !find_side(history, config, from, environment, &made->from, error) ||
      !find_side(history, config, to, environment, &made->to, error))
    return false;
  bool are_releases = made->from.deployment == NULL || made->to.deployment == NULL;
  if (!read_release(history, &made->from, are_releases, error) ||
      !read_release(history, &made->to, are_releases, error))
    return false;
  if (are_releases) {
    g_clear_pointer(&made->from.deployment, deployment_free);
    g_clear_pointer(&made->to.deployment, deployment_free);
  }
  if (!(are_releases ? compare_releases(history, made, error) : compare_deployments(history, made, error)))
    return false;
  *difference = g_steal_pointer(&made);
  return true;
}
