/* Unpacking archives that somebody else made: good ones in any pieces, and wicked ones. */
#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "environments/hosts/untar.h"
#include "fixture.h"
#include "support/errors.h"

enum { BLOCK = 512, CAP = 1 << 20 };

static char *new_folder(void) {
  char *folder = g_dir_make_tmp("slipway-untar-XXXXXX", NULL);
  cr_assert_not_null(folder);
  return folder;
}

static void remove_folder(const char *folder) {
  g_free(run((const char *[]){"rm", "-rf", "--", folder, NULL}));
}

/* ustar, as the engine's (Go's) archive/tar writes it. */
static void add_entry(GByteArray *archive, const char *name, char type, const char *content) {
  guint8 block[BLOCK] = {0};
  const gsize length = strlen(content);
  guint sum = 0;
  g_strlcpy((char *)block, name, 100);
  g_snprintf((char *)block + 100, 8, "%07o", 0640);
  g_snprintf((char *)block + 124, 12, "%011o", (guint)length);
  memset(block + 148, ' ', 8);
  block[156] = (guint8)type;
  memcpy(block + 257, "ustar\00000", 8);
  for (guint i = 0; i < BLOCK; i++)
    sum += block[i];
  g_snprintf((char *)block + 148, 8, "%06o", sum);
  g_byte_array_append(archive, block, BLOCK);
  memset(block, 0, BLOCK);
  g_byte_array_append(archive, (const guint8 *)content, (guint)length);
  g_byte_array_append(archive, block, (guint)((BLOCK - length % BLOCK) % BLOCK));
}

static void end_archive(GByteArray *archive) {
  static const guint8 zeros[2 * BLOCK];
  g_byte_array_append(archive, zeros, sizeof zeros);
}

static bool unpack(const GByteArray *archive, gsize piece, Untar *untar, GError **error) {
  g_autoptr(GByteArray) pending = g_byte_array_new();
  for (gsize at = 0; at < archive->len; at += piece) {
    g_byte_array_append(pending, archive->data + at, (guint)MIN(piece, archive->len - at));
    if (!untar_take(untar, pending, error))
      return false;
  }
  return true;
}

static void expect_file(const char *folder, const char *name, const char *content) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  g_autofree char *text = NULL;
  cr_assert(g_file_get_contents(path, &text, NULL, NULL), "%s", path);
  cr_assert_str_eq(text, content);
}

Test(untar, puts_the_topmost_name_where_it_is_wanted_in_pieces_of_any_size) {
  static const char long_name[] = "out/deep/a-name-that-is-given-by-a-pax-record";
  static const gsize pieces[] = {1, 7, 511, 512, 513, 100000};
  g_autoptr(GByteArray) archive = g_byte_array_new();
  g_autofree char *record = g_strdup_printf("path=%s\n", long_name);
  g_autofree char *pax = g_strdup_printf("%zu %s", strlen(record) + 3, record);
  add_entry(archive, "out/", '5', "");
  add_entry(archive, "out/deep/x", '0', "exactly this\n");
  add_entry(archive, "PaxHeaders.0/x", 'x', pax);
  add_entry(archive, "out/deep/a-name", '0', "long\n");
  add_entry(archive, "out/empty", '0', "");
  end_archive(archive);
  for (guint i = 0; i < G_N_ELEMENTS(pieces); i++) {
    g_autofree char *folder = new_folder();
    g_autofree char *destination = g_build_filename(folder, "report", NULL);
    g_autoptr(Untar) untar = untar_new(destination, CAP);
    g_autoptr(GError) error = NULL;
    cr_assert(unpack(archive, pieces[i], untar, &error), "%s", error == NULL ? "" : error->message);
    cr_assert(untar_is_complete(untar));
    cr_assert_eq(untar_left_out(untar), 0);
    expect_file(destination, "deep/x", "exactly this\n");
    expect_file(destination, "deep/a-name-that-is-given-by-a-pax-record", "long\n");
    expect_file(destination, "empty", "");
    remove_folder(folder);
  }
}

Test(untar, leaves_out_links_and_what_would_land_elsewhere) {
  g_autofree char *folder = new_folder();
  g_autofree char *destination = g_build_filename(folder, "report", NULL);
  g_autofree char *outside = g_build_filename(folder, "evil", NULL);
  g_autoptr(GByteArray) archive = g_byte_array_new();
  g_autoptr(Untar) untar = untar_new(destination, CAP);
  g_autoptr(GError) error = NULL;
  add_entry(archive, "out/../../evil", '0', "evil");
  add_entry(archive, outside, '0', "evil");
  add_entry(archive, "out/link", '2', "");
  add_entry(archive, "out/hard", '1', "");
  add_entry(archive, "out/device", '3', "");
  add_entry(archive, "out/good", '0', "good");
  end_archive(archive);
  cr_assert(unpack(archive, BLOCK, untar, &error), "%s", error == NULL ? "" : error->message);
  cr_assert_eq(untar_left_out(untar), 5);
  cr_assert_not(g_file_test(outside, G_FILE_TEST_EXISTS));
  g_autofree char *listed =
      run((const char *[]){"find", destination, "-mindepth", "1", "-printf", "%P\n", NULL});
  cr_assert_str_eq(listed, "good\n");
  remove_folder(folder);
}

Test(untar, refuses_what_is_too_large_or_no_archive) {
  g_autofree char *folder = new_folder();
  g_autofree char *destination = g_build_filename(folder, "report", NULL);
  g_autoptr(GByteArray) archive = g_byte_array_new();
  g_autoptr(GByteArray) nonsense = g_byte_array_new();
  g_autoptr(Untar) small = untar_new(destination, 5);
  g_autoptr(Untar) untar = untar_new(destination, CAP);
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) problem = NULL;
  guint8 block[BLOCK];
  add_entry(archive, "out/a", '0', "four");
  add_entry(archive, "out/b", '0', "two");
  cr_assert_not(unpack(archive, BLOCK, small, &error));
  expect_error(error, SLIPWAY_ERROR_UNREADY, "too large: out/b");
  memset(block, 'x', BLOCK);
  g_byte_array_append(nonsense, block, BLOCK);
  cr_assert_not(unpack(nonsense, BLOCK, untar, &problem));
  expect_error(problem, SLIPWAY_ERROR_UNREADY, "no archive");
  cr_assert_not(untar_is_complete(untar));
  remove_folder(folder);
}
