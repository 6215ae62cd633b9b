/* What deploy, promote and rollback have in common: running a rollout and telling how it ended. */
#pragma once

#include "deployer/commands/command.h"
#include "deployer/rollout/rollout.h"

/* How a user passes gates, and has tags resolved anew. */
typedef struct {
  bool force, repin;
  const char *reason;
} GateChoices;

/* Rows for a choices struct that has a GateChoices at offset `base`. */
/* clang-format off */
#define GATE_OPTIONS(base)                                                                                   \
  {0, OPTION_FLAG, "force", NULL, (base) + offsetof(GateChoices, force), "pass every gate and a hold, and go on with too few locks; wants --reason"},  \
  {0, OPTION_TEXT, "reason", "TEXT", (base) + offsetof(GateChoices, reason),                                 \
   "why; recorded with the deployment"},                                                                     \
  {0, OPTION_FLAG, "repin", NULL, (base) + offsetof(GateChoices, repin),                                     \
   "resolve the tags of sidecar images (nginx, redis) again; else the release keeps their digests"}
/* clang-format on */

/* For every command that locks the hosts. */
typedef struct {
  const char *wait_lock;
} LockChoices;

/* clang-format off */
#define LOCK_OPTIONS(base)                                                                                   \
  {0, OPTION_TEXT, "wait-lock", "DURATION", (base) + offsetof(LockChoices, wait_lock),                       \
   "wait this long (90s, 10m) for another deployment to end, instead of being refused"}
/* clang-format on */

/* For commands that can do without some hosts. */
typedef struct {
  bool skip_unreachable;
  GPtrArray *only; /* --host: char *; NULL: all */
  bool adopt;
} HostChoices;

/* clang-format off */
#define SKIP_OPTIONS(base)                                                                                   \
  {0, OPTION_FLAG, "skip-unreachable", NULL, (base) + offsetof(HostChoices, skip_unreachable),               \
   "go on without hosts that cannot be reached; more than half must be locked, or --force"}
#define HOST_OPTIONS(base)                                                                                   \
  {0, OPTION_LIST, "host", "NAME", (base) + offsetof(HostChoices, only),                                     \
   "only this host, the others count as skipped; may be repeated"}
#define ADOPT_OPTIONS(base)                                                                                  \
  {0, OPTION_FLAG, "adopt", NULL, (base) + offsetof(HostChoices, adopt),                                     \
   "go on although containers of that project name run which slipway did not start: they are replaced or removed"}
/* clang-format on */

/* Copies the choices into `request`. SLIPWAY_ERROR_USAGE: no such host in `environment`. */
bool host_choices_apply(const HostChoices *choices, const Environment *environment, RolloutRequest *request,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For commands that take today's configuration. */
typedef struct {
  GPtrArray *texts; /* --set: char *, KEY=VALUE; NULL: none */
} SetChoices;

/* clang-format off */
#define SET_OPTIONS(base)                                                                                    \
  {0, OPTION_LIST, "set", "KEY=VALUE", (base) + offsetof(SetChoices, texts),                                 \
   "this variable for this deployment alone; recorded with it; may be repeated"}
/* clang-format on */

/* Copies the choices into `request`, which borrows *set, the caller's to free. SLIPWAY_ERROR_USAGE: as
 * variables_parse_set. */
bool set_choices_apply(const SetChoices *choices, const Environment *environment, RolloutRequest *request,
                       GPtrArray **set, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For commands without gates: what --force passes is the majority of locks. */
typedef struct {
  bool force;
  const char *reason;
} ForceChoices;

/* clang-format off */
#define FORCE_OPTIONS(base)                                                                                  \
  {0, OPTION_FLAG, "force", NULL, (base) + offsetof(ForceChoices, force),                                    \
   "go on although no more than half of the hosts could be locked; wants --reason"},                           \
  {0, OPTION_TEXT, "reason", "TEXT", (base) + offsetof(ForceChoices, reason), "why; recorded"}
/* clang-format on */

/* Copies the choices into `request`. SLIPWAY_ERROR_USAGE: --force without --reason. */
bool force_choices_apply(const ForceChoices *choices, RolloutRequest *request,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SLIPWAY_ERROR_USAGE: no duration. */
bool lock_choices_apply(const LockChoices *choices, RolloutRequest *request,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs `request` (config, environment, history, reporter and command are filled in here) and says on stdout
 * what runs where now; what happened on each host when it failed goes to stderr. */
bool deliver(Invocation *invocation, RolloutRequest *request, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Copies the choices into `request`. SLIPWAY_ERROR_USAGE: --force without --reason. */
bool gate_choices_apply(const GateChoices *choices, RolloutRequest *request,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
