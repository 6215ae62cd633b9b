/* The scripts once more, in C, one function each; model_check and the runs in shells keep it honest. */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <host_scripts.h>

#include "environments/hosts/backend.h"
#include "environments/hosts/unix_listener.h"
#include "support/errors.h"
#include "support/http.h"
#include "tree.h"

#include "support/poison.h"

enum { STATUS_LOCKED = 75, BLOCK = 512 };

typedef struct {
  HttpClient *client;
  const char *engine, *home;
  int lock; /* -1: not held */
  gint is_aborted;
} Model;

/* ---- helpers ----------------------------------------------------------------------------------------- */

static bool check_aborted(Model *model, GError **error) {
  return g_atomic_int_get(&model->is_aborted) == 0 || fail(error, SLIPWAY_ERROR_UNREADY, "aborted");
}

/* Strings that it owns. */
typedef GPtrArray Names;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Names, g_ptr_array_unref)

static Names *list(const char *folder) {
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
  const char *name = NULL;
  while (listing != NULL && (name = g_dir_read_name(listing)) != NULL)
    g_ptr_array_add(names, g_strdup(name));
  return names;
}

static bool append_to(const char *path, const void *bytes, gsize length) {
  int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  bool is_well = file >= 0 && write(file, bytes, length) == (ssize_t)length;
  if (file >= 0)
    (void)close(file);
  return is_well;
}

/* Both parts. */
static GBytes *input_of(const HostScript *script) {
  GByteArray *input = g_byte_array_new();
  gsize length = 0;
  const void *first = script->first == NULL ? NULL : g_bytes_get_data(script->first, &length);
  g_byte_array_append(input, first, (guint)length);
  g_byte_array_append(input, script->input, (guint)script->input_length);
  return g_byte_array_free_to_bytes(input);
}

static int complain(HostReply *reply, const char *what) {
  g_string_append_printf(reply->err, "%s: %s\n", what, g_strerror(errno));
  return 1;
}

/* What a script without a model does, and what one with a model should. */
static int run_in_shell(const Model *model, const HostScript *script, HostReply *reply) {
  g_autofree char *folder = g_strconcat(model->home, ".script-XXXXXX", NULL);
  if (g_mkdtemp(folder) == NULL)
    return complain(reply, folder);
  g_autofree char *in = g_build_filename(folder, "in", NULL);
  g_autofree char *out = g_build_filename(folder, "out", NULL);
  g_autofree char *text = g_strdup_printf("exec <'%s' >'%s'; cd\n%s", in, out, script->text);
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_autofree char *said = NULL;
  g_autofree char *err = NULL;
  g_autoptr(GBytes) input = input_of(script);
  gsize bytes_length = 0;
  const char *bytes = g_bytes_get_data(input, &bytes_length);
  gsize length = 0;
  int status = 0;
  const char *first[] = {"/bin/sh", "-c", text, "slipway"};
  for (guint i = 0; i < G_N_ELEMENTS(first); i++)
    g_ptr_array_add(argv, (char *)first[i]);
  for (const char *const *word = script->argv; word != NULL && *word != NULL; word++)
    g_ptr_array_add(argv, (char *)*word);
  g_ptr_array_add(argv, NULL);
  g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "HOME", model->home, TRUE);
  bool has_run =
      append_to(in, bytes, bytes_length) &&
      g_spawn_sync(NULL, (char **)argv->pdata, environment, 0, NULL, NULL, NULL, &err, &status, NULL) &&
      g_file_get_contents(out, &said, &length, NULL);
  tree_remove(folder);
  if (!has_run)
    return complain(reply, "/bin/sh");
  g_string_append_len(reply->out, said, (gssize)length);
  g_string_append(reply->err, err);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---- opening.sh -------------------------------------------------------------------------------------- */

G_GNUC_PRINTF(3, 4)
static void tell(GString *out, const char *name, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  g_string_append_printf(out, "%s ", name);
  g_string_append_vprintf(out, format, arguments);
  g_string_append_c(out, '\0');
  va_end(arguments);
}

