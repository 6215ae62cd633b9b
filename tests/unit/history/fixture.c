/* What the history's tests share. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <sys/wait.h>
#include <unistd.h>

char *folder, *path;
bool is_child;

void folder_make(void) {
  folder = g_dir_make_tmp("slipway-history-XXXXXX", NULL);
  cr_assert_not_null(folder);
  path = g_build_filename(folder, "journal.db", NULL);
}

static void remove_tree(const char *place) {
  g_autoptr(GDir) dir = g_dir_open(place, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *inner = g_build_filename(place, name, NULL);
    remove_tree(inner);
  }
  (void)remove(place);
}

void folder_remove(void) {
  remove_tree(folder);
  g_free(folder);
  g_free(path);
}

History *open_history(HistoryMode mode) {
  g_autoptr(GError) error = NULL;
  History *history = NULL;
  assert_works(history_open(path, mode, &history, &error));
  return history;
}

gint64 add_release(History *history, const char *version, const char *revision) {
  g_autoptr(GError) error = NULL;
  g_autoptr(Release) release = release_new();
  release->version = g_strdup(version);
  release->revision = g_strdup(revision);
  g_autofree char *reference = g_strdup_printf("example.org/web@sha256:%s%s", version == NULL ? "" : version,
                                               revision == NULL ? "" : revision);
  g_ptr_array_add(release->images, release_image_new("web", reference));
  bool existed;
  assert_works(history_add_release(history, release, &existed, &error));
  return release->id;
}

Deployment *begin(History *history, const char *environment, gint64 release) {
  g_autoptr(GError) error = NULL;
  Deployment *deployment = deployment_new();
  deployment->environment = g_strdup(environment);
  deployment->release = release;
  g_ptr_array_add(deployment->hosts, deployment_host_new("web1", "10.0.0.1"));
  g_ptr_array_add(deployment->hosts, deployment_host_new("here", NULL));
  assert_works(history_begin_deployment(history, deployment, &error));
  return deployment;
}

void finish(History *history, Deployment *deployment, DeploymentStatus status, int exit_code) {
  g_autoptr(GError) error = NULL;
  deployment->status = status;
  deployment->exit_code = exit_code;
  assert_works(history_finish_deployment(history, deployment, &error));
}

void assert_error(GError **error, SlipwayErrorKind kind, const char *fragment) {
  cr_assert_not_null(*error);
  cr_assert(error_is(*error, kind), "another kind (%d): %s", (*error)->code, (*error)->message);
  cr_assert_not_null(strstr((*error)->message, fragment), "no \"%s\" in: %s", fragment, (*error)->message);
  g_clear_error(error);
}

pid_t start_child(void (*work)(void)) {
  pid_t child = fork();
  if (child != 0)
    return child;
  is_child = true;
  work();
  _exit(0);
}

bool child_worked(pid_t child) {
  int status;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool works_in_child(void (*work)(void)) {
  return child_worked(start_child(work));
}

void end_child(const GError *error) {
  g_printerr("%s\n", error == NULL ? "failed" : error->message);
  _exit(1);
}
