/* Choosing what to deploy, and asking the gates. */
#include "deployer/rollout/target.h"

#include "deployer/rollout/snapshot.h"
#include "environments/config/variables.h"
#include "support/errors.h"
#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

void target_free(Target *target) {
  if (target == NULL)
    return;
  release_free(target->release);
  compose_project_free(target->project);
  g_clear_pointer(&target->builtins, g_ptr_array_unref);
  g_clear_pointer(&target->pinned, g_hash_table_unref);
  g_clear_pointer(&target->fresh, g_hash_table_unref);
  g_clear_pointer(&target->secrets, g_ptr_array_unref);
  g_clear_pointer(&target->recorded, config_free);
  g_free(target);
}

static void named_value_free(NamedValue *value) {
  g_free(value->name);
  g_free(value->value);
  g_free(value);
}

static void add_builtin(GPtrArray *builtins, const char *name, const char *text) {
  NamedValue *value = g_new0(NamedValue, 1);
  value->name = g_strdup(name);
  value->value = g_strdup(text);
  g_ptr_array_add(builtins, value);
}

static GPtrArray *make_builtins(const RolloutRequest *request, const Release *release) {
  GPtrArray *builtins = g_ptr_array_new_with_free_func((GDestroyNotify)named_value_free);
  g_autofree char *name = g_strdup_printf("r%" G_GINT64_FORMAT, release->id);
  add_builtin(builtins, "SLIPWAY_APP", request->config->app);
  add_builtin(builtins, "SLIPWAY_ENVIRONMENT", request->environment->name);
  add_builtin(builtins, "SLIPWAY_RELEASE", name);
  add_builtin(builtins, "SLIPWAY_VERSION", release->version);
  return builtins;
}

static bool create_release(const RolloutRequest *request, Release **release, GError **error) {
  g_autoptr(Registry) registry = registry_new(request->config->insecure_registries);
  bool existed = false;
  if (!release_create(request->history, request->config, registry, request->create, release, &existed, error))
    return false;
  reporter_note(request->reporter, "release r%" G_GINT64_FORMAT " (%s)%s", (*release)->id,
                (*release)->version, existed ? ", as recorded before" : "");
  return true;
}

/* deploy: the named release, the one just built, or the one that runs. */
static bool choose_for_deploy(const RolloutRequest *request, const Situation *situation, Release **release,
                              GError **error) {
  if (request->create != NULL)
    return create_release(request, release, error);
  const Deployment *current = environment_current(situation->state);
  if (request->release != NULL && g_strcmp0(request->release, "current") != 0)
    return history_find_release(request->history, request->release, release, error);
  if (situation->state->down != NULL)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "%s runs nothing, d%" G_GINT64_FORMAT " took it down: name a release, or bring back what ran "
                "with slipway rollback %s",
                request->environment->name, situation->state->down->id, request->environment->name);
  if (current == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE,
                "%s runs nothing yet: name a release (slipway release list), or build one with --tag",
                request->environment->name);
  if (!history_get_release(request->history, current->release, release, error))
    return false;
  return *release != NULL ||
         fail(error, SLIPWAY_ERROR_STORE, "r%" G_GINT64_FORMAT " is not in the history", current->release);
}

static bool goes_backwards(const RolloutRequest *request, const Deployment *current, const Release *release,
                           bool *is_older, GError **error) {
  *is_older = false;
  return current == NULL ||
         history_is_older_release(request->history, release->id, current->release, is_older, error);
}

static bool promote_named(const RolloutRequest *request, const Situation *situation, Release **release,
                          GError **error) {
  if (!history_find_release(request->history, request->release, release, error))
    return false;
  const Deployment *current = environment_current(situation->state);
  bool is_older = false;
  if (!goes_backwards(request, current, *release, &is_older, error))
    return false;
  if (!is_older)
    return true;
  return fail(error, SLIPWAY_ERROR_REFUSED,
              "r%" G_GINT64_FORMAT " is older than r%" G_GINT64_FORMAT
              ", which %s runs: promote only goes forward; use slipway rollback %s, or slipway deploy %s "
              "r%" G_GINT64_FORMAT,
              (*release)->id, current->release, request->environment->name, request->environment->name,
              request->environment->name, (*release)->id);
}

