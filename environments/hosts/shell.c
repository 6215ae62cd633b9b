/* The controller's half of the shell that stays open: frames out, answers in, and the quoting of words. */
#include "environments/hosts/shell.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <host_scripts.h>

#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

enum {
  HEADER_LENGTH = 32,
  REPLY_CAP = 8 << 20,
  CHUNK = 64 << 10,
  DEFAULT_TIMEOUT_MS = 60000,
  END_WAIT_MS = 2000,
  STATUS_MAX = 255,
};

char *shell_quote(const char *word) {
  GString *quoted = g_string_new("'");
  for (; *word != '\0'; word++) {
    if (*word == '\'')
      g_string_append(quoted, "'\\''");
    else
      g_string_append_c(quoted, *word);
  }
  g_string_append_c(quoted, '\'');
  return g_string_free(quoted, FALSE);
}

void shell_init(Shell *shell) {
  *shell = (Shell){.in = -1, .out = -1, .err = -1};
  pthread_mutex_init(&shell->busy, NULL);
  shell->marker = g_strdup_printf("slipway-%08x%08x%08x%08x", g_random_int(), g_random_int(), g_random_int(),
                                  g_random_int());
  for (guint i = 0; i < G_N_ELEMENTS(shell->unread); i++)
    shell->unread[i] = g_string_new(NULL);
}

void shell_clear(Shell *shell) {
  if (shell->in >= 0)
    close(shell->in);
  if (shell->out >= 0 && shell->out != shell->in)
    close(shell->out);
  if (shell->err >= 0)
    close(shell->err);
  for (guint i = 0; i < G_N_ELEMENTS(shell->unread); i++)
    g_string_free(shell->unread[i], TRUE);
  g_free(shell->marker);
  pthread_mutex_destroy(&shell->busy);
}

char **shell_argv(const Shell *shell, guint idle_seconds, const HostScript *opening) {
  GPtrArray *argv = g_ptr_array_new();
  const char *fixed[] = {"/bin/sh", "-c", host_script_shell_loop, "slipway", shell->marker};
  for (guint i = 0; i < G_N_ELEMENTS(fixed); i++)
    g_ptr_array_add(argv, g_strdup(fixed[i]));
  g_ptr_array_add(argv, g_strdup_printf("%u", idle_seconds * (opening->is_lockless ? SHELL_PATIENCE : 1)));
  g_ptr_array_add(argv, g_strdup(opening->text));
  for (const char *const *word = opening->argv; word != NULL && *word != NULL; word++)
    g_ptr_array_add(argv, g_strdup(*word));
  g_ptr_array_add(argv, NULL);
  return (char **)g_ptr_array_free(argv, FALSE);
}

char *shell_command(const char *const *argv) {
  GString *command = g_string_new("exec");
  for (; *argv != NULL; argv++) {
    g_autofree char *quoted = shell_quote(*argv);
    g_string_append_printf(command, " %s", quoted);
  }
  return g_string_free(command, FALSE);
}

/* --- one answer
 * ----------------------------------------------------------------------------------------------- */

/* One of the two streams of an answer, until its marker has come. */
typedef struct {
  int fd;
  GString *unread; /* of the Shell */
  gsize searched;  /* no marker before this */
  bool is_too_long;
  bool is_closed; /* stderr only: nothing more can come */
  bool has_ended; /* the marker has come */
  int status;     /* behind the marker */
  GString *text;  /* before the marker, when has_ended */
} Answer;

/* Splits `unread` at the marker, if its line is complete. */
static bool answer_split(Answer *answer, const char *marker, GError **error) {
  GString *unread = answer->unread;
  const gsize marker_length = strlen(marker);
  const char *found =
      memmem(unread->str + answer->searched, unread->len - answer->searched, marker, marker_length);
  if (found == NULL) {
    answer->searched = unread->len > marker_length ? unread->len - marker_length : 0;
    return true;
  }
  const gsize before = (gsize)(found - unread->str);
  const char *behind = found + marker_length;
  const char *newline = memchr(behind, '\n', unread->len - before - marker_length);
  answer->searched = before;
  if (newline == NULL)
    return true;
  g_autofree char *status = g_strndup(behind, (gsize)(newline - behind));
  gint64 number = 0;
  if (*g_strstrip(status) != '\0' && !number_parse(status, 0, STATUS_MAX, &number))
    return fail(error, SLIPWAY_ERROR_UNREADY, "the shell on the host answered with a strange status");
  answer->status = (int)number;
  answer->text = g_string_new_len(unread->str, (gssize)before);
  answer->has_ended = true;
  g_string_erase(unread, 0, newline + 1 - unread->str);
  return true;
}

