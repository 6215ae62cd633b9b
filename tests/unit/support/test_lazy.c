/* A library that is not there ends the program as the loader would, with one line. */
#include "support/lazy.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

static const LazySymbol symbols[] = {{"cos", 0}, {"slipway_has_this_alone", sizeof(void *)}, {NULL, 0}};

/* In a process of its own: its exit status, and what it wrote. Caller frees. */
static char *load_in_child(const char *soname, int *status) {
  int ends[2];
  char text[1024] = "";
  cr_assert_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    void *table[2] = {NULL};
    (void)dup2(ends[1], STDERR_FILENO);
    lazy_load(soname, symbols, table);
    _exit(0);
  }
  close(ends[1]);
  cr_assert_eq(waitpid(child, status, 0), child);
  cr_assert_geq(read(ends[0], text, sizeof text - 1), 0);
  close(ends[0]);
  return g_strdup(text);
}

static void assert_ends(const char *soname, const char *pattern) {
  int status = 0;
  g_autofree char *text = load_in_child(soname, &status);
  cr_assert(WIFEXITED(status));
  cr_expect_eq(WEXITSTATUS(status), 127);
  cr_expect(g_regex_match_simple(pattern, text, 0, 0), "%s", text);
}

Test(lazy, a_library_that_is_not_there_is_one_line_and_127) {
  assert_ends("libslipway-none.so.0", "^slipway: libslipway-none\\.so\\.0: [^\n]+\n$");
}

Test(lazy, a_function_that_is_not_there_is_one_line_and_127) {
  assert_ends("libm.so.6", "^slipway: libm\\.so\\.6 has no slipway_has_this_alone\n$");
}

Test(lazy, what_is_there_can_be_called) {
  static const LazySymbol one[] = {{"cos", sizeof(void *)}, {NULL, 0}};
  struct {
    void *other;
    double (*cosine)(double);
  } table = {NULL, NULL};
  lazy_load("libm.so.6", one, &table);
  cr_assert_null(table.other);
  cr_assert_eq(table.cosine(0), 1);
}
