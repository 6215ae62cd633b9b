/* Where secrets come from: each distinct place is a question, asked once; an answer is given to each secret
 * that wants it. */
#include "environments/secrets/secrets.h"

#include <string.h>

#include "support/child.h"
#include "support/dotenv.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/interrupt.h"
#include "support/redact.h"

#include "support/poison.h"

enum { ASKED_AT_ONCE = 8 };

typedef struct {
  const SecretConfig *config; /* of the first secret that asks it */
  const char *directory;
  SecretText *text;    /* the answer, or NULL */
  GHashTable *entries; /* the answer of a dotenv file, instead: name -> Secret */
  GError *error;
} Question;

static void question_free(gpointer data) {
  Question *question = data;
  secret_text_free(question->text);
  g_clear_pointer(&question->entries, g_hash_table_unref);
  g_clear_error(&question->error);
  g_free(question);
}

/* ---- each source ----------------------------------------------------------------------------------------
 */

static bool ask_env(Question *question, GError **error) {
  const char *value = g_getenv(question->config->env);
  if (value == NULL)
    return fail(error, SLIPWAY_ERROR_UNREADY, "is not set: export it where slipway is started");
  question->text = secret_text_new();
  secret_text_append(&question->text, value, strlen(value));
  return true;
}

static bool read_file(const char *path, SecretText **text, GError **error) {
  g_autoptr(GBytes) bytes = NULL;
  if (!file_read(path, LONGEST_SECRET, &bytes, error))
    return false;
  gsize length = 0;
  gconstpointer data = g_bytes_get_data(bytes, &length);
  *text = secret_text_new();
  if (length > 0) {
    secret_text_append(text, data, length);
    explicit_bzero((void *)data, length);
  }
  return true;
}

static bool ask_file(Question *question, GError **error) {
  return read_file(question->config->file, &question->text, error);
}

static bool is_interrupted(void *unused) {
  (void)unused;
  return interrupt_requested();
}

/* Its stderr is shown only when it fails, and what it has written to stdout by then may be the secret. */
static bool run_command(const Question *question, SecretText **text, GError **error) {
  const SecretConfig *config = question->config;
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_auto(GStrv) environment = g_get_environ();
  for (guint i = 0; i < config->command->len; i++)
    g_ptr_array_add(argv, g_ptr_array_index(config->command, i));
  if (config->dotenv != NULL)
    g_ptr_array_add(argv, config->dotenv);
  g_ptr_array_add(argv, NULL);
  g_autoptr(SecretText) output = secret_text_new();
  const ChildOrder order = {.argv = (const char *const *)argv->pdata,
                            .environment = (const char *const *)environment,
                            .directory = question->directory,
                            .timeout_ms = config->timeout_ms,
                            .is_cancelled = is_interrupted,
                            .output = &output,
                            .output_cap = LONGEST_SECRET};
  bool ok = child_run(&order, error);
  if (ok)
    *text = g_steal_pointer(&output);
  else
    redact_add(output->str, output->len);
  return ok;
}

static bool ask_command(Question *question, GError **error) {
  return run_command(question, &question->text, error);
}

static void take_entry(const char *name, const SecretText *value, void *entries) {
  g_hash_table_replace(entries, g_strdup(name), secret_new(value->str, value->len));
}

static bool ask_dotenv(Question *question, GError **error) {
  const SecretConfig *config = question->config;
  g_autoptr(SecretText) text = NULL;
  bool is_read = config->command->len > 0 ? run_command(question, &text, error)
                                          : read_file(config->dotenv, &text, error);
  g_autoptr(GHashTable) entries =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)secret_unref);
  if (!is_read || !dotenv_parse(text->str, text->len, take_entry, entries, error))
    return false;
  question->entries = g_steal_pointer(&entries);
  return true;
}

