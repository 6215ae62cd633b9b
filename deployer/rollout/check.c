/* `slipway check ENV`: could a deployment be made ready here? Asks without changing or locking anything. */
#include <string.h>

#include "deployer/rollout/check.h"
#include "deployer/rollout/crew.h"
#include "deployer/rollout/ephemeral.h"
#include "environments/secrets/secrets.h"
#include "host_scripts.h"
#include "support/errors.h"
#include "support/interrupt.h"
#include "support/parallel.h"
#include "support/text.h"

#include "support/poison.h"

/* Below these a deployment is likely to fail for want of room; what a release really needs is asked before it
 * is pulled. */
static const gint64 LEAST_FREE_BYTES = 500 * 1000 * 1000;
static const gint64 LEAST_FREE_INODES = 10000;
static const gint64 MOST_CLOCK_SKEW_MS = 5000;

typedef struct {
  Host *host;
  const char *place;
  GPtrArray *answers; /* CheckAnswer of this host */
} HostCheck;

void check_answer_free(CheckAnswer *answer) {
  g_free(answer->host);
  g_free(answer->subject);
  g_free(answer->answer);
  g_free(answer);
}

void check_add(GPtrArray *answers, const char *host, const char *subject, bool passes, char *text) {
  CheckAnswer *answer = g_new0(CheckAnswer, 1);
  answer->host = g_strdup(host);
  answer->subject = g_strdup(subject);
  answer->passes = passes;
  answer->answer = text;
  g_ptr_array_add(answers, answer);
}

static void say(const HostCheck *check, const char *subject, bool passes, char *text) {
  check_add(check->answers, check->host->config->name, subject, passes, text);
}

static void check_free(const HostCheck *check, const char *folder, gint64 bytes, gint64 inodes) {
  g_autofree char *size = size_for_people(bytes);
  if (bytes >= 0)
    say(check, "disk", bytes >= LEAST_FREE_BYTES, g_strdup_printf("%s free in %s", size, folder));
  if (inodes >= 0)
    say(check, "inodes", inodes >= LEAST_FREE_INODES,
        g_strdup_printf("%" G_GINT64_FORMAT " free in %s", inodes, folder));
}

static void check_rooms(const HostCheck *check, const char *folder, const char *data_root) {
  const char *argv[] = {folder, data_root, NULL};
  HostScript script = {.text = host_script_room, .argv = argv};
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) problem = NULL;
  if (!host_run(check->host, &script, &reply, &problem)) {
    say(check, "disk", false, g_strdup(problem->message));
    return;
  }
  g_auto(GStrv) lines = g_strsplit(reply.out->str, "\n", -1);
  for (char **line = lines; *line != NULL; line++) {
    g_auto(GStrv) words = g_strsplit(*line, " ", 3);
    if (g_strv_length(words) == 3)
      check_free(check, words[0], g_ascii_strtoll(words[1], NULL, 10), g_ascii_strtoll(words[2], NULL, 10));
  }
}

static void check_clock(const HostCheck *check, const HostFacts *facts, gint64 asked, gint64 answered) {
  gint64 skew = facts->clock - (asked + answered) / 2;
  gint64 off_ms = ABS(skew) / 1000 - (answered - asked) / 2000;
  g_autofree char *text = duration_for_people(MAX(off_ms, 0));
  say(check, "clock", off_ms <= MOST_CLOCK_SKEW_MS,
      off_ms <= MOST_CLOCK_SKEW_MS ? g_strdup("right")
                                   : g_strdup_printf("%s %s: health and journal times would mislead", text,
                                                     skew > 0 ? "ahead" : "behind"));
}

static void check_engine(const HostCheck *check, const HostFacts *facts) {
  g_autoptr(Engine) engine = NULL;
  g_autoptr(GError) problem = NULL;
  g_autofree char *data_root = NULL;
  const char *os = NULL, *architecture = NULL;
  if (facts->engine_problem != NULL) {
    say(check, "engine", false, g_strdup(facts->engine_problem));
    return;
  }
  if (!engine_new(check->host, &engine, &problem) || !engine_platform(engine, &os, &architecture, &problem) ||
      !engine_info(engine, &data_root, &problem)) {
    say(check, "engine", false, g_strdup(problem->message));
    return;
  }
  say(check, "engine", true, g_strdup_printf("%s (%s)", engine_version(engine), architecture));
  check_rooms(check, facts->folder, data_root);
}

