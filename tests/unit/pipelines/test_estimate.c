/* estimate_pull against layers made by hand. */
#include <criterion/criterion.h>

#include "pipelines/estimate.h"
#include "pipelines/registry.h"

/* "a:10 b:5": layers with the digest and diff_id of that letter. */
static RegistryImage *image_of(const char *text) {
  RegistryImage *image = g_new0(RegistryImage, 1);
  image->labels = g_hash_table_new(g_str_hash, g_str_equal);
  image->layers = g_ptr_array_new_with_free_func((GDestroyNotify)registry_layer_free);
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  for (guint i = 0; words[i] != NULL; i++) {
    RegistryLayer *layer = g_new0(RegistryLayer, 1);
    layer->digest = g_strdup_printf("sha256:blob-%c", words[i][0]);
    layer->diff_id = g_strdup_printf("sha256:diff-%c", words[i][0]);
    layer->size = g_ascii_strtoll(words[i] + 2, NULL, 10);
    g_ptr_array_add(image->layers, layer);
  }
  return image;
}

/* "ab": the chain of an image on the host. */
static GPtrArray *chain_of(const char *letters) {
  GPtrArray *chain = g_ptr_array_new_with_free_func(g_free);
  for (; *letters != '\0'; letters++)
    g_ptr_array_add(chain, g_strdup_printf("sha256:diff-%c", *letters));
  return chain;
}

static const struct {
  const char *images[3], *chains[3];
  gint64 bytes;
} ROWS[] = {
    {{"a:10 b:5"}, {NULL}, 15},
    {{"a:10 b:5"}, {"ab"}, 0},
    {{"a:10 b:5 c:1"}, {"a", "ab", "x"}, 1},
    {{"a:10 b:5"}, {"xab", "b"}, 15},       /* the layers are there, but not as a beginning */
    {{"a:10 b:5"}, {"abc"}, 0},             /* the host has more on top */
    {{"a:10 b:5", "a:10 c:7"}, {NULL}, 22}, /* a layer of two images comes once */
    {{"a:10 a:10"}, {NULL}, 10},
    {{NULL}, {"a"}, 0},
};

Test(estimate, counts_what_follows_the_longest_shared_beginning) {
  for (guint i = 0; i < G_N_ELEMENTS(ROWS); i++) {
    g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func((GDestroyNotify)registry_image_free);
    g_autoptr(GPtrArray) chains = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    for (guint n = 0; n < 3 && ROWS[i].images[n] != NULL; n++)
      g_ptr_array_add(images, image_of(ROWS[i].images[n]));
    for (guint n = 0; n < 3 && ROWS[i].chains[n] != NULL; n++)
      g_ptr_array_add(chains, chain_of(ROWS[i].chains[n]));
    cr_expect_eq(estimate_pull(images, chains), ROWS[i].bytes, "row %u", i);
  }
}
