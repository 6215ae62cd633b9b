/* Which process runs a deployment, and whether it still does. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Of this process, for Deployment.controller: "host pid start-time boot-id". Caller frees. */
char *controller_name(void);
/* That process runs on this machine. False where it cannot be told: of another machine, NULL, of an older
 * form. */
bool controller_is_at_work(const char *name);
/* It is a process of another machine, by its host name: nothing can be said about it here. */
bool controller_is_elsewhere(const char *name);
