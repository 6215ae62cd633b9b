/* Starting ssh and its helpers, which share its process group, and cleaning up behind them. */
#include "environments/hosts/openssh_master.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "environments/hosts/companion.h"
#include "environments/hosts/openssh_options.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/poison.h"
#include "support/text.h"

/* A socket's path has at most 107 bytes (unix(7)); ssh appends 17 to it while it binds. */
enum { FOLDER_MAX = 80, ASK_MS = 15000, LAST_WORDS = 600 };

struct OpensshMaster {
  char *folder; /* NULL until started, as the next two */
  char *host;   /* what ssh is asked for */
  int log;      /* -1 until then */
  guint forwards;
  GArray *helpers;      /* pid_t: of openssh_master_run */
  pthread_mutex_t lock; /* for what `abort` touches from another thread */
  pid_t child; /* leads the process group; 0: none. Not waited for before the end, so the group stays */
  bool is_aborted;
};

OpensshMaster *openssh_master_new(void) {
  OpensshMaster *master = g_new0(OpensshMaster, 1);
  master->log = -1;
  master->helpers = g_array_new(FALSE, FALSE, sizeof(pid_t));
  pthread_mutex_init(&master->lock, NULL);
  return master;
}

void openssh_master_abort(OpensshMaster *master) {
  pthread_mutex_lock(&master->lock);
  master->is_aborted = true;
  if (master->child > 0)
    kill(-master->child, SIGKILL);
  pthread_mutex_unlock(&master->lock);
}

bool openssh_master_is_aborted(OpensshMaster *master) {
  pthread_mutex_lock(&master->lock);
  const bool is_aborted = master->is_aborted;
  pthread_mutex_unlock(&master->lock);
  return is_aborted;
}

/* --- the folder
 * ----------------------------------------------------------------------------------------------- */

static char *path_in(const OpensshMaster *master, const char *name) {
  return g_build_filename(master->folder, name, NULL);
}

static bool make_folder(OpensshMaster *master, GError **error) {
  const char *parent =
      strlen(g_get_tmp_dir()) <= FOLDER_MAX - strlen("/slipway-XXXXXX") ? g_get_tmp_dir() : "/tmp";
  g_autofree char *folder = g_build_filename(parent, "slipway-XXXXXX", NULL);
  if (g_mkdtemp(folder) == NULL) /* 0700 */
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot make a folder in %s: %s", parent, g_strerror(errno));
  master->folder = g_steal_pointer(&folder);
  g_autofree char *log = path_in(master, OPENSSH_LOG);
  master->log = open(log, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  return master->log >= 0 ||
         fail(error, SLIPWAY_ERROR_UNREADY, "cannot write %s: %s", log, g_strerror(errno));
}

static void remove_folder(const OpensshMaster *master) {
  GDir *folder = g_dir_open(master->folder, 0, NULL);
  const char *name = NULL;
  while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
    g_autofree char *path = path_in(master, name);
    unlink(path);
  }
  if (folder != NULL)
    g_dir_close(folder);
  rmdir(master->folder);
}

void openssh_master_tidy(OpensshMaster *master) {
  for (guint i = master->helpers->len; i > 0; i--)
    if (waitpid(g_array_index(master->helpers, pid_t, i - 1), NULL, WNOHANG) != 0)
      g_array_remove_index_fast(master->helpers, i - 1);
}

void openssh_master_free(OpensshMaster *master) {
  pthread_mutex_lock(&master->lock);
  if (master->child > 0)
    companion_end(master->child);
  master->child = 0;
  pthread_mutex_unlock(&master->lock);
  for (guint i = 0; i < master->helpers->len; i++) {
    const pid_t helper = g_array_index(master->helpers, pid_t, i);
    kill(helper, SIGKILL); /* it has lost its connection */
    while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
      continue;
  }
  if (master->folder != NULL)
    remove_folder(master);
  if (master->log >= 0)
    close(master->log);
  g_array_unref(master->helpers);
  pthread_mutex_destroy(&master->lock);
  g_free(master->folder);
  g_free(master->host);
  g_free(master);
}

gsize openssh_master_mark(OpensshMaster *master) {
  struct stat status;
  return master->log >= 0 && fstat(master->log, &status) == 0 ? (gsize)status.st_size : 0;
}