static bool choose_for_promote(const RolloutRequest *request, const Situation *situation, bool asking_only,
                               Release **release, char **note, GError **error) {
  if (!config_is_in_pipeline(request->config, request->environment->name))
    return fail(error, SLIPWAY_ERROR_USAGE, "%s stands outside the pipeline: use slipway deploy %s RELEASE",
                request->environment->name, request->environment->name);
  if (request->release != NULL)
    return promote_named(request, situation, release, error);
  g_autoptr(GPtrArray) releases = NULL;
  const Deployment *current = environment_current(situation->state);
  if (!history_list_releases_since(request->history, current != NULL ? current->release : 0, &releases,
                                   error))
    return false;
  g_auto(PromoteChoice) choice = {0};
  const GateFacts facts = situation_gate_facts(situation, request->environment);
  situation_expect(situation, releases);
  promote_choose(&facts, releases, &choice);
  if (!situation_check(situation, error))
    return false;
  if (choice.outcome == PROMOTE_WAITS && !request->force && !asking_only)
    return fail(error, SLIPWAY_ERROR_REFUSED, "%s", choice.why);
  if (choice.release == NULL) {
    *note = g_strdup(choice.why);
    return true;
  }
  return history_get_release(request->history, choice.release->id, release, error);
}

static bool read_todays_project(const RolloutRequest *request, Target *target, GError **error) {
  g_autoptr(GPtrArray) variables = NULL;
  if (!variables_resolve(request->environment, target->builtins, request->set, &variables, error))
    return false;
  const Environment *environment = request->environment;
  target->health = &environment->health;
  return compose_project_read(request->config->directory, environment->compose, environment->files, variables,
                              target->builtins, environment->secrets, &target->project, error);
}

static bool ask_gates(const RolloutRequest *request, const Situation *situation, const Release *release,
                      bool asking_only, GPtrArray **answers, GError **error) {
  const GateFacts facts = situation_gate_facts(situation, request->environment);
  g_clear_pointer(answers, g_ptr_array_unref);
  bool are_open = gates_ask(&facts, release, answers);
  if (!situation_check(situation, error))
    return false;
  if (are_open || asking_only)
    return true;
  g_autoptr(GString) refusals = g_string_new(NULL);
  for (guint i = 0; i < (*answers)->len; i++) {
    const GateAnswer *answer = g_ptr_array_index(*answers, i);
    if (!answer->passes && answer->is_asked)
      g_string_append_printf(refusals, "%s%s", refusals->len > 0 ? "; " : "", answer->answer);
  }
  if (!request->force)
    return fail(error, SLIPWAY_ERROR_REFUSED, "%s", refusals->str);
  reporter_warn(request->reporter, "forced past: %s", refusals->str);
  return true;
}

/* --to: d31, or a release, which stands for its newest counting deployment here. */
static bool find_named_deployment(const RolloutRequest *request, const Situation *situation,
                                  const Deployment **to, GError **error) {
  gint64 id = 0;
  if (request->to[0] == 'd' && number_parse(request->to + 1, 1, G_MAXINT64, &id)) {
    *to = environment_deployment(situation->state, id);
    if (*to != NULL || !situation_check(situation, error))
      return *to != NULL;
    return fail(error, SLIPWAY_ERROR_USAGE, "%s is no deployment of %s: see slipway history %s", request->to,
                request->environment->name, request->environment->name);
  }
  g_autoptr(Release) release = NULL;
  if (!history_find_release(request->history, request->to, &release, error))
    return false;
  *to = environment_newest_of(situation->state, release->id);
  if (!situation_check(situation, error))
    return false;
  return *to != NULL ||
         fail(error, SLIPWAY_ERROR_REFUSED,
              "r%" G_GINT64_FORMAT " (%s) never ran successfully in %s: see slipway history %s", release->id,
              release->version, request->environment->name, request->environment->name);
}

/* Images, pins, Compose files, files and variables as `origin` deployed them. */
static bool read_snapshot(const RolloutRequest *request, const Deployment *origin, Target *target,
                          GError **error) {
  if (!history_get_release(request->history, origin->release, &target->release, error))
    return false;
  if (target->release == NULL)
    return fail(error, SLIPWAY_ERROR_STORE, "the release of d%" G_GINT64_FORMAT " is not in the history",
                origin->id);
  if (!snapshot_read(request->history, origin, &target->project, &target->pinned, &target->recorded, error))
    return prefix(error, "d%" G_GINT64_FORMAT ": ", origin->id);
  const Environment *then = config_find_environment(target->recorded, request->environment->name);
  target->origin = origin;
  target->health = then != NULL ? &then->health : &request->environment->health;
  target->builtins = make_builtins(request, target->release);
  return true;
}

