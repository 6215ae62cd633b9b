/* Folders, projects and processes for the tests of environments/compose. */
#include "fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Folder folder_new(void) {
  char *folder = g_dir_make_tmp("slipway-compose-XXXXXX", NULL);
  cr_assert_not_null(folder);
  return folder;
}

void folder_remove(Folder folder) {
  const char *const argv[] = {"rm", "-rf", folder, NULL};
  (void)run(argv, NULL, NULL, NULL, NULL);
  g_free(folder);
}

void folder_mkdir(Folder folder, const char *path) {
  g_autofree char *place = g_build_filename(folder, path, NULL);
  cr_assert_eq(g_mkdir_with_parents(place, 0755), 0);
}

void folder_write(Folder folder, const char *path, const char *text) {
  g_autofree char *place = g_build_filename(folder, path, NULL);
  g_autofree char *above = g_path_get_dirname(place);
  cr_assert_eq(g_mkdir_with_parents(above, 0755), 0);
  cr_assert(g_file_set_contents(place, text, -1, NULL));
  cr_assert_eq(chmod(place, 0644), 0);
}

char *folder_read(Folder folder, const char *path) {
  g_autofree char *place = g_build_filename(folder, path, NULL);
  char *text = NULL;
  cr_assert(g_file_get_contents(place, &text, NULL, NULL), "%s is missing", place);
  return text;
}

static void named_value_free(void *data) {
  NamedValue *value = data;
  g_free(value->name);
  g_free(value->value);
  g_free(value);
}

bool read_project(Folder folder, const char *const *paths, const char *const *variables,
                  ComposeProject **project, GError **error) {
  g_autoptr(GPtrArray) list = g_ptr_array_new();
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(named_value_free);
  for (; *paths != NULL; paths++)
    g_ptr_array_add(list, (gpointer)*paths);
  for (; variables != NULL && *variables != NULL; variables += 2) {
    NamedValue *value = g_new0(NamedValue, 1);
    value->name = g_strdup(variables[0]);
    value->value = g_strdup(variables[1]);
    g_ptr_array_add(values, value);
  }
  return compose_project_read(folder, list, NULL, values, NULL, NULL, project, error);
}

ComposeProject *project_of(Folder folder, const char *yaml) {
  static const char *const paths[] = {"compose.yml", NULL};
  ComposeProject *project = NULL;
  g_autoptr(GError) error = NULL;
  folder_write(folder, "compose.yml", yaml);
  cr_assert(read_project(folder, paths, NULL, &project, &error), "%s", error == NULL ? "" : error->message);
  return project;
}

GHashTable *pins_of(const ComposeProject *project) {
  GHashTable *pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; i < project->services->len; i++) {
    const ComposeService *service = project->services->pdata[i];
    g_hash_table_insert(pins, g_strdup(service->name),
                        g_strdup_printf("example.org/%s@" DIGEST, service->name));
  }
  return pins;
}

/* A file without a name that holds the bytes, at its start. */
static int file_of(GBytes *input) {
  g_autofree char *name = NULL;
  int file = g_file_open_tmp(NULL, &name, NULL);
  cr_assert_geq(file, 0);
  cr_assert_eq(unlink(name), 0);
  gsize length = 0;
  const void *bytes = input == NULL ? NULL : g_bytes_get_data(input, &length);
  cr_assert_eq(write(file, bytes == NULL ? "" : bytes, length), (ssize_t)length);
  cr_assert_eq(lseek(file, 0, SEEK_SET), 0);
  return file;
}

GBytes *whole_bundle(const ComposeProject *project, GPtrArray *extra, GPtrArray *secrets,
                     GHashTable *present) {
  g_autoptr(BundleShelf) shelf = bundle_shelf_new();
  g_autoptr(GBytes) shared = compose_bundle_shared(shelf, project, NULL, present),
                    own = compose_bundle_own(extra, secrets);
  GByteArray *whole = g_byte_array_new();
  g_byte_array_append(whole, g_bytes_get_data(shared, NULL), (guint)g_bytes_get_size(shared));
  g_byte_array_append(whole, g_bytes_get_data(own, NULL), (guint)g_bytes_get_size(own));
  return g_byte_array_free_to_bytes(whole);
}

int run(const char *const *argv, const char *const *environment, GBytes *input, char **out, char **err) {
  g_autoptr(GError) error = NULL;
  int in = file_of(input), out_file = file_of(NULL), err_file = file_of(NULL), status = 0;
  GPid pid = 0;
  bool is_started = g_spawn_async_with_pipes_and_fds(
      NULL, argv, environment, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, NULL, NULL, in, out_file,
      err_file, NULL, NULL, 0, &pid, NULL, NULL, NULL, &error);
  cr_assert(is_started, "%s", error == NULL ? "" : error->message);
  cr_assert_eq(waitpid(pid, &status, 0), pid);
  for (int i = 0; i < 2; i++) {
    int file = i == 0 ? out_file : err_file;
    char **text = i == 0 ? out : err;
    off_t length = lseek(file, 0, SEEK_END);
    if (text != NULL) {
      *text = g_malloc0((gsize)length + 1);
      cr_assert_eq(pread(file, *text, (gsize)length, 0), length);
    }
    close(file);
  }
  close(in);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What calls itself Compose of this major version, or NULL. */
static char *find_compose(const char *const *places, const char *major) {
  for (; *places != NULL; places++) {
    if (!g_file_test(*places, G_FILE_TEST_IS_EXECUTABLE))
      continue;
    const char *const argv[] = {*places, "version", "--short", NULL};
    g_autofree char *out = NULL;
    if (run(argv, NULL, NULL, &out, NULL) == 0 && g_str_has_prefix(*out == 'v' ? out + 1 : out, major))
      return g_strdup(*places);
  }
  return NULL;
}

const Compose *composes(void) {
  static Compose both[] = {{.kind = "v1"}, {.kind = "v2"}};
  static bool is_searched = false;
  /* Where Debian puts it, and where the fleet keeps Debian 13's on Debian 12. */
  const char *cache = g_getenv("SLIPWAY_COMPOSE_V2");
  const char *const v1[] = {"/usr/bin/docker-compose", NULL};
  const char *const v2[] = {cache != NULL ? cache : "", "/usr/libexec/docker/cli-plugins/docker-compose",
                            "/var/cache/slipway-fleet/docker-compose", NULL};
  if (!is_searched) {
    both[0].program = find_compose(v1, "1.");
    both[1].program = find_compose(v2, "2.");
    is_searched = true;
  }
  return both;
}

void need_a_compose(void) {
  if (composes()[0].program == NULL && composes()[1].program == NULL)
    cr_skip("neither Compose 1.29 nor v2 is installed here");
}
