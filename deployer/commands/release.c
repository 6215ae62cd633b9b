/* `release create`, `release list`, `release show`. */
#include <stdio.h>
#include <unistd.h>

#include "deployer/commands/image_choices.h"
#include "deployer/commands/rows.h"
#include "deployer/output/columns.h"
#include "deployer/output/release_json.h"
#include "deployer/output/table.h"
#include "deployer/output/words.h"
#include "pipelines/registry.h"
#include "pipelines/release.h"
#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

/* ---- create
 * -----------------------------------------------------------------------------------------------------------
 */

typedef struct {
  ImageChoices images;
} CreateChoices;

static bool run_create(Invocation *invocation, GError **error) {
  const CreateChoices *choices = invocation->choices;
  ReleaseRequest request = {0};
  g_autoptr(GPtrArray) named = NULL;
  if (!image_choices_are_given(&choices->images))
    return fail(error, SLIPWAY_ERROR_USAGE,
                "release create: which images? --tag TAG for all of them, or --image NAME=REF for each");
  if (!image_choices_request(&choices->images, invocation->config, &named, &request, error))
    return false;
  g_autoptr(Registry) registry = registry_new(invocation->config->insecure_registries);
  g_autoptr(Release) release = NULL;
  bool existed = false;
  if (!release_create(invocation->history, invocation->config, registry, &request, &release, &existed, error))
    return false;
  if (existed)
    reporter_note(invocation->reporter, "r%" G_GINT64_FORMAT " has these images and this version already",
                  release->id);
  if (wants_words(invocation))
    (void)printf("r%" G_GINT64_FORMAT "\n", release->id);
  else
    invocation->document = release_json(release);
  return true;
}

static const Option create_options[] = {
    IMAGE_OPTIONS(offsetof(CreateChoices, images)),
    LABEL_OPTIONS(offsetof(CreateChoices, images)),
    {0},
};
static const Example create_examples[] = {
    {"release create --tag \"$GIT_COMMIT\"", "every image of slipway.yml with that tag"},
    {"release create --image web=:1.4.2 --image fpm=@sha256:…", "each image by its own tag or digest"},
    {0},
};
const Command command_release_create = {
    .name = "release create",
    .summary = "resolve images to digests, record them, print the release's name",
    .description = "The same images and version give the same release again; the same version with other "
                   "digests is refused.",
    .options = create_options,
    .choices_size = sizeof(CreateChoices),
    .needs = NEEDS_CONFIG | WRITES_HISTORY,
    .examples = create_examples,
    .run = run_create};

/* ---- list
 * -------------------------------------------------------------------------------------------------------------
 */

typedef struct {
  guint limit;
} ListChoices;

static char *id_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return release_word(((const Release *)item)->id);
}

static char *version_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  return g_strdup(((const Release *)item)->version);
}

static char *revision_cell(gconstpointer item, gconstpointer context) {
  enum { DIGITS = 12 };
  (void)context;
  const char *revision = ((const Release *)item)->revision;
  return revision != NULL ? g_strndup(revision, DIGITS) : NULL;
}

static char *created_cell(gconstpointer item, gconstpointer context) {
  return time_ago(((const Release *)item)->created_at, *(const gint64 *)context);
}

static char *images_cell(gconstpointer item, gconstpointer context) {
  (void)context;
  const Release *release = item;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < release->images->len; i++)
    g_ptr_array_add(names, ((const ReleaseImage *)release->images->pdata[i])->name);
  return words_joined(names);
}

static const TableColumn release_columns[] = {
    {.title = "ID", .cell = id_cell},
    {.title = "VERSION", .cell = version_cell, .may_shrink = true},
    {.title = "REVISION", .cell = revision_cell},
    {.title = "CREATED", .cell = created_cell},
    {.title = "IMAGES", .cell = images_cell, .may_shrink = true},
    {0},
};

