/* Words of a command line into the fields that option and argument rows point to. */
#include "deployer/commands/parse.h"

#include <string.h>

#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

typedef struct {
  int argc;
  char **argv;
  int next;             /* index of the word to read */
  bool only_arguments;  /* after "--" */
  guint argument_count; /* of the command, so far */
  CommandLine *line;
} Parser;

typedef struct {
  const Option *option;
  void *target;
} OptionMatch;

static void *field(void *choices, gsize offset) {
  return (char *)choices + offset;
}

/* ---- options
 * ----------------------------------------------------------------------------------------------------------
 */

static const Option *find_option(const Option *rows, const char *name, gsize length, char letter) {
  for (const Option *row = rows; row != NULL && row->name != NULL; row++) {
    bool is_named = name != NULL && strlen(row->name) == length && strncmp(row->name, name, length) == 0;
    bool is_lettered = letter != '\0' && row->letter == letter;
    if (is_named || is_lettered)
      return row;
  }
  return NULL;
}

/* The command's own rows go before the global ones. */
static OptionMatch match_option(const Parser *parser, const char *name, gsize length, char letter) {
  CommandLine *line = parser->line;
  if (line->command != NULL) {
    const Option *own = find_option(line->command->options, name, length, letter);
    if (own != NULL)
      return (OptionMatch){own, field(line->choices, own->offset)};
  }
  const Option *global = find_option(global_options, name, length, letter);
  return (OptionMatch){global, global != NULL ? field(&line->global, global->offset) : NULL};
}

static void add_names(GPtrArray *names, const Option *rows) {
  for (const Option *row = rows; row != NULL && row->name != NULL; row++)
    if (row->help != NULL)
      g_ptr_array_add(names, (gpointer)row->name);
}

static bool fail_unknown_option(const Parser *parser, const char *word, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  if (parser->line->command != NULL)
    add_names(names, parser->line->command->options);
  add_names(names, global_options);
  g_ptr_array_add(names, NULL);
  const char *bare = word + strspn(word, "-");
  g_autofree char *name = g_strndup(bare, strcspn(bare, "="));
  const char *nearest = strlen(name) > 1 ? nearest_word(name, (const char *const *)names->pdata) : NULL;
  if (nearest != NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "there is no option \"%s\"; did you mean \"--%s\"?", word,
                nearest);
  return fail(error, SLIPWAY_ERROR_USAGE, "there is no option \"%s\"%s", word,
              parser->line->command == NULL ? " before the command" : "");
}

static bool is_flag(const Option *option) {
  return option->type == OPTION_FLAG || option->type == OPTION_LONE_FLAG;
}

static bool store_value(OptionMatch match, const char *word, const char *value, GError **error) {
  if (value[0] == '\0')
    return fail(error, SLIPWAY_ERROR_USAGE, "the value of \"%s\" is empty", word);
  gint64 number = 0;
  switch (match.option->type) {
  case OPTION_TEXT:
    *(const char **)match.target = value;
    return true;
  case OPTION_LIST: {
    GPtrArray **list = match.target;
    if (*list == NULL)
      *list = g_ptr_array_new();
    g_ptr_array_add(*list, (gpointer)value);
    return true;
  }
  case OPTION_NUMBER:
    if (!number_parse(value, 1, G_MAXINT, &number))
      return fail(error, SLIPWAY_ERROR_USAGE, "\"%s\" wants a number from 1 on, not \"%s\"", word, value);
    *(guint *)match.target = (guint)number;
    return true;
  case OPTION_FLAG:
  case OPTION_LONE_FLAG:
    break;
  }
  g_assert_not_reached();
}

/* The word after an option. One that looks like an option is more likely a forgotten value than a value. */
static bool take_value(Parser *parser, OptionMatch match, const char *word, GError **error) {
  const char *value = parser->next < parser->argc ? parser->argv[parser->next] : NULL;
  if (value == NULL || (value[0] == '-' && value[1] != '\0'))
    return fail(error, SLIPWAY_ERROR_USAGE, "\"%s\" wants a value: --%s=%s", word, match.option->name,
                match.option->value);
  parser->next++;
  return store_value(match, word, value, error);
}

static bool parse_long(Parser *parser, const char *word, GError **error) {
  const char *name = word + 2;
  gsize length = strcspn(name, "=");
  const char *value = name[length] == '=' ? name + length + 1 : NULL;
  OptionMatch match = match_option(parser, name, length, '\0');
  if (match.option == NULL)
    return fail_unknown_option(parser, word, error);
  if (!is_flag(match.option))
    return value != NULL ? store_value(match, word, value, error) : take_value(parser, match, word, error);
  if (value != NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "\"--%s\" takes no value", match.option->name);
  *(bool *)match.target = true;
  return true;
}