static void tell_file(GString *out, const char *name, const char *folder, const char *file) {
  g_autofree char *path = g_build_filename(folder, file, NULL);
  g_autofree char *text = NULL;
  gsize length = 0;
  if (!g_file_get_contents(path, &text, &length, NULL))
    return;
  g_string_append_printf(out, "%s:%zu", name, length);
  g_string_append_c(out, '\0');
  g_string_append_len(out, text, (gssize)length);
  g_string_append_c(out, '\0');
}

static char *machine_id(void) {
  char *text = NULL;
  if (!g_file_get_contents("/etc/machine-id", &text, NULL, NULL))
    return g_strdup("");
  return g_strstrip(text);
}

static bool make_folder(const char *folder, const char *name) {
  g_autofree char *path = g_build_filename(folder, name, NULL);
  return g_mkdir_with_parents(path, 0700) == 0;
}

/* 0, or what the script would end with. */
static int take_lock(Model *model, const char *folder, const char *const *argv, HostReply *reply) {
  g_autofree char *path = g_build_filename(folder, "lock", NULL);
  g_autofree char *machine = machine_id();
  if (!make_folder(folder, "releases") || !make_folder(folder, "files"))
    return complain(reply, folder);
  model->lock = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (model->lock < 0)
    return complain(reply, path);
  if (flock(model->lock, LOCK_EX | LOCK_NB) != 0) {
    tell(reply->out, "holder", "%s", "another slipway");
    return STATUS_LOCKED;
  }
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *since = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
  g_autofree char *text =
      g_strdup_printf("%s\n%s\n%s\n%s\n", argv[1], since, machine, argv[3] ? argv[3] : "");
  return ftruncate(model->lock, 0) == 0 && write(model->lock, text, strlen(text)) > 0 ? 0
                                                                                      : complain(reply, path);
}

static void tell_names(GString *out, const char *folder, const char *kind) {
  g_autofree char *path = g_build_filename(folder, kind, NULL);
  g_autoptr(Names) names = list(path);
  for (guint i = 0; i < names->len; i++)
    tell(out, kind, "%s", (const char *)names->pdata[i]);
}

static void tell_facts(const char *home, const char *folder, bool is_locked, GString *out) {
  struct statvfs space = {0};
  (void)statvfs(home, &space);
  g_autofree char *machine = machine_id();
  g_autofree char *link = g_build_filename(folder, "current", NULL);
  g_autofree char *current = g_file_read_link(link, NULL);
  tell(out, "home", "%s", home);
  tell(out, "folder", "%s", folder);
  tell(out, "hostname", "%s", g_get_host_name());
  tell(out, "machine_id", "%s", machine);
  tell(out, "compose", "plugin");
  tell(out, "engine", "usable");
  if (is_locked)
    tell(out, "space", "%lu %lu %lu %lu", space.f_bavail, space.f_bsize, space.f_ffree, space.f_files);
  tell(out, "clock", "%" G_GINT64_FORMAT "000", g_get_real_time());
  if (current != NULL)
    tell(out, "current", "%s", current);
  tell_file(out, "manifest", folder, "current/manifest.json");
  tell_file(out, "journal", folder, "journal.jsonl");
  tell_names(out, folder, "releases");
  tell_names(out, folder, "files");
  tell_names(out, folder, "secrets");
}

static char *folder_of(const char *home, const char *place) {
  return g_build_filename(home, ".slipway", place, NULL);
}

static int run_opening(Model *model, const HostScript *script, HostReply *reply) {
  g_autofree char *folder = folder_of(model->home, script->argv[0]);
  int status = *script->argv[1] == '\0' ? 0 : take_lock(model, folder, script->argv, reply);
  if (status == 0)
    tell_facts(model->home, folder, *script->argv[1] != '\0', reply->out);
  return status;
}

/* ---- upload.sh --------------------------------------------------------------------------------------- */

typedef struct {
  char name[100], mode[8], ids[16], size[12], rest[20], type, link[100], magic[8], owners[80], prefix[155],
      padding[12];
} TarHeader;
G_STATIC_ASSERT(sizeof(TarHeader) == BLOCK);

static char *tar_path(const TarHeader *header, char **long_name) {
  if (*long_name != NULL)
    return g_steal_pointer(long_name);
  g_autofree char *name = g_strndup(header->name, sizeof header->name);
  g_autofree char *prefix = g_strndup(header->prefix, sizeof header->prefix);
  return *prefix == '\0' ? g_steal_pointer(&name) : g_build_filename(prefix, name, NULL);
}

