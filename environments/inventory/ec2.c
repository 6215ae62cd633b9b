/* EC2's DescribeInstances (the Query API, version 2016-11-15), region by region, page by page. */
#include <string.h>

#include "environments/inventory/aws.h"
#include "environments/inventory/source.h"
#include "support/errors.h"
#include "support/interrupt.h"

#include "support/poison.h"

enum {
  PAGE = 200,       /* instances; EC2 allows 5 to 1000 */
  MOST_PAGES = 500, /* of one region: a token that never ends */
  ATTEMPTS = 4,
  FIRST_PAUSE_MS = 250, /* before the second attempt; doubled each time */
  TIMEOUT_MS = 30 * 1000,
};

typedef struct {
  const Ec2Config *ec2;
  const char *region;
  const AwsCredentials *credentials;
  char *url;
  HttpClient *http;
} Question;

static char *endpoint_of(const char *region) {
  static const char *const variables[] = {"AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL"};
  for (guint i = 0; i < G_N_ELEMENTS(variables); i++) {
    const char *url = aws_variable(variables[i]);
    if (url != NULL)
      return g_strconcat(url, g_str_has_suffix(url, "/") ? "" : "/", NULL);
  }
  return g_strdup_printf("https://ec2.%s.amazonaws.com%s/", region,
                         g_str_has_prefix(region, "cn-") ? ".cn" : "");
}

static void add_field(GString *form, const char *name, const char *value) {
  g_string_append_printf(form, "%s%s=", form->len > 0 ? "&" : "", name);
  g_string_append_uri_escaped(form, value, NULL, FALSE);
}

static void add_filter(GString *form, guint number, const char *name, const char *value) {
  g_autofree char *name_field = g_strdup_printf("Filter.%u.Name", number);
  g_autofree char *value_field = g_strdup_printf("Filter.%u.Value.1", number);
  add_field(form, name_field, name);
  add_field(form, value_field, value);
}

/* Caller frees. */
static GString *make_form(const Ec2Config *ec2, const char *next_token) {
  GString *form = g_string_new("Action=DescribeInstances&Version=2016-11-15");
  add_filter(form, 1, "instance-state-name", "running");
  for (guint i = 0; i < ec2->tags->len; i++) {
    const NamedValue *tag = ec2->tags->pdata[i];
    g_autofree char *name = g_strconcat("tag:", tag->name, NULL);
    add_filter(form, i + 2, name, tag->value);
  }
  g_string_append_printf(form, "&MaxResults=%d", PAGE);
  if (next_token != NULL)
    add_field(form, "NextToken", next_token);
  return form;
}

static bool send_form(const Question *question, const GString *form, HttpReply *reply, GError **error) {
  const AwsCredentials *credentials = question->credentials;
  g_autofree char *scope = g_strdup_printf("aws:amz:%s:ec2", question->region);
  char *keys = g_strconcat(credentials->access_key, ":", credentials->secret_key, NULL);
  char *token = credentials->session_token != NULL
                    ? g_strconcat("X-Amz-Security-Token: ", credentials->session_token, NULL)
                    : NULL;
  HttpRequest request = {
      .url = question->url,
      .headers = (const char *const[]){"Content-Type: application/x-www-form-urlencoded; charset=utf-8",
                                       token, NULL},
      .basic = keys,
      .sigv4 = scope,
      .body = form->str,
      .body_length = form->len,
      .timeout_ms = TIMEOUT_MS,
      .is_interruptible = true,
  };
  bool is_answered = http_perform(question->http, &request, reply, error);
  explicit_bzero(keys, strlen(keys));
  g_free(keys);
  if (token != NULL)
    explicit_bzero(token, strlen(token));
  g_free(token);
  return is_answered;
}

static bool is_worth_another_try(const HttpReply *reply, const char *code) {
  return reply->status >= 500 || reply->status == 429 || g_strcmp0(code, "RequestLimitExceeded") == 0 ||
         g_strcmp0(code, "Throttling") == 0;
}

static bool pause_before(guint attempt, GError **error) {
  g_usleep(((gulong)FIRST_PAUSE_MS << (attempt - 1)) * 1000);
  return !interrupt_requested() || fail(error, SLIPWAY_ERROR_INTERRUPTED, "interrupted");
}

