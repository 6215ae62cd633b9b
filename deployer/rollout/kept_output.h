/* What a task writes, as far as it is kept: the beginning and the end of it, and its last lines for an error.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct KeptOutput KeptOutput;
KeptOutput *kept_output_new(void);
void kept_output_free(KeptOutput *kept);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeptOutput, kept_output_free)

/* A line without its end, printable. */
void kept_output_add(KeptOutput *kept, const char *line);
/* At most 256 KiB; *lost: bytes that are missing from its middle, where a line says so. Caller frees. */
char *kept_output_text(const KeptOutput *kept, gint64 *lost);
/* ":\n  line\n  line", the last 20, or "" when nothing was written. Caller frees. */
char *kept_output_tail(const KeptOutput *kept);
