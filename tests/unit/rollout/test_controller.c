/* Whether the process that runs a deployment still does. */
#include "deployer/rollout/controller.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* `name` with this instead of part `index`. */
static char *with_part(const char *name, guint index, const char *text) {
  g_auto(GStrv) parts = g_strsplit(name, " ", -1);
  g_free(parts[index]);
  parts[index] = g_strdup(text);
  return g_strjoinv(" ", parts);
}

Test(controller, is_at_work_while_its_process_lives) {
  g_autofree char *own = controller_name();
  cr_assert(controller_is_at_work(own), "%s", own);
}

Test(controller, another_process_with_its_id_is_not_it) {
  g_autofree char *own = controller_name();
  g_autofree char *started_before = with_part(own, 2, "1");
  g_autofree char *booted_before = with_part(own, 3, "another-boot");
  g_autofree char *elsewhere = with_part(own, 0, "another-machine");
  cr_assert_not(controller_is_at_work(started_before));
  cr_assert_not(controller_is_at_work(booted_before));
  cr_assert_not(controller_is_at_work(elsewhere));
  cr_assert_not(controller_is_at_work("host 42 boot"));
  cr_assert_not(controller_is_at_work(""));
  cr_assert_not(controller_is_at_work(NULL));
}

Test(controller, has_gone_when_its_process_has_ended_even_if_nobody_asked_how) {
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    g_autofree char *name = controller_name();
    _exit(write(ends[1], name, strlen(name) + 1) > 0 ? 0 : 1);
  }
  char name[512] = "";
  siginfo_t ended;
  cr_assert_gt(read(ends[0], name, sizeof name), 0);
  cr_assert_eq(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
  cr_assert_not(controller_is_at_work(name), "%s", name);
  cr_assert_eq(waitpid(child, NULL, 0), child);
  cr_assert_not(controller_is_at_work(name), "%s", name);
}
