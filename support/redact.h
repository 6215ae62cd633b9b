/* Secret values are kept out of whatever leaves slipway: text is passed through here once, at each sink
 * (reporter, errors, JSON, the history's words, journals, output of tasks and commands). Known are whole
 * values of 6 bytes or more and, of values of several lines, each line of 6 or more. Found are they as they
 * are, and as base64 (RFC 4648, both alphabets, whatever is encoded before and behind, wrapped too),
 * percent-encoded, escaped as in JSON, and with "$" or "'" doubled as Compose and YAML do. May be called from
 * any thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What stands in a value's place. */
#define REDACTED "***"

/* From now on, for the whole process. The bytes are copied; what is shorter than 6 is not registered. */
void redact_add(const void *value, gsize length);

/* The text with every such value replaced; NULL for NULL. A text without one is returned as it is, byte by
 * byte, valid UTF-8 or not. Caller frees. */
char *redact_text(const char *text);
/* The same for a text that a limit may have cut off: at its end, 6 bytes or more of a value are hidden, too.
 */
char *redact_cut_text(const char *text);
/* The same as replacing *text, which is owned by the caller; for one that has just been made. */
void redact_in_place(char **text);
/* Does any stand in it? */
bool redact_finds(const char *text);

/* Text that comes in pieces, a value perhaps in two of them. What could become a value is held back until it
 * is known not to; bytes may be anything, NUL too. One stream per direction of output (stdout and stderr
 * apart); one thread at a time. */
typedef struct RedactStream RedactStream;
RedactStream *redact_stream_new(void);
/* Appends to `out` what may be shown by now, redacted. */
void redact_stream_add(RedactStream *stream, const void *bytes, gsize length, GString *out);
/* Appends what is still held back, redacted: at the end, or when somebody waits for a prompt. The stream may
 * go on. */
void redact_stream_flush(RedactStream *stream, GString *out);
void redact_stream_free(RedactStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RedactStream, redact_stream_free)

/* Forgets and zeroes all values, for tests. */
void redact_forget(void);
