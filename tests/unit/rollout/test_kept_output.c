/* What is kept of a task's output. */
#include "deployer/rollout/kept_output.h"

#include <criterion/criterion.h>
#include <string.h>

Test(kept_output, is_all_of_little) {
  g_autoptr(KeptOutput) kept = kept_output_new();
  gint64 lost = -1;
  kept_output_add(kept, "one");
  kept_output_add(kept, "");
  g_autofree char *text = kept_output_text(kept, &lost);
  g_autofree char *tail = kept_output_tail(kept);
  cr_assert_str_eq(text, "one\n\n");
  cr_assert_eq(lost, 0);
  cr_assert_str_eq(tail, ":\n  one\n  ");
}

Test(kept_output, is_the_beginning_and_the_end_of_much) {
  g_autoptr(KeptOutput) kept = kept_output_new();
  gint64 lost = 0;
  gsize written = 0;
  for (guint i = 1; i <= 100000; i++) {
    g_autofree char *line = g_strdup_printf("line %u", i);
    kept_output_add(kept, line);
    written += strlen(line) + 1;
  }
  g_autofree char *text = kept_output_text(kept, &lost);
  g_autofree char *tail = kept_output_tail(kept);
  const char *gap = strstr(text, "\n… (");
  cr_assert(g_str_has_prefix(text, "line 1\nline 2\n") &&
            g_str_has_suffix(text, "\nline 99999\nline 100000\n"));
  cr_assert_leq(strlen(text), 256 << 10);
  cr_assert_not_null(gap);
  const gsize said = (gsize)(strchr(gap + 1, '\n') - gap);
  cr_assert_eq(strlen(text) - said + (gsize)lost, written, "nothing else is missing");
  cr_assert(g_str_has_prefix(tail, ":\n  line 99981\n"));
}
