/* Starts what has to be started before any thread, runs the command, and is the only one to print an error
 * and choose the exit status. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "deployer/commands/command.h"
#include "deployer/output/exit_status.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/redact.h"
#include "support/text.h"

#include "support/poison.h"

/* Further lines of a message stand below the first, indented. */
static void print_error(const GError *error) {
  g_autofree char *redacted = redact_text(error->message);
  g_autofree char *message = text_printable(redacted, true);
  g_auto(GStrv) lines = g_strsplit(g_strchomp(message), "\n", -1);
  (void)fflush(stdout);
  for (guint i = 0; lines[i] != NULL; i++)
    (void)fprintf(stderr, "%s%s\n", i == 0 ? "slipway: " : "  ", lines[i]);
}

int main(int argc, char **argv) {
  (void)setlocale(LC_CTYPE, "");
  interrupt_install();
  g_autoptr(GError) error = NULL;
  int status = 0;
  if (command_run(argc, argv, &status, &error))
    return status;
  print_error(error);
  return exit_status_of(error)->status;
}
