/* Following references from variable to variable. */
#include "environments/config/variables.h"

#include <string.h>

#include "environments/config/interpolate.h"
#include "environments/config/schema.h"
#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

typedef enum {
  UNSEEN,
  OPEN, /* its references are being followed */
  DONE,
  BAD, /* what is wrong with it has been said */
} Progress;

typedef struct {
  const char *name, *written;
  char *value; /* NULL until DONE */
  Progress progress;
} Variable;

typedef struct {
  const Environment *environment;
  GPtrArray *variables; /* Variable: in the order of the result, then the builtins */
  GHashTable *by_name;  /* -> Variable */
  GPtrArray *open;      /* Variable: those OPEN, outermost first */
  GString *problems;    /* a line each */
  bool has_been_said;   /* the error under way is about another variable, and in `problems` already */
} Resolver;

static void variable_free(Variable *variable) {
  g_free(variable->value);
  g_free(variable);
}

static void resolver_clear(Resolver *resolver) {
  g_ptr_array_unref(resolver->variables);
  g_hash_table_unref(resolver->by_name);
  g_ptr_array_unref(resolver->open);
  (void)g_string_free(resolver->problems, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Resolver, resolver_clear)

/* `is_final`: nothing in it is to be followed. The last one of a name counts. */
static void add_variable(Resolver *resolver, const NamedValue *source, bool is_final) {
  Variable *variable = g_hash_table_lookup(resolver->by_name, source->name);
  if (variable == NULL) {
    variable = g_new0(Variable, 1);
    variable->name = source->name;
    g_ptr_array_add(resolver->variables, variable);
    g_hash_table_insert(resolver->by_name, source->name, variable);
  }
  variable->written = source->value;
  variable->progress = is_final ? DONE : UNSEEN;
  g_free(variable->value);
  variable->value = is_final ? g_strdup(source->value) : NULL;
}

static void add_variables(Resolver *resolver, const GPtrArray *sources, bool are_final) {
  for (guint i = 0; sources != NULL && i < sources->len; i++)
    add_variable(resolver, sources->pdata[i], are_final);
}

static bool is_secret(const Environment *environment, const char *name) {
  for (guint i = 0; i < environment->secrets->len; i++) {
    const SecretConfig *secret = environment->secrets->pdata[i];
    if (g_str_equal(secret->name, name))
      return true;
  }
  return false;
}

static void report(Resolver *resolver, const char *name, const char *problem) {
  g_string_append_printf(resolver->problems, "%svariables of %s: %s: %s",
                         resolver->problems->len > 0 ? "\n" : "", resolver->environment->name, name, problem);
}

/* "A -> B -> A", once; none of them can have a value. */
static void report_circle(Resolver *resolver, const Variable *first) {
  g_autoptr(GString) circle = g_string_new(NULL);
  guint start = 0;
  while (resolver->open->pdata[start] != first)
    start++;
  for (guint i = start; i < resolver->open->len; i++) {
    Variable *member = resolver->open->pdata[i];
    member->progress = BAD;
    g_string_append_printf(circle, "%s -> ", member->name);
  }
  g_string_append_printf(circle, "%s: they refer to each other in a circle", first->name);
  report(resolver, first->name, circle->str);
}

static bool find_outside(const char *name, bool must_be_set, const char **value, GError **error) {
  const char *found = g_getenv(name);
  if (found == NULL && must_be_set)
    return fail(error, SLIPWAY_ERROR_CONFIG,
                "the environment of slipway itself has no %s; if it need not: ${env:%s:-default}", name,
                name);
  if (found != NULL && !g_utf8_validate(found, -1, NULL))
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s in the environment of slipway itself is not UTF-8", name);
  *value = found;
  return true;
}

static bool fail_unknown(const Resolver *resolver, const char *name, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < resolver->variables->len; i++)
    g_ptr_array_add(names, (gpointer)((const Variable *)resolver->variables->pdata[i])->name);
  g_ptr_array_add(names, NULL);
  const char *nearest = nearest_word(name, (const char *const *)names->pdata);
  if (nearest != NULL)
    return fail(error, SLIPWAY_ERROR_CONFIG, "there is no variable %s; did you mean ${%s}?", name, nearest);
  return fail(
      error, SLIPWAY_ERROR_CONFIG,
      "there is no variable %s; the environment of slipway itself is ${env:%s}, a text that begins so "
      "is $${%s}",
      name, name, name);
}

static void follow(Resolver *resolver, Variable *variable);

