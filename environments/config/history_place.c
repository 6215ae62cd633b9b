/* The history's place by default, and as far as a broken slipway.yml still tells it. */
#include "environments/config/history_place.h"

#include <string.h>

#include "environments/config/schema.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/yaml.h"

#include "support/poison.h"

#define LARGEST_FILE (1 << 20)
#define SUFFIX       ".db"

static char *default_folder(void) {
  return g_build_filename(g_get_user_state_dir(), "slipway", NULL);
}

char *history_place_default(const char *app) {
  g_autofree char *folder = default_folder();
  g_autofree char *file = g_strconcat(app, SUFFIX, NULL);
  return g_build_filename(folder, file, NULL);
}

/* The scalar on the line that begins with "KEY:". Caller frees; NULL when there is none. */
static char *scalar_of_line(char *const *lines, const char *key) {
  g_autofree char *start = g_strconcat(key, ":", NULL);
  for (char *const *line = lines; *line != NULL; line++) {
    g_autoptr(YamlDocument) document = NULL;
    if (!g_str_has_prefix(*line, start) || !yaml_parse("", *line, strlen(*line), &document, NULL))
      continue;
    const YamlNode *value = yaml_get(document->root, key);
    if (value != NULL && value->kind == YAML_SCALAR)
      return g_strdup(value->text);
  }
  return NULL;
}

/* NULL: it does not say. Caller frees. */
static char *place_in_file(const char *file) {
  g_autoptr(GBytes) bytes = NULL;
  if (file == NULL || !file_read(file, LARGEST_FILE, &bytes, NULL))
    return NULL;
  gsize length = 0;
  const char *start = g_bytes_get_data(bytes, &length);
  g_autofree char *text = g_strndup(start, length);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autofree char *beside = g_path_get_dirname(file);
  g_autofree char *folder = g_canonicalize_filename(beside, NULL);
  g_autofree char *history = scalar_of_line(lines, "history");
  if (history != NULL)
    return text_convert(&text_path, history, folder);
  g_autofree char *written = scalar_of_line(lines, "app");
  g_autofree char *app = written != NULL ? text_convert(&text_app, written, folder) : NULL;
  return app != NULL ? history_place_default(app) : NULL;
}

static gint compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool only_history_in(const char *folder, char **path, GError **error) {
  g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  const char *name = NULL;
  while (entries != NULL && (name = g_dir_read_name(entries)) != NULL)
    if (g_str_has_suffix(name, SUFFIX))
      g_ptr_array_add(names, g_strdup(name));
  if (names->len == 0)
    return fail(error, SLIPWAY_ERROR_CONFIG, "there is no history in %s; name it with --history PATH",
                folder);
  g_ptr_array_sort(names, compare_names);
  if (names->len == 1) {
    *path = g_build_filename(folder, names->pdata[0], NULL);
    return true;
  }
  g_ptr_array_add(names, NULL);
  g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
  return fail(error, SLIPWAY_ERROR_CONFIG,
              "there are several histories in %s (%s); name the one with --history PATH", folder, list);
}

bool history_place_guess(const char *file, char **path, GError **error) {
  g_autofree char *said = place_in_file(file);
  g_autofree char *folder = default_folder();
  if (said == NULL)
    return only_history_in(folder, path, error);
  if (!g_file_test(said, G_FILE_TEST_EXISTS))
    return fail(error, SLIPWAY_ERROR_CONFIG, "there is no history at %s; name it with --history PATH", said);
  *path = g_steal_pointer(&said);
  return true;
}
