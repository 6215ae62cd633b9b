/* The engine client against a real engine (its parsers are tested on recordings, in tests/unit/hosts). */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/errors.h"
#include "support/json.h"
#include "tests/unit/health/fixture.h"

TestSuite(engine, .init = fixture_require_engine, .timeout = 60);

#define REGISTRY "/usr/bin/docker-registry"

#define MUST(call)                                                                                           \
  do {                                                                                                       \
    g_autoptr(GError) error = NULL;                                                                          \
    cr_assert(call, "%s", error == NULL ? "" : error->message);                                              \
  } while (0)

static void expect_unready(const GError *error, const char *fragment) {
  cr_expect(error_is(error, SLIPWAY_ERROR_UNREADY));
  cr_expect(strstr(error->message, fragment) != NULL, "\"%s\" lacks \"%s\"", error->message, fragment);
}

Test(engine, introduces_itself) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "intro");
  g_autofree char *root = NULL;
  gint64 now = 0;
  MUST(engine_info(fixture.engine, &root, &error));
  MUST(engine_now(fixture.engine, &now, &error));
  cr_expect(g_str_has_suffix(root, "/data"));
  const char *os = NULL, *architecture = NULL;
  cr_assert(engine_platform(fixture.engine, &os, &architecture, NULL));
  cr_expect_str_eq(os, "linux");
  cr_expect(strlen(architecture) > 0 && strlen(engine_version(fixture.engine)) > 0);
  cr_expect(ABS(now - g_get_real_time()) < G_USEC_PER_SEC, "the clock is off by %g s",
            (double)(now - g_get_real_time()) / G_USEC_PER_SEC);
}

Test(engine, tags_finds_and_removes_images_by_name) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "images");
  g_autoptr(EngineImage) image = NULL;
  g_autoptr(EngineImage) tagged = NULL;
  g_autoptr(EngineImage) gone = NULL;
  g_autoptr(GPtrArray) images = NULL;
  MUST(engine_find_image(fixture.engine, "slipway-test:1", &image, &error));
  cr_assert_not_null(image);
  cr_expect_eq(image->diff_ids->len, 1);
  MUST(engine_list_images(fixture.engine, &images, &error));
  cr_expect_geq(images->len, 1);
  MUST(engine_tag_image(fixture.engine, image->id, "slipway.local/app--ci/web", "r7", &error));
  MUST(engine_find_image(fixture.engine, "slipway.local/app--ci/web:r7", &tagged, &error));
  cr_assert_not_null(tagged);
  cr_expect_str_eq(tagged->id, image->id);
  MUST(engine_remove_image(fixture.engine, "slipway.local/app--ci/web:r7", &error));
  MUST(engine_remove_image(fixture.engine, "slipway.local/app--ci/web:r7", &error));
  MUST(engine_find_image(fixture.engine, "slipway.local/app--ci/web:r7", &gone, &error));
  cr_expect_null(gone);
  g_autoptr(GError) error = NULL;
  cr_assert(!engine_tag_image(fixture.engine, "nosuch:1", "a", "b", &error));
  expect_unready(error, "the engine cannot tag nosuch:1 as a:b: No such image: nosuch:1 (status 404)");
}

Test(engine, runs_commands_and_reads_logs_of_a_projects_containers) {
  g_auto(Fixture) fixture = {0};
  fixture_open(&fixture, "commands");
  g_autofree char *id = fixture_start(
      &fixture,
      &(Service){.service = "web", .command = "for i in 1 2 3; do echo $i; done; echo e >&2; exec sleep 60"});
  g_autoptr(GPtrArray) containers = NULL;
  MUST(engine_list_containers(fixture.engine, "commands", &containers, &error));
  cr_assert_eq(containers->len, 1);
  const EngineContainer *container = containers->pdata[0];
  cr_expect_str_eq(container->id, id);
  cr_expect_str_eq(container->service, "web");
  cr_expect_str_eq(container->state, "running");
  cr_expect_str_eq(container->image, "slipway-test:1");
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_ptr_array_add(argv, (char *)"sh");
  g_ptr_array_add(argv, (char *)"-c");
  g_ptr_array_add(argv, (char *)"echo out; echo err >&2; exit 3");
  g_autofree char *output = NULL;
  MUST(engine_exec_output(fixture.engine, id, argv, 5000, &output, &error));
  cr_expect(strstr(output, "out\n") != NULL && strstr(output, "err\n") != NULL, "%s", output);
  g_autofree char *log = NULL;
  MUST(engine_log_tail(fixture.engine, id, 2, &log, &error));
  cr_expect_eq(strlen(log), 4, "%s", log);
  g_autoptr(ContainerState) absent = NULL;
  MUST(engine_inspect_container(fixture.engine, "nosuch", &absent, &error));
  cr_expect_null(absent);
}

static void die_with_parent(void *data) {
  (void)data;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static guint free_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert(bind(probe, (struct sockaddr *)&address, length) == 0);
  cr_assert(getsockname(probe, (struct sockaddr *)&address, &length) == 0);
  close(probe);
  return ntohs(address.sin_port);
}

