/* Bytes both ways between somebody here and a command there. */
#include "environments/hosts/engine_session.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "environments/hosts/engine_frames.h"
#include "environments/hosts/engine_private.h"
#include "support/errors.h"
#include "support/poison.h"

enum { LOOK_MS = 100, CHUNK = 16 << 10, UNSENT_MAX = 64 << 10 };

typedef struct {
  Engine *engine;
  EngineWire *wire;
  const EngineSession *session;
  const char *resize;
  Frames frames;
  GByteArray *pending; /* received, not handed out */
  int input;           /* -1: at its end */
  bool is_end_due;     /* to be told once all is sent */
  guint rows, columns; /* as the other side knows them; 0: it does not */
} Talk;

/* Ten looks a second are what SIGWINCH would be for. A command that is not up yet refuses, and is told again.
 */
static void follow_size(Talk *talk) {
  guint rows = 0, columns = 0;
  if (talk->session->terminal_size == NULL || !talk->session->terminal_size(&rows, &columns) || rows == 0 ||
      columns == 0 || (rows == talk->rows && columns == talk->columns))
    return;
  g_autofree char *path = g_strdup_printf("%s?h=%u&w=%u", talk->resize, rows, columns);
  const EngineCall call = {.doing = "resize the terminal", .method = "POST", .path = path};
  if (engine_call(talk->engine, &call, NULL, NULL)) {
    talk->rows = rows;
    talk->columns = columns;
  }
}

static void end_input(Talk *talk) {
  if (talk->input >= 0)
    talk->is_end_due = true;
  talk->input = -1;
}

static void pass_input(Talk *talk) {
  char bytes[CHUNK];
  const ssize_t count = read(talk->input, bytes, sizeof bytes);
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (count <= 0)
    end_input(talk);
  else if (!engine_wire_send(talk->wire, bytes, (gsize)count))
    talk->input = -1; /* nobody reads it any more; what is written may still come */
}

static void wait_for_bytes(Talk *talk) {
  const gsize unsent = engine_wire_unsent(talk->wire);
  struct pollfd polled[] = {
      {.fd = unsent < UNSENT_MAX ? talk->input : -1, .events = POLLIN},
      {.fd = engine_wire_descriptor(talk->wire), .events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0))},
  };
  if (poll(polled, G_N_ELEMENTS(polled), LOOK_MS) < 0)
    return; /* a signal: the caller looks */
  if (polled[0].fd >= 0 && polled[0].revents != 0)
    pass_input(talk);
  if ((polled[1].revents & POLLOUT) != 0 && !engine_wire_send(talk->wire, NULL, 0))
    talk->input = -1;
  if (talk->is_end_due && engine_wire_unsent(talk->wire) == 0) {
    talk->is_end_due = false;
    engine_wire_send_end(talk->wire);
  }
}

static bool talk_to_the_end(Talk *talk, bool *was_cancelled, GError **error) {
  const EngineSession *session = talk->session;
  for (;;) {
    WireState state = WIRE_DATA;
    if (!engine_wire_read(talk->wire, 0, &state, talk->pending, error))
      return false;
    frames_take(&talk->frames, talk->pending, session->on_output, session->data);
    if (state == WIRE_END)
      return true;
    if (session->is_cancelled != NULL && session->is_cancelled(session->data)) {
      *was_cancelled = true;
      return true;
    }
    follow_size(talk);
    if (state == WIRE_TIMEOUT)
      wait_for_bytes(talk);
  }
}

bool engine_session_run(Engine *engine, EngineWire *wire, const EngineSession *session, const char *resize,
                        bool *was_cancelled, GError **error) {
  g_autoptr(GByteArray) pending = g_byte_array_new();
  Talk talk = {.engine = engine,
               .wire = wire,
               .session = session,
               .resize = resize,
               .frames = {.is_raw = session->is_terminal},
               .pending = pending,
               .input = session->input};
  *was_cancelled = false;
  return talk_to_the_end(&talk, was_cancelled, error);
}
