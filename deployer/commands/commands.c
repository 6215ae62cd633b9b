/* The list of all commands, and the options that each of them takes. */
#include "deployer/commands/command.h"
#include "deployer/commands/rows.h"

#include "support/poison.h"

const Command *const commands[] = {
    &command_init,
    &command_check,
    &command_config,
    &command_release_create,
    &command_release_list,
    &command_release_show,
    &command_plan,
    &command_deploy,
    &command_promote,
    &command_rollback,
    &command_down,
    &command_prune,
    &command_approve,
    &command_hold,
    &command_unhold,
    &command_unlock,
    &command_status,
    &command_logs,
    &command_run_task,
    &command_exec,
    &command_history,
    &command_history_export,
    &command_history_import,
    &command_show,
    &command_diff,
    &command_help,
    &command_version,
    &command_completion,
    NULL,
};

const Option global_options[] = {
    {'c', OPTION_TEXT, "config", "FILE", offsetof(GlobalOptions, config),
     "the configuration; default: slipway.yml here or in the nearest folder above"},
    {0, OPTION_TEXT, "history", "PATH", offsetof(GlobalOptions, history),
     "the history; default: $SLIPWAY_HISTORY, else `history` in slipway.yml"},
    {'y', OPTION_FLAG, "yes", NULL, offsetof(GlobalOptions, yes), "answer yes to every question"},
    {'q', OPTION_FLAG, "quiet", NULL, offsetof(GlobalOptions, quiet), "only warnings, errors and the result"},
    {'v', OPTION_FLAG, "verbose", NULL, offsetof(GlobalOptions, verbose), "tell of every step"},
    {0, OPTION_FLAG, "json", NULL, offsetof(GlobalOptions, json), "write JSON to stdout, nothing else"},
    {0, OPTION_FLAG, "no-color", NULL, offsetof(GlobalOptions, no_color),
     "no colours; $NO_COLOR does the same"},
    {'h', OPTION_FLAG, "help", NULL, offsetof(GlobalOptions, help), "help, and nothing else"},
    {0, OPTION_FLAG, "version", NULL, offsetof(GlobalOptions, version),
     "the program's version; before the verb where a command has a --version of its own"},
    {0},
};
