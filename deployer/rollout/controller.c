/* A process by name: its id alone may be another's by now, so the time of its start and the machine's boot
 * are part of it (proc(5), /proc/PID/stat field 22). */
#include "deployer/rollout/controller.h"

#include <string.h>
#include <unistd.h>

#include "support/text.h"

#include "support/poison.h"

enum { PARTS = 4, STATE = 0, START_TIME = 19 }; /* fields of /proc/PID/stat behind the program's name */

/* NULL: there is no such process, or it has ended and nobody has asked how. Caller frees. */
static char *start_time(gint64 pid) {
  g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
  g_autofree char *text = NULL;
  if (!g_file_get_contents(path, &text, NULL, NULL))
    return NULL;
  const char *behind_name = strrchr(text, ')'); /* the name itself may hold anything */
  g_auto(GStrv) fields =
      g_strsplit(behind_name != NULL ? behind_name + strspn(behind_name, ") ") : "", " ", -1);
  if (g_strv_length(fields) <= START_TIME || g_str_equal(fields[STATE], "Z"))
    return NULL;
  return g_strdup(fields[START_TIME]);
}

static char *name_of(gint64 pid) {
  g_autofree char *boot = NULL;
  g_autofree char *start = start_time(pid);
  if (start == NULL)
    return NULL;
  if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL))
    boot = g_strdup("-");
  return g_strdup_printf("%s %" G_GINT64_FORMAT " %s %s", g_get_host_name(), pid, start, g_strstrip(boot));
}

char *controller_name(void) {
  char *name = name_of(getpid());
  return name != NULL ? name : g_strdup_printf("%s %d - -", g_get_host_name(), (int)getpid());
}

bool controller_is_at_work(const char *name) {
  g_auto(GStrv) parts = g_strsplit(name != NULL ? name : "", " ", -1);
  gint64 pid = 0;
  if (g_strv_length(parts) != PARTS || !number_parse(parts[1], 1, G_MAXINT32, &pid))
    return false;
  g_autofree char *now = name_of(pid);
  return g_strcmp0(now, name) == 0;
}

bool controller_is_elsewhere(const char *name) {
  g_auto(GStrv) parts = g_strsplit(name != NULL ? name : "", " ", -1);
  return parts[0] != NULL && !g_str_equal(parts[0], g_get_host_name());
}