static bool run_list(Invocation *invocation, GError **error) {
  const ListChoices *choices = invocation->choices;
  g_autoptr(GPtrArray) releases = NULL;
  if (!history_list_releases(invocation->history, choices->limit, &releases, error))
    return false;
  if (!wants_words(invocation)) {
    invocation->document = cJSON_CreateArray();
    for (guint i = 0; i < releases->len; i++)
      cJSON_AddItemToArray(invocation->document, release_json(releases->pdata[i]));
    return true;
  }
  if (releases->len == 0) {
    (void)printf("There is no release yet; make one: slipway release create --tag TAG\n");
    return true;
  }
  gint64 now = g_get_real_time();
  g_autofree char *text = table_render(release_columns, releases, &now, window_size(STDOUT_FILENO).width);
  (void)fputs(text, stdout);
  return true;
}

static const Option list_options[] = {
    {'n', OPTION_NUMBER, "limit", "N", offsetof(ListChoices, limit), "only the newest N"},
    {0},
};
const Command command_release_list = {.name = "release list",
                                      .summary = "list the releases, newest first",
                                      .options = list_options,
                                      .choices_size = sizeof(ListChoices),
                                      .needs = READS_HISTORY | MAY_USE_RECORDED_CONFIG,
                                      .run = run_list};

/* ---- show
 * -------------------------------------------------------------------------------------------------------------
 */

typedef struct {
  const char *release;
} ShowChoices;

static void print_fact(const char *name, const char *value) {
  if (value == NULL)
    return;
  g_autofree char *printable = text_printable(value, false);
  (void)printf("%-10s %s\n", name, printable);
}

static void print_release(const Release *release) {
  gint64 now = g_get_real_time();
  g_autofree char *id = release_word(release->id);
  g_autofree char *committed = time_in_full(release->committed_at, now);
  g_autofree char *created = time_in_full(release->created_at, now);
  print_fact("release", id);
  print_fact("version", release->version);
  print_fact("revision", release->revision);
  print_fact("committed", committed);
  print_fact("created", created);
  print_fact("build", release->build_url);
  print_fact("uid", release->uid);
  (void)printf("images\n");
  for (guint i = 0; i < release->images->len; i++) {
    const ReleaseImage *image = release->images->pdata[i];
    (void)printf("  %s  %s\n", image->name, image->reference);
  }
}

static void print_approvals(GPtrArray *approvals) {
  gint64 now = g_get_real_time();
  if (approvals->len > 0)
    (void)printf("approvals\n");
  for (guint i = 0; i < approvals->len; i++) {
    const Approval *approval = approvals->pdata[i];
    g_autofree char *when = time_in_full(approval->approved_at, now);
    g_autofree char *claim =
        approval->is_claimed ? g_strdup_printf(", so says %s", approval->actor) : g_strdup("");
    g_autofree char *reason = approval->reason != NULL ? text_printable(approval->reason, false) : NULL;
    (void)printf("  %s  %s%s, %s%s%s\n", approval->environment, approval->person, claim, when,
                 reason != NULL ? ": " : "", reason != NULL ? reason : "");
  }
}

static cJSON *approved_release_json(const Release *release, GPtrArray *approvals) {
  cJSON *json = release_json(release);
  cJSON *list = cJSON_AddArrayToObject(json, "approvals");
  for (guint i = 0; i < approvals->len; i++)
    cJSON_AddItemToArray(list, approval_json(approvals->pdata[i]));
  return json;
}

static bool run_show(Invocation *invocation, GError **error) {
  const ShowChoices *choices = invocation->choices;
  g_autoptr(Release) release = NULL;
  g_autoptr(GPtrArray) approvals = NULL;
  if (!history_find_release(invocation->history, choices->release, &release, error) ||
      !history_list_approvals(invocation->history, NULL, release->id, &approvals, error))
    return false;
  if (!wants_words(invocation)) {
    invocation->document = approved_release_json(release, approvals);
    return true;
  }
  print_release(release);
  print_approvals(approvals);
  return true;
}

static const Argument show_arguments[] = {
    {"RELEASE", ARGUMENT_TEXT, false, offsetof(ShowChoices, release),
     "r7, a version, or a unique start of version or revision"},
    {0},
};
const Command command_release_show = {.name = "release show",
                                      .summary = "show one release in full",
                                      .arguments = show_arguments,
                                      .choices_size = sizeof(ShowChoices),
                                      .needs = READS_HISTORY | MAY_USE_RECORDED_CONFIG,
                                      .run = run_show};
