/* environments/secrets: asking each source, each place once, all failures at once. */
#include "environments/secrets/secrets.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

#include "support/errors.h"
#include "support/redact.h"

static char *folder;

static void make_folder(void) {
  folder = g_dir_make_tmp("slipway-secrets-XXXXXX", NULL);
}

static void remove_folder(void) {
  const char *argv[] = {"rm", "-rf", folder, NULL};
  g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(folder);
}

TestSuite(secrets, .init = make_folder, .fini = remove_folder);

static void write_file(const char *name, const char *text, gssize length, int mode) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  cr_assert(g_file_set_contents(path, text, length, NULL));
  cr_assert_eq(g_chmod(path, (mode_t)mode), 0);
}

/* The secrets of an environment as slipway.yml has them. */
static GPtrArray *ask(const char *yaml, Config **config) {
  g_autofree char *text =
      g_strconcat("app: shop\nimages: {web: example.org/web}\npipeline: [prod]\ncompose: c.yml\n"
                  "environments:\n  prod:\n    hosts: [local]\n    secrets:\n",
                  yaml, NULL);
  g_autoptr(GError) error = NULL;
  GPtrArray *answers = NULL;
  cr_assert(config_parse("slipway.yml", folder, text, strlen(text), config, &error), "%s",
            error != NULL ? error->message : "");
  const Environment *environment = g_ptr_array_index((*config)->environments, 0);
  cr_assert(secrets_ask(folder, environment->secrets, &answers, &error));
  return answers;
}

static void check_value(GPtrArray *answers, guint index, const char *expected, gsize length) {
  const SecretAnswer *answer = g_ptr_array_index(answers, index);
  g_autoptr(Secret) secret = secret_new(expected, length);
  cr_assert_not_null(answer->value, "%s: %s", answer->config->name, answer->problem);
  cr_assert(secret_equals(answer->value, secret), "%s", answer->config->name);
}

Test(secrets, each_source_gives_its_value_less_one_newline) {
  g_autoptr(Config) config = NULL;
  g_setenv("THE_KEY", "from env\n", TRUE);
  write_file("key", "from file\n\n", -1, 0600);
  write_file("binary", "a\0b", 3, 0600);
  write_file("print", "#!/bin/sh\necho noise >&2; echo \"from $1\"\n", -1, 0700);
  write_file("plain.env", "A=from dotenv\nOTHER='x y'\n", -1, 0600);
  g_autoptr(GPtrArray) answers = ask("      ENV: {env: THE_KEY}\n"
                                     "      FILE: {file: key}\n"
                                     "      COMMAND: {command: [./print, command]}\n"
                                     "      A: {dotenv: plain.env}\n"
                                     "      B: {dotenv: plain.env, key: OTHER}\n"
                                     "      C: {file: binary, mount: keystore}\n",
                                     &config);
  check_value(answers, 0, "from env\n", 9);
  check_value(answers, 1, "from file\n", 10);
  check_value(answers, 2, "from command", 12);
  check_value(answers, 3, "from dotenv", 11);
  check_value(answers, 4, "x y", 3);
  check_value(answers, 5, "a\0b", 3);
  cr_assert(secrets_require(answers, NULL));
  g_autofree char *redacted = redact_text("from command, from dotenv, from file");
  cr_assert_str_eq(redacted, "***, ***, ***");
}

Test(secrets, the_same_command_and_the_same_file_are_asked_once) {
  g_autoptr(Config) config = NULL;
  g_autofree char *asked = NULL;
  write_file("print", "#!/bin/sh\necho \"$@\" >>asked; echo \"value $1\"\n", -1, 0700);
  write_file("decrypt", "#!/bin/sh\necho \"${2##*/}\" >>asked; tr a-z b-za <\"$2\"\n", -1, 0700);
  write_file("sealed", "A=gdkkn\nB=vnqkc\n", -1, 0600);
  g_autoptr(GPtrArray) answers = ask("      ONE: {command: [./print, x]}\n"
                                     "      TWO: {command: [./print, x]}\n"
                                     "      A: {dotenv: sealed, command: [./decrypt, -d]}\n"
                                     "      B: {dotenv: sealed, command: [./decrypt, -d]}\n",
                                     &config);
  check_value(answers, 0, "value x", 7);
  check_value(answers, 1, "value x", 7);
  check_value(answers, 2, "hello", 5);
  check_value(answers, 3, "world", 5);
  g_autofree char *path = g_build_filename(folder, "asked", NULL);
  cr_assert(g_file_get_contents(path, &asked, NULL, NULL));
  cr_assert(g_str_equal(asked, "x\nsealed\n") || g_str_equal(asked, "sealed\nx\n"), "%s", asked);
}

Test(secrets, all_failures_come_at_once_and_hold_no_value) {
  g_autoptr(Config) config = NULL;
  g_autoptr(GError) error = NULL;
  g_unsetenv("NOT_THERE");
  write_file("fail", "#!/bin/sh\necho hunter2-hunter2; echo \"token hunter2-hunter2 expired\" >&2; exit 3\n",
             -1, 0700);
  write_file("empty", "\n", -1, 0600);
  write_file("binary", "a\0b", 3, 0600);
  write_file("plain.env", "A=b\n", -1, 0600);
  g_autoptr(GPtrArray) answers = ask("      FINE: {dotenv: plain.env, key: A}\n"
                                     "      ENV: {env: NOT_THERE}\n"
                                     "      FILE: {file: nowhere}\n"
                                     "      EMPTY: {file: empty}\n"
                                     "      BINARY: {file: binary}\n"
                                     "      COMMAND: {command: [./fail]}\n"
                                     "      SLOW: {command: [sleep, '60'], timeout: 100ms}\n"
                                     "      MISSING: {dotenv: plain.env}\n",
                                     &config);
  static const char *const fragments[] = {
      "7 of 8 secrets could not be had:\n",
      "\nENV: the variable NOT_THERE of slipway's environment is not set: export it",
      "/nowhere: No such file or directory",
      "/empty: the value is empty",
      "/binary: the value is not UTF-8 text",
      "\nCOMMAND: the command ./fail: exit status 3:\n  token *** expired",
      "\nSLOW: the command sleep: it took longer than 100ms",
      "/plain.env: it has no MISSING",
  };
  cr_assert(!secrets_require(answers, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
  for (gsize i = 0; i < G_N_ELEMENTS(fragments); i++)
    cr_assert(strstr(error->message, fragments[i]) != NULL, "%s\nin: %s", fragments[i], error->message);
  cr_assert(strstr(error->message, "hunter2") == NULL, "%s", error->message);
  cr_assert(strstr(error->message, "FINE") == NULL, "%s", error->message);
}
