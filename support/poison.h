/* Calls that have no place here: each has a safer one (g_strlcpy, g_strdup_printf, g_strsplit, number_parse,
 * g_spawn_*). */
#pragma once

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof system popen gets
