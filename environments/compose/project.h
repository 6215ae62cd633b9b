/* Making a ComposeProject, for those that read one. */
#pragma once

#include "environments/compose/compose.h"

/* All arrays there and empty. */
ComposeProject *compose_project_new(void);
void compose_project_copy_variables(ComposeProject *project, GPtrArray *variables);