static bool unpack_entry(const TarHeader *header, const char *path, const char *bytes, gsize size) {
  int mode = (int)g_ascii_strtoull(header->mode, NULL, 8);
  if (header->type == '5')
    return g_mkdir(path, 0700) == 0 && g_chmod(path, mode) == 0;
  return append_to(path, bytes, size) && g_chmod(path, mode) == 0;
}

/* What archive.c packs: ustar, long names as GNU writes them. */
static bool unpack(const char *archive, gsize length, const char *folder) {
  g_autofree char *long_name = NULL;
  for (gsize at = 0; at + BLOCK <= length && archive[at] != '\0';) {
    const TarHeader *header = (const void *)(archive + at);
    const char *bytes = archive + at + BLOCK;
    gsize size = g_ascii_strtoull(header->size, NULL, 8);
    at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    if (header->type == 'L') {
      long_name = g_strndup(bytes, size);
      continue;
    }
    g_autofree char *name = tar_path(header, &long_name);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!unpack_entry(header, path, bytes, size))
      return false;
  }
  return true;
}

static void move_all(const char *from, const char *to) {
  g_autoptr(Names) names = list(from);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *entry = g_build_filename(from, names->pdata[i], NULL);
    g_autofree char *kept = g_build_filename(to, names->pdata[i], NULL);
    if (!g_file_test(kept, G_FILE_TEST_EXISTS))
      (void)g_rename(entry, kept);
  }
}

/* Of what was killed. */
static void remove_leftovers(const char *folder, const char *prefix) {
  g_autoptr(Names) names = list(folder);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
    if (g_str_has_prefix(names->pdata[i], prefix))
      tree_remove(path);
  }
}

static int run_upload(Model *model, const HostScript *script, HostReply *reply) {
  (void)model;
  const char *folder = script->argv[0];
  g_autofree char *incoming = g_build_filename(folder, "incoming.XXXXXX", NULL);
  g_autoptr(GBytes) archive = input_of(script);
  g_autofree char *release = g_build_filename(folder, "releases", script->argv[1], NULL);
  remove_leftovers(folder, "incoming.");
  if (!make_folder(folder, "releases") || !make_folder(folder, "files") || mkdtemp(incoming) == NULL ||
      !unpack(g_bytes_get_data(archive, NULL), g_bytes_get_size(archive), incoming))
    return complain(reply, "upload");
  g_autofree char *packed = g_build_filename(incoming, "release", NULL);
  g_autofree char *packed_files = g_build_filename(incoming, "files", NULL);
  g_autofree char *files = g_build_filename(folder, "files", NULL);
  move_all(packed_files, files);
  tree_remove(release);
  int status = g_rename(packed, release) == 0 ? 0 : complain(reply, release);
  tree_remove(incoming);
  return status;
}

/* ---- journal.sh, commit.sh, prune.sh, room.sh, compose.sh ---------------------------------------------- */

static int run_journal(Model *model, const HostScript *script, HostReply *reply) {
  (void)model;
  g_autofree char *journal = g_build_filename(script->argv[0], "journal.jsonl", NULL);
  return append_to(journal, script->input, script->input_length) ? 0 : complain(reply, journal);
}

static int run_commit(Model *model, const HostScript *script, HostReply *reply) {
  g_autofree char *target = g_build_filename("releases", script->argv[1], NULL);
  g_autofree char *manifest = g_build_filename(script->argv[0], target, "manifest.json", NULL);
  g_autofree char *link = g_build_filename(script->argv[0], "current", NULL);
  g_autofree char *new = g_strconcat(link, ".new", NULL);
  (void)unlink(new);
  if (access(manifest, F_OK) != 0 || symlink(target, new) != 0 || g_rename(new, link) != 0)
    return complain(reply, manifest);
  return run_journal(model, script, reply);
}

/* Whether a release that is left names it. */
static bool is_mounted(const char *releases, const char *file) {
  g_autoptr(Names) names = list(releases);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename(releases, names->pdata[i], "images.yml", NULL);
    g_autofree char *text = NULL;
    if (g_file_get_contents(path, &text, NULL, NULL) && strstr(text, file) != NULL)
      return true;
  }
  return false;
}