typedef struct {
  GPid pid;
  char *folder;
  char *name; /* "127.0.0.1:PORT" */
} Registry;

static void registry_start(Registry *registry) {
  registry->folder = g_dir_make_tmp("slipway-live-XXXXXX", NULL);
  registry->name = g_strdup_printf("127.0.0.1:%u", free_port());
  g_autofree char *file = g_build_filename(registry->folder, "config.yml", NULL);
  g_autofree char *text =
      g_strdup_printf("version: 0.1\nlog: {accesslog: {disabled: true}, level: error}\n"
                      "storage: {filesystem: {rootdirectory: %s/data}}\nhttp: {addr: \"%s\"}\n",
                      registry->folder, registry->name);
  cr_assert(g_file_set_contents(file, text, -1, NULL));
  char *argv[] = {(char *)REGISTRY, (char *)"serve", file, NULL};
  cr_assert(g_spawn_async(NULL, argv, NULL,
                          G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                          die_with_parent, NULL, &registry->pid, NULL));
  g_autofree char *url = g_strdup_printf("http://%s/v2/", registry->name);
  g_autoptr(HttpClient) client = http_client_new();
  gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
  for (bool is_up = false; !is_up; g_usleep(20 * 1000)) {
    g_auto(HttpReply) reply = {0};
    is_up = http_perform(client, &(HttpRequest){.url = url}, &reply, NULL);
    cr_assert(is_up || g_get_monotonic_time() < deadline, "the registry did not start");
  }
}

static void registry_stop(Registry *registry) {
  kill(registry->pid, SIGKILL);
  waitpid(registry->pid, NULL, 0);
  char *argv[] = {(char *)"/bin/rm", (char *)"-rf", registry->folder, NULL};
  g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free(registry->folder);
  g_free(registry->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Registry, registry_stop)

/* Pushes the test image and forgets it here. Gives its name by digest. */
static char *publish(Fixture *fixture, const Registry *registry) {
  g_autofree char *repository = g_strdup_printf("%s/app", registry->name);
  g_autofree char *name = g_strdup_printf("%s:1", repository);
  MUST(engine_tag_image(fixture->engine, "slipway-test:1", repository, "1", &error));
  g_autofree char *path = g_strdup_printf("/images/%s/push?tag=1", repository);
  g_autofree char *url = g_strconcat("http://engine", path, NULL);
  const char *const headers[] = {"X-Registry-Auth: e30=", NULL};
  g_auto(HttpReply) reply = {0};
  MUST(fixture->host.ops->request(
      &fixture->host, &(HttpRequest){.method = "POST", .url = url, .headers = headers}, &reply, &error));
  g_autoptr(EngineImage) image = NULL;
  MUST(engine_find_image(fixture->engine, name, &image, &error));
  cr_assert(image != NULL && image->digests->len == 1, "not pushed: %s", reply.body->str);
  char *reference = g_strdup(image->digests->pdata[0]);
  MUST(engine_remove_image(fixture->engine, name, &error));
  MUST(engine_remove_image(fixture->engine, reference, &error));
  return reference;
}

static void note_progress(gint64 done, gint64 total, void *data) {
  gint64 *latest = data;
  cr_expect(done >= latest[0] && done <= total);
  latest[0] = done;
  latest[1] = total;
}

Test(engine, pulls_by_digest_and_says_why_it_cannot) {
  if (access(REGISTRY, X_OK) != 0)
    cr_skip_test(REGISTRY " is missing (package docker-registry)");
  g_auto(Fixture) fixture = {0};
  g_auto(Registry) registry = {0};
  fixture_open(&fixture, "pull");
  registry_start(&registry);
  g_autofree char *reference = publish(&fixture, &registry);
  gint64 latest[2] = {0, 0};
  const EnginePull pulls[] = {{.reference = reference}, {.reference = reference, .auth = "e30="}};
  MUST(engine_pull(fixture.engine, pulls, 2, note_progress, latest, &error));
  cr_expect_eq(latest[0], latest[1]);
  g_autoptr(EngineImage) image = NULL;
  MUST(engine_find_image(fixture.engine, reference, &image, &error));
  cr_assert_not_null(image);

  g_autofree char *absent = g_strdup_printf("%s/app@sha256:%064d", registry.name, 0);
  g_autoptr(GError) unknown = NULL;
  cr_assert(!engine_pull(fixture.engine, &(EnginePull){.reference = absent}, 1, NULL, NULL, &unknown));
  expect_unready(unknown, absent);
  expect_unready(unknown, "manifest unknown");

  g_autofree char *elsewhere = g_strdup_printf("127.0.0.1:1/app@sha256:%064d", 0);
  g_autoptr(GError) down = NULL;
  cr_assert(!engine_pull(fixture.engine, &(EnginePull){.reference = elsewhere}, 1, NULL, NULL, &down));
  expect_unready(down, "connection refused");

  g_autoptr(GError) unpinned = NULL;
  cr_assert(!engine_pull(fixture.engine, &(EnginePull){.reference = "app:1"}, 1, NULL, NULL, &unpinned));
  expect_unready(unpinned, "not pinned by a digest");
}
