/* What differs between two texts, line by line, as `diff -u` says it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Hunks with `context` unchanged lines around each change: "@@ -1,3 +1,4 @@", then lines that begin with
 * " ", "-" or "+", each ended by a newline; a last line that has none of its own is followed by
 * "\ No newline at end of file". No file headers. At most `most_lines` lines: what is left out is said in
 * one more, "… 12 more lines". NULL when the texts are equal. Texts that differ in very many lines get a
 * diff that is right, but not the shortest. Caller frees. */
char *text_diff(const char *from, const char *to, guint context, guint most_lines);

/* Whether a file's content can be shown so: UTF-8 without NUL, and no larger than a person would read. */
bool text_is_diffable(const void *bytes, gsize length);
