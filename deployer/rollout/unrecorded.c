/* Telling that a deployment ended and the history does not know. */
#include "deployer/rollout/unrecorded.h"

#include "support/errors.h"

#include "support/poison.h"

/* One more cause of a failure that was another would be said twice. */
static char *describe_end(const Rollout *rollout, const GError *problem, const GError *store) {
  const Deployment *deployment = rollout->deployment;
  if (problem == NULL)
    return g_strdup_printf("d%" G_GINT64_FORMAT " succeeded, but the history does not say so: %s",
                           deployment->id, store->message);
  if (error_is(problem, SLIPWAY_ERROR_STORE))
    return g_strdup_printf("%s\nHow d%" G_GINT64_FORMAT " ended is not in the history either.",
                           problem->message, deployment->id);
  return g_strdup_printf("%s\nThe history does not say how d%" G_GINT64_FORMAT " ended: %s", problem->message,
                         deployment->id, store->message);
}

bool fail_unrecorded(const Rollout *rollout, const GError *problem, const GError *store, GError **error) {
  const Deployment *deployment = rollout->deployment;
  bool is_broken = problem != NULL && error_is(problem, SLIPWAY_ERROR_BROKEN);
  g_autofree char *end = describe_end(rollout, problem, store);
  if (problem != NULL && !deployment->touched)
    return fail(error, is_broken ? SLIPWAY_ERROR_BROKEN : SLIPWAY_ERROR_STORE,
                "%s\nNo container was changed.", end);
  return fail(
      error, is_broken ? SLIPWAY_ERROR_BROKEN : SLIPWAY_ERROR_STORE,
      "%s\nThe hosts' own journals have it. Once the history can be written: slipway history import %s", end,
      deployment->environment);
}