/* "-qy", "-n5", "-n 5" */
static bool parse_letters(Parser *parser, const char *word, GError **error) {
  for (const char *letter = word + 1; *letter != '\0'; letter++) {
    OptionMatch match = match_option(parser, NULL, 0, *letter);
    if (match.option == NULL)
      return fail_unknown_option(parser, word, error);
    if (!is_flag(match.option))
      return letter[1] != '\0' ? store_value(match, word, letter + 1, error)
                               : take_value(parser, match, word, error);
    *(bool *)match.target = true;
  }
  return true;
}

/* ---- verbs
 * ------------------------------------------------------------------------------------------------------------
 */

static bool is_in_group(const Command *command, const char *group) {
  gsize length = strlen(group);
  return strncmp(command->name, group, length) == 0 && command->name[length] == ' ';
}

static bool is_group(const char *word) {
  for (const Command *const *row = commands; *row != NULL; row++)
    if (is_in_group(*row, word))
      return true;
  return false;
}

static const Command *find_command(const char *group, const char *word) {
  g_autofree char *name = group != NULL ? g_strdup_printf("%s %s", group, word) : g_strdup(word);
  for (const Command *const *row = commands; *row != NULL; row++)
    if (strcmp((*row)->name, name) == 0)
      return *row;
  return NULL;
}

/* The words that may stand where `group` leads: first words, or second ones. Owned strings. */
static GPtrArray *verb_words(const char *group) {
  GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
  for (const Command *const *row = commands; *row != NULL; row++) {
    const char *name = (*row)->name;
    if (group != NULL && !is_in_group(*row, group))
      continue;
    if (group != NULL)
      name += strlen(group) + 1;
    g_ptr_array_add(words, g_strndup(name, strcspn(name, " ")));
  }
  g_ptr_array_add(words, NULL);
  return words;
}

static bool fail_unknown_verb(const char *group, const char *word, GError **error) {
  g_autoptr(GPtrArray) words = verb_words(group);
  const char *nearest = nearest_word(word, (const char *const *)words->pdata);
  g_autofree char *before = group != NULL ? g_strdup_printf("%s ", group) : g_strdup("");
  if (nearest != NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "there is no command \"%s%s\"; did you mean \"%s%s\"?", before,
                word, before, nearest);
  return fail(error, SLIPWAY_ERROR_USAGE, "there is no command \"%s%s\"", before, word);
}

static void choose_command(CommandLine *line, const Command *command) {
  g_free(line->choices);
  line->command = command;
  line->choices = g_malloc0(MAX(command->choices_size, 1));
}

/* A group may be a command as well: `history`, and `history import`. */
static bool parse_verb(CommandLine *line, const char *word, GError **error) {
  const Command *command = find_command(line->group, word);
  bool begins_group = line->group == NULL && is_group(word);
  if (command == NULL && !begins_group)
    return fail_unknown_verb(line->group, word, error);
  if (begins_group)
    line->group = word;
  if (command != NULL)
    choose_command(line, command);
  return true;
}

static bool has_choices(const CommandLine *line) {
  const char *choices = line->choices;
  for (gsize i = 0; i < line->command->choices_size; i++)
    if (choices[i] != 0)
      return true;
  return false;
}

/* The command of two words that `word` makes of a first word that is a command of its own; NULL: it is an
 * argument, as after all that belongs to the shorter one. */
static const Command *find_longer(const CommandLine *line, const char *word) {
  bool may_go_on = line->group != NULL && strcmp(line->command->name, line->group) == 0;
  return may_go_on && !has_choices(line) ? find_command(line->group, word) : NULL;
}

/* ---- arguments
 * -------------------------------------------------------------------------------------------------------- */

/* The row of what stands behind "--", or NULL. */
static const Argument *words_row(const CommandLine *line) {
  const Argument *row = line->command != NULL ? line->command->arguments : NULL;
  while (row != NULL && row->name != NULL && row->type != ARGUMENT_WORDS)
    row++;
  return row != NULL && row->name != NULL ? row : NULL;
}

/* Ends with NULL, however many follow. */
static void add_word(const CommandLine *line, const Argument *row, const char *word) {
  GPtrArray **words = field(line->choices, row->offset);
  if (*words == NULL) {
    *words = g_ptr_array_new();
    g_ptr_array_add(*words, NULL);
  }
  if (word != NULL)
    g_ptr_array_insert(*words, (gint)(*words)->len - 1, (gpointer)word);
}

