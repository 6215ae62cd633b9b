/* Where a change comes from: the commit (git, as a program; it may be missing) and, in release.h, the person.
 */
#pragma once

#include <glib.h>

/* When `revision` was committed, in microseconds, as the repository that `directory` is in knows it; 0: it
 * does not. */
gint64 commit_time(const char *directory, const char *revision);
