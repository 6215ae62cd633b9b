/* Inside compose_project_read: the state of reading one project's Compose files, and the parts that several
 * sources share. */
#pragma once

#include "environments/compose/compose.h"
#include "environments/compose/tree.h"
#include "support/yaml.h"

/* A mount as the files read so far leave it; `path` NULL: nothing of ours (a named volume, an absolute path).
 */
typedef struct {
  char *target;
  char *path; /* relative to the project root */
  cJSON *options;
  char *where; /* "file:line:column" */
} MountDraft;

typedef struct {
  char *name;
  char *image;
  char *where;
  bool has_build;
  GHashTable *mounts; /* target -> MountDraft */
  GHashTable *uses;   /* set of "configs/NAME" and "secrets/NAME" */
} ServiceDraft;

typedef struct {
  char *section, *name, *path, *where;
} ObjectDraft;

typedef struct {
  const char *file;   /* being read, as errors name it */
  const char *folder; /* of the first Compose file, relative to the root; "." for the root itself */
  TreeBudget budget;
  GHashTable *values;      /* name -> value: what interpolation sees */
  GHashTable *services;    /* name -> ServiceDraft */
  GHashTable *objects;     /* "section/name" -> ObjectDraft */
  GHashTable *files;       /* path -> ProjectFile, owned by project->files */
  GHashTable *trees;       /* path -> hash */
  ComposeProject *project; /* files and trees are added while reading */
  GString *problems;       /* a line each */
} Reader;

/* "file:line:column"; caller frees. */
char *reader_where(const Reader *reader, const YamlNode *node);
void reader_problem(Reader *reader, const char *where, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The scalar, interpolated; NULL when it is none or malformed (then that is a problem noted). Caller frees.
 */
char *reader_text(Reader *reader, const YamlNode *node, const char *what);
/* "/x" and "~/x" are the host's own. */
bool is_host_path(const char *path);
/* A path as a Compose file says it, relative to the project root; NULL when it leaves the root (noted).
 * Caller frees. */
char *reader_path(Reader *reader, const char *where, const char *text);
/* Takes a file of the project along; noted when it cannot be read. */
void reader_take_file(Reader *reader, const char *where, const char *path);
/* Takes a mounted file or folder along; its hash (borrowed), or NULL (noted). */
const char *reader_take_tree(Reader *reader, const char *where, const char *path);

/* read_volumes.c */
void read_volumes(Reader *reader, ServiceDraft *service, const YamlNode *volumes);
void mount_draft_free(MountDraft *draft);