char *openssh_master_complaint(OpensshMaster *master, gsize since) {
  const gsize end = openssh_master_mark(master);
  if (end <= since)
    return NULL;
  char bytes[LAST_WORDS + 1] = "";
  const gsize from = MAX(since, end - MIN(end, LAST_WORDS));
  const ssize_t count = pread(master->log, bytes, end - from, (off_t)from);
  bytes[MAX(count, 0)] = '\0';
  for (char *at = bytes; *at != '\0'; at++) /* ssh ends its lines with both */
    if (*at == '\r')
      *at = ' ';
  g_autofree char *printable = text_printable(g_strstrip(bytes), true);
  g_auto(GStrv) lines = g_strsplit(printable, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    g_strstrip(*line);
  return *printable == '\0' ? NULL : g_strjoinv("; ", lines);
}

/* --- processes
 * ------------------------------------------------------------------------------------------------ */

/* In the group; its own for the first. Not after an abort. */
static bool start_in_group(OpensshMaster *master, const char *const *argv, const int io[3], pid_t *child,
                           GError **error) {
  pthread_mutex_lock(&master->lock);
  const bool is_well = master->is_aborted ? fail(error, SLIPWAY_ERROR_UNREADY, "aborted")
                                          : companion_start(argv, io, master->child, child, error);
  if (is_well && master->child == 0)
    master->child = *child;
  pthread_mutex_unlock(&master->lock);
  return is_well;
}

static bool write_configuration(const OpensshMaster *master, const HostConfig *config,
                                const SshTarget *target, GError **error) {
  g_autofree char *text = openssh_hop_configuration(config, target);
  g_autofree char *path = path_in(master, OPENSSH_CONFIGURATION);
  return text == NULL || file_write(path, text, strlen(text), 0600, error) ||
         recast(error, SLIPWAY_ERROR_UNREADY);
}

bool openssh_master_start(OpensshMaster *master, const HostConfig *config, const SshTarget *target,
                          const char *command, const int io[3], GError **error) {
  if (!make_folder(master, error) || !write_configuration(master, config, target, error))
    return false;
  master->host = g_strdup(config->address);
  g_auto(GStrv) options = openssh_options(config, target, master->folder);
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  for (char **option = options; *option != NULL; option++)
    g_ptr_array_add(argv, *option);
  const char *rest[] = {"--", master->host, command, NULL};
  for (guint i = 0; i < G_N_ELEMENTS(rest); i++)
    g_ptr_array_add(argv, (char *)rest[i]);
  pid_t child = 0;
  return start_in_group(master, (const char *const *)argv->pdata, io, &child, error);
}

/* Of helpers that only talk to the control socket: no configuration, and never a connection of their own. */
static char *control_option(const OpensshMaster *master) {
  g_autofree char *path = path_in(master, OPENSSH_CONTROL);
  g_autofree char *quoted = openssh_quote(path);
  return g_strconcat("ControlPath=", quoted, NULL);
}

bool openssh_master_forward(OpensshMaster *master, const char *to, char **path, GError **error) {
  g_autofree char *name = g_strdup_printf("f%u", master->forwards++);
  g_autofree char *socket = path_in(master, name);
  g_autofree char *forward = g_strconcat(socket, ":", to, NULL);
  g_autofree char *control = control_option(master);
  const char *argv[] = {"ssh",     "-F", "none",  "-o", control,      "-O",
                        "forward", "-L", forward, "--", master->host, NULL};
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const gsize mark = openssh_master_mark(master);
  pid_t child = 0;
  const bool has_started =
      start_in_group(master, argv, (const int[3]){nothing, master->log, master->log}, &child, error);
  close(nothing);
  if (!has_started)
    return false;
  int status = 0;
  if (!companion_wait(child, ASK_MS, &status)) {
    kill(child, SIGKILL);
    (void)!companion_wait(child, ASK_MS, NULL);
    return fail(error, SLIPWAY_ERROR_UNREADY, "ssh -O forward: no answer in time");
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    g_autofree char *complaint = openssh_master_complaint(master, mark);
    return fail(error, SLIPWAY_ERROR_UNREADY, "ssh -O forward: %s", complaint == NULL ? "failed" : complaint);
  }
  *path = g_steal_pointer(&socket);
  return true;
}

bool openssh_master_run(OpensshMaster *master, const char *command, int socket, GError **error) {
  g_autofree char *control = control_option(master);
  const char *argv[] = {"ssh",   "-F",         "none",          "-T", "-o",
                        control, "-o",         "BatchMode=yes", "-o", "ProxyCommand=false",
                        "--",    master->host, command,         NULL};
  pid_t child = 0;
  if (!start_in_group(master, argv, (const int[3]){socket, socket, master->log}, &child, error))
    return false;
  g_array_append_val(master->helpers, child);
  return true;
}
