/* Folders as a whole. Failures end the program, as all that a torture test cannot do without. */
#pragma once

/* Whatever is there, or nothing. Links are removed, not followed. */
void tree_remove(const char *path);
/* Files, folders, links and their modes; `to` must not be there. */
void tree_copy(const char *from, const char *to);
