/* Checks of URLs (health.http), as seen from the host or from here. */
#include <string.h>

#include "healthchecks/watch_private.h"
#include "support/poison.h"

static bool fetch(Engine *engine, const HttpCheck *check, HttpClient *client, const HttpRequest *request,
                  HttpReply *reply, GError **error) {
  Host *host = engine_host(engine);
  return check->from_controller ? http_perform(client, request, reply, error)
                                : host->ops->fetch(host, request, reply, error);
}

static char *ask(Engine *engine, const HttpCheck *check, HttpClient *client, guint timeout_ms) {
  g_auto(HttpReply) reply = {0};
  g_autoptr(GError) problem = NULL;
  const HttpRequest request = {.url = check->url, .connect_timeout_ms = timeout_ms, .timeout_ms = timeout_ms};
  if (!fetch(engine, check, client, &request, &reply, &problem))
    return g_strdup_printf("%s: no answer: %s", check->url, problem->message);
  if (reply.status == (long)check->expect)
    return NULL;
  return g_strdup_printf("%s: answered %ld, expected %u", check->url, reply.status, check->expect);
}

void http_checks_ask(Engine *engine, const HealthConfig *config, HttpClient *client, guint timeout_ms,
                     char **problem) {
  *problem = NULL;
  for (guint i = 0; config->http != NULL && i < config->http->len && *problem == NULL; i++)
    *problem = ask(engine, config->http->pdata[i], client, timeout_ms);
}
