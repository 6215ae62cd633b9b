/* Completion scripts, made from the rows; names of environments come from the slipway.yml at hand. Callers
 * free. */
#pragma once

#include "deployer/commands/command.h"

char *completion_bash(void);
char *completion_zsh(void);
char *completion_fish(void);

/* Its first argument is an environment. */
bool completion_takes_environment(const Command *command);
/* The first word of `command` is one that no command before it in the list has. */
bool completion_begins_group(const Command *const *command);
