/* Whose a container is, is seen from the folder that Compose was started with: slipway calls every release's
 * the same (scripts/compose.sh), and nobody else calls one so. */
#include "deployer/rollout/adopt.h"

#include "deployer/output/words.h"
#include "support/errors.h"

#include "support/poison.h"

static bool refuse_on_host(Worker *worker, GError **error) {
  g_autoptr(GPtrArray) foreign = g_ptr_array_new();
  const Target *target = worker->rollout->target; /* NULL: `down`, which wants no images */
  g_autoptr(GPtrArray) references =
      target != NULL ? target_references(target, worker->config) : g_ptr_array_new();
  if (!engine_survey(worker->engine, worker->rollout->place, references, &worker->containers, &worker->images,
                     error))
    return false;
  for (guint i = 0; i < worker->containers->len; i++) {
    const EngineContainer *container = worker->containers->pdata[i];
    if (!g_str_has_prefix(container->directory, COMPOSE_RELEASE_FOLDER))
      g_ptr_array_add(foreign, container->name);
  }
  g_autofree char *names = words_joined(foreign);
  return foreign->len == 0 || fail(error, SLIPWAY_ERROR_REFUSED,
                                   "slipway did not start %s, yet %s the name of this project, %s: nothing "
                                   "was touched. Remove %s, or "
                                   "have slipway replace %s with --adopt",
                                   names, foreign->len == 1 ? "it has" : "they have", worker->rollout->place,
                                   foreign->len == 1 ? "it" : "them", foreign->len == 1 ? "it" : "them");
}

bool refuse_foreign(Rollout *rollout, GError **error) {
  /* An ephemeral environment's project has a name that nobody else has. */
  return rollout->request->adopt || rollout->request->environment->is_ephemeral ||
         crew_run_all(rollout, refuse_on_host, error);
}
