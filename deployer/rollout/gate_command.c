/* Running the command that has the last word on a release. */
#include "deployer/rollout/gate_command.h"

#include <string.h>

#include "deployer/output/plan_json.h"
#include "deployer/rollout/plan.h"
#include "support/child.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/json.h"

#include "support/poison.h"

/* NULL: there is none, or it is not its turn. */
static GateAnswer *find_turn(const GPtrArray *answers) {
  GateAnswer *command = NULL;
  for (guint i = 0; i < answers->len; i++) {
    GateAnswer *answer = answers->pdata[i];
    if (!answer->is_asked)
      command = answer;
    else if (!answer->passes)
      return NULL;
  }
  return command;
}

/* One line of JSON. Caller frees. */
static char *describe(const RolloutRequest *request, const Situation *situation, Target *target,
                      const GPtrArray *answers, GError **error) {
  g_autoptr(Plan) plan = NULL;
  if (!plan_without_hosts(request, situation, target, answers, &plan, error))
    return NULL;
  plan->release = target->release;
  g_autoptr(cJSON) json = plan_json(request->environment->name, plan);
  plan->release = NULL;
  json_redact(json);
  g_autofree char *text = json_print(json);
  return g_strconcat(text, "\n", NULL);
}

/* Caller frees. */
static char **make_environment(const RolloutRequest *request, const Target *target) {
  char **environment = g_get_environ();
  for (guint i = 0; i < target->builtins->len; i++) {
    const NamedValue *builtin = g_ptr_array_index(target->builtins, i);
    environment = g_environ_setenv(environment, builtin->name, builtin->value, TRUE);
  }
  return g_environ_setenv(environment, "SLIPWAY_KIND", deployment_kind_name(request->kind), TRUE);
}

static bool is_cancelled(void *data) {
  (void)data;
  return interrupt_requested();
}

static bool run(const RolloutRequest *request, const Target *target, const char *input, GError **error) {
  const GatesConfig *gates = &request->environment->gates;
  g_auto(GStrv) environment = make_environment(request, target);
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_extend(argv, gates->command, NULL, NULL);
  g_ptr_array_add(argv, NULL);
  const ChildOrder order = {.argv = (const char *const *)argv->pdata,
                            .environment = (const char *const *)environment,
                            .directory = request->config->directory,
                            .timeout_ms = gates->timeout_ms,
                            .is_cancelled = is_cancelled,
                            .input = input};
  return child_run(&order, error);
}

/* In an emergency a program that is gone keeps nobody out: that is one more refusal to force past. */
static bool check_program(const RolloutRequest *request, const char *program, GError **refusal,
                          GError **error) {
  GError **to = request->force ? refusal : error;
  return child_check_program(program, request->config->directory, to) ||
         (request->force ? true : prefix(error, "%s: gates.command: ", request->environment->name));
}

static void settle(GateAnswer *answer, const char *program, const GError *refusal) {
  g_free(answer->answer);
  answer->is_asked = true;
  answer->passes = refusal == NULL;
  answer->answer = refusal == NULL
                       ? g_strdup_printf("%s lets it in", program)
                       : g_strdup_printf("%s does not let it in (--force --reason TEXT passes): %s", program,
                                         refusal->message);
}

bool gate_command_ask(const RolloutRequest *request, const Situation *situation, Target *target,
                      GPtrArray *answers, GError **error) {
  GateAnswer *answer = find_turn(answers);
  if (answer == NULL)
    return true;
  const char *program = g_ptr_array_index(request->environment->gates.command, 0);
  g_autoptr(GError) refusal = NULL;
  if (!check_program(request, program, &refusal, error))
    return false;
  if (refusal != NULL) {
    settle(answer, program, refusal);
    return true;
  }
  g_autofree char *plan = describe(request, situation, target, answers, error);
  if (plan == NULL)
    return false;
  if (!run(request, target, plan, &refusal) && error_is(refusal, SLIPWAY_ERROR_INTERRUPTED)) {
    g_propagate_error(error, g_steal_pointer(&refusal));
    return prefix(error, "%s: ", program);
  }
  settle(answer, program, refusal);
  return true;
}

bool gate_command_require(const RolloutRequest *request, const Situation *situation, Target *target,
                          GPtrArray *answers, GError **error) {
  const GateAnswer *answer = find_turn(answers);
  if (answer == NULL)
    return true;
  if (!gate_command_ask(request, situation, target, answers, error))
    return false;
  if (answer->passes)
    return true;
  if (!request->force)
    return fail(error, SLIPWAY_ERROR_REFUSED, "%s", answer->answer);
  reporter_warn(request->reporter, "forced past: %s", answer->answer);
  return true;
}
