/* The table from error kinds to exit statuses. */
#include "deployer/output/exit_status.h"

#include "support/json.h"
#include "support/text.h"

#include "support/poison.h"

const ExitStatus exit_statuses[] = {
    {SLIPWAY_ERROR_DEPLOY, 1, "deploy",
     "the deployment failed; every host is known to run what it ran before"},
    {SLIPWAY_ERROR_USAGE, 2, "usage", "the command line is wrong; nothing was touched"},
    {SLIPWAY_ERROR_CONFIG, 2, "config", "slipway.yml or a Compose file is wrong; nothing was touched"},
    {SLIPWAY_ERROR_REFUSED, 3, "refused",
     "refused by a gate, a hold, a lock, a missing confirmation or a mark; nothing was touched"},
    {SLIPWAY_ERROR_UNREADY, 4, "unready",
     "hosts, a registry, secrets or an inventory could not be made ready; no container was changed"},
    {SLIPWAY_ERROR_BROKEN, 5, "broken",
     "failed, and at least one host is not known to be on a good deployment: a person is needed"},
    {SLIPWAY_ERROR_STORE, 6, "store", "the history could not be read or written"},
    {SLIPWAY_ERROR_INTERRUPTED, 130, "interrupted",
     "interrupted; hosts that were changed were put back first"},
    {SLIPWAY_ERROR_COMMAND, 125, "command",
     "run and exec: the command could not be run; else they end as the command does"},
    {0, 0, NULL, NULL},
};

static const ExitStatus *find(int kind) {
  for (const ExitStatus *row = exit_statuses; row->name != NULL; row++)
    if ((int)row->kind == kind)
      return row;
  return NULL;
}

const ExitStatus *exit_status_of(const GError *error) {
  const ExitStatus *row = error->domain == SLIPWAY_ERROR ? find(error->code) : NULL;
  return row != NULL ? row : find(SLIPWAY_ERROR_UNREADY);
}

cJSON *error_json(const GError *error) {
  g_autofree char *message = text_printable(error->message, true);
  cJSON *json = cJSON_CreateObject();
  json_set_string(json, "kind", exit_status_of(error)->name);
  json_set_string(json, "message", message);
  return json;
}
