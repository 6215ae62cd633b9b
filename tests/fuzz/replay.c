/* Feeds each file of a folder to a fuzz target, so that its corpus is a regression test without libFuzzer. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
  g_autofree char *bytes = NULL;
  gsize length = 0;
  if (!g_file_get_contents(path, &bytes, &length, NULL))
    return 1;
  return LLVMFuzzerTestOneInput((const uint8_t *)bytes, length);
}

int main(int argc, char **argv) {
  g_autoptr(GDir) folder = argc == 2 ? g_dir_open(argv[1], 0, NULL) : NULL;
  if (folder == NULL) {
    fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
    return 2;
  }
  unsigned files = 0;
  for (const char *name; (name = g_dir_read_name(folder)) != NULL; files++) {
    g_autofree char *path = g_build_filename(argv[1], name, NULL);
    if (replay_file(path) != 0)
      return 1;
  }
  printf("%u inputs\n", files);
  return files > 0 ? 0 : 1;
}
