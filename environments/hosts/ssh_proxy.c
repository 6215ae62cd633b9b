/* Proxy commands: their tokens, their process, and what they complain of. */
#include "environments/hosts/ssh_proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "environments/hosts/companion.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum { COMPLAINT_CAP = 1 << 20, LAST_WORDS = 400 };

struct SshProxy {
  pid_t child;
  int complaints; /* a file in memory, sealed at COMPLAINT_CAP bytes; its offset is what has been written */
};

/* --- tokens
 * --------------------------------------------------------------------------------------------------- */

/* ssh does not quote them either, and refuses the same. */
static bool is_plain_word(const char *word) {
  return *word != '-' && strpbrk(word, "'`\"$\\;&<>|(){}*?! \t\r\n") == NULL;
}

static bool append_token(GString *text, const SshTarget *target, char token, GError **error) {
  g_autofree char *port = g_strdup_printf("%u", target->port);
  const struct {
    char token;
    const char *value;
  } tokens[] = {{'h', target->hostname}, {'n', target->name}, {'p', port}, {'r', target->user}, {'%', "%"}};
  for (guint i = 0; i < G_N_ELEMENTS(tokens); i++) {
    if (tokens[i].token != token)
      continue;
    if (!is_plain_word(tokens[i].value))
      return fail(error, SLIPWAY_ERROR_UNREADY,
                  "\"%s\" cannot be passed to the shell as %%%c of proxy_command", tokens[i].value, token);
    g_string_append(text, tokens[i].value);
    return true;
  }
  return fail(error, SLIPWAY_ERROR_UNREADY,
              "proxy_command: %%%.1s is unknown; there are %%h %%n %%p %%r and %%%%",
              token == '\0' ? " " : (const char[]){token, '\0'});
}

bool ssh_proxy_expand(const SshTarget *target, char **command, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (const char *at = target->proxy_command; *at != '\0'; at++) {
    if (*at != '%') {
      g_string_append_c(text, *at);
      continue;
    }
    if (!append_token(text, target, *++at, error))
      return false;
  }
  *command = g_strdup(text->str);
  return true;
}

/* --- the process
 * ---------------------------------------------------------------------------------------------- */

static int open_complaints(void) {
  const int fd = memfd_create("slipway-proxy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    return -1;
  if (ftruncate(fd, COMPLAINT_CAP) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0)
    return fd;
  close(fd);
  return -1;
}

bool ssh_proxy_start(const SshTarget *target, int *socket, SshProxy **proxy, GError **error) {
  g_autofree char *expanded = NULL;
  if (!ssh_proxy_expand(target, &expanded, error))
    return false;
  g_autofree char *command = g_strconcat("exec ", expanded, NULL);
  int ends[2] = {-1, -1};
  const int complaints = open_complaints();
  if (complaints < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    const int cause = errno;
    if (complaints >= 0)
      close(complaints);
    return fail(error, SLIPWAY_ERROR_UNREADY, "cannot make a socket pair: %s", g_strerror(cause));
  }
  const char *argv[] = {"/bin/sh", "-c", command, NULL};
  const int child[3] = {ends[1], ends[1], complaints};
  pid_t started = 0;
  const bool is_well = companion_start(argv, child, 0, &started, error);
  close(ends[1]);
  if (!is_well) {
    close(ends[0]);
    close(complaints);
    return false;
  }
  *proxy = g_new0(SshProxy, 1);
  **proxy = (SshProxy){.child = started, .complaints = complaints};
  *socket = ends[0];
  return true;
}

char *ssh_proxy_last_words(const SshProxy *proxy) {
  const off_t written = lseek(proxy->complaints, 0, SEEK_CUR);
  char bytes[LAST_WORDS + 1] = "";
  const off_t from = MAX(written - LAST_WORDS, 0);
  const ssize_t count = pread(proxy->complaints, bytes, (size_t)(written - from), from);
  if (count <= 0)
    return NULL;
  bytes[count] = '\0';
  g_autofree char *printable = text_printable(g_strstrip(bytes), true);
  g_auto(GStrv) lines = g_strsplit(printable, "\n", -1);
  return *printable == '\0' ? NULL : g_strjoinv("; ", lines);
}

void ssh_proxy_end(SshProxy *proxy) {
  if (proxy == NULL)
    return;
  companion_end(proxy->child);
  close(proxy->complaints);
  g_free(proxy);
}
