/* Calling scripts/compose.sh. */
#include "environments/hosts/host_compose.h"

#include <host_scripts.h>

#include "support/poison.h"

bool host_compose(Host *host, const HostFacts *facts, const ComposeCall *call, HostReply *reply,
                  GError **error) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  const char *fixed[] = {call->folder, call->uid, call->project, facts->compose == COMPOSE_V1 ? "v1" : "v2",
                         facts->engine_socket};
  for (guint i = 0; i < G_N_ELEMENTS(fixed); i++)
    g_ptr_array_add(argv, (char *)fixed[i]);
  for (const char *const *word = call->words; *word != NULL; word++)
    g_ptr_array_add(argv, (char *)*word);
  g_ptr_array_add(argv, NULL);
  const HostScript script = {
      .text = host_script_compose, .argv = (const char *const *)argv->pdata, .timeout_ms = call->timeout_ms};
  return host_shell(host, &script, reply, error);
}