/* "needs sha256:…" for each that a release names. */
static void tell_digests(const char *releases, GString *out) {
  g_autoptr(Names) names = list(releases);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *path = g_build_filename(releases, names->pdata[i], "images.yml", NULL);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
      continue;
    for (const char *at = text; (at = strstr(at, "@sha256:")) != NULL; at++)
      g_string_append_printf(out, "needs %.71s\n", at + 1);
  }
}

/* First out of sight, so that a folder is there whole or not at all. */
static void discard(const char *kind, const char *folder, const char *parent, const char *name,
                    HostReply *reply) {
  g_autofree char *path = g_build_filename(folder, parent, name, NULL);
  g_autofree char *hidden = g_strdup_printf("%s/going.%s", folder, name);
  if (g_rename(path, hidden) != 0)
    return;
  tree_remove(hidden);
  g_string_append_printf(reply->out, "%s %s 4096 1\n", kind, name);
}

/* FOLDER remove UID…; the engines here have no mounts to tell of. */
static int run_prune(Model *model, const HostScript *script, HostReply *reply) {
  const char *folder = script->argv[0];
  g_autofree char *releases = g_build_filename(folder, "releases", NULL);
  g_autofree char *files = g_build_filename(folder, "files", NULL);
  g_autofree char *link = g_build_filename(folder, "current", NULL);
  g_autofree char *current = g_file_read_link(link, NULL);
  if (!g_str_equal(script->argv[1], "remove"))
    return run_in_shell(model, script, reply);
  remove_leftovers(folder, "going.");
  remove_leftovers(folder, "incoming.");
  for (const char *const *uid = script->argv + 2; *uid != NULL; uid++)
    if (current == NULL || !g_str_has_suffix(current, *uid))
      discard("release", folder, "releases", *uid, reply);
  g_autoptr(Names) names = list(files);
  for (guint i = 0; i < names->len; i++)
    if (!is_mounted(releases, names->pdata[i]))
      discard("file", folder, "files", names->pdata[i], reply);
  tell_digests(releases, reply->out);
  return 0;
}

static int run_room(Model *model, const HostScript *script, HostReply *reply) {
  (void)model;
  for (const char *const *folder = script->argv; *folder != NULL; folder++)
    g_string_append_printf(reply->out, "%s %" G_GINT64_FORMAT " %d\n", *folder, (gint64)1 << 40, 1 << 30);
  return 0;
}

static int run_compose(Model *model, const HostScript *script, HostReply *reply) {
  const char *const *argv = script->argv; /* FOLDER UID PROJECT KIND SOCKET ACTION */
  g_autofree char *path = g_build_filename(argv[0], "releases", argv[1], "images.yml", NULL);
  g_autofree char *url = g_strdup_printf("http://engine/compose/%s?project=%s", argv[5], argv[2]);
  g_autofree char *text = NULL;
  g_auto(HttpReply) said = {0};
  g_autoptr(GError) error = NULL;
  if (!g_file_get_contents(path, &text, NULL, &error) ||
      !http_perform(
          model->client,
          &(HttpRequest){.url = url, .unix_socket = model->engine, .body = text, .body_length = strlen(text)},
          &said, &error)) {
    g_string_append(reply->err, error->message);
    return 1;
  }
  g_string_append(said.status == 200 ? reply->out : reply->err, said.body->str);
  return said.status == 200 ? 0 : 1;
}

/* ---- the row ----------------------------------------------------------------------------------------- */

static int run(Model *model, const HostScript *script, HostReply *reply) {
  const struct {
    const char *text;
    int (*run)(Model *model, const HostScript *script, HostReply *reply);
  } models[] = {
      {host_script_opening, run_opening}, {host_script_upload, run_upload},
      {host_script_journal, run_journal}, {host_script_commit, run_commit},
      {host_script_room, run_room},       {host_script_compose, run_compose},
      {host_script_prune, run_prune},
  };
  for (guint i = 0; i < G_N_ELEMENTS(models); i++)
    if (g_str_equal(script->text, models[i].text))
      return models[i].run(model, script, reply);
  return run_in_shell(model, script, reply);
}

static bool model_shell(Host *host, const HostScript *script, HostReply *reply, GError **error) {
  Model *model = host->backend;
  if (!check_aborted(model, error))
    return false;
  *reply = (HostReply){.out = g_string_new(NULL), .err = g_string_new(NULL)};
  reply->status = run(model, script, reply);
  return true;
}

