/* Files of NAME=VALUE lines, as Compose's env files and the tools that write `.env` have them. */
#pragma once

#include <glib.h>

/* name -> value, both owned by the table; the last of a name counts. Blank lines and comments are skipped, as
 * is "export " in front of a name. 'VALUE' is taken as it stands and may go over several lines; so may
 * "VALUE", in which \n, \r, \t, \" and \\ mean what they do in C. Behind an unquoted value, " #" begins a
 * comment. References to other variables are not followed. A line that is none of this is skipped. */
GHashTable *dotenv_parse(const char *text);
