/* Starting, saving, loading, running in and looking at the torture test's world. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deployer/output/exit_status.h"
#include "deployer/rollout/rollout.h"
#include "model.h"
#include "support/interrupt.h"
#include "support/json.h"
#include "support/text.h"
#include "tree.h"

#include "support/poison.h"

enum { RUN_LIMIT_S = 60 };
#define PLACE "shop--prod"

static const char *const host_names[FAULT_HOSTS] = {"alpha", "beta", "gamma", "delta"};

static char *in_world(const World *world, const char *name) {
  return g_build_filename(world->folder, name, NULL);
}

static void write_file(const World *world, const char *name, const char *text) {
  g_autofree char *path = in_world(world, name);
  g_autoptr(GError) error = NULL;
  if (!g_file_set_contents(path, text, -1, &error))
    g_error("%s", error->message);
}

/* ---- starting ---------------------------------------------------------------------------------------- */

/* "port N", then "NAME VERSION DIGEST" for every image. */
static void read_greeting(World *world, int output) {
  FILE *stream = fdopen(output, "r");
  char line[256];
  cJSON *images[RELEASES];
  for (guint i = 0; i < RELEASES; i++)
    images[i] = cJSON_CreateObject();
  while (fgets(line, sizeof line, stream) != NULL && !g_str_has_prefix(line, "ready")) {
    g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", -1);
    gint64 number = 0;
    if (!number_parse(words[1], 1, G_MAXUINT16, &number))
      g_error("the fake engine said: %s", line);
    if (g_str_equal(words[0], "port")) {
      world->port = (guint)number;
      continue;
    }
    g_autofree char *reference = g_strdup_printf("127.0.0.1:%u/shop/%s@%s", world->port, words[0], words[2]);
    json_set_string(images[number - 1], words[0], reference);
  }
  (void)fclose(stream);
  for (guint i = 0; i < RELEASES; i++) {
    world->images[i] = json_print_canonical(images[i]);
    cJSON_Delete(images[i]);
  }
}

static void start_engines(World *world) {
  static const char program[] = TORTURE_DATA "/fake_engine.py";
  const char *argv[] = {"/usr/bin/env", "python3", program, world->folder, "alpha",
                        "beta",         "gamma",   "delta", NULL};
  int output = -1;
  g_autoptr(GError) error = NULL;
  if (!g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                &world->engine, &world->engine_input, &output, NULL, &error))
    g_error("%s", error->message);
  read_greeting(world, output);
}

static void configure(const World *world) {
  g_autoptr(GString) text = g_string_new(NULL);
  g_string_printf(text,
                  "app: shop\n"
                  "images: {web: \"127.0.0.1:%u/shop/web\", worker: \"127.0.0.1:%u/shop/worker\"}\n"
                  "pipeline: [ci, prod]\n"
                  "compose: compose.yml\n"
                  "history: history.db\n"
                  "defaults:\n"
                  "  health: {deadline: 20s, settle: 0s, http: [{url: \"http://127.0.0.1:%u/ping\"}]}\n"
                  "  rollout: {batch: 2}\n"
                  "  retain: 1\n"
                  "environments:\n"
                  "  prod:\n"
                  "    hosts:\n",
                  world->port, world->port, world->port);
  for (guint i = 0; i < FAULT_HOSTS; i++)
    g_string_append_printf(text, "%s      - {name: %s, address: %s, engine: %s/%s.sock}\n",
                           i == PROD_HOSTS ? "  ci:\n    hosts:\n" : "", host_names[i], host_names[i],
                           world->folder, host_names[i]);
  write_file(world, "slipway.yml", text->str);
  g_string_printf(text,
                  "services:\n"
                  "  web: {image: \"127.0.0.1:%u/shop/web\", volumes: [\"./motd:/etc/motd:ro\"]}\n"
                  "  worker: {image: \"127.0.0.1:%u/shop/worker\"}\n",
                  world->port, world->port);
  write_file(world, "compose.yml", text->str);
  write_file(world, "motd", "welcome\n");
}

static void *shared(gsize size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    g_error("mmap failed");
  return memory;
}

static void install_compose(const World *world, const char *host) {
  g_autofree char *folder = g_build_filename(world->folder, "hosts", host, ".docker", "cli-plugins", NULL);
  g_autofree char *plugin = g_build_filename(folder, "docker-compose", NULL);
  if (g_mkdir_with_parents(folder, 0700) != 0 || symlink(TORTURE_COMPOSE, plugin) != 0)
    g_error("cannot make %s", plugin);
}