/* The last line or so that somebody wrote, for an error; "" when there is none. Caller frees. */
static char *last_words(const GString *text) {
  const gsize most = 400;
  g_autofree char *end =
      g_strndup(text->str + (text->len > most ? text->len - most : 0), MIN(text->len, most));
  g_autofree char *printable = text_printable(g_strstrip(end), false);
  return *printable == '\0' ? g_strdup("") : g_strconcat(": ", printable, NULL);
}

static bool answer_read(Answer *answer, const Shell *shell, GError **error) {
  char chunk[CHUNK];
  const ssize_t count = read(answer->fd, chunk, sizeof chunk);
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return true;
  if (count <= 0 && answer->fd == shell->err) {
    answer->is_closed = true; /* stdout has the last word */
    return true;
  }
  if (count <= 0) {
    g_autofree char *out = last_words(shell->unread[0]);
    g_autofree char *err = last_words(shell->unread[1]);
    return fail(error, SLIPWAY_ERROR_UNREADY, "the shell on the host ended before it answered%s%s", out, err);
  }
  g_string_append_len(answer->unread, chunk, count);
  if (!answer_split(answer, shell->marker, error))
    return false;
  if (!answer->has_ended && answer->unread->len > REPLY_CAP) {
    answer->is_too_long = true; /* goes on, so that the shell stays usable */
    g_string_erase(answer->unread, 0, (gssize)answer->searched);
    answer->searched = 0;
  }
  return true;
}

/* --- an exchange
 * ---------------------------------------------------------------------------------------------- */

static bool send_some(Shell *shell, struct iovec *parts, guint count, gsize *left, GError **error) {
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
  ssize_t sent = sendmsg(shell->in, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    if (errno == EAGAIN || errno == EINTR)
      return true;
    if (errno != EPIPE && errno != ECONNRESET)
      return fail(error, SLIPWAY_ERROR_UNREADY, "cannot write to the shell on the host: %s",
                  g_strerror(errno));
    *left = 0; /* it ended; what it said before comes by the other descriptors */
    return true;
  }
  *left -= (gsize)sent;
  for (guint i = 0; i < count; i++) {
    const gsize taken = MIN((gsize)sent, parts[i].iov_len);
    parts[i].iov_base = (char *)parts[i].iov_base + taken;
    parts[i].iov_len -= taken;
    sent -= (ssize_t)taken;
  }
  return true;
}

/* Waits for something to do until the deadline. */
static bool wait_for(struct pollfd *polled, guint count, gint64 deadline, GError **error) {
  const gint64 left = deadline - g_get_monotonic_time();
  const int ready = left <= 0 ? 0 : poll(polled, count, (int)MIN(left / 1000 + 1, G_MAXINT));
  if (ready == 0)
    return fail(error, SLIPWAY_ERROR_UNREADY, "no answer in time; the connection was given up");
  if (ready < 0 && errno != EINTR)
    return fail(error, SLIPWAY_ERROR_UNREADY, "poll: %s", g_strerror(errno));
  if (ready < 0)
    for (guint i = 0; i < count; i++)
      polled[i].revents = 0;
  return true;
}

static gsize total_length(const struct iovec *parts, guint count) {
  gsize length = 0;
  for (guint i = 0; i < count; i++)
    length += parts[i].iov_len;
  return length;
}

static bool move_bytes(Shell *shell, struct iovec *parts, guint count, Answer answers[2], gint64 deadline,
                       GError **error) {
  gsize left = total_length(parts, count);
  while (!answers[0].has_ended || !answers[1].has_ended) {
    if (answers[0].has_ended && answers[1].is_closed)
      return fail(error, SLIPWAY_ERROR_UNREADY, "the shell on the host closed its stderr");
    struct pollfd polled[] = {
        {.fd = answers[0].has_ended ? -1 : shell->out, .events = POLLIN},
        {.fd = answers[1].has_ended || answers[1].is_closed ? -1 : shell->err, .events = POLLIN},
        {.fd = left == 0 ? -1 : shell->in, .events = POLLOUT},
    };
    if (!wait_for(polled, G_N_ELEMENTS(polled), deadline, error))
      return false;
    if (polled[2].revents != 0 && !send_some(shell, parts, count, &left, error))
      return false;
    for (guint i = 0; i < 2; i++) /* stderr last: an error on stdout quotes what came on stderr */
      if (polled[1 - i].revents != 0 && !answer_read(&answers[1 - i], shell, error))
        return false;
  }
  return true;
}

