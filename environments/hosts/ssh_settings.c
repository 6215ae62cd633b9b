/* SSH settings of a host: `ssh -G` where it could say anything, slipway.yml's keys on top, OpenSSH's defaults
 * below. */
#include "environments/hosts/ssh_settings.h"

#include <glob.h>
#include <pthread.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "environments/hosts/backend.h"
#include "environments/hosts/known_hosts.h"
#include "support/child.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/interrupt.h"
#include "support/poison.h"
#include "support/text.h"

#define SYSTEM_FOLDER "/etc/ssh"
#define NONE          "none"

enum {
  CONFIGURATION_CAP = 1 << 20,
  DEFAULT_PORT = 22,
  DEFAULT_TIMEOUT_MS = 10000,
  DEFAULT_KEEPALIVE_MS = 5000,
  HOPS_MAX = 8,
  ASK_TIMEOUT_MS = 10000,
};

/* Set once by ssh_settings_global_init, before any thread. */
static bool has_ssh_program = false;
static char *user_configuration = NULL;
static bool should_ask_ssh = false;

/* --- whether to ask
 * ------------------------------------------------------------------------------------------- */

/* What Debian's and others' stock ssh_config says, which changes nothing of what is read below. */
static bool is_harmless(const char *keyword) {
  static const char *const harmless[] = {"sendenv",
                                         "hashknownhosts",
                                         "gssapiauthentication",
                                         "gssapidelegatecredentials",
                                         "forwardx11",
                                         "forwardx11trusted",
                                         NULL};
  g_autofree char *lower = g_ascii_strdown(keyword, -1);
  return g_strv_contains(harmless, lower);
}

static bool included_matters(const char *pattern, const char *system_folder) {
  g_autofree char *expected = g_strconcat(system_folder, "/ssh_config.d/*.conf", NULL);
  if (strcmp(pattern, expected) != 0)
    return true;
  glob_t found = {0};
  bool does_matter = false;
  if (glob(pattern, 0, NULL, &found) == 0)
    for (gsize i = 0; i < found.gl_pathc && !does_matter; i++)
      does_matter = ssh_configuration_matters(found.gl_pathv[i], system_folder);
  globfree(&found);
  return does_matter;
}

static bool line_matters(char *line, const char *system_folder) {
  g_strstrip(line);
  if (*line == '\0' || *line == '#')
    return false;
  const gsize length = strcspn(line, " \t=");
  g_autofree char *keyword = g_strndup(line, length);
  const char *value = line + length + strspn(line + length, " \t=");
  if (g_ascii_strcasecmp(keyword, "host") == 0)
    return false; /* a section; what it holds is what counts */
  if (g_ascii_strcasecmp(keyword, "include") == 0)
    return included_matters(value, system_folder);
  return !is_harmless(keyword);
}

bool ssh_configuration_matters(const char *path, const char *system_folder) {
  if (access(path, F_OK) != 0)
    return false;
  g_autoptr(GBytes) bytes = NULL;
  if (!file_read(path, CONFIGURATION_CAP, &bytes, NULL))
    return true;
  gsize length = 0;
  const char *data = g_bytes_get_data(bytes, &length);
  g_autofree char *text = g_strndup(data == NULL ? "" : data, length);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  bool does_matter = false;
  for (char **line = lines; *line != NULL && !does_matter; line++)
    does_matter = line_matters(*line, system_folder);
  return does_matter;
}

void ssh_settings_global_init(void) {
  (void)g_get_user_name(); /* GLib looks these up once */
  g_autofree char *program = g_find_program_in_path("ssh");
  const struct passwd *self = getpwuid(getuid());
  /* ssh does not believe $HOME */ /* NOLINT(concurrency-mt-unsafe) */
  g_free(user_configuration);
  user_configuration = g_strconcat(self == NULL ? g_get_home_dir() : self->pw_dir, "/.ssh/config", NULL);
  has_ssh_program = program != NULL;
  should_ask_ssh = program != NULL && (ssh_configuration_matters(user_configuration, SYSTEM_FOLDER) ||
                                       ssh_configuration_matters(SYSTEM_FOLDER "/ssh_config", SYSTEM_FOLDER));
}

const char *ssh_user_configuration(void) {
  return user_configuration;
}