static bool ask(const Question *question, const GString *form, HttpReply *reply, GError **error) {
  for (guint attempt = 1;; attempt++) {
    g_auto(HttpReply) answer = {0};
    g_autofree char *code = NULL;
    if (!send_form(question, form, &answer, error))
      return false;
    if (answer.status == 200) {
      *reply = answer;
      answer = (HttpReply){0};
      return true;
    }
    g_autofree char *words = ec2_read_error(answer.body->str, answer.body->len, &code);
    if (attempt == ATTEMPTS || !is_worth_another_try(&answer, code))
      return fail(error, SLIPWAY_ERROR_UNREADY, "%s (status %ld, asked with the keys of %s)",
                  words != NULL ? words : "it did not say why", answer.status, question->credentials->source);
    if (!pause_before(attempt, error))
      return false;
  }
}

static bool ask_pages(const Question *question, GPtrArray *found, GError **error) {
  g_autofree char *token = NULL;
  for (guint page = 0; page < MOST_PAGES; page++) {
    g_auto(HttpReply) reply = {0};
    g_autofree char *next = NULL;
    GString *form = make_form(question->ec2, token);
    bool is_answered = ask(question, form, &reply, error);
    g_string_free(form, TRUE);
    if (!is_answered ||
        !ec2_read_page(reply.body->str, reply.body->len, question->ec2->address, found, &next, error))
      return false;
    if (next == NULL)
      return true;
    g_free(token);
    token = g_steal_pointer(&next);
  }
  return fail(error, SLIPWAY_ERROR_UNREADY, "its answer does not end after %d pages", MOST_PAGES);
}

static bool ask_region(const Ec2Config *ec2, const char *region, const AwsCredentials *credentials,
                       GPtrArray *found, GError **error) {
  g_autoptr(HttpClient) http = http_client_new();
  g_autofree char *url = endpoint_of(region);
  const Question question = {ec2, region, credentials, url, http};
  return ask_pages(&question, found, error) || prefix(error, "EC2 in %s: ", region);
}

/* The configured ones, or the one of the AWS configuration. */
static bool find_regions(const Ec2Config *ec2, const AwsProfile *profile, HttpClient *http,
                         GPtrArray *regions, GError **error) {
  char *region = NULL;
  for (guint i = 0; i < ec2->regions->len; i++)
    g_ptr_array_add(regions, g_strdup(ec2->regions->pdata[i]));
  if (regions->len > 0)
    return true;
  if (!aws_find_region(profile, http, &region, error))
    return false;
  g_ptr_array_add(regions, region);
  return true;
}

/* "no running instance in eu-west-1 has the tags App=journal, Environment=prod". */
static bool fail_empty(const Ec2Config *ec2, const GPtrArray *regions, GError **error) {
  g_autoptr(GString) places = g_string_new(NULL), tags = g_string_new(NULL);
  for (guint i = 0; i < regions->len; i++)
    g_string_append_printf(places, "%s%s", i > 0 ? ", " : "", (const char *)regions->pdata[i]);
  for (guint i = 0; i < ec2->tags->len; i++) {
    const NamedValue *tag = ec2->tags->pdata[i];
    g_string_append_printf(tags, "%s%s=%s", i > 0 ? ", " : "", tag->name, tag->value);
  }
  return fail(error, SLIPWAY_ERROR_UNREADY, "EC2: no instance that runs in %s has the tag%s %s", places->str,
              ec2->tags->len > 1 ? "s" : "", tags->str);
}

bool ec2_find_hosts(const Ec2Config *ec2, GPtrArray *found, GError **error) {
  g_autoptr(HttpClient) http = http_client_new();
  g_autoptr(AwsProfile) profile = NULL;
  g_autoptr(AwsCredentials) credentials = NULL;
  g_autoptr(GPtrArray) regions = g_ptr_array_new_with_free_func(g_free);
  guint before = found->len;
  if (!aws_profile_read(ec2->profile, &profile, error) ||
      !aws_find_credentials(profile, http, &credentials, error) ||
      !find_regions(ec2, profile, http, regions, error))
    return false;
  for (guint i = 0; i < regions->len; i++)
    if (!ask_region(ec2, regions->pdata[i], credentials, found, error))
      return false;
  return found->len > before || fail_empty(ec2, regions, error);
}
