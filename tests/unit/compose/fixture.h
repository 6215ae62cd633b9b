/* A project folder that a test fills with files, and the programs that tests hold slipway against. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "environments/compose/compose.h"

/* A temporary folder, empty; g_auto(Folder) removes it and all that is in it. */
typedef char *Folder;
Folder folder_new(void);
void folder_remove(Folder folder);
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(Folder, folder_remove, NULL)

/* Writes folder/path, with the folders above it. */
void folder_write(Folder folder, const char *path, const char *text);
void folder_mkdir(Folder folder, const char *path);
char *folder_read(Folder folder, const char *path);

/* Reads the project in `folder`; `paths` and `variables` ("NAME", "value", …) are NULL-terminated. */
bool read_project(Folder folder, const char *const *paths, const char *const *variables,
                  ComposeProject **project, GError **error);
/* The same for one compose.yml with this text, which has to succeed. */
ComposeProject *project_of(Folder folder, const char *yaml);

/* service name -> the same made-up digest for all. */
#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
GHashTable *pins_of(const ComposeProject *project);

/* Both halves of what is uploaded, as a host gets them. Any of the arrays and the set may be NULL. */
GBytes *whole_bundle(const ComposeProject *project, GPtrArray *extra, GPtrArray *secrets,
                     GHashTable *present);

/* Runs argv with `input` on stdin and `environment` (NULL: this process's); its exit status, what it wrote in
 * *out and *err. */
int run(const char *const *argv, const char *const *environment, GBytes *input, char **out, char **err);

/* Both Composes, where this machine has them. */
typedef struct {
  const char *kind; /* "v1", "v2" */
  char *program;    /* NULL: not here */
} Compose;
const Compose *composes(void); /* two of them */
/* Skips the test, with the reason, when neither is here. */
void need_a_compose(void);
