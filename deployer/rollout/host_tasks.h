/* tasks.before_host and tasks.after_host (design §6): programs on the controller, around each host, that take
 * it out of a load balancer and put it back. They are today's, as the inventory is, for a rollback too. */
#pragma once

#include "deployer/rollout/crew.h"

/* Every program of theirs can be found: SLIPWAY_ERROR_CONFIG where not. */
bool host_tasks_check(const RolloutRequest *request, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* before_host, after_host: one task after another until one fails, each a step of the worker's host.
 * SLIPWAY_ERROR_DEPLOY, or SLIPWAY_ERROR_INTERRUPTED: a first signal ends a task, while restoring a second
 * one. From the first task on the worker is_out, until worker_put_in has succeeded. */
bool worker_take_out(Worker *worker, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool worker_put_in(Worker *worker, GError **error) G_GNUC_WARN_UNUSED_RESULT;
