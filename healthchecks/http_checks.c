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
  g_autofree char *url = http_url_for_people(check->url);
  const HttpRequest request = {.url = check->url, .connect_timeout_ms = timeout_ms, .timeout_ms = timeout_ms};
  if (fetch(engine, check, client, &request, &reply, &problem))
    return reply.status == (long)check->expect
               ? NULL
               : g_strdup_printf("%s: answered %ld, expected %u", url, reply.status, check->expect);
  return g_str_has_prefix(problem->message, url) ? g_strdup(problem->message)
                                                 : g_strdup_printf("%s: %s", url, problem->message);
}

void http_checks_ask(Engine *engine, const HealthConfig *config, HttpClient *client, guint timeout_ms,
                     char **problem) {
  *problem = NULL;
  for (guint i = 0; config->http != NULL && i < config->http->len && *problem == NULL; i++)
    *problem = ask(engine, config->http->pdata[i], client, timeout_ms);
}