bool ssh_program_exists(void) {
  return has_ssh_program;
}

/* --- what ssh -G says
 * ----------------------------------------------------------------------------------------- */

static bool is_interrupted(void *was_before) {
  return interrupt_came_since(*(const bool *)was_before);
}

/* In one line, as it stands in tables. */
static bool fail_asking(const GError *cause, GError **error) {
  const bool is_over = error_is(cause, SLIPWAY_ERROR_INTERRUPTED);
  g_auto(GStrv) lines = g_strsplit(cause->message, "\n  ", -1);
  g_autofree char *words = g_strjoinv("; ", lines + 1);
  return fail(error, is_over ? SLIPWAY_ERROR_INTERRUPTED : SLIPWAY_ERROR_UNREADY, "ssh -G: %s%s%s", lines[0],
              *words == '\0' ? "" : " ", words);
}

/* What the configuration says is run (Match exec) may take its time. */
static bool run_ssh(const char *const *argv, char **text, GError **error) {
  g_auto(GStrv) environment = g_get_environ();
  g_autoptr(SecretText) said = secret_text_new();
  g_autoptr(GError) cause = NULL;
  bool was_interrupted = interrupt_requested();
  const ChildOrder order = {.argv = argv,
                            .environment = (const char *const *)environment,
                            .directory = ".",
                            .timeout_ms = ASK_TIMEOUT_MS,
                            .is_cancelled = is_interrupted,
                            .data = &was_interrupted,
                            .output = &said,
                            .output_cap = CONFIGURATION_CAP};
  if (!child_run(&order, &cause))
    return fail_asking(cause, error);
  *text = g_strndup(said->str, said->len);
  return true;
}

/* The same question again, of a bastion or for a host that is tried again, costs no process. */
static bool ask_once(const char *const *argv, char **text, GError **error) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static GHashTable *answers = NULL;
  g_autofree char *question = g_strjoinv("\n", (char **)argv);
  pthread_mutex_lock(&lock);
  if (answers == NULL)
    answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  *text = g_strdup(g_hash_table_lookup(answers, question));
  pthread_mutex_unlock(&lock);
  if (*text != NULL)
    return true;
  if (!run_ssh(argv, text, error))
    return false;
  pthread_mutex_lock(&lock);
  g_hash_table_insert(answers, g_steal_pointer(&question), g_strdup(*text));
  pthread_mutex_unlock(&lock);
  return true;
}

/* What ssh itself makes of its configuration for this host. Caller frees. */
static bool ask_ssh(const HostConfig *config, char **text, GError **error) {
  g_autofree char *port = g_strdup_printf("%u", config->ssh.port);
  const char *argv[10] = {"ssh", "-G"};
  guint count = 2;
  if (config->ssh.user != NULL) {
    argv[count++] = "-l";
    argv[count++] = config->ssh.user;
  }
  if (config->ssh.port != 0) {
    argv[count++] = "-p";
    argv[count++] = port;
  }
  argv[count++] = "--";
  argv[count] = config->address;
  return ask_once(argv, text, error) || prefix(error, "%s: ", config->address);
}

/* Keyword (lower case) -> GPtrArray of values, in order. */
static GHashTable *read_said(const char *text) {
  GHashTable *said =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    const char *space = strchr(*line, ' ');
    if (space == NULL)
      continue;
    g_autofree char *keyword = g_strndup(*line, (gsize)(space - *line));
    GPtrArray *values = g_hash_table_lookup(said, keyword);
    if (values == NULL) {
      values = g_ptr_array_new_with_free_func(g_free);
      g_hash_table_insert(said, g_steal_pointer(&keyword), values);
    }
    g_ptr_array_add(values, g_strdup(space + 1));
  }
  return said;
}

/* NULL when it did not say, or said "none". */
static const char *said_value(GHashTable *said, const char *keyword) {
  const GPtrArray *values = g_hash_table_lookup(said, keyword);
  const char *value = values == NULL ? NULL : g_ptr_array_index(values, 0);
  return value == NULL || strcmp(value, NONE) == 0 ? NULL : value;
}

/* --- proxies
 * -------------------------------------------------------------------------------------------------- */

static char *copy_unless_none(const char *text) {
  return text == NULL || g_ascii_strcasecmp(text, NONE) == 0 ? NULL : g_strdup(text);
}

