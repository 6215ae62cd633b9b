/* The history's words: what is said of a deployment is kept without secret values. */
#include "fixture.h"

#include <string.h>

#include "support/redact.h"

TestSuite(secrets, .init = folder_make, .fini = folder_remove);

static void check_absent(const char *file, const char *value) {
  g_autofree char *bytes = NULL;
  gsize length = 0;
  if (g_file_get_contents(file, &bytes, &length, NULL))
    cr_assert(memmem(bytes, length, value, strlen(value)) == NULL, "%s", file);
}

Test(secrets, no_byte_of_the_file_has_a_value) {
  g_autoptr(GError) error = NULL;
  gint64 step = 0;
  redact_add("s3cret-value", 12);
  History *history = open_history(HISTORY_WRITE);
  gint64 release = add_release(history, "1.0", NULL);
  g_autoptr(Deployment) deployment = begin(history, "prod", release);
  assert_works(history_begin_step(history, deployment->id, "web1", "config", &step, &error));
  assert_works(history_finish_step(history, step, "failed", "Compose says s3cret-value", &error));
  DeploymentHost *host = g_ptr_array_index(deployment->hosts, 0);
  host->error = g_strdup("s3cret-value again");
  assert_works(history_set_host(history, deployment->id, host, &error));
  deployment->message = g_strdup("web1: czNjcmV0LXZhbHVl");
  deployment->status = STATUS_FAILED;
  assert_works(history_finish_deployment(history, deployment, &error));
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  check_absent(path, "s3cret");
  check_absent(wal, "s3cret");
  check_absent(wal, "czNjcmV0LXZhbHVl");
  g_autoptr(Deployment) found = NULL;
  assert_works(history_get_deployment(history, deployment->id, &found, &error));
  cr_assert_str_eq(found->message, "web1: ***");
  history_free(history);
  check_absent(path, "s3cret");
}
