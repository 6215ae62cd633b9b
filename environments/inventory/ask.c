/* A program's answer, whole. */
#include "environments/inventory/ask.h"

#include "support/child.h"
#include "support/errors.h"
#include "support/interrupt.h"

#include "support/poison.h"

static bool is_interrupted(void *data) {
  (void)data;
  return interrupt_requested();
}

bool ask_program(const char *const *argv, const char *directory, gint64 timeout_ms, gsize cap,
                 SecretText **said, GError **error) {
  g_auto(GStrv) environment = g_get_environ();
  g_autofree char *here = directory == NULL ? g_get_current_dir() : g_strdup(directory);
  g_autoptr(SecretText) text = secret_text_new();
  g_autoptr(GError) problem = NULL;
  const ChildOrder order = {.argv = argv,
                            .environment = (const char *const *)environment,
                            .directory = here,
                            .timeout_ms = timeout_ms,
                            .is_cancelled = is_interrupted,
                            .output = &text,
                            .output_cap = cap};
  if (!child_run(&order, &problem)) {
    bool is_cancelled = error_is(problem, SLIPWAY_ERROR_INTERRUPTED);
    g_propagate_error(error, g_steal_pointer(&problem));
    return is_cancelled ? false : recast(error, SLIPWAY_ERROR_UNREADY);
  }
  *said = g_steal_pointer(&text);
  return true;
}
