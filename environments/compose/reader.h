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

/* A published port, or a range of them, as one entry says it. */
typedef struct {
  char *text;    /* "80", "8080-8082": host ports */
  char *target;  /* as written: of the container */
  guint choices; /* of how many containers each could have one */
  char *where;
} PortDraft;

typedef struct {
  char *name;
  char *image;
  char *where;
  bool has_build;
  GHashTable *mounts;    /* target -> MountDraft */
  GHashTable *uses;      /* set of "configs/NAME" and "secrets/NAME" */
  GHashTable *profiles;  /* set of names */
  GPtrArray *ports;      /* PortDraft */
  guint scale, replicas; /* as the last file says; 1 when none does */
} ServiceDraft;

typedef struct {
  char *section, *name, *path, *where;
} ObjectDraft;

typedef struct {
  const char *file;   /* being read, as errors name it */
  const char *folder; /* relative paths start there, itself relative to the root ("." is the root): that of
                         the first Compose file, of an extended file, or an included project's */
  guint includes;     /* files that were included so far */
  TreeBudget budget;
  GHashTable *values;      /* name -> value: what interpolation sees; borrowed strings */
  GStringChunk *texts;     /* that live as long as the reader */
  GHashTable *mounted;     /* name of a Compose secret -> name of the secret that is its content; borrowed */
  GHashTable *services;    /* name -> ServiceDraft */
  GHashTable *objects;     /* "section/name" -> ObjectDraft */
  GHashTable *files;       /* path -> ProjectFile, owned by project->files */
  GHashTable *documents;   /* path -> YamlDocument, NULL when it cannot be read */
  GHashTable *trees;       /* path -> hash */
  ComposeProject *project; /* files and trees are added while reading */
  GString *problems;       /* a line each */
} Reader;

/* "file:line:column"; caller frees. */
char *reader_where(const Reader *reader, const YamlNode *node);
void reader_problem(Reader *reader, const char *where, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* What stands for a secret's value in a text: its name between two of these, which no YAML can contain. */
#define SECRET_MARK "\x1a"
/* The scalar, interpolated; NULL when it is none, malformed, or depends on a secret (then that is a problem
 * noted). Caller frees. */
char *reader_text(Reader *reader, const YamlNode *node, const char *what);
/* "/x" and "~/x" are the host's own. */
bool is_host_path(const char *path);
/* A path as a Compose file says it, relative to the project root; NULL when it leaves the root (noted).
 * Caller frees. */
char *reader_path(Reader *reader, const char *where, const char *text);
/* Takes a file of the project along; NULL when it cannot be read (noted). Borrowed. */
const ProjectFile *reader_take_file(Reader *reader, const char *where, const char *path);
/* Takes a Compose file along; its mapping, or NULL (noted, once). Borrowed. */
const YamlNode *reader_open(Reader *reader, const char *where, const char *path);
/* A list of texts, or just one, interpolated: char *; what is none of these is noted and left out. Caller
 * frees. */
GPtrArray *reader_texts(Reader *reader, const YamlNode *node, const char *what);
/* What `!reset` and `!override` (Compose v2.24) say: what earlier files said of it is gone. */
bool replaces_earlier(const YamlNode *node);
bool is_reset(const YamlNode *node);
/* Takes a mounted file or folder along; its hash (borrowed), or NULL (noted). */
const char *reader_take_tree(Reader *reader, const char *where, const char *path);

/* read_services.c: what one Compose file, the one being read, says of its services. */
void read_services(Reader *reader, const YamlNode *services);
void service_draft_free(ServiceDraft *draft);

/* read_include.c: the files that `include:` names, each with what it includes itself; `read` is for one
 * file's mapping. */
void read_includes(Reader *reader, const YamlNode *include,
                   void (*read)(Reader *reader, const YamlNode *root));

/* read_ports.c */
void read_ports(Reader *reader, ServiceDraft *service, const YamlNode *ports);
void read_replicas(Reader *reader, ServiceDraft *service, const YamlNode *node);
/* Notes fixed host ports of a service with several containers. */
void check_ports(Reader *reader, const ServiceDraft *service);
void port_draft_free(PortDraft *draft);

/* Its content is a secret of slipway.yml, whatever file the Compose files name. */
bool is_content_of_secret(const Reader *reader, const char *section, const char *name);

/* finish.c: what all files together say, as reader->project. */
void reader_complete(Reader *reader);

/* read_volumes.c */
void read_volumes(Reader *reader, ServiceDraft *service, const YamlNode *volumes);
void mount_draft_free(MountDraft *draft);
