/* commands/parse: command lines against the rows of the real commands. */
#include "deployer/commands/parse.h"

#include <criterion/criterion.h>
#include <string.h>

#include "deployer/commands/locate.h"
#include "deployer/commands/usage.h"
#include "support/errors.h"

typedef struct {
  char **argv;
  CommandLine line;
  GError *error;
  bool ok;
} Parsed;

/* `words` as a shell would split them. */
static Parsed parse(const char *words) {
  g_autofree char *all = g_strdup_printf("slipway %s", words);
  Parsed parsed = {0};
  int argc = 0;
  cr_assert(g_shell_parse_argv(all, &argc, &parsed.argv, NULL), "%s", words);
  parsed.ok = command_line_parse(argc, parsed.argv, &parsed.line, &parsed.error);
  return parsed;
}

static void clear(Parsed *parsed) {
  command_line_clear(&parsed->line);
  g_strfreev(parsed->argv);
  g_clear_error(&parsed->error);
}

static void expect_usage_error(const char *words, const char *fragment) {
  Parsed parsed = parse(words);
  cr_assert(!(parsed.ok), "%s", words);
  cr_assert(error_is(parsed.error, SLIPWAY_ERROR_USAGE), "%s", words);
  cr_assert(strstr(parsed.error->message, fragment) != NULL, "%s: %s", words, parsed.error->message);
  cr_assert(strstr(parsed.error->message, "help: slipway ") != NULL, "%s", parsed.error->message);
  clear(&parsed);
}

Test(parse, global_options_stand_before_or_after_the_verb) {
  static const char *const lines[] = {"-c x.yml --json -qy status prod", "status -c x.yml prod --json -qy",
                                      "status prod --config=x.yml --json -q --yes",
                                      "-q status --yes -cx.yml --json prod"};
  for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
    Parsed parsed = parse(lines[i]);
    cr_assert(parsed.ok, "%s: %s", lines[i], parsed.error != NULL ? parsed.error->message : "");
    cr_assert_str_eq(parsed.line.command->name, "status");
    cr_assert_str_eq(parsed.line.global.config, "x.yml");
    cr_assert(parsed.line.global.json && parsed.line.global.quiet && parsed.line.global.yes);
    clear(&parsed);
  }
}