/* As in ssh_config(5), whichever of the two is said first keeps the other from counting, `none` too. */
static void find_proxy(SshTarget *target, const SshSettings *own, GHashTable *said) {
  if (own->proxy_jump != NULL || own->proxy_command != NULL) {
    target->proxy_jump = copy_unless_none(own->proxy_jump);
    target->proxy_command = copy_unless_none(own->proxy_command);
    return;
  }
  target->proxy_jump = g_strdup(said_value(said, "proxyjump"));
  if (target->proxy_jump == NULL)
    target->proxy_command = g_strdup(said_value(said, "proxycommand"));
  target->passes_descriptor = g_strcmp0(said_value(said, "proxyusefdpass"), "yes") == 0;
}

/* --- keys and files
 * ------------------------------------------------------------------------------------------- */

static void add_path(GPtrArray *paths, const char *path) {
  g_autofree char *resolved = path_resolve(".", path);
  g_ptr_array_add(paths, g_steal_pointer(&resolved));
}

static void find_keys(SshTarget *target, const HostConfig *config, GHashTable *said) {
  static const char *const defaults[] = {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"};
  target->keys = g_ptr_array_new_with_free_func(g_free);
  target->has_chosen_key = config->ssh.keys != NULL && config->ssh.keys->len > 0;
  if (target->has_chosen_key) {
    for (guint i = 0; i < config->ssh.keys->len; i++)
      add_path(target->keys, g_ptr_array_index(config->ssh.keys, i));
    return;
  }
  const GPtrArray *named = g_hash_table_lookup(said, "identityfile");
  g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; named != NULL && i < named->len; i++)
    add_path(candidates, g_ptr_array_index(named, i));
  for (guint i = 0; named == NULL && i < G_N_ELEMENTS(defaults); i++)
    add_path(candidates, defaults[i]);
  for (guint i = 0; i < candidates->len; i++) {
    const char *path = g_ptr_array_index(candidates, i);
    g_autofree char *public = g_strconcat(path, ".pub", NULL);
    if (access(path, F_OK) == 0 || access(public, F_OK) == 0)
      g_ptr_array_add(target->keys, g_strdup(path));
  }
}

static void find_agent(SshTarget *target, const HostConfig *config, GHashTable *said) {
  const char *named = said_value(said, "identityagent");
  const bool is_off = g_hash_table_contains(said, "identityagent") && named == NULL;
  if (!config->ssh.agent || is_off)
    return;
  const char *path = named == NULL || strcmp(named, "SSH_AUTH_SOCK") == 0 ? g_getenv("SSH_AUTH_SOCK") : named;
  if (path != NULL && *path == '$')
    path = g_getenv(path + 1);
  if (path != NULL && *path != '\0')
    target->agent = path_resolve(".", path);
}

static void add_known_hosts(GPtrArray *paths, GHashTable *said, const char *keyword, const char *otherwise) {
  const GPtrArray *values = g_hash_table_lookup(said, keyword);
  g_auto(GStrv) words = g_strsplit(values == NULL ? otherwise : g_ptr_array_index(values, 0), " ", -1);
  for (char **word = words; *word != NULL; word++)
    if (**word != '\0' && strcmp(*word, NONE) != 0)
      add_path(paths, *word);
}

static void find_known_hosts(SshTarget *target, const HostConfig *config, GHashTable *said) {
  target->user_known_hosts = g_ptr_array_new_with_free_func(g_free);
  target->known_hosts = g_ptr_array_new_with_free_func(g_free);
  if (config->ssh.known_hosts != NULL) {
    add_path(target->user_known_hosts, config->ssh.known_hosts);
    add_path(target->known_hosts, config->ssh.known_hosts);
  } else {
    add_known_hosts(target->user_known_hosts, said, "userknownhostsfile",
                    "~/.ssh/known_hosts ~/.ssh/known_hosts2");
    add_known_hosts(target->known_hosts, said, "userknownhostsfile",
                    "~/.ssh/known_hosts ~/.ssh/known_hosts2");
    add_known_hosts(target->known_hosts, said, "globalknownhostsfile",
                    SYSTEM_FOLDER "/ssh_known_hosts " SYSTEM_FOLDER "/ssh_known_hosts2");
  }
  g_ptr_array_add(target->known_hosts, NULL);
}