World *world_new(const char *folder, bool has_shells) {
  World *world = g_new0(World, 1);
  world->folder = g_strdup(folder);
  if (g_mkdir_with_parents(folder, 0700) != 0)
    g_error("cannot make %s", folder);
  start_engines(world);
  configure(world);
  for (guint i = 0; i < FAULT_HOSTS; i++)
    install_compose(world, host_names[i]);
  world->client = http_client_new();
  world->plan = shared(sizeof *world->plan);
  world->end = shared(sizeof *world->end);
  world->plan->folder = world->folder;
  world->plan->has_shells = has_shells;
  memcpy(world->plan->hosts, host_names, sizeof host_names);
  return world;
}

void world_free(World *world) {
  (void)close(world->engine_input);
  (void)waitpid(world->engine, NULL, 0);
  tree_remove(world->folder); /* if the engines have not */
  http_client_free(world->client);
  (void)munmap(world->plan, sizeof *world->plan);
  (void)munmap(world->end, sizeof *world->end);
  for (guint i = 0; i < RELEASES; i++)
    g_free(world->images[i]);
  g_free(world->folder);
  g_free(world);
}

/* ---- the engines' controls --------------------------------------------------------------------------- */

/* Caller frees. */
static char *control(const World *world, guint host, const char *path) {
  g_autofree char *name = g_strconcat(host_names[host], ".sock", NULL);
  g_autofree char *socket = in_world(world, name);
  g_autofree char *url = g_strconcat("http://engine/torture/", path, NULL);
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) error = NULL;
  if (!http_perform(world->client, &(HttpRequest){.url = url, .unix_socket = socket}, &reply, &error) ||
      reply.status != 200)
    g_error("%s: %s", url, error == NULL ? "refused" : error->message);
  return g_strdup(reply.body->str);
}

static void control_all(const World *world, const char *path) {
  for (guint i = 0; i < FAULT_HOSTS; i++)
    g_free(control(world, i, path));
}

static const char *const state_names[] = {"hosts", "history.db", "history.db-wal", "history.db-shm"};

static void copy_state(const char *from, const char *to) {
  for (guint i = 0; i < G_N_ELEMENTS(state_names); i++) {
    g_autofree char *here = g_build_filename(from, state_names[i], NULL);
    g_autofree char *there = g_build_filename(to, state_names[i], NULL);
    if (g_file_test(here, G_FILE_TEST_EXISTS))
      tree_copy(here, there);
  }
}

void world_save(World *world, const char *name) {
  g_autofree char *path = g_strconcat("save/", name, NULL);
  control_all(world, path);
  g_autofree char *saved = g_build_filename(world->folder, "saved", name, NULL);
  if (g_mkdir_with_parents(saved, 0700) != 0)
    g_error("cannot make %s", saved);
  copy_state(world->folder, saved);
}

void world_load(World *world, const char *name) {
  g_autofree char *path = g_strconcat("load/", name, NULL);
  control_all(world, path);
  g_autofree char *saved = g_build_filename(world->folder, "saved", name, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(state_names); i++) {
    g_autofree char *there = in_world(world, state_names[i]);
    tree_remove(there);
  }
  copy_state(saved, world->folder);
}

void world_sicken(World *world, guint number) {
  g_autoptr(cJSON) images = cJSON_Parse(world->images[number - 1]);
  g_autofree char *image = http_escape(json_string(images, "web"));
  g_autofree char *path = g_strconcat("sicken?image=", image, NULL);
  g_free(control(world, PROD_HOSTS - 1, path));
}

void world_heal(World *world) {
  control_all(world, "heal");
}

/* Says where the model and the scripts differ. */
bool world_agrees(const World *world) {
  bool agrees = true;
  for (guint i = 0; i < PROD_HOSTS; i++) {
    g_autofree char *home = g_build_filename(world->folder, "hosts", host_names[i], NULL);
    g_autofree char *engine = g_strdup_printf("%s/%s.sock", world->folder, host_names[i]);
    g_autofree char *problem = model_check(home, PLACE, engine);
    if (problem != NULL)
      (void)printf("%s: tests/torture/model.c is no longer what the scripts are: %s\n", host_names[i],
                   problem);
    agrees = agrees && problem == NULL;
  }
  return agrees;
}

