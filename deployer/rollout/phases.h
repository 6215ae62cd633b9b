/* The phases of design §6, in order. Each works on all hosts (or a wave of them) and waits for the slowest.
 */
#pragma once

#include "deployer/rollout/crew.h"

/* Connects to all hosts at once, also those that --host leaves out: a lock that is held there counts.
 * `holder` then locks them, the first by name before the others; NULL does not. Hosts that cannot be reached
 * are skipped where the request allows it and most of the others are locked. SLIPWAY_ERROR_REFUSED when
 * locked by another. */
bool phase_connect(Rollout *rollout, const char *holder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for a command without a target, and then: what other histories recorded is imported, the situation
 * read again, and what was abandoned settled. */
bool phase_ready(Rollout *rollout, const char *holder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Leaves out, and records, the hosts that --host does not name. Once the deployment's content is known. */
bool skip_unchosen(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Images there and protected from pruning, release folder uploaded, Compose shown to run exactly the pins.
 * Changes no container. */
bool phase_prepare(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Wave by wave: compose up, healthy, settled, http. Stops at the first wave in which a host fails. */
bool phase_apply(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* `current` flips, the host's journal says so. */
bool phase_commit(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Beyond `retain`; failures are warnings. */
void phase_prune(Rollout *rollout);
/* Every host that has strayed back to its `current`. False when some host could not be put back; records say
 * which. */
bool phase_restore(Rollout *rollout, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Starts release `uid` on the worker's host and waits until it is well. Shared by apply and restore. */
bool worker_converge(Worker *worker, const char *uid, const HealthConfig *health, bool is_cancellable,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What went wrong, as Compose said it, without the progress that it tells on the same stream; else the end of
 * what it said. Caller frees. */
char *compose_reason(const HostReply *reply);

/* What a host keeps of a deployment (manifest.c): enough for another history to record it (import.h). In the
 * release folder, besides the project's own files: images.yml, env, manifest.json, snapshot.json
 * (ProjectFile). */
/* Hands such a line to a script that takes FOLDER and UID, and may do more than append it to the journal. */
bool worker_note(Worker *worker, const char *script, const char *outcome,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
GPtrArray *release_own_files(const Worker *worker);
/* The one of them that is the same on all hosts: the snapshot, which names all hosts, and is made once. Any
 * thread. */
GPtrArray *release_shared_files(Rollout *rollout);
/* A line of the host's journal with its newline; `outcome`: "intent", "succeeded", "restored". Caller frees.
 */
char *journal_line(const Worker *worker, const char *outcome);

/* The local repository that keeps `reference` from `docker image prune`: "slipway.local/APP--ENV/NAME"
 * (design §5); its tag there is the digest's hex. Caller frees. */
char *image_protecting_name(const char *place, const char *reference);

/* The record of a deployment that is about to begin: who, what, where. Not in the history yet (id 0). */
Deployment *rollout_make_record(const RolloutRequest *request, const Target *target);
/* The same without a release, for housekeeping (down, prune, import): with rollout_new(…, NULL target, …) and
 * phase_connect it gives locked hosts to work on. Steps are recorded only once it is in the history. */
Deployment *rollout_bare_record(const RolloutRequest *request);
/* Asks `question`; SLIPWAY_ERROR_REFUSED unless it is answered with yes. */
bool rollout_confirm(const RolloutRequest *request, const char *question,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Puts the record in the history and says what begins: `move` is "promote r7 (1.4.2) to prod". */
bool rollout_begin(const RolloutRequest *request, const char *move, Deployment *deployment,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Turns the failure of a phase into that of the deployment: puts the hosts back where that may be done, and
 * settles what each of them runs. Always false; SLIPWAY_ERROR_BROKEN where a person is needed. */
bool rollout_fail(Rollout *rollout, const GError *cause, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A container of some host may have been changed. */
bool rollout_has_touched(const Rollout *rollout);
/* Gives the record its last word, and the history. `cause`: why it failed, or NULL; taken over, and what
 * *error is then, unless the history cannot be written either. */
bool rollout_conclude(Rollout *rollout, GError *cause, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For a broken end: a line per host (what it runs as far as known, what it should run, the command that mends
 * it), then the commands for all (way_out.c). Caller frees. */
char *describe_way_out(const Rollout *rollout);

/* The host's containers are not known to be those of its `current`: this deployment touched them, or an
 * earlier one that was cut short did. Asks the host when only the latter is possible. */
bool worker_has_strayed(Worker *worker);
