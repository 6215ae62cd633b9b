/* Phase `prepare`: after it, every host can run the target without asking anybody, and nothing has changed
 * yet. */
#include <string.h>

#include "deployer/rollout/ephemeral.h"
#include "deployer/rollout/phases.h"
#include "deployer/rollout/room.h"
#include "deployer/rollout/secrets.h"
#include "deployer/rollout/services.h"
#include "environments/hosts/host_compose.h"
#include "host_scripts.h"
#include "pipelines/credentials.h"
#include "support/errors.h"
#include "support/text.h"

#include "support/poison.h"

enum { UPLOAD_TIMEOUT_MS = 600000, COMPOSE_TIMEOUT_MS = 120000 };

typedef struct {
  Worker *worker;
  gint64 total;
} PullWatch;

static void show_pull(gint64 done, gint64 total, void *data) {
  PullWatch *watch = data;
  watch->total = total;
  reporter_pull(watch->worker->rollout->request->reporter, watch->worker->config->name, done, total);
}

static bool pull_missing(Worker *worker, GPtrArray *missing, gint64 *bytes, GError **error) {
  g_autofree EnginePull *pulls = g_new0(EnginePull, missing->len);
  g_autoptr(GPtrArray) headers = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < missing->len; i++) {
    char *header = NULL;
    pulls[i].reference = g_ptr_array_index(missing, i);
    if (!registry_credentials_header(pulls[i].reference, &header, error))
      return false;
    g_ptr_array_add(headers, header);
    pulls[i].auth = header;
  }
  PullWatch watch = {.worker = worker};
  if (!engine_pull(worker->engine, pulls, missing->len, show_pull, &watch, error))
    return registry_credentials_explain(missing, error);
  *bytes = watch.total;
  return true;
}

static bool has_tag(const Worker *worker, const char *reference, const char *repository, const char *tag) {
  const EngineImage *image = g_hash_table_lookup(worker->images, reference);
  g_autofree char *name = g_strdup_printf("%s:%s", repository, tag);
  return image != NULL && g_ptr_array_find_with_equal_func(image->tags, name, g_str_equal, NULL);
}

/* Images that were pulled by digest alone look dangling to `docker image prune`: a local tag keeps them
 * (design §5). */
static bool protect_images(Worker *worker, const GPtrArray *references, GError **error) {
  g_autofree EngineTag *tags = g_new0(EngineTag, references->len);
  g_autoptr(GPtrArray) repositories = g_ptr_array_new_with_free_func(g_free);
  guint count = 0;
  for (guint i = 0; i < references->len; i++) {
    const char *reference = g_ptr_array_index(references, i);
    char *repository = image_protecting_name(worker->rollout->place, reference);
    const char *tag = strrchr(reference, ':') + 1;
    g_ptr_array_add(repositories, repository);
    if (!has_tag(worker, reference, repository, tag))
      tags[count++] = (EngineTag){reference, repository, tag};
  }
  return engine_tag_images(worker->engine, tags, count, error);
}

static bool step_pull(Worker *worker, char **detail, GError **error) {
  g_autoptr(GPtrArray) references = target_references(worker->rollout->target, worker->config);
  g_autoptr(GPtrArray) missing = NULL;
  gint64 bytes = 0;
  if (!find_missing_images(worker, &missing, error) ||
      (missing->len > 0 &&
       (!require_room_for_pull(worker, missing, error) || !pull_missing(worker, missing, &bytes, error))))
    return false;
  /* One that is ephemeral is never gone back to. */
  const bool is_kept = !worker->rollout->request->environment->is_ephemeral;
  if (is_kept && !protect_images(worker, references, error))
    return false;
  g_autofree char *size = size_for_people(bytes);
  *detail = missing->len == 0 ? g_strdup("all images there")
                              : g_strdup_printf("%u of %u images, %s", missing->len, references->len, size);
  return true;
}

static bool step_upload(Worker *worker, char **detail, GError **error) {
  Rollout *rollout = worker->rollout;
  g_autoptr(GPtrArray) common = release_shared_files(rollout);
  g_autoptr(GPtrArray) generated = release_own_files(worker);
  g_autoptr(GPtrArray) secrets = worker_secret_files(worker);
  g_autoptr(GBytes) shared =
      compose_bundle_shared(rollout->bundles, rollout->target->project, common, worker->facts->files);
  g_autoptr(GBytes) own = compose_bundle_own(generated, secrets);
  gsize own_length = 0;
  const void *bytes = g_bytes_get_data(own, &own_length);
  const gint64 length = (gint64)(g_bytes_get_size(shared) + own_length);
  const char *argv[] = {worker->facts->folder, rollout->deployment->uid, NULL};
  HostScript script = {.text = host_script_upload,
                       .argv = argv,
                       .first = shared,
                       .input = bytes,
                       .input_length = own_length,
                       .timeout_ms = UPLOAD_TIMEOUT_MS};
  g_auto(HostReply) reply = {0};
  if (!require_room_for_upload(worker, length, error) || !host_run(worker->host, &script, &reply, error))
    return false;
  *detail = size_for_people(length);
  return true;
}

static bool step_config(Worker *worker, char **detail, GError **error) {
  g_auto(HostReply) reply = {0};
  (void)detail;
  if (!worker_compose(worker, worker->facts->folder, worker->rollout->deployment->uid, "config",
                      COMPOSE_TIMEOUT_MS, &reply, error))
    return false;
  if (reply.status != 0)
    return host_compose_refuses(&reply, error);
  return worker_check_services(worker, &reply, error) &&
         ephemeral_require_ports(worker, reply.out->str, reply.out->len, error);
}

static bool prepare_worker(Worker *worker, GError **error) {
  return worker_step(worker, "pull", step_pull, error) && worker_step(worker, "upload", step_upload, error) &&
         worker_step(worker, "config", step_config, error);
}

bool phase_prepare(Rollout *rollout, GError **error) {
  return require_runnable(rollout, error) && crew_run_all(rollout, prepare_worker, error);
}
