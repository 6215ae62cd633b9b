/* Outputs of tasks, for people. */
#include "deployer/commands/show_output.h"

#include <stdio.h>
#include <string.h>

#include "support/text.h"

#include "support/poison.h"

enum { LAST_LINES = 20 };

/* Where the last lines begin. *left_out: lines before them. */
static const char *last_lines(const char *text, guint *left_out) {
  const char *from = text;
  guint lines = 0;
  for (const char *end = strchr(text, '\n'); end != NULL; end = strchr(end + 1, '\n'))
    lines++;
  *left_out = lines > LAST_LINES ? lines - LAST_LINES : 0;
  for (guint i = 0; i < *left_out; i++)
    from = strchr(from, '\n') + 1;
  return from;
}

static void print_output(const DeploymentStep *step, bool in_full) {
  guint left_out = 0;
  const char *from = in_full ? step->output : last_lines(step->output, &left_out);
  g_autofree char *name = text_printable(step->step, false);
  g_autofree char *host = text_printable(step->host != NULL ? step->host : "", false);
  g_autofree char *text = text_printable(from, true);
  g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
  g_autofree char *more =
      left_out > 0 ? g_strdup_printf(" (%u lines before these: show -v)", left_out) : g_strdup("");
  (void)printf("\nOUTPUT of %s%s%s%s\n", name, *host != '\0' ? " on " : "", host, more);
  for (char **line = lines; *line != NULL; line++)
    (void)printf("  %s\n", *line);
}

void print_outputs(const GPtrArray *steps, bool in_full) {
  for (guint i = 0; i < steps->len; i++) {
    const DeploymentStep *step = g_ptr_array_index(steps, i);
    if (step->output != NULL)
      print_output(step, in_full);
  }
}