/* Two with equal keys are one question. Caller frees. */
static char *question_key(const SecretConfig *config) {
  const char *texts[] = {config->env, config->file, config->dotenv};
  GString *key = g_string_new(NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
    g_string_append_printf(key, "%s\n", texts[i] != NULL ? texts[i] : "");
  for (guint i = 0; i < config->command->len; i++) {
    const char *word = g_ptr_array_index(config->command, i);
    g_string_append_printf(key, "%" G_GSIZE_FORMAT ":%s", strlen(word), word);
  }
  return g_string_free(key, FALSE);
}

static const struct {
  bool (*ask)(Question *question, GError **error);
  const char *words;
} sources[] = {
    [SECRET_FROM_ENV] = {ask_env, "the variable %s of slipway's environment"},
    [SECRET_FROM_FILE] = {ask_file, "the file %s"},
    [SECRET_FROM_COMMAND] = {ask_command, "the command %s"},
    [SECRET_FROM_DOTENV] = {ask_dotenv, "the file %s"},
};

char *secret_source_words(const SecretConfig *config) {
  const SecretSource source = secret_source(config);
  const char *name = source == SECRET_FROM_ENV      ? config->env
                     : source == SECRET_FROM_FILE   ? config->file
                     : source == SECRET_FROM_DOTENV ? config->dotenv
                                                    : g_ptr_array_index(config->command, 0);
  g_auto(GStrv) around = g_strsplit(sources[source].words, "%s", 2);
  return g_strjoinv(name, around);
}

static void ask_question(gpointer data, gpointer unused) {
  Question *question = data;
  (void)unused;
  if (!sources[secret_source(question->config)].ask(question, &question->error))
    g_assert(question->error != NULL);
}

/* ---- questions and answers ------------------------------------------------------------------------------
 */

static void answer_free(gpointer data) {
  SecretAnswer *answer = data;
  secret_unref(answer->value);
  g_free(answer->problem);
  g_free(answer);
}

/* "the file P: no such file", redacted. Caller frees. */
static char *problem_words(const SecretConfig *config, const char *message) {
  const bool is_decrypted = config->dotenv != NULL && config->command->len > 0;
  g_autofree char *source = secret_source_words(config);
  const char *path = config->file != NULL ? config->file : config->dotenv;
  if (path != NULL && g_str_has_prefix(message, path)) /* it is said already */
    message += strspn(message + strlen(path), ": ") + strlen(path);
  g_autofree char *words =
      g_strdup_printf("%s%s%s%s%s", source, is_decrypted ? ", decrypted by " : "",
                      is_decrypted ? (const char *)g_ptr_array_index(config->command, 0) : "",
                      g_str_has_prefix(message, "is ") ? " " : ": ", message);
  return redact_text(words);
}

static Secret *take_value(const Question *question, const SecretConfig *config, GError **error) {
  if (question->entries != NULL) {
    const char *name = config->key != NULL ? config->key : config->name;
    Secret *value = g_hash_table_lookup(question->entries, name);
    if (value == NULL)
      (void)fail(error, SLIPWAY_ERROR_UNREADY, "it has no %s", name);
    return value != NULL ? secret_ref(value) : NULL;
  }
  const SecretText *text = question->text;
  bool has_newline =
      secret_source(config) != SECRET_FROM_ENV && text->len > 0 && text->str[text->len - 1] == '\n';
  return secret_new(text->str, text->len - (has_newline ? 1 : 0));
}

/* An empty value is nearly always one that is missing; a variable cannot hold every byte. */
static bool check_value(const SecretConfig *config, const Secret *value, GError **error) {
  g_autoptr(Secret) nothing = secret_new(NULL, 0);
  if (secret_equals(value, nothing))
    return fail(error, SLIPWAY_ERROR_UNREADY, "the value is empty; a variable may be, a secret may not");
  return config->mount != NULL || secret_is_text(value) ||
         fail(error, SLIPWAY_ERROR_UNREADY,
              "the value is not UTF-8 text, or has NUL bytes, and no variable can hold it: use mount");
}

static bool find_value(const Question *question, const SecretConfig *config, Secret **value, GError **error) {
  if (question->error != NULL) {
    g_propagate_error(error, g_error_copy(question->error));
    return false;
  }
  g_autoptr(Secret) found = take_value(question, config, error);
  if (found == NULL)
    return false;
  secret_redact(found);
  if (!check_value(config, found, error))
    return false;
  *value = g_steal_pointer(&found);
  return true;
}

static SecretAnswer *answer(const SecretConfig *config, const Question *question) {
  SecretAnswer *made = g_new0(SecretAnswer, 1);
  g_autoptr(GError) error = NULL;
  made->config = config;
  if (!find_value(question, config, &made->value, &error))
    made->problem = problem_words(config, error != NULL ? error->message : "?");
  return made;
}

/* Question by key; each is asked. */
static GHashTable *ask_questions(const char *directory, const GPtrArray *secrets) {
  GHashTable *questions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, question_free);
  GThreadPool *pool = g_thread_pool_new(ask_question, NULL, ASKED_AT_ONCE, FALSE, NULL);
  for (guint i = 0; i < secrets->len; i++) {
    const SecretConfig *config = g_ptr_array_index(secrets, i);
    char *key = question_key(config);
    if (g_hash_table_contains(questions, key)) {
      g_free(key);
      continue;
    }
    Question *question = g_new0(Question, 1);
    question->config = config;
    question->directory = directory;
    g_hash_table_insert(questions, key, question);
    g_thread_pool_push(pool, question, NULL);
  }
  g_thread_pool_free(pool, FALSE, TRUE);
  return questions;
}

bool secrets_ask(const char *directory, const GPtrArray *secrets, GPtrArray **answers, GError **error) {
  g_autoptr(GHashTable) questions = ask_questions(directory, secrets);
  g_autoptr(GPtrArray) given = g_ptr_array_new_with_free_func(answer_free);
  for (guint i = 0; i < secrets->len; i++) {
    const SecretConfig *config = g_ptr_array_index(secrets, i);
    g_autofree char *key = question_key(config);
    g_ptr_array_add(given, answer(config, g_hash_table_lookup(questions, key)));
  }
  if (interrupt_requested())
    return fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted while secrets were asked for");
  *answers = g_steal_pointer(&given);
  return true;
}

bool secrets_require(const GPtrArray *answers, GError **error) {
  g_autoptr(GString) problems = g_string_new(NULL);
  guint failures = 0;
  for (guint i = 0; i < answers->len; i++) {
    const SecretAnswer *given = g_ptr_array_index(answers, i);
    if (given->value != NULL)
      continue;
    g_string_append_printf(problems, "\n%s: %s", given->config->name, given->problem);
    failures++;
  }
  return failures == 0 || fail(error, SLIPWAY_ERROR_UNREADY, "%u of %u secrets could not be had:%s", failures,
                               answers->len, problems->str);
}
