/* The list of all commands, and the options that each of them takes. */
#include "deployer/commands/command.h"
#include "deployer/commands/rows.h"

#include "support/poison.h"

const Command *const commands[] = {
    &command_check,        &command_config,  &command_release_create, &command_release_list,
    &command_release_show, &command_plan,    &command_deploy,         &command_promote,
    &command_rollback,     &command_status,  &command_history,        &command_show,
    &command_help,         &command_version, &command_completion,     NULL,
};

const Option global_options[] = {
    {'c', "config", "FILE", OPTION_TEXT, offsetof(GlobalOptions, config),
     "the configuration; default: slipway.yml here or in the nearest folder above"},
    {0, "history", "PATH", OPTION_TEXT, offsetof(GlobalOptions, history),
     "the history; default: $SLIPWAY_HISTORY, else `history` in slipway.yml"},
    {'y', "yes", NULL, OPTION_FLAG, offsetof(GlobalOptions, yes), "answer yes to every question"},
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(GlobalOptions, quiet), "only warnings, errors and the result"},
    {'v', "verbose", NULL, OPTION_FLAG, offsetof(GlobalOptions, verbose), "tell of every step"},
    {0, "json", NULL, OPTION_FLAG, offsetof(GlobalOptions, json), "write JSON to stdout, nothing else"},
    {0, "no-color", NULL, OPTION_FLAG, offsetof(GlobalOptions, no_color),
     "no colours; $NO_COLOR does the same"},
    {'h', "help", NULL, OPTION_FLAG, offsetof(GlobalOptions, help), "help, and nothing else"},
    {0, "version", NULL, OPTION_FLAG, offsetof(GlobalOptions, version),
     "the program's version; before the verb where a command has a --version of its own"},
    {0},
};
