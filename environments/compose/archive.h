/* A tar archive written in memory: the same entries give the same bytes (time 0, owner 0). */
#pragma once

#include <glib.h>

typedef struct Archive Archive;
Archive *archive_new(void);
/* Folders above `path` that were not added yet are added in front of it, mode 0755. `bytes` NULL: a folder.
 */
void archive_add(Archive *archive, const char *path, guint mode, GBytes *bytes);
/* The folder is there: an archive that goes before this one has it. */
void archive_assume(Archive *archive, const char *path);
/* Frees the archive; another one follows. The bytes are zeroed when freed. */
GBytes *archive_pause(Archive *archive);
/* Ends and frees the archive. The bytes are zeroed when freed. */
GBytes *archive_finish(Archive *archive);