static bool model_write(Host *host, const char *path, guint mode, const void *bytes, gsize length,
                        GError **error) {
  Model *model = host->backend;
  g_autofree char *full =
      g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(model->home, path, NULL);
  g_autofree char *folder = g_path_get_dirname(full);
  g_autoptr(GError) problem = NULL;
  if (!check_aborted(model, error))
    return false;
  if (g_mkdir_with_parents(folder, 0700) != 0 ||
      !g_file_set_contents_full(full, bytes, (gssize)length, G_FILE_SET_CONTENTS_CONSISTENT, (int)mode,
                                &problem))
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot write %s", full);
  return true;
}

static bool model_request(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Model *model = host->backend;
  HttpRequest own = *request;
  own.unix_socket = model->engine;
  return check_aborted(model, error) && http_perform(model->client, &own, reply, error);
}

static bool model_stream(Host *host, const HttpRequest *request, HttpStream **stream, GError **error) {
  Model *model = host->backend;
  HttpRequest own = *request;
  own.unix_socket = model->engine;
  return check_aborted(model, error) && http_stream_open(&own, stream, error);
}

static bool model_dial(Host *host, int *descriptor, GError **error) {
  Model *model = host->backend;
  return check_aborted(model, error) && unix_connect(model->engine, descriptor, error);
}

static bool model_fetch(Host *host, const HttpRequest *request, HttpReply *reply, GError **error) {
  Model *model = host->backend;
  return check_aborted(model, error) && http_perform(model->client, request, reply, error);
}

static void model_abort(Host *host) {
  Model *model = host->backend;
  g_atomic_int_set(&model->is_aborted, 1);
}

static void model_close(Host *host) {
  Model *model = host->backend;
  if (model->lock >= 0)
    (void)close(model->lock);
  http_client_free(model->client);
  g_free(model);
}

Host *model_host_new(const HostConfig *config, const char *home) {
  static const HostOps ops = {
      .name = "model",
      .open = model_shell,
      .shell = model_shell,
      .write = model_write,
      .request = model_request,
      .stream = model_stream,
      .dial = model_dial,
      .fetch = model_fetch,
      .abort = model_abort,
      .close = model_close,
  };
  Model *model = g_new0(Model, 1);
  Host *host = g_new0(Host, 1);
  *model = (Model){.client = http_client_new(), .engine = config->engine, .home = home, .lock = -1};
  *host = (Host){.ops = &ops, .config = config, .backend = model};
  return host;
}

/* ---- agreement --------------------------------------------------------------------------------------- */

static gint compare(gconstpointer left, gconstpointer right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* One a line, but for those that are never the same. */
static char *stable_records(const GString *out) {
  g_autoptr(GPtrArray) records = g_ptr_array_new();
  for (gsize at = 0; at < out->len; at += strlen(out->str + at) + 1)
    if (!g_str_has_prefix(out->str + at, "space ") && !g_str_has_prefix(out->str + at, "clock "))
      g_ptr_array_add(records, out->str + at);
  g_ptr_array_sort(records, compare);
  g_ptr_array_add(records, NULL);
  return g_strjoinv("\n", (char **)records->pdata);
}

char *model_check(const char *home, const char *place, const char *engine) {
  Model model = {.home = home, .engine = engine, .lock = -1};
  const char *argv[] = {place, "", engine, "", NULL};
  const HostScript script = {.text = host_script_opening, .argv = argv};
  g_auto(HostReply) modelled = {.out = g_string_new(NULL), .err = g_string_new(NULL)};
  g_auto(HostReply) real = {.out = g_string_new(NULL), .err = g_string_new(NULL)};
  modelled.status = run_opening(&model, &script, &modelled);
  real.status = run_in_shell(&model, &script, &real);
  g_autofree char *ours = stable_records(modelled.out);
  g_autofree char *theirs = stable_records(real.out);
  if (modelled.status == real.status && g_str_equal(ours, theirs))
    return NULL;
  return g_strdup_printf("the model tells (%d)\n%s\nopening.sh tells (%d)\n%s\n%s", modelled.status, ours,
                         real.status, theirs, real.err->str);
}
