/* Which images leave a host. */
#include <criterion/criterion.h>
#include <string.h>

#include "deployer/rollout/prunable.h"

#define A "aaaa" /* digests, shortened: only equality counts */
#define B "bbbb"

/* An image by its names: tags have a ":", digests an "@"; its id is its first name. */
static EngineImage *image_of(const char *const *names) {
  EngineImage *image = g_new0(EngineImage, 1);
  image->id = g_strdup(names[0]);
  image->size = 1000;
  image->tags = g_ptr_array_new_with_free_func(g_free);
  image->digests = g_ptr_array_new_with_free_func(g_free);
  image->diff_ids = g_ptr_array_new_with_free_func(g_free);
  for (; *names != NULL; names++)
    g_ptr_array_add(strchr(*names, '@') != NULL ? image->digests : image->tags, g_strdup(*names));
  return image;
}

static char *join(GPtrArray *names) {
  g_ptr_array_add(names, NULL);
  return g_strjoinv(" ", (char **)names->pdata);
}

typedef struct {
  const char *image[5];
  const char *superfluous, *needed, *used; /* or NULL */
  const char *names, *references;          /* what goes */
  gint64 bytes;
} Row;

static const Row rows[] = {
    /* a release of ours that goes */
    {{"slipway.local/shop--prod/web:" A, "r/web@sha256:" A},
     "r/web@sha256:" A,
     NULL,
     NULL,
     "slipway.local/shop--prod/web:" A,
     "r/web@sha256:" A,
     1000},
    /* its folder went long ago: the name alone says that it is ours */
    {{"slipway.local/shop--prod/web:" A, "r/web@sha256:" A},
     NULL,
     NULL,
     NULL,
     "slipway.local/shop--prod/web:" A,
     "r/web@sha256:" A,
     1000},
    /* somebody removed the name by hand */
    {{"r/web@sha256:" A}, "r/web@sha256:" A, NULL, NULL, "", "r/web@sha256:" A, 1000},
    /* a release that stays names it: ours, or another application's whose name was removed by hand */
    {{"slipway.local/shop--prod/web:" A, "r/web@sha256:" A}, "r/web@sha256:" A, "sha256:" A, NULL, "", "", 0},
    /* another application's name */
    {{"slipway.local/shop--prod/web:" A, "slipway.local/other--prod/web:" A, "r/web@sha256:" A},
     "r/web@sha256:" A,
     NULL,
     NULL,
     "slipway.local/shop--prod/web:" A,
     "",
     0},
    /* another environment of ours, whose name begins like this one's */
    {{"slipway.local/shop--prod2/web:" A, "r/web@sha256:" A}, NULL, NULL, NULL, "", "", 0},
    /* a container is made of it */
    {{"slipway.local/shop--prod/web:" A, "r/web@sha256:" A},
     "r/web@sha256:" A,
     NULL,
     "slipway.local/shop--prod/web:" A,
     "",
     "",
     0},
    /* a person tagged it: our names go, the image stays */
    {{"slipway.local/shop--prod/web:" A, "keep:me", "r/web@sha256:" A},
     "r/web@sha256:" A,
     NULL,
     NULL,
     "slipway.local/shop--prod/web:" A,
     "r/web@sha256:" A,
     0},
    /* one image, two repositories: one of them is needed */
    {{"slipway.local/shop--prod/web:" A, "slipway.local/shop--prod/api:" B, "r/web@sha256:" A,
      "r/api@sha256:" B},
     "r/api@sha256:" B,
     "sha256:" A,
     NULL,
     "slipway.local/shop--prod/api:" B,
     "r/api@sha256:" B,
     0},
    /* none of our business */
    {{"nginx:latest", "nginx@sha256:" A}, NULL, NULL, NULL, "", "", 0},
    {{"<none>:<none>", "<none>@<none>"}, NULL, NULL, NULL, "", "", 0},
};

static GHashTable *set_of(const char *word) {
  GHashTable *set = g_hash_table_new(g_str_hash, g_str_equal);
  if (word != NULL)
    g_hash_table_add(set, (gpointer)word);
  return set;
}

Test(images_that_go, are_only_ours_and_needed_by_nobody) {
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    const Row *row = &rows[i];
    g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func((GDestroyNotify)engine_image_free);
    g_autoptr(GPtrArray) names = NULL;
    g_autoptr(GPtrArray) references = NULL;
    g_autoptr(GHashTable) superfluous = set_of(row->superfluous), needed = set_of(row->needed);
    g_autoptr(GHashTable) used = set_of(row->used), sources = set_of(NULL);
    const EngineUse use = {.images = used, .sources = sources};
    const ImageRules rules = {"shop--prod", superfluous, needed, &use};
    gint64 bytes = 0;
    g_ptr_array_add(images, image_of(row->image));
    images_that_go(&rules, images, &names, &references, &bytes);
    g_autofree char *said_names = join(names), *said_references = join(references);
    cr_expect_str_eq(said_names, row->names, "row %u: %s", i, said_names);
    cr_expect_str_eq(said_references, row->references, "row %u: %s", i, said_references);
    cr_expect_eq(bytes, row->bytes, "row %u: %d", i, (int)bytes);
  }
}
