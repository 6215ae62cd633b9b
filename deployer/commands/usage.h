/* Texts made from the rows: help, the man page's generated part, completion. Callers free. */
#pragma once

#include "deployer/commands/command.h"

/* "deploy ENV [RELEASE] [OPTION…]" */
char *usage_synopsis(const Command *command);
/* The summary as a sentence. */
char *usage_sentence(const Command *command);
/* All commands; `group` not NULL: only those of two words that begin so. */
char *usage_overview(const char *group);
char *usage_of_command(const Command *command);

/* The part of slipway.1 between its two markers, in roff. */
char *usage_man(void);
/* For slipway.yml.5: the keys, from the configuration's schema. */
char *usage_man_keys(void);
