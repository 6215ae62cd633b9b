/* Calling scripts/compose.sh, by itself or within scripts/plan.sh. */
#include "environments/hosts/host_compose.h"

#include <host_scripts.h>

#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

/* $1…: of the script. */
static GPtrArray *words_of(const HostFacts *facts, const ComposeCall *call) {
  GPtrArray *argv = g_ptr_array_new();
  const char *fixed[] = {call->folder, call->uid, call->project, facts->compose == COMPOSE_V1 ? "v1" : "v2",
                         facts->engine_socket};
  for (guint i = 0; i < G_N_ELEMENTS(fixed); i++)
    g_ptr_array_add(argv, (char *)fixed[i]);
  for (const char *const *word = call->words; *word != NULL; word++)
    g_ptr_array_add(argv, (char *)*word);
  g_ptr_array_add(argv, NULL);
  return argv;
}

bool host_compose(Host *host, const HostFacts *facts, const ComposeCall *call, HostReply *reply,
                  GError **error) {
  g_autoptr(GPtrArray) argv = words_of(facts, call);
  const HostScript script = {
      .text = host_script_compose, .argv = (const char *const *)argv->pdata, .timeout_ms = call->timeout_ms};
  return host_shell(host, &script, reply, error);
}

bool host_compose_once(Host *host, const HostFacts *facts, const ComposeCall *call, GBytes *shared,
                       GBytes *own, HostReply *reply, GError **error) {
  enum { ARGUMENTS_BEFORE = 2, STATUS_NOT_UPLOADED = 71 }; /* scripts/plan.sh */
  g_autoptr(GPtrArray) argv = words_of(facts, call);
  gsize length = 0;
  const void *bytes = g_bytes_get_data(own, &length);
  g_ptr_array_insert(argv, ARGUMENTS_BEFORE, (char *)host_script_compose);
  g_ptr_array_insert(argv, ARGUMENTS_BEFORE, (char *)host_script_upload);
  const HostScript script = {.text = host_script_plan,
                             .argv = (const char *const *)argv->pdata,
                             .first = shared,
                             .input = bytes,
                             .input_length = length,
                             .timeout_ms = call->timeout_ms};
  g_auto(HostReply) answer = {0};
  if (!host_shell(host, &script, &answer, error))
    return false;
  if (answer.status == STATUS_NOT_UPLOADED) {
    g_autofree char *said = text_printable(g_strstrip(answer.err->str), true);
    return fail(error, SLIPWAY_ERROR_UNREADY, "the plan's files could not be uploaded: %s", said);
  }
  *reply = answer;
  answer = (HostReply){0};
  return true;
}

bool host_compose_refuses(const HostReply *reply, GError **error) {
  g_autofree char *said = text_printable(reply->err->len > 0 ? reply->err->str : reply->out->str, true);
  return fail(error, SLIPWAY_ERROR_UNREADY, "Compose refuses the configuration: %s", g_strstrip(said));
}
