/* The row for this machine. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"
#include "support/errors.h"

static Fixture fixture;
static HostConfig config;
static pid_t server;

static void start(void) {
  static char name[] = "local";
  fixture_start_local(&fixture);
  config = (HostConfig){.name = name};
}

static void stop(void) {
  end_process(&server);
  fixture_stop(&fixture);
}

TestSuite(local, .init = start, .fini = stop, .timeout = 60);

Test(local, runs_scripts_as_every_row_does) {
  g_autoptr(Host) host = open_host(&config);
  expect_shell_works(host);
}

Test(local, gives_up_a_script_that_takes_too_long) {
  g_autoptr(Host) host = open_host(&config);
  expect_timeout_works(host);
}

Test(local, writes_files_whole) {
  g_autoptr(Host) host = open_host(&config);
  expect_write_works(host, fixture.home);
}

Test(local, tells_facts_and_holds_the_lock) {
  expect_facts_and_lock_work(&config, fixture.home);
}

Test(local, speaks_http_to_the_engine_that_docker_host_names) {
  g_autofree char *socket = fixture_path(&fixture, "engine.sock");
  g_autofree char *url = g_strconcat("unix://", socket, NULL);
  g_setenv("DOCKER_HOST", url, TRUE);
  server = serve_http(socket, 0);
  g_autoptr(Host) host = open_host(&config);
  g_auto(HttpReply) reply = {0};
  cr_assert(host->ops->request(host, &(HttpRequest){.url = "http://engine/x"}, &reply, NULL));
  cr_assert_str_eq(reply.body->str, "/x");
}

/* Busybox's does: the next frame of the shell that stays would be lost, and slipway would wait for its
 * answer. */
Test(local, refuses_a_host_whose_head_reads_ahead) {
  g_autofree char *folder = fixture_path(&fixture, "bin");
  g_autofree char *program = g_build_filename(folder, "head", NULL);
  g_autofree char *path = g_strdup_printf("%s:%s", folder, g_getenv("PATH"));
  cr_assert_eq(g_mkdir_with_parents(folder, 0755), 0);
  cr_assert(g_file_set_contents(program, "#!/bin/sh\nexec cat\n", -1, NULL));
  cr_assert_eq(chmod(program, 0755), 0);
  g_setenv("PATH", path, TRUE);
  g_autoptr(GError) error = open_error(&config, NULL);
  expect_error(error, SLIPWAY_ERROR_UNREADY, "a head that reads no more than it is told");
}

Test(local, refuses_an_engine_elsewhere) {
  g_setenv("DOCKER_HOST", "tcp://10.0.0.1:2375", TRUE);
  g_autoptr(GError) error = open_error(&config, NULL);
  expect_error(error, SLIPWAY_ERROR_UNREADY, "DOCKER_HOST is tcp://10.0.0.1:2375");
}

Test(local, leaves_no_descriptor_behind) {
  host_free(open_host(&config));
  const guint before = count_descriptors();
  host_free(open_host(&config));
  cr_assert_eq(count_descriptors(), before);
}

static gpointer abort_soon(gpointer host) {
  poll(NULL, 0, 200);
  ((Host *)host)->ops->abort(host);
  return NULL;
}

Test(local, aborts_what_is_going_on) {
  g_autoptr(Host) host = open_host(&config);
  GThread *thread = g_thread_new("abort", abort_soon, host);
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  const gint64 start_time = g_get_monotonic_time();
  cr_assert_not(host_shell(host, &(HostScript){.text = "sleep 30"}, &reply, &error));
  cr_assert_lt(g_get_monotonic_time() - start_time, 5 * G_USEC_PER_SEC);
  g_thread_join(thread);
}
