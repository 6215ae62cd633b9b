/* A command line against the rows. Nothing is looked up or opened here. */
#pragma once

#include "deployer/commands/command.h"

typedef struct {
  GlobalOptions global;
  const Command *command; /* NULL: none was named (then --help, --version or nothing at all is on the line) */
  const char *group;      /* "release" alone, with --help: the verbs of two words that begin so; NULL */
  void *choices;          /* of the command's own type; owned */
} CommandLine;
void command_line_clear(CommandLine *line);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandLine, command_line_clear)

/* `line` is zero-initialised by the caller. SLIPWAY_ERROR_USAGE names the word that is wrong, what was
 * probably meant, and how to get help. With --help anywhere on the line nothing else on it can be wrong. On
 * failure line->global and line->command hold what was understood. */
bool command_line_parse(int argc, char **argv, CommandLine *line, GError **error) G_GNUC_WARN_UNUSED_RESULT;