static bool parse_argument(Parser *parser, const char *word, GError **error) {
  const Argument *row = parser->line->command->arguments;
  for (guint i = 0; row != NULL && row->name != NULL && i < parser->argument_count; i++)
    row++;
  if (row == NULL || row->name == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "\"%s\" is one argument too many", word);
  if (row->type == ARGUMENT_WORDS)
    return fail(error, SLIPWAY_ERROR_USAGE, "\"%s\": a command stands behind \"--\"", word);
  if (word[0] == '\0')
    return fail(error, SLIPWAY_ERROR_USAGE, "%s is empty", row->name);
  *(const char **)field(parser->line->choices, row->offset) = word;
  parser->argument_count++;
  return true;
}

static bool require_arguments(const Parser *parser, GError **error) {
  const Argument *row = parser->line->command->arguments;
  for (guint i = 0; row != NULL && row->name != NULL; i++, row++)
    if (!row->is_optional && row->type != ARGUMENT_WORDS && i >= parser->argument_count)
      return fail(error, SLIPWAY_ERROR_USAGE, "%s is missing: %s", row->name, row->help);
  const Argument *words = words_row(parser->line);
  GPtrArray *const *given = words != NULL ? field(parser->line->choices, words->offset) : NULL;
  if (given != NULL && (*given != NULL ? (*given)->len < 2 : !words->is_optional))
    return fail(error, SLIPWAY_ERROR_USAGE, "a command is missing: -- %s…", words->name);
  return true;
}

/* ---- the line
 * ---------------------------------------------------------------------------------------------------------
 */

static bool parse_word(Parser *parser, const char *word, GError **error) {
  const Argument *words = words_row(parser->line);
  if (!parser->only_arguments && strcmp(word, "--") == 0) {
    parser->only_arguments = true;
    if (words != NULL)
      add_word(parser->line, words, NULL);
    return true;
  }
  if (parser->only_arguments && words != NULL) {
    add_word(parser->line, words, word);
    return true;
  }
  if (!parser->only_arguments && g_str_has_prefix(word, "--"))
    return parse_long(parser, word, error);
  if (!parser->only_arguments && word[0] == '-' && word[1] != '\0')
    return parse_letters(parser, word, error);
  if (parser->line->command == NULL)
    return parse_verb(parser->line, word, error);
  const Command *longer = parser->only_arguments ? NULL : find_longer(parser->line, word);
  if (longer == NULL)
    return parse_argument(parser, word, error);
  choose_command(parser->line, longer);
  return true;
}

static bool has_word(int argc, char **argv, const char *name) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], name) == 0)
      return true;
  return false;
}

/* For a line with --help: as much of the verb as can be made out, whatever else stands there. */
static void guess_verb(int argc, char **argv, CommandLine *line) {
  for (int i = 1; i < argc; i++) {
    const Command *longer = NULL;
    if (argv[i][0] == '-')
      continue;
    if (line->command == NULL)
      (void)parse_verb(line, argv[i], NULL);
    else if ((longer = find_longer(line, argv[i])) != NULL)
      choose_command(line, longer);
    else
      return;
  }
}

static const char *help_words(const CommandLine *line) {
  if (line->command != NULL)
    return line->command->name;
  return line->group != NULL ? line->group : "";
}

static bool explain(const CommandLine *line, GError **error) {
  const char *words = help_words(line);
  prefix(error, "%s%s", words, words[0] != '\0' ? ": " : "");
  if (error == NULL || *error == NULL)
    return false;
  g_autofree char *message = g_steal_pointer(&(*error)->message);
  (*error)->message =
      g_strdup_printf("%s\nhelp: slipway %s%s--help", message, words, words[0] != '\0' ? " " : "");
  return false;
}

static bool parse_all(Parser *parser, GError **error) {
  CommandLine *line = parser->line;
  while (parser->next < parser->argc)
    if (!parse_word(parser, parser->argv[parser->next++], error))
      return false;
  if (line->global.version)
    return true;
  if (line->command != NULL)
    return require_arguments(parser, error);
  if (line->group != NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "which one? There is more than one command that begins so");
  return true;
}

bool command_line_parse(int argc, char **argv, CommandLine *line, GError **error) {
  line->global.json = has_word(argc, argv, "--json");
  if (has_word(argc, argv, "--help") || has_word(argc, argv, "-h")) {
    line->global.help = true;
    guess_verb(argc, argv, line);
    return true;
  }
  Parser parser = {.argc = argc, .argv = argv, .next = 1, .line = line};
  return parse_all(&parser, error) || explain(line, error);
}

void command_line_clear(CommandLine *line) {
  for (const Option *row = line->command != NULL ? line->command->options : NULL;
       row != NULL && row->name != NULL; row++)
    if (row->type == OPTION_LIST)
      g_clear_pointer((GPtrArray **)field(line->choices, row->offset), g_ptr_array_unref);
  const Argument *words = words_row(line);
  if (words != NULL)
    g_clear_pointer((GPtrArray **)field(line->choices, words->offset), g_ptr_array_unref);
  g_clear_pointer(&line->choices, g_free);
}
