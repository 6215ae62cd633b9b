/* The Compose files of one environment: what slipway itself needs to know of them, the files that have to go
 * along, and the generated override. Merging is left to Compose (Compose specification; both Compose 1.29 and
 * v2). A ComposeProject is pure data: it is read from disk for a deployment and rebuilt from the history's
 * snapshot for a rollback. */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>
#include <stdbool.h>

#include "environments/config/config.h"

/* A file that goes to releases/UID/project/PATH. */
typedef struct {
  char *path; /* relative to the project root (the folder of slipway.yml), '/'-separated, never with ".." */
  guint mode; /* permission bits */
  GBytes *bytes;
} ProjectFile;

/* A mounted file or folder: goes to files/HASH (design §5). */
typedef struct {
  char *hash;   /* sha256 over the sorted entries (path, mode, content): 64 hex digits */
  char *source; /* the path it was read from, relative to the project root */
  bool is_folder;
  GPtrArray *entries; /* ProjectFile; a single file: one entry with path "" ; empty folders: bytes NULL */
} FileTree;

typedef struct {
  char *service;
  char *target;   /* path in the container */
  char *hash;     /* of the FileTree */
  cJSON *options; /* long syntax's other keys (read_only, bind…) or NULL; short syntax's "ro", "z" are turned
                     into them */
} ComposeMount;

/* Top-level `configs:` and `secrets:` with `file:`. */
typedef struct {
  char *section; /* "configs" or "secrets" */
  char *name;
  char *hash;          /* NULL: its content is the secret of slipway.yml with this `mount` */
  GPtrArray *services; /* char *: that use it; their override carries a label with the hash, so that a change
                          recreates them */
} ComposeObject;

typedef struct {
  char *name;
  char *image;    /* after interpolation, as Compose would see it */
  bool has_build; /* besides the image; never used, but Compose 1.29 wants to see the context: the override
                     names a folder that is there */
  GPtrArray *profiles; /* char *: sorted; empty: it runs on every host */
} ComposeService;

typedef struct {
  GPtrArray *compose;   /* char *: paths of the Compose files, in -f order; each is in files too */
  GPtrArray *files;     /* ProjectFile: Compose files (extended and included ones too), env_files, and what
                           slipway.yml's `files:` adds; empty folders: bytes NULL */
  GPtrArray *trees;     /* FileTree, each hash once */
  GPtrArray *mounts;    /* ComposeMount */
  GPtrArray *objects;   /* ComposeObject */
  GPtrArray *services;  /* ComposeService: the union over all files, the last image wins; sorted by name */
  GPtrArray *variables; /* NamedValue: the environment's, without the SLIPWAY_ ones */
  bool has_include;     /* some file says `include:`, which Compose knows from 2.20 on */
} ComposeProject;

void compose_project_free(ComposeProject *project);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ComposeProject, compose_project_free)

/* Reads the files from disk. `paths`: the Compose files, `files`: what else to take along (files, and folders
 * with all that is in them; may be NULL), both relative to `directory`. `builtins` are NamedValues that
 * interpolation sees besides the variables (SLIPWAY_APP …). `secrets` are the environment's SecretConfigs
 * (may be NULL): they count as set, yet nothing that is read here may depend on one; what is mounted need not
 * be there as a file, but among the Compose files' secrets with `file:`. SLIPWAY_ERROR_CONFIG with
 * file:line:column, all errors at once: not YAML, no services, a service without `image`, an unset `:?`
 * variable, a relative path that is missing or leaves the project folder (symlinks too), a fixed host port
 * for several containers. */
bool compose_project_read(const char *directory, GPtrArray *paths, GPtrArray *files, GPtrArray *variables,
                          GPtrArray *builtins, GPtrArray *secrets, ComposeProject **project,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a host with these Compose profiles (char *) runs it: it has none of its own, or one of them. */
bool compose_service_runs(const ComposeService *service, const GPtrArray *profiles);
/* The names of the services that it runs, as a set; borrowed strings. Caller frees. */
GHashTable *compose_services_running(const ComposeProject *project, const GPtrArray *profiles);

/* Everything but the bytes of files, which go by their sha256 to `put` (and come back from `get`: a new
 * reference, NULL when missing). The JSON is canonical: equal projects give equal text. */
typedef void (*ComposePutBlob)(const char *sha256, GBytes *bytes, void *data);
typedef GBytes *(*ComposeGetBlob)(const char *sha256, void *data);
cJSON *compose_project_to_json(const ComposeProject *project, ComposePutBlob put, void *data);
bool compose_project_from_json(const cJSON *json, ComposeGetBlob get, void *data, ComposeProject **project,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* images.yml: the image of every service pinned, every mount's source rewritten to FOLDER/files/HASH, every
 * object's file too. `pins`: service name -> "repository@sha256:…". `secrets`: name of a Compose secret ->
 * name of the file in FOLDER/secrets/ that is its content; NULL: none. Nothing that differs between
 * deployments of the same content gets in. Caller frees. */
char *compose_override(const ComposeProject *project, GHashTable *pins, const char *folder,
                       GHashTable *secrets);

/* The `env` file: one sh assignment a line, single-quoted, to be read with `set -a; . ./env`. Caller frees.
 */
char *compose_env_file(GPtrArray *variables, GPtrArray *builtins);

/* An archive (ustar) of what the host lacks, for scripts/upload.sh, in two halves, one after the other. The
 * first is the same for all hosts that lack the same: release/ (compose.list, empty.env, project/PATH, and
 * `extra`: ProjectFile snapshot.json; may be NULL) and files/HASH. `present`: set of file hashes the host
 * has; may be NULL. The shelf keeps it, once for all: project and extra must be the same each time. Any
 * thread. */
typedef struct BundleShelf BundleShelf;
BundleShelf *bundle_shelf_new(void);
void bundle_shelf_free(BundleShelf *shelf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BundleShelf, bundle_shelf_free)
GBytes *compose_bundle_shared(BundleShelf *shelf, const ComposeProject *project, GPtrArray *extra,
                              GHashTable *present);
/* The second: `extra` to release/ (ProjectFiles images.yml, env (mode 0600), manifest.json; may be NULL), and
 * secrets/ (`secrets`: ProjectFiles, mode 0600; may be NULL). Zeroed when freed, as env and secrets/ are in
 * it. */
GBytes *compose_bundle_own(GPtrArray *extra, GPtrArray *secrets);

/* What scripts/compose.sh calls the release's folder when it talks to Compose. */
#define COMPOSE_RELEASE_FOLDER "/proc/self/cwd"

/* Checks what Compose itself says it would run (`config` output, YAML): every service's image must be the
 * pinned one, and no bind source below COMPOSE_RELEASE_FOLDER; and, unless `runs` (a set of names) is NULL,
 * these services and no others. SLIPWAY_ERROR_UNREADY naming each service that is not so. */
bool compose_check_effective(const char *yaml, gsize length, GHashTable *pins, GHashTable *runs,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The last of these alone, for the services that are the keys of `found`. */
bool compose_check_services(GHashTable *found, GHashTable *runs, GError **error) G_GNUC_WARN_UNUSED_RESULT;

ProjectFile *project_file_new(const char *path, guint mode, GBytes *bytes);
void project_file_free(ProjectFile *file);
