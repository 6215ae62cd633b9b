/* Finding secret values in text. A text is read unit by unit in each of a few notations ("%2F" is one unit of
 * percent-encoding, "\n" one of JSON), so that it does not matter which characters a program chose to escape;
 * base64 hides byte boundaries, so that of a value its three possible texts are looked for. */
#include "support/redact.h"

#include <string.h>

#include "support/text.h"

#include "support/poison.h"

enum { SHORTEST_VALUE = 6, LONGEST_UNIT = 12, LONGEST_SKIP = 2 };

/* ---- what is looked for ---------------------------------------------------------------------------------
 */

typedef struct {
  guchar *bytes;
  gsize length;
} Pattern;

typedef enum { PATTERN_VALUE, PATTERN_BASE64, PATTERN_KINDS } PatternKind;

/* Read by all, and only ever added to. */
static GRWLock lock;
static GPtrArray *patterns[PATTERN_KINDS][256]; /* Pattern, by first byte; NULL: none */
static GHashTable *known;                       /* set of GBytes: values that are registered */

static void wipe_bytes(gpointer data) {
  Pattern *pattern = data;
  explicit_bzero(pattern->bytes, pattern->length);
  g_free(pattern->bytes);
  g_free(pattern);
}

static void add_pattern(PatternKind kind, const guchar *bytes, gsize length) {
  GPtrArray **bucket = &patterns[kind][bytes[0]];
  Pattern *pattern = g_new0(Pattern, 1);
  pattern->bytes = g_memdup2(bytes, length);
  pattern->length = length;
  if (*bucket == NULL)
    *bucket = g_ptr_array_new_with_free_func(wipe_bytes);
  g_ptr_array_add(*bucket, pattern);
}

/* The characters of base64 that the value alone decides when `offset` bytes stand before it: a character is 6
 * bits. */
static void add_base64(const guchar *value, gsize length, gsize offset) {
  gsize total = offset + length;
  g_autofree guchar *shifted = g_malloc0(total);
  memcpy(shifted + offset, value, length);
  g_autofree char *text = g_base64_encode(shifted, total);
  gsize first = (offset * 8 + 5) / 6, last = total * 8 / 6;
  add_pattern(PATTERN_BASE64, (const guchar *)text + first, last - first);
  explicit_bzero(shifted, total);
  explicit_bzero(text, strlen(text));
}

static void add_value(const guchar *value, gsize length) {
  if (length < SHORTEST_VALUE)
    return;
  g_autoptr(GBytes) key = g_bytes_new(value, length);
  if (!g_hash_table_add(known, g_bytes_ref(key)))
    return;
  add_pattern(PATTERN_VALUE, value, length);
  for (gsize offset = 0; offset < 3; offset++)
    add_base64(value, length, offset);
}

/* As text_printable may have left it before it comes here. */
static void add_printable(const guchar *value, gsize length) {
  g_autofree char *text = g_strndup((const char *)value, length);
  g_autofree char *printable = text_printable(text, false);
  add_value((const guchar *)printable, strlen(printable));
  explicit_bzero(text, length);
  explicit_bzero(printable, strlen(printable));
}

/* Programs trim what they print, and indent lines. */
static void add_trimmed(const guchar *value, gsize length) {
  while (length > 0 && g_ascii_isspace(value[length - 1]))
    length--;
  for (; length > 0 && g_ascii_isspace(*value); length--)
    value++;
  add_value(value, length);
  add_printable(value, length);
}

void redact_add(const void *value, gsize length) {
  const guchar *bytes = value;
  g_rw_lock_writer_lock(&lock);
  if (known == NULL)
    known = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
  add_value(bytes, length);
  add_trimmed(bytes, length);
  for (gsize start = 0; start < length;) {
    const guchar *newline = memchr(bytes + start, '\n', length - start);
    gsize end = newline != NULL ? (gsize)(newline - bytes) : length;
    add_trimmed(bytes + start, end - start);
    start = end + 1;
  }
  g_rw_lock_writer_unlock(&lock);
}