/* ---- running ----------------------------------------------------------------------------------------- */

static bool roll_out(const Config *config, const Command *command, GError **error) {
  g_autoptr(History) history = NULL;
  g_autoptr(Deployment) deployment = NULL;
  const ReporterOptions options = {.yes = true};
  g_autoptr(Reporter) reporter = reporter_new(&options);
  RolloutRequest request = {.config = config,
                            .reporter = reporter,
                            .command = "torture",
                            .kind = command->kind,
                            .release = command->release};
  Environment *environment = NULL;
  if (!config_require_environment(config, command->environment, &environment, error) ||
      !history_open(config->history, HISTORY_WRITE, &history, error))
    return false;
  request.environment = environment;
  request.history = history;
  return rollout_run(&request, &deployment, error);
}

static void run_here(World *world, const Command *command) {
  g_autofree char *path = in_world(world, "slipway.yml");
  g_autofree char *log = in_world(world, "run.log");
  g_autoptr(Config) config = NULL;
  g_autoptr(GError) error = NULL;
  int output = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  (void)dup2(output, STDOUT_FILENO);
  (void)dup2(output, STDERR_FILENO);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)close(world->engine_input);
  interrupt_install();
  fault_install(world->plan);
  world->end->status = 0;
  if (!config_load(path, &config, &error) || !roll_out(config, command, &error)) {
    world->end->status = exit_status_of(error)->status;
    (void)g_strlcpy(world->end->message, error->message, sizeof world->end->message);
  }
}

static volatile sig_atomic_t is_late;

static void note_late(int number) {
  (void)number;
  is_late = 1;
}

/* Whoever waits is interrupted after RUN_LIMIT_S; 0: no more. */
static void set_alarm(guint seconds) {
  const struct sigaction action = {.sa_handler = note_late};
  is_late = 0;
  (void)sigaction(SIGALRM, &action, NULL);
  (void)alarm(seconds);
}

/* Also for what the run left behind: this process takes orphans over. */
static void wait_for_all(const World *world, pid_t child) {
  set_alarm(RUN_LIMIT_S);
  for (;;) {
    int status = 0;
    pid_t ended = waitpid(-1, &status, 0);
    if (ended == child && WIFSIGNALED(status))
      world->end->status = WTERMSIG(status) == SIGKILL && fault_kills(world->plan->kind) ? -1 : -2;
    if (ended < 0 && errno == ECHILD)
      break;
    if (is_late) {
      (void)kill(child, SIGKILL);
      world->end->status = -2;
      break;
    }
  }
  set_alarm(0);
}

void world_run(World *world, const Command *command) {
  memset(world->plan->counts, 0, sizeof world->plan->counts);
  world->plan->has_struck = 0;
  world->plan->struck[0] = '\0';
  *world->end = (RunEnd){.status = -2};
  pid_t child = fork();
  if (child < 0)
    g_error("cannot fork");
  if (child == 0) {
    run_here(world, command);
    (void)fflush(NULL);
    _exit(0);
  }
  wait_for_all(world, child);
}

/* A History belongs to one process: not to this one, which forks. */
static void add_releases(const World *world) {
  g_autofree char *path = in_world(world, "history.db");
  g_autoptr(History) history = NULL;
  g_autoptr(GError) error = NULL;
  if (!history_open(path, HISTORY_WRITE, &history, &error))
    g_error("%s", error->message);
  for (guint i = 0; i < RELEASES; i++) {
    g_autoptr(Release) release = release_new();
    g_autoptr(cJSON) images = cJSON_Parse(world->images[i]);
    bool existed = false;
    release->version = g_strdup_printf("%u.0", i + 1);
    for (const cJSON *image = images->child; image != NULL; image = image->next)
      g_ptr_array_add(release->images, release_image_new(image->string, image->valuestring));
    if (!history_add_release(history, release, &existed, &error))
      g_error("%s", error->message);
  }
}

void world_populate(World *world) {
  static const char *const releases[RELEASES] = {"r1", "r2", "r3"};
  static const char *const states[RELEASES] = {"one", "two", "three"};
  add_releases(world);
  world->plan->kind = FAULT_NONE;
  for (guint i = 0; i < RELEASES; i++) {
    world_run(world, &(Command){KIND_DEPLOY, "ci", releases[i]});
    if (world->end->status != 0)
      g_error("the world cannot be made: %d %s", world->end->status, world->end->message);
  }
  world_save(world, "none");
  for (guint i = 0; i < RELEASES - 1; i++) {
    world_run(world, &(Command){KIND_DEPLOY, "prod", releases[i]});
    if (world->end->status != 0)
      g_error("the world cannot be made: %d %s", world->end->status, world->end->message);
    world_save(world, states[i]);
  }
}

