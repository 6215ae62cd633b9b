/* The row of each command, for the list in commands.c; one file per verb. */
#pragma once

#include "deployer/commands/command.h"

extern const Command command_init, command_check, command_config, command_release_create,
    command_release_list, command_release_show, command_plan, command_deploy, command_promote,
    command_rollback, command_down, command_prune, command_approve, command_hold, command_unhold,
    command_unlock, command_status, command_logs, command_run_task, command_exec, command_history,
    command_history_export, command_history_import, command_show, command_diff, command_help, command_version,
    command_completion;