static void wipe_key(gpointer key, gpointer value, gpointer data) {
  (void)value;
  (void)data;
  gsize length = 0;
  gconstpointer bytes = g_bytes_get_data(key, &length);
  explicit_bzero((void *)bytes, length);
}

void redact_forget(void) {
  g_rw_lock_writer_lock(&lock);
  for (gsize kind = 0; kind < PATTERN_KINDS; kind++)
    for (gsize first = 0; first < G_N_ELEMENTS(patterns[kind]); first++)
      g_clear_pointer(&patterns[kind][first], g_ptr_array_unref);
  if (known != NULL)
    g_hash_table_foreach(known, wipe_key, NULL);
  g_clear_pointer(&known, g_hash_table_unref);
  g_rw_lock_writer_unlock(&lock);
}

/* ---- notations ------------------------------------------------------------------------------------------
 */

/* One unit of a text: which bytes of a value it stands for. */
typedef struct {
  guchar bytes[4];
  guint count; /* 0: it stands for nothing, and is skipped */
  gsize used;  /* of the text; 0: the text ends before the unit does */
} Unit;

static Unit one(guchar byte, gsize used) {
  return (Unit){.bytes = {byte}, .count = 1, .used = used};
}

static Unit unit_plain(const guchar *text, gsize length) {
  (void)length;
  return one(text[0], 1);
}

