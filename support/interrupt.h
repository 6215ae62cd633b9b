/* SIGINT and SIGTERM (a Jenkins abort) as a flag that long work asks for. */
#pragma once

#include <stdbool.h>

/* Once, in main, before any thread. Also ignores SIGPIPE. */
void interrupt_install(void);
bool interrupt_requested(void);
/* A second signal came: whoever sends it will not wait any longer. */
bool interrupt_insisted(void);
/* Has one come since `before` was asked with interrupt_requested? What begins after the first does so to
 * clean up: only the second ends that. */
bool interrupt_came_since(bool before);