static void check_compose(const HostCheck *check, const HostFacts *facts) {
  static const char *const names[] = {
      [COMPOSE_NONE] = "not found: install the package docker-compose-plugin or docker-compose",
      [COMPOSE_V1] = "v1",
      [COMPOSE_V2] = "v2",
  };
  say(check, "compose", facts->compose != COMPOSE_NONE, g_strdup(names[facts->compose]));
}

static void check_host(gpointer data, gpointer unused) {
  HostCheck *check = data;
  HostPurpose purpose = {.place = check->place};
  g_autoptr(HostFacts) facts = NULL;
  g_autoptr(GError) problem = NULL;
  gint64 asked = g_get_real_time();
  (void)unused;
  if (interrupt_requested()) {
    say(check, "ssh", false, g_strdup("not asked: interrupted"));
    return;
  }
  if (!host_open(check->host, &purpose, &facts, &problem)) {
    say(check, "ssh", false, g_strdup(problem->message));
    return;
  }
  gint64 answered = g_get_real_time();
  g_autofree char *took = duration_for_people((answered - asked) / 1000);
  say(check, check->host->config->address != NULL ? "ssh" : "shell", true,
      g_strdup_printf("answers in %s%s%s", took, check->host->note != NULL ? "; " : "",
                      check->host->note != NULL ? check->host->note : ""));
  check_compose(check, facts);
  check_engine(check, facts);
  check_clock(check, facts, asked, answered);
}

static void check_registries(const Config *config, GPtrArray *answers) {
  g_autoptr(Registry) registry = registry_new(config->insecure_registries);
  for (guint i = 0; i < config->images->len; i++) {
    const NamedValue *image = g_ptr_array_index(config->images, i);
    g_autoptr(GError) problem = NULL;
    bool passes = registry_check(registry, image->value, &problem);
    check_add(answers, NULL, "registry", passes,
              passes ? g_strdup_printf("%s can be read", image->value) : g_strdup(problem->message));
  }
}

/* Values are asked for, and not said. */
static void check_secrets(const RolloutRequest *request, GPtrArray *answers) {
  g_autoptr(GPtrArray) asked = NULL;
  g_autoptr(GError) problem = NULL;
  if (!secrets_ask(request->config->directory, request->environment->secrets, &asked, &problem)) {
    check_add(answers, NULL, "secret", false, g_strdup(problem->message));
    return;
  }
  for (guint i = 0; i < asked->len; i++) {
    const SecretAnswer *answer = g_ptr_array_index(asked, i);
    g_autofree char *source = secret_source_words(answer->config);
    check_add(answers, NULL, "secret", answer->value != NULL,
              answer->value != NULL ? g_strdup_printf("%s: %s has it", answer->config->name, source)
                                    : g_strdup_printf("%s: %s", answer->config->name, answer->problem));
  }
}

static void check_hosts(const Environment *environment, const char *place, GPtrArray *answers) {
  guint count = environment->hosts->len;
  g_autofree HostCheck *checks = g_new0(HostCheck, count);
  g_autoptr(GPtrArray) asked = g_ptr_array_new();
  for (guint i = 0; i < count; i++) {
    checks[i] = (HostCheck){.host = host_new(g_ptr_array_index(environment->hosts, i)),
                            .place = place,
                            .answers = g_ptr_array_new()};
    g_ptr_array_add(asked, &checks[i]);
  }
  parallel_run(asked, CREW_THREADS, check_host, NULL);
  for (guint i = 0; i < count; i++) {
    g_ptr_array_extend_and_steal(answers, checks[i].answers);
    host_free(checks[i].host);
  }
}

GPtrArray *rollout_check(const RolloutRequest *request) {
  const Config *config = request->config;
  g_autofree char *place = environment_place(config, request->environment);
  GPtrArray *answers = g_ptr_array_new_with_free_func((GDestroyNotify)check_answer_free);
  check_hosts(request->environment, place, answers);
  check_registries(config, answers);
  check_secrets(request, answers);
  check_room(request, answers);
  return answers;
}