/* --- all of it
 * ------------------------------------------------------------------------------------------------ */

static void target_clear(gpointer data) {
  SshTarget *target = data;
  ssh_target_unref(target->hop);
  g_free(target->name);
  g_free(target->hostname);
  g_free(target->proxy_jump);
  g_free(target->proxy_command);
  g_free(target->alias);
  g_free(target->user);
  g_free(target->agent);
  g_clear_pointer(&target->keys, g_ptr_array_unref);
  g_clear_pointer(&target->user_known_hosts, g_ptr_array_unref);
  g_clear_pointer(&target->known_hosts, g_ptr_array_unref);
}

SshTarget *ssh_target_ref(SshTarget *target) {
  return g_atomic_rc_box_acquire(target);
}

void ssh_target_unref(SshTarget *target) {
  if (target != NULL)
    g_atomic_rc_box_release_full(target, target_clear);
}

static const char *either(const char *first, const char *second) {
  return first != NULL ? first : second;
}

static guint number_or(const char *text, guint otherwise) {
  gint64 number = 0;
  return text != NULL && number_parse(text, 1, G_MAXUINT16, &number) ? (guint)number : otherwise;
}

static bool accepts_new(const HostConfig *config, GHashTable *said) {
  /* "no" would also let a changed key pass; a changed key never does here. */
  const char *strict = either(said_value(said, "stricthostkeychecking"), "ask");
  return config->ssh.host_keys == HOST_KEYS_ACCEPT_NEW || strcmp(strict, "accept-new") == 0 ||
         strcmp(strict, "false") == 0 || strcmp(strict, "off") == 0 || strcmp(strict, "no") == 0;
}

SshTarget *ssh_target_combine(const HostConfig *config, const char *text) {
  g_autoptr(GHashTable) said = read_said(text);
  SshTarget *found = g_atomic_rc_box_new0(SshTarget);
  const SshSettings *own = &config->ssh;
  const char *alias = either(config->id, said_value(said, "hostkeyalias"));
  found->name = g_strdup(config->address);
  found->hostname = g_strdup(either(said_value(said, "hostname"), config->address));
  found->user = g_strdup(either(own->user, either(said_value(said, "user"), g_get_user_name())));
  found->port = own->port != 0 ? own->port : number_or(said_value(said, "port"), DEFAULT_PORT);
  found->alias = g_strdup(either(alias, found->hostname));
  found->alias_port = alias == NULL ? found->port : DEFAULT_PORT;
  found->is_identities_only = g_strcmp0(said_value(said, "identitiesonly"), "yes") == 0;
  found->has_certificate = said_value(said, "certificatefile") != NULL;
  found->host_keys = accepts_new(config, said) ? HOST_KEYS_ACCEPT_NEW : HOST_KEYS_STRICT;
  const guint said_timeout = number_or(said_value(said, "connecttimeout"), 0) * 1000;
  found->connect_timeout_ms = own->connect_timeout_ms > 0 ? (guint)own->connect_timeout_ms : said_timeout;
  if (found->connect_timeout_ms == 0)
    found->connect_timeout_ms = DEFAULT_TIMEOUT_MS;
  found->keepalive_ms = own->keepalive_ms > 0 ? (guint)own->keepalive_ms : DEFAULT_KEEPALIVE_MS;
  find_keys(found, config, said);
  find_agent(found, config, said);
  find_known_hosts(found, config, said);
  find_proxy(found, own, said);
  return found;
}

char *ssh_target_describe(const SshTarget *target) {
  g_autofree char *place = known_hosts_name(target->hostname, target->port);
  return g_strconcat(target->user, "@", place, NULL);
}

/* --- hops
 * ----------------------------------------------------------------------------------------------------- */