/* Sends the parts (of one frame, or none) while it reads one answer. */
static bool exchange(Shell *shell, struct iovec *parts, guint count, gint64 deadline, HostReply *reply,
                     GError **error) {
  if (shell->is_lost)
    return fail(error, SLIPWAY_ERROR_UNREADY, "the connection was given up before");
  Answer answers[2] = {{.fd = shell->out, .unread = shell->unread[0]},
                       {.fd = shell->err, .unread = shell->unread[1]}};
  bool is_well = true;
  for (guint i = 0; i < 2 && is_well; i++)
    is_well = answer_split(&answers[i], shell->marker, error);
  is_well = is_well && move_bytes(shell, parts, count, answers, deadline, error);
  shell->is_lost = !is_well;
  if (is_well && (answers[0].is_too_long || answers[1].is_too_long))
    is_well =
        fail(error, SLIPWAY_ERROR_UNREADY, "a script on the host wrote more than %d MiB", REPLY_CAP >> 20);
  for (guint i = 0; i < 2 && !is_well; i++)
    if (answers[i].text != NULL)
      g_string_free(answers[i].text, TRUE);
  if (is_well)
    *reply = (HostReply){.status = answers[0].status, .out = answers[0].text, .err = answers[1].text};
  return is_well;
}

static gint64 deadline_of(const HostScript *script) {
  const guint timeout = script->timeout_ms > 0 ? script->timeout_ms : DEFAULT_TIMEOUT_MS;
  return g_get_monotonic_time() + (gint64)timeout * 1000;
}

bool shell_start(Shell *shell, const int descriptors[3], const HostScript *opening, HostReply *reply,
                 GError **error) {
  pthread_mutex_lock(&shell->busy);
  shell->in = descriptors[0];
  shell->out = descriptors[1];
  shell->err = descriptors[2];
  shell->is_patient = opening->is_lockless;
  const gint64 deadline = deadline_of(opening);
  g_auto(HostReply) noise = {0};
  const bool is_well =
      exchange(shell, NULL, 0, deadline, &noise, error) && exchange(shell, NULL, 0, deadline, reply, error);
  pthread_mutex_unlock(&shell->busy);
  return is_well;
}

bool shell_run(Shell *shell, const HostScript *script, HostReply *reply, GError **error) {
  g_autoptr(GString) text = g_string_new("set --");
  for (const char *const *word = script->argv; word != NULL && *word != NULL; word++) {
    g_autofree char *quoted = shell_quote(*word);
    g_string_append_printf(text, " %s", quoted);
  }
  g_string_append_printf(text, "\n%s", script->text);
  gsize first_length = 0;
  const void *first = script->first == NULL ? NULL : g_bytes_get_data(script->first, &first_length);
  g_autofree char *header =
      g_strdup_printf("%015zu %015zu\n", text->len, (size_t)(first_length + script->input_length));
  g_assert(strlen(header) == HEADER_LENGTH);
  struct iovec parts[] = {{.iov_base = header, .iov_len = HEADER_LENGTH},
                          {.iov_base = text->str, .iov_len = text->len},
                          {.iov_base = (void *)first, .iov_len = first_length},
                          {.iov_base = (void *)script->input, .iov_len = script->input_length}};
  pthread_mutex_lock(&shell->busy);
  const bool is_well = exchange(shell, parts, G_N_ELEMENTS(parts), deadline_of(script), reply, error);
  pthread_mutex_unlock(&shell->busy);
  return is_well;
}

bool shell_is_lost(Shell *shell) {
  pthread_mutex_lock(&shell->busy);
  const bool is_lost = shell->is_lost;
  pthread_mutex_unlock(&shell->busy);
  return is_lost;
}

void shell_beat(Shell *shell) {
  static const char beat[HEADER_LENGTH + 1] = "000000000000000 000000000000000\n";
  if (pthread_mutex_trylock(&shell->busy) != 0)
    return;
  /* A full socket means that frames are under way, or that the link is stuck: either way this one does not
   * matter. */
  const bool is_due = !shell->is_patient || ++shell->beats % SHELL_PATIENCE == 0;
  if (is_due && shell->in >= 0 && !shell->is_lost) {
    const ssize_t sent = send(shell->in, beat, HEADER_LENGTH, MSG_NOSIGNAL | MSG_DONTWAIT);
    shell->is_lost = sent > 0 && sent != HEADER_LENGTH;
  }
  pthread_mutex_unlock(&shell->busy);
}

static bool wait_for_end(int fd) {
  const gint64 deadline = g_get_monotonic_time() + END_WAIT_MS * 1000;
  char rest[1024];
  for (;;) {
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    if (!wait_for(&polled, 1, deadline, NULL))
      return false;
    if (polled.revents != 0 && read(fd, rest, sizeof rest) <= 0)
      return true;
  }
}

bool shell_end(Shell *shell) {
  pthread_mutex_lock(&shell->busy);
  bool has_ended = false;
  if (shell->in >= 0 && !shell->is_lost) {
    shell->is_lost = true;
    shutdown(shell->in, SHUT_WR);
    has_ended = wait_for_end(shell->out);
  }
  pthread_mutex_unlock(&shell->busy);
  return has_ended;
}