/* Two hexadecimal digits at text[at]; -1: not there. */
static int hex_byte(const guchar *text, gsize at) {
  int high = g_ascii_xdigit_value((char)text[at]), low = g_ascii_xdigit_value((char)text[at + 1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* RFC 3986. */
static Unit unit_percent(const guchar *text, gsize length) {
  if (text[0] != '%')
    return one(text[0], 1);
  if (length < 3)
    return (Unit){0};
  int byte = hex_byte(text, 1);
  return byte < 0 ? one('%', 1) : one((guchar)byte, 3);
}

/* What HTML forms send, too. */
static Unit unit_form(const guchar *text, gsize length) {
  return text[0] == '+' ? one(' ', 1) : unit_percent(text, length);
}

static int hex_unit16(const guchar *text, gsize at) {
  int high = hex_byte(text, at), low = hex_byte(text, at + 2);
  return high < 0 || low < 0 ? -1 : high * 256 + low;
}

static Unit unit_of_character(gunichar character, gsize used) {
  char utf8[6];
  Unit unit = {.count = (guint)g_unichar_to_utf8(character, utf8), .used = used};
  memcpy(unit.bytes, utf8, MIN(unit.count, sizeof unit.bytes));
  return unit;
}

/* "\u00e9", or two of them for what lies beyond 16 bits (RFC 8259, 7). */
static Unit unit_unicode(const guchar *text, gsize length) {
  if (length < 6)
    return (Unit){0};
  int first = hex_unit16(text, 2);
  if (first < 0 || (first >= 0xdc00 && first < 0xe000))
    return one('\\', 1);
  if (first < 0xd800 || first >= 0xe000)
    return unit_of_character((gunichar)first, 6);
  if (length < LONGEST_UNIT)
    return (Unit){0};
  int second = text[6] == '\\' && text[7] == 'u' ? hex_unit16(text, 8) : -1;
  if (second < 0xdc00 || second >= 0xe000)
    return one('\\', 1);
  return unit_of_character(0x10000 + (((gunichar)first & 0x3ff) << 10) + ((gunichar)second & 0x3ff), 12);
}

/* JSON (RFC 8259, 7), and with it what Go, Python and YAML write between double quotes. */
static Unit unit_backslash(const guchar *text, gsize length) {
  static const char letters[] = "abfnrtv", meanings[] = "\a\b\f\n\r\t\v";
  if (text[0] != '\\')
    return one(text[0], 1);
  if (length < 2)
    return (Unit){0};
  const char *letter = text[1] != '\0' ? strchr(letters, text[1]) : NULL;
  if (letter != NULL)
    return one((guchar)meanings[letter - letters], 2);
  if (text[1] == 'u')
    return unit_unicode(text, length);
  if (text[1] == 'x' && length < 4)
    return (Unit){0};
  if (text[1] == 'x' && hex_byte(text, 2) >= 0)
    return one((guchar)hex_byte(text, 2), 4);
  return g_ascii_ispunct(text[1]) ? one(text[1], 2) : one('\\', 1);
}

/* "$$" in Compose's effective configuration, "''" in YAML, "'\''" for a shell. */
static Unit unit_doubled(const guchar *text, gsize length) {
  static const char shell_quote[] = "'\\''";
  if (text[0] != '$' && text[0] != '\'')
    return one(text[0], 1);
  if (length < 2)
    return (Unit){0};
  if (text[1] == text[0])
    return one(text[0], 2);
  gsize same = MIN(length, strlen(shell_quote));
  if (memcmp(text, shell_quote, same) != 0)
    return one(text[0], 1);
  return same < strlen(shell_quote) ? (Unit){0} : one('\'', same);
}

/* Both alphabets as the standard one, percent-encoded too; line ends, also a JSON text's, are skipped. */
static Unit unit_base64(const guchar *text, gsize length) {
  Unit unit = text[0] == '%' ? unit_percent(text, length) : unit_plain(text, length);
  if (text[0] == '\\')
    unit = unit_backslash(text, length);
  if (unit.count == 1 && unit.bytes[0] == '-')
    unit.bytes[0] = '+';
  if (unit.count == 1 && unit.bytes[0] == '_')
    unit.bytes[0] = '/';
  if (unit.count == 1 && (unit.bytes[0] == '\n' || unit.bytes[0] == '\r'))
    unit.count = 0;
  return unit;
}

static const struct {
  PatternKind kind;
  Unit (*read)(const guchar *text, gsize length);
} notations[] = {
    {PATTERN_VALUE, unit_plain},     {PATTERN_VALUE, unit_percent}, {PATTERN_VALUE, unit_form},
    {PATTERN_VALUE, unit_backslash}, {PATTERN_VALUE, unit_doubled}, {PATTERN_BASE64, unit_base64},
};

/* ---- finding --------------------------------------------------------------------------------------------
 */

typedef enum { MATCH_NOT, MATCH_PERHAPS, MATCH_FOUND } Match;

typedef struct {
  const guchar *text;
  gsize length;
} Span;

/* Does the text begin with the pattern? MATCH_PERHAPS: it ends too early to tell. *used: of the text, that
 * far for MATCH_PERHAPS too, or 0 when that is too little to give anything away. */
static Match match_pattern(Span span, gsize notation, const Pattern *pattern, gsize *used) {
  gsize at = 0, done = 0;
  for (guint skipped = 0; done < pattern->length;) {
    Unit unit = {0};
    if (at < span.length)
      unit = notations[notation].read(span.text + at, span.length - at);
    if (unit.used == 0) {
      *used = done >= SHORTEST_VALUE ? span.length : 0;
      return MATCH_PERHAPS;
    }
    skipped = unit.count == 0 ? skipped + 1 : 0;
    if (skipped > LONGEST_SKIP || unit.count > pattern->length - done ||
        memcmp(unit.bytes, pattern->bytes + done, unit.count) != 0)
      return MATCH_NOT;
    at += unit.used;
    done += unit.count;
  }
  *used = at;
  return MATCH_FOUND;
}

/* How a text ends. */
typedef enum { END_OPEN, END_WHOLE, END_CUT } End;

/* The longest value that the text begins with, in one notation. *is_open: it may become one. */
static void match_notation(Span span, gsize notation, End end, gsize *longest, bool *is_open) {
  Unit first = notations[notation].read(span.text, span.length);
  if (first.used == 0)
    *is_open = true;
  if (first.used == 0 || first.count == 0)
    return;
  const GPtrArray *bucket = patterns[notations[notation].kind][first.bytes[0]];
  for (guint i = 0; bucket != NULL && i < bucket->len; i++) {
    gsize used = 0;
    switch (match_pattern(span, notation, g_ptr_array_index(bucket, i), &used)) {
    case MATCH_FOUND:
      *longest = MAX(*longest, used);
      break;
    case MATCH_PERHAPS:
      *longest = MAX(*longest, end == END_CUT ? used : 0);
      *is_open = true;
      break;
    case MATCH_NOT:
      break;
    }
  }
}

typedef struct {
  gsize covered;    /* so many of the next bytes are part of a value */
  bool is_covering; /* the last byte was, and REDACTED has been written for it */
} Cover;

/* Writes what is known to be a value or none to `out`; returns how many bytes that was. Values may overlap.
 */
static gsize redact_span(Span span, End end, Cover *cover, GString *out) {
  gsize at = 0;
  for (; at < span.length; at++) {
    Span rest = {span.text + at, span.length - at};
    gsize longest = 0;
    bool is_open = false;
    for (gsize i = 0; i < G_N_ELEMENTS(notations); i++)
      match_notation(rest, i, end, &longest, &is_open);
    if (is_open && end == END_OPEN)
      break;
    cover->covered = MAX(cover->covered, longest);
    bool is_hidden = cover->covered > 0;
    if (is_hidden && !cover->is_covering)
      g_string_append(out, REDACTED);
    if (is_hidden)
      cover->covered--;
    else
      g_string_append_c(out, (char)rest.text[0]);
    cover->is_covering = is_hidden;
  }
  return at;
}

static gsize redact_locked(Span span, End end, Cover *cover, GString *out) {
  g_rw_lock_reader_lock(&lock);
  gsize used = span.length;
  if (known != NULL)
    used = redact_span(span, end, cover, out);
  else
    g_string_append_len(out, (const char *)span.text, (gssize)span.length);
  g_rw_lock_reader_unlock(&lock);
  return used;
}

static char *redact_ending(const char *text, End end) {
  if (text == NULL)
    return NULL;
  GString *out = g_string_new(NULL);
  Cover cover = {0};
  redact_locked((Span){(const guchar *)text, strlen(text)}, end, &cover, out);
  return g_string_free(out, FALSE);
}

char *redact_text(const char *text) {
  return redact_ending(text, END_WHOLE);
}

char *redact_cut_text(const char *text) {
  return redact_ending(text, END_CUT);
}

void redact_in_place(char **text) {
  char *redacted = redact_text(*text);
  g_free(*text);
  *text = redacted;
}

bool redact_finds(const char *text) {
  g_autofree char *redacted = redact_text(text);
  return g_strcmp0(redacted, text) != 0;
}

/* ---- streams --------------------------------------------------------------------------------------------
 */

struct RedactStream {
  GString *held;
  Cover cover;
};

RedactStream *redact_stream_new(void) {
  RedactStream *stream = g_new0(RedactStream, 1);
  stream->held = g_string_new(NULL);
  return stream;
}

static void write_on(RedactStream *stream, End end, GString *out) {
  Span span = {(const guchar *)stream->held->str, stream->held->len};
  g_string_erase(stream->held, 0, (gssize)redact_locked(span, end, &stream->cover, out));
}

void redact_stream_add(RedactStream *stream, const void *bytes, gsize length, GString *out) {
  g_string_append_len(stream->held, bytes, (gssize)length);
  write_on(stream, END_OPEN, out);
}

void redact_stream_flush(RedactStream *stream, GString *out) {
  write_on(stream, END_WHOLE, out);
}

void redact_stream_free(RedactStream *stream) {
  if (stream == NULL)
    return;
  g_string_free(stream->held, TRUE);
  g_free(stream);
}