/* "[ssh://][user@]host[:port]"; an IPv6 address with a port is in brackets. */
static bool read_hop(const char *text, SshSettings *settings, char **host, GError **error) {
  const char *start = g_str_has_prefix(text, "ssh://") ? text + strlen("ssh://") : text;
  const char *at = strrchr(start, '@');
  settings->user = at == NULL ? NULL : g_strndup(start, (gsize)(at - start));
  const char *place = at == NULL ? start : at + 1;
  const char *bracket = *place == '[' ? strchr(place, ']') : NULL;
  const char *colon = strrchr(place, ':');
  if (bracket != NULL) {
    *host = g_strndup(place + 1, (gsize)(bracket - place - 1));
    colon = bracket[1] == ':' ? bracket + 1 : NULL;
  } else {
    const bool is_port = colon != NULL && strchr(place, ':') == colon;
    colon = is_port ? colon : NULL;
    *host = is_port ? g_strndup(place, (gsize)(colon - place)) : g_strdup(place);
  }
  gint64 port = 0;
  if (**host == '\0' || strpbrk(*host, "\"\\*?! \t\n") != NULL ||
      (colon != NULL && !number_parse(colon + 1, 1, G_MAXUINT16, &port)))
    return fail(error, SLIPWAY_ERROR_UNREADY, "proxy_jump: \"%s\" is no [user@]host[:port]", text);
  settings->port = (guint)port;
  return true;
}

/* A hop is reached with what serves the host behind it, where nothing is said of itself. */
static void add_fallbacks(SshTarget *hop, const SshSettings *given, const SshSettings *behind) {
  if (given->user == NULL && behind->user != NULL && strcmp(hop->user, g_get_user_name()) == 0) {
    g_free(hop->user);
    hop->user = g_strdup(behind->user);
  }
  for (guint i = 0; behind->keys != NULL && i < behind->keys->len; i++) {
    g_autofree char *path = path_resolve(".", g_ptr_array_index(behind->keys, i));
    g_ptr_array_insert(hop->keys, (int)i, g_steal_pointer(&path));
  }
  hop->has_chosen_key = behind->keys != NULL && behind->keys->len > 0;
  if (behind->known_hosts == NULL)
    return;
  GPtrArray *lists[] = {hop->user_known_hosts, hop->known_hosts};
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    g_ptr_array_insert(lists[i], 0, path_resolve(".", behind->known_hosts));
}

static bool resolve(const HostConfig *config, const SshSettings *behind, guint depth, SshTarget **target,
                    GError **error);

static bool resolve_hop(SshTarget *target, const SshSettings *own, guint depth, GError **error) {
  const char *comma = strrchr(target->proxy_jump, ',');
  g_autofree char *host = NULL;
  SshSettings settings = {.agent = own->agent,
                          .host_keys = own->host_keys,
                          .connect_timeout_ms = own->connect_timeout_ms,
                          .keepalive_ms = own->keepalive_ms};
  bool is_well =
      depth < HOPS_MAX
          ? read_hop(comma == NULL ? target->proxy_jump : comma + 1, &settings, &host, error)
          : fail(error, SLIPWAY_ERROR_UNREADY,
                 "more than %d hops on the way: does a bastion's ProxyJump lead to itself?", HOPS_MAX);
  /* The first hop's own way counts, of those behind it the list is the way. */
  g_autofree char *before =
      comma == NULL ? NULL : g_strndup(target->proxy_jump, (gsize)(comma - target->proxy_jump));
  settings.proxy_jump = before;
  const HostConfig config = {.name = host, .address = host, .ssh = settings};
  is_well = is_well && resolve(&config, own, depth + 1, &target->hop, error);
  g_free(settings.user);
  return is_well;
}

/* `behind`: of the host that this is a hop to; NULL: it is the host itself. */
static bool resolve(const HostConfig *config, const SshSettings *behind, guint depth, SshTarget **target,
                    GError **error) {
  if (*config->address == '\0' || *config->address == '-' ||
      (config->ssh.user != NULL && *config->ssh.user == '-'))
    return fail(error, SLIPWAY_ERROR_UNREADY, "\"%s\" is no address to connect to", config->address);
  g_autofree char *said = NULL;
  g_autoptr(SshTarget) found = NULL;
  if (should_ask_ssh && !ask_ssh(config, &said, error))
    return false;
  found = ssh_target_combine(config, said == NULL ? "" : said);
  if (behind != NULL)
    add_fallbacks(found, &config->ssh, behind);
  if (found->proxy_jump != NULL && !resolve_hop(found, behind != NULL ? behind : &config->ssh, depth, error))
    return false;
  *target = g_steal_pointer(&found);
  return true;
}

bool ssh_target_resolve(const HostConfig *config, SshTarget **target, GError **error) {
  return resolve(config, NULL, 0, target, error);
}