Test(parse, wrong_lines_name_the_word_and_how_to_get_help) {
  static const struct {
    const char *words, *fragment;
  } rows[] = {
      {"deplyo prod", "no command \"deplyo\"; did you mean \"deploy\""},
      {"frobnicate", "no command \"frobnicate\""},
      {"release shwo", "did you mean \"release show\""},
      {"release", "release: which one"},
      {"deploy prod --frce", "deploy: there is no option \"--frce\"; did you mean \"--force\""},
      {"deploy prod -x", "no option \"-x\""},
      {"--tag x deploy prod", "no option \"--tag\""},
      {"deploy", "deploy: ENV is missing"},
      {"deploy prod r7 r8", "\"r8\" is one argument too many"},
      {"deploy ''", "ENV is empty"},
      {"deploy prod --tag ''", "the value of \"--tag\" is empty"},
      {"deploy prod --tag=", "the value of \"--tag=\" is empty"},
      {"deploy prod --tag", "\"--tag\" wants a value"},
      {"deploy prod --tag --force", "\"--tag\" wants a value"},
      {"deploy prod --force=yes", "\"--force\" takes no value"},
      {"history -n 0", "wants a number from 1 on, not \"0\""},
      {"history -n many", "not \"many\""},
      {"rollback prod --to", "\"--to\" wants a value"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
    expect_usage_error(rows[i].words, rows[i].fragment);
}

Test(parse, help_wins_over_whatever_else_is_on_the_line) {
  static const struct {
    const char *words, *command;
  } rows[] = {{"rollback prod --help", "rollback"},
              {"rollback --help --to nosuch --bogus", "rollback"},
              {"--help rollback prod extra", "rollback"},
              {"deploy -h", "deploy"},
              {"release create --tag --help", "release create"}};
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    Parsed parsed = parse(rows[i].words);
    cr_assert(parsed.ok && parsed.line.global.help, "%s", rows[i].words);
    cr_assert_str_eq(parsed.line.command->name, rows[i].command);
    clear(&parsed);
  }
}

Test(parse, help_of_a_group_knows_the_group) {
  Parsed parsed = parse("release --help");
  cr_assert(parsed.ok && parsed.line.command == NULL);
  cr_assert_str_eq(parsed.line.group, "release");
  clear(&parsed);
}

Test(parse, a_command_may_begin_a_longer_one) {
  static const struct {
    const char *words, *command;
  } rows[] = {
      {"history", "history"},
      {"history prod", "history"},
      {"history import prod", "history import"},
      {"--json history -q import --yes prod", "history import"},
      {"history -n 5 import", "history"}, /* the environment of that name */
      {"history -- import", "history"},
      {"history prod --help", "history"},
      {"history import --help", "history import"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
    Parsed parsed = parse(rows[i].words);
    cr_assert(parsed.ok, "%s", rows[i].words);
    cr_assert_str_eq(parsed.line.command->name, rows[i].command, "%s", rows[i].words);
    clear(&parsed);
  }
  expect_usage_error("history import prod ci", "\"ci\" is one argument too many");
}

Test(parse, after_two_dashes_everything_is_an_argument) {
  expect_usage_error("status prod -- --help", "\"--help\" is one argument too many");
}

Test(parse, json_is_known_even_when_the_line_is_wrong) {
  Parsed parsed = parse("frobnicate --json");
  cr_assert(!(parsed.ok) && parsed.line.global.json);
  clear(&parsed);
}

Test(parse, version_belongs_to_the_command_that_has_one) {
  Parsed own = parse("deploy prod --tag x --version 1.4");
  cr_assert(own.ok && !(own.line.global.version));
  clear(&own);
  Parsed global = parse("status --version");
  cr_assert(global.ok && global.line.global.version);
  clear(&global);
}

Test(rows, every_command_says_what_its_help_needs) {
  for (const Command *const *row = commands; *row != NULL; row++) {
    cr_assert((*row)->summary != NULL && (*row)->run != NULL, "%s", (*row)->name);
    for (const Argument *argument = (*row)->arguments; argument != NULL && argument->name != NULL; argument++)
      cr_assert(argument->help != NULL, "%s %s", (*row)->name, argument->name);
    for (const Option *option = (*row)->options; option != NULL && option->name != NULL; option++)
      cr_assert_eq(option->value == NULL, option->type == OPTION_FLAG || option->type == OPTION_LONE_FLAG,
                   "%s --%s", (*row)->name, option->name);
  }
}

Test(rows, every_example_parses) {
  for (const Command *const *row = commands; *row != NULL; row++)
    for (const Example *example = (*row)->examples; example != NULL && example->line != NULL; example++) {
      if (strpbrk(example->line, "$>") != NULL)
        continue; /* for a shell */
      Parsed parsed = parse(example->line);
      cr_assert(parsed.ok, "%s: %s", example->line, parsed.error != NULL ? parsed.error->message : "");
      clear(&parsed);
    }
}

Test(usage, help_fits_eighty_columns) {
  for (const Command *const *row = commands; *row != NULL; row++) {
    g_autofree char *text = usage_of_command(*row);
    const char *examples = strstr(text, "\nExamples:");
    g_autofree char *checked = examples != NULL ? g_strndup(text, (gsize)(examples - text)) : g_strdup(text);
    g_auto(GStrv) lines = g_strsplit(checked, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++)
      cr_assert_leq(g_utf8_strlen(lines[i], -1), 80, "%s", lines[i]);
  }
}

Test(locate, an_option_goes_before_the_variable) {
  cr_assert(g_setenv("SLIPWAY_HISTORY", "/from/variable", TRUE));
  const GlobalOptions with = {.history = "/from/option"}, without = {0};
  cr_assert_str_eq(locate_history(&with), "/from/option");
  cr_assert_str_eq(locate_history(&without), "/from/variable");
  cr_assert(g_setenv("SLIPWAY_HISTORY", "", TRUE));
  cr_assert_null(locate_history(&without));
}

Test(parse, a_command_stands_behind_two_dashes_whatever_it_looks_like) {
  Parsed parsed = parse("exec prod web --host web2 -- ls --json -- -c");
  cr_assert(parsed.ok, "%s", parsed.error != NULL ? parsed.error->message : "");
  cr_assert_str_eq(parsed.line.command->name, "exec");
  cr_assert_not(parsed.line.global.json);
  for (const Argument *row = parsed.line.command->arguments; row->name != NULL; row++)
    if (row->type == ARGUMENT_WORDS) {
      GPtrArray *words = *(GPtrArray **)(void *)((char *)parsed.line.choices + row->offset);
      g_autofree char *joined = g_strjoinv("|", (char **)words->pdata);
      cr_assert_str_eq(joined, "ls|--json|--|-c");
    }
  clear(&parsed);
  expect_usage_error("exec prod web ls", "\"ls\": a command stands behind \"--\"");
  expect_usage_error("exec prod web", "a command is missing: -- CMD…");
  expect_usage_error("run prod web --", "a command is missing: -- CMD…");
  Parsed task = parse("run prod reindex");
  cr_assert(task.ok, "a task needs none");
  clear(&task);
}