static bool find(const char *name, bool must_be_set, void *data, const char **value, GError **error) {
  Resolver *resolver = data;
  Variable *variable = g_hash_table_lookup(resolver->by_name, name);
  if (g_str_has_prefix(name, REFERENCE_ENV))
    return find_outside(name + strlen(REFERENCE_ENV), must_be_set, value, error);
  if (variable == NULL && is_secret(resolver->environment, name))
    return fail(error, SLIPWAY_ERROR_CONFIG,
                "%s is a secret, and variables are recorded and shown; let the Compose file use ${%s}", name,
                name);
  if (variable == NULL && must_be_set)
    return fail_unknown(resolver, name, error);
  if (variable != NULL && variable->progress == OPEN)
    report_circle(resolver, variable);
  else if (variable != NULL)
    follow(resolver, variable);
  if (variable != NULL && variable->progress != DONE) {
    resolver->has_been_said = true;
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s has no value", name);
  }
  *value = variable != NULL ? variable->value : NULL;
  return true;
}

static bool is_known(const char *name, void *data) {
  const Resolver *resolver = data;
  return g_hash_table_contains(resolver->by_name, name) || is_secret(resolver->environment, name);
}

static void follow(Resolver *resolver, Variable *variable) {
  if (variable->progress != UNSEEN)
    return;
  const References references = {.find = find, .is_known = is_known, .data = resolver};
  g_autoptr(GError) problem = NULL;
  variable->progress = OPEN;
  resolver->has_been_said = false;
  g_ptr_array_add(resolver->open, variable);
  bool is_done = interpolate_references(variable->written, &references, &variable->value, &problem);
  g_ptr_array_set_size(resolver->open, (gint)resolver->open->len - 1);
  if (!is_done && !resolver->has_been_said)
    report(resolver, variable->name, problem->message);
  variable->progress = is_done ? DONE : BAD;
}

static NamedValue *named_value_new(const char *name, const char *value) {
  NamedValue *copy = g_new0(NamedValue, 1);
  copy->name = g_strdup(name);
  copy->value = g_strdup(value);
  return copy;
}

bool variables_resolve(const Environment *environment, const GPtrArray *builtins, const GPtrArray *set,
                       GPtrArray **variables, GError **error) {
  g_auto(Resolver) resolver = {
      .environment = environment,
      .variables = g_ptr_array_new_with_free_func((GDestroyNotify)variable_free),
      .by_name = g_hash_table_new(g_str_hash, g_str_equal),
      .open = g_ptr_array_new(),
      .problems = g_string_new(NULL),
  };
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func((GDestroyNotify)named_value_free);
  add_variables(&resolver, environment->variables, false);
  add_variables(&resolver, set, true);
  guint count = resolver.variables->len;
  add_variables(&resolver, builtins, true);
  for (guint i = 0; i < count; i++) {
    Variable *variable = resolver.variables->pdata[i];
    follow(&resolver, variable);
    g_ptr_array_add(values, named_value_new(variable->name, variable->value));
  }
  if (resolver.problems->len > 0)
    return fail(error, SLIPWAY_ERROR_CONFIG, "%s", resolver.problems->str);
  *variables = g_steal_pointer(&values);
  return true;
}

static bool parse_one(const Environment *environment, const char *text, GPtrArray *set, GError **error) {
  const char *equals = strchr(text, '=');
  g_autofree char *key = g_strndup(text, equals != NULL ? (gsize)(equals - text) : strlen(text));
  g_autofree char *name = text_convert(&text_variable, key, NULL);
  if (equals == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "--set %s: expected KEY=VALUE", key);
  if (name == NULL)
    return fail(error, SLIPWAY_ERROR_USAGE, "--set %s: expected %s", key, text_variable.expected);
  if (is_secret(environment, name))
    return fail(error, SLIPWAY_ERROR_USAGE,
                "--set %s: it is a secret of %s, and what --set says is recorded and shown", key,
                environment->name);
  if (!g_utf8_validate(equals + 1, -1, NULL))
    return fail(error, SLIPWAY_ERROR_USAGE, "--set %s: the value is not UTF-8", key);
  g_ptr_array_add(set, named_value_new(name, equals + 1));
  return true;
}

bool variables_parse_set(const Environment *environment, const GPtrArray *texts, GPtrArray **set,
                         GError **error) {
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func((GDestroyNotify)named_value_free);
  for (guint i = 0; texts != NULL && i < texts->len; i++)
    if (!parse_one(environment, texts->pdata[i], values, error))
      return false;
  *set = g_steal_pointer(&values);
  return true;
}