/* No gate is asked: it runs there already. */
static bool resolve_as_is(const RolloutRequest *request, const Situation *situation, Target *target,
                          GError **error) {
  const Deployment *current = environment_current(situation->state);
  if (current == NULL)
    return fail(
        error, SLIPWAY_ERROR_USAGE,
        "%s runs nothing, so there is nothing to deploy as it is: name a release (slipway release list)",
        request->environment->name);
  return read_snapshot(request, current, target, error);
}

static bool resolve_rollback(const RolloutRequest *request, const Situation *situation, Target *target,
                             GError **error) {
  const Deployment *to = NULL;
  if (request->to != NULL && !find_named_deployment(request, situation, &to, error))
    return false;
  if (!environment_rollback_target(situation->state, to, &target->rollback, error) ||
      !situation_check(situation, error))
    return false;
  return read_snapshot(request, target->rollback.restores, target, error);
}

static bool resolve_forward(const RolloutRequest *request, const Situation *situation, bool asking_only,
                            GPtrArray **answers, Target *target, char **note, GError **error) {
  bool is_chosen = request->kind == KIND_PROMOTE
                       ? choose_for_promote(request, situation, asking_only, &target->release, note, error)
                       : choose_for_deploy(request, situation, &target->release, error);
  if (!is_chosen)
    return false;
  if (target->release == NULL)
    return true;
  const Deployment *current = environment_current(situation->state);
  bool is_older = false;
  if (!goes_backwards(request, current, target->release, &is_older, error))
    return false;
  if (is_older)
    reporter_note(request->reporter, "going backwards: %s runs r%" G_GINT64_FORMAT " (%s)",
                  request->environment->name, current->release, current->version);
  target->builtins = make_builtins(request, target->release);
  return ask_gates(request, situation, target->release, asking_only, answers, error) &&
         read_todays_project(request, target, error);
}

bool target_resolve(const RolloutRequest *request, const Situation *situation, bool asking_only,
                    GPtrArray **answers, Target **target, char **note, GError **error) {
  g_autoptr(Target) resolved = g_new0(Target, 1);
  g_autoptr(GPtrArray) said = g_ptr_array_new_with_free_func((GDestroyNotify)gate_answer_free);
  g_autofree char *nothing = NULL;
  bool ok = request->kind == KIND_ROLLBACK ? resolve_rollback(request, situation, resolved, error)
            : request->as_is
                ? resolve_as_is(request, situation, resolved, error)
                : resolve_forward(request, situation, asking_only, &said, resolved, &nothing, error);
  if (!ok)
    return false;
  if (answers != NULL)
    *answers = g_steal_pointer(&said);
  *target = resolved->release != NULL ? g_steal_pointer(&resolved) : NULL;
  *note = g_steal_pointer(&nothing);
  return true;
}

bool target_pin(const RolloutRequest *request, Target *target, GError **error) {
  if (target->pinned != NULL)
    return true;
  g_autoptr(GHashTable) pins = NULL;
  if (!history_get_pins(request->history, target->release->id, &pins, error))
    return false;
  g_autoptr(Registry) registry = registry_new(request->config->insecure_registries);
  return release_pin_services(request->config, target->release, pins, request->repin,
                              target->project->services, registry, &target->pinned, &target->fresh, error);
}

bool target_keep_pins(const RolloutRequest *request, const Target *target, GError **error) {
  if (target->fresh == NULL || !config_is_in_pipeline(request->config, request->environment->name))
    return true;
  GHashTableIter iterator;
  gpointer image = NULL;
  gpointer reference = NULL;
  g_hash_table_iter_init(&iterator, target->fresh);
  while (g_hash_table_iter_next(&iterator, &image, &reference))
    if (!history_set_pin(request->history, target->release->id, image, reference, request->environment->name,
                         error))
      return false;
  return true;
}

char *target_images_json(const Target *target) {
  g_autoptr(cJSON) images = cJSON_CreateObject();
  GHashTableIter iterator;
  gpointer service = NULL;
  gpointer reference = NULL;
  g_hash_table_iter_init(&iterator, target->pinned);
  while (g_hash_table_iter_next(&iterator, &service, &reference))
    json_set_string(images, service, reference);
  return json_print_canonical(images);
}

GPtrArray *target_references(const Target *target, const HostConfig *host) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  GPtrArray *references = g_ptr_array_new();
  for (guint i = 0; i < target->project->services->len; i++) {
    const ComposeService *service = target->project->services->pdata[i];
    gpointer reference = g_hash_table_lookup(target->pinned, service->name);
    if (reference != NULL && compose_service_runs(service, host->profiles) &&
        g_hash_table_add(seen, reference))
      g_ptr_array_add(references, reference);
  }
  return references;
}
