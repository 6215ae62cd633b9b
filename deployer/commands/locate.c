/* Finds slipway.yml the way git finds its repository. */
#include "deployer/commands/locate.h"

#include <string.h>

#include "support/errors.h"

#include "support/poison.h"

static const char file_name[] = "slipway.yml";

bool locate_config(const GlobalOptions *global, char **path, GError **error) {
  if (global->config != NULL) {
    *path = g_strdup(global->config);
    return true;
  }
  if (g_file_test(file_name, G_FILE_TEST_EXISTS)) {
    *path = g_strdup(file_name);
    return true;
  }
  g_autofree char *start = g_get_current_dir();
  g_autofree char *folder = g_path_get_dirname(start);
  for (;;) {
    g_autofree char *candidate = g_build_filename(folder, file_name, NULL);
    if (g_file_test(candidate, G_FILE_TEST_EXISTS)) {
      *path = g_steal_pointer(&candidate);
      return true;
    }
    g_autofree char *parent = g_path_get_dirname(folder);
    if (strcmp(parent, folder) == 0)
      return fail(error, SLIPWAY_ERROR_CONFIG,
                  "no %s in %s or in a folder above it; name one with --config FILE", file_name, start);
    g_free(folder);
    folder = g_steal_pointer(&parent);
  }
}

const char *locate_history(const GlobalOptions *global) {
  if (global->history != NULL)
    return global->history;
  const char *named = g_getenv("SLIPWAY_HISTORY");
  return named != NULL && named[0] != '\0' ? named : NULL;
}
