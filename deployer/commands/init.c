/* `init`: the files to start from. */
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "deployer/commands/rows.h"
#include "deployer/commands/starter.h"
#include "deployer/output/words.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/json.h"

#include "support/poison.h"

static const char slipway_name[] = "slipway.yml";
enum { FILE_MODE = 0644 };

typedef struct {
  const char *app;
} Choices;

static bool check_nothing_there(GError **error) {
  if (!g_file_test(slipway_name, G_FILE_TEST_EXISTS) && !g_file_test(slipway_name, G_FILE_TEST_IS_SYMLINK))
    return true;
  return fail(error, SLIPWAY_ERROR_USAGE, "init: %s is there already; nothing was written", slipway_name);
}

static bool write_text(const char *name, const char *text, GError **error) {
  return file_write(name, text, strlen(text), FILE_MODE, error) || prefix(error, "init: ");
}

/* Both or none. */
static bool write_files(const Starter *starter, GError **error) {
  if (starter->compose != NULL && !write_text(starter->compose_path, starter->compose, error))
    return false;
  if (write_text(slipway_name, starter->slipway, error))
    return true;
  if (starter->compose != NULL)
    (void)g_unlink(starter->compose_path);
  return false;
}

static void print_list(const char *before, GPtrArray *words, const char *after) {
  g_autofree char *list = words_joined(words);
  if (list != NULL)
    (void)printf("%s%s%s\n", before, list, after);
}

static void print_starter(const Starter *starter) {
  (void)printf("wrote %s%s%s\n", slipway_name, starter->compose != NULL ? " and " : ", for ",
               starter->compose_path);
  print_list("images of the build: ", starter->images, "");
  print_list("pinned as a release meets them: ", starter->others, "");
  print_list("give an image to: ", starter->lacking, " (what the build pushes; slipway does not build)");
  (void)printf("next: put your hosts and images there, then: slipway check\n");
}

static cJSON *texts_json(GPtrArray *texts) {
  cJSON *array = cJSON_CreateArray();
  for (guint i = 0; i < texts->len; i++)
    cJSON_AddItemToArray(array, cJSON_CreateString(texts->pdata[i]));
  return array;
}

static cJSON *starter_json(const Starter *starter) {
  cJSON *json = cJSON_CreateObject(), *written = cJSON_CreateArray();
  cJSON_AddItemToArray(written, cJSON_CreateString(slipway_name));
  if (starter->compose != NULL)
    cJSON_AddItemToArray(written, cJSON_CreateString(starter->compose_path));
  json_set_string(json, "app", starter->app);
  json_set(json, "written", written);
  json_set_string(json, "compose", starter->compose_path);
  json_set(json, "images", texts_json(starter->images));
  json_set(json, "other_images", texts_json(starter->others));
  json_set(json, "services_without_image", texts_json(starter->lacking));
  return json;
}

static bool run_init(Invocation *invocation, GError **error) {
  const Choices *choices = invocation->choices;
  g_autofree char *folder = g_get_current_dir();
  g_autoptr(Starter) starter = NULL;
  if (invocation->global->config != NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "init writes %s into this folder: leave --config away",
                slipway_name);
  if (!check_nothing_there(error))
    return false;
  if (!starter_make(folder, choices->app, &starter, error))
    return prefix(error, "init: ");
  if (!write_files(starter, error))
    return false;
  if (wants_words(invocation))
    print_starter(starter);
  else
    invocation->document = starter_json(starter);
  return true;
}

static const Option options[] = {
    {0, OPTION_TEXT, "app", "NAME", offsetof(Choices, app),
     "the application's name; default: the folder's, as far as it can be one"},
    {0},
};
static const Example examples[] = {
    {"init", "in the folder of your project, beside its Compose file if it has one"},
    {0},
};
const Command command_init = {.name = "init",
                              .summary = "write a slipway.yml to start from",
                              .description = "Into the current folder, with comments; a compose.yml as well "
                                             "where there is no Compose file yet. Of a "
                                             "Compose file that is there, the images are taken: those of "
                                             "services with `build:`, else those that are "
                                             "not from Docker Hub. Nothing is overwritten: where there is a "
                                             "slipway.yml, nothing is written, and the "
                                             "exit status is 2.",
                              .options = options,
                              .choices_size = sizeof(Choices),
                              .examples = examples,
                              .run = run_init};