/* ---- looking ----------------------------------------------------------------------------------------- */

static void look_at_containers(const World *world, guint host, HostTruth *truth) {
  g_autofree char *text = control(world, host, "state");
  g_autoptr(cJSON) state = cJSON_Parse(text);
  g_autoptr(cJSON) runs = cJSON_CreateObject();
  g_autoptr(GString) ids = g_string_new(NULL);
  const cJSON *container = NULL;
  cJSON_ArrayForEach(container, json_array(state, "containers")) {
    json_set_string(runs, json_string(container, "service"), json_string(container, "image"));
    g_string_append_printf(ids, "%s ", json_string(container, "id"));
  }
  truth->runs = json_print_canonical(runs);
  truth->ids = g_string_free(g_steal_pointer(&ids), FALSE);
}

static char *lock_problem(const char *folder) {
  g_autofree char *path = g_build_filename(folder, "lock", NULL);
  int lock = open(path, O_RDWR | O_CLOEXEC);
  if (lock < 0)
    return NULL;
  bool is_free = flock(lock, LOCK_EX | LOCK_NB) == 0;
  (void)close(lock);
  return is_free ? NULL : g_strdup("the lock is held");
}

/* Every release folder is whole, and `current` names one. */
static char *release_problem(const char *folder, const char *current) {
  static const char *const parts[] = {"manifest.json", "images.yml", "env", "compose.list",
                                      "project/compose.yml"};
  g_autofree char *releases = g_build_filename(folder, "releases", NULL);
  g_autoptr(GDir) listing = g_dir_open(releases, 0, NULL);
  bool is_current_there = *current == '\0';
  const char *uid = NULL;
  while (listing != NULL && (uid = g_dir_read_name(listing)) != NULL) {
    is_current_there = is_current_there || g_str_equal(uid, current);
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
      g_autofree char *part = g_build_filename(releases, uid, parts[i], NULL);
      if (!g_file_test(part, G_FILE_TEST_EXISTS))
        return g_strdup_printf("releases/%s has no %s", uid, parts[i]);
    }
  }
  return is_current_there ? NULL : g_strdup_printf("current names %s, which is not there", current);
}

/* Sets truth->noted, too. */
static char *journal_problem(const char *folder, HostTruth *truth) {
  g_autofree char *path = g_build_filename(folder, "journal.jsonl", NULL);
  g_autofree char *text = NULL;
  truth->noted = g_strdup("");
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return NULL;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL && **line != '\0'; line++) {
    g_autoptr(cJSON) json = cJSON_Parse(*line);
    if (json == NULL)
      return g_strdup_printf("the journal has the line %s", *line);
    g_free(truth->noted);
    truth->noted = g_strdup_printf("%s %s", json_string(json, "outcome"), json_string(json, "deployment"));
  }
  return NULL;
}

static void look_at_folder(const World *world, guint host, HostTruth *truth) {
  g_autofree char *folder =
      g_build_filename(world->folder, "hosts", host_names[host], ".slipway", PLACE, NULL);
  g_autofree char *link = g_build_filename(folder, "current", NULL);
  g_autofree char *target = g_file_read_link(link, NULL);
  truth->current = target == NULL ? g_strdup("") : g_path_get_basename(target);
  truth->problem = journal_problem(folder, truth);
  if (truth->problem == NULL)
    truth->problem = lock_problem(folder);
  if (truth->problem == NULL)
    truth->problem = release_problem(folder, truth->current);
}

void world_look(World *world, HostTruth truths[PROD_HOSTS]) {
  for (guint i = 0; i < PROD_HOSTS; i++) {
    look_at_containers(world, i, &truths[i]);
    look_at_folder(world, i, &truths[i]);
  }
}

void host_truths_clear(HostTruth truths[PROD_HOSTS]) {
  for (guint i = 0; i < PROD_HOSTS; i++) {
    g_free(truths[i].runs);
    g_free(truths[i].ids);
    g_free(truths[i].current);
    g_free(truths[i].noted);
    g_free(truths[i].problem);
  }
  memset(truths, 0, sizeof(HostTruth) * PROD_HOSTS);
}
