/* Asking a host for files, some MiB at a time (scripts/export.sh). */
#include "deployer/rollout/export.h"

#include <string.h>

#include "host_scripts.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/text.h"

#include "support/poison.h"

enum {
  PIECE_BYTES = 4 << 20, /* of one answer: HostReply has a cap */
  PATHS_AT_ONCE = 500,
  HEADER_CAP = 64,
  EXPORT_TIMEOUT_MS = 600000,
};

/* How far it came. */
typedef struct {
  const GPtrArray *paths;
  gint64 largest;
  ExportTake take;
  void *data;
  guint next;       /* index of the path that is being read */
  GByteArray *part; /* what came of it */
} Export;

static bool ask(Worker *worker, const Export *export, HostReply *reply, GError **error) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_autofree char *offset = g_strdup_printf("%u", export->part->len);
  g_autofree char *budget = g_strdup_printf("%d", PIECE_BYTES);
  g_ptr_array_add(argv, worker->facts->folder);
  g_ptr_array_add(argv, offset);
  g_ptr_array_add(argv, budget);
  for (guint i = export->next; i < export->paths->len && i < export->next + PATHS_AT_ONCE; i++)
    g_ptr_array_add(argv, g_ptr_array_index(export->paths, i));
  g_ptr_array_add(argv, NULL);
  HostScript script = {
      .text = host_script_export, .argv = (const char *const *)argv->pdata, .timeout_ms = EXPORT_TIMEOUT_MS};
  return host_shell(worker->host, &script, reply, error);
}

/* "SIZE LENGTH\n" at *at, which moves behind it; so many bytes follow. */
static bool read_header(const GString *answer, gsize *at, gint64 *size, gint64 *length) {
  const char *start = answer->str + *at;
  const char *end = memchr(start, '\n', MIN(answer->len - *at, HEADER_CAP));
  if (end == NULL)
    return false;
  g_autofree char *line = g_strndup(start, (gsize)(end - start));
  g_auto(GStrv) words = g_strsplit(line, " ", 3);
  *size = -1;
  if (g_strv_length(words) != 2 || !number_parse(words[1], 0, PIECE_BYTES, length) ||
      (strcmp(words[0], "-1") != 0 && !number_parse(words[0], 0, G_MAXINT64, size)))
    return false;
  *at += (gsize)(end - start) + 1;
  return *length <= (gint64)(answer->len - *at);
}

static bool hand_over(Export *export, bool is_there, GError **error) {
  g_autoptr(GBytes) bytes = is_there ? g_bytes_new(export->part->data, export->part->len) : NULL;
  g_byte_array_set_size(export->part, 0);
  return export->take(export->next++, bytes, export->data, error);
}

/* One file of an answer, or a piece of it. */
static bool take_piece(Export *export, const char *bytes, gint64 size, gint64 length, bool *is_sensible,
                       GError **error) {
  if (size < 0 || size > export->largest)
    return hand_over(export, false, error);
  g_byte_array_append(export->part, (const guint8 *)bytes, (guint)length);
  if ((gint64) export->part->len == size)
    return hand_over(export, true, error);
  *is_sensible = length > 0 && (gint64) export->part->len < size;
  return true;
}

static bool read_answer(Export *export, const GString *answer, bool *is_sensible, GError **error) {
  *is_sensible = answer->len > 0;
  for (gsize at = 0; *is_sensible && at < answer->len;) {
    gint64 size = 0, length = 0;
    *is_sensible = export->next < export->paths->len && read_header(answer, &at, &size, &length);
    if (*is_sensible && !take_piece(export, answer->str + at, size, length, is_sensible, error))
      return false;
    at += (gsize)length;
  }
  return true;
}

bool worker_export(Worker *worker, const GPtrArray *paths, gint64 largest, ExportTake take, void *data,
                   GError **error) {
  g_autoptr(GByteArray) part = g_byte_array_new();
  Export export = {.paths = paths, .largest = largest, .take = take, .data = data, .part = part};
  bool is_sensible = true;
  while (is_sensible && export.next < paths->len) {
    g_auto(HostReply) reply = {0};
    if (interrupt_requested())
      return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
    if (!ask(worker, &export, &reply, error) || !read_answer(&export, reply.out, &is_sensible, error))
      return false;
  }
  while (export.next < paths->len)
    if (!hand_over(&export, false, error))
      return false;
  return true;
}
