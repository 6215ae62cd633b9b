/* rollout/journal, rollout/retell: what hosts' journals say together. */
#include "deployer/rollout/retell.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/json.h"

static GString *complaints;

static void setup(void) {
  complaints = g_string_new(NULL);
}

static void teardown(void) {
  g_string_free(complaints, TRUE);
}

TestSuite(journal, .init = setup, .fini = teardown);

static void complain(const char *words, void *data) {
  (void)data;
  g_string_append_printf(complaints, "%s\n", words);
}

/* A journal in short: "a:intent@1 a:succeeded@2"; the deployment's uid is 26 times the letter, the time a
 * minute of 2026. */
static char *journal(const char *words) {
  g_autoptr(GString) text = g_string_new(NULL);
  g_auto(GStrv) list = g_strsplit(words, " ", -1);
  for (char **word = list; *word != NULL && **word != '\0'; word++) {
    g_autofree char *uid = g_strnfill(26, **word);
    g_auto(GStrv) parts = g_strsplit(*word + 2, "@", 2);
    g_string_append_printf(
        text,
        "{\"deployment\":\"%s\",\"app\":\"shop\",\"environment\":\"prod\",\"kind\":\"deploy\","
        "\"outcome\":\"%s\",\"at\":\"2026-01-01T00:%02d:00Z\"}\n",
        uid, parts[0], (int)g_ascii_strtoll(parts[1], NULL, 10));
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The journals of web1, web2 … */
static GPtrArray *merge(const char *const *words) {
  static const char *const names[] = {"web1", "web2", "web3"};
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  Journal journals[G_N_ELEMENTS(names)];
  guint count = 0;
  for (; words[count] != NULL; count++) {
    g_ptr_array_add(texts, journal(words[count]));
    journals[count] = (Journal){.host = names[count], .text = texts->pdata[count]};
  }
  return journals_merge(journals, count, "shop", "prod", complain, NULL);
}

static void assert_order(const char *const *words, const char *expected) {
  g_autoptr(GPtrArray) entries = merge(words);
  g_autoptr(GString) order = g_string_new(NULL);
  for (guint i = 0; i < entries->len; i++)
    g_string_append_c(order, ((const JournalEntry *)entries->pdata[i])->uid[0]);
  cr_assert_str_eq(order->str, expected);
}

Test(journal, order_is_each_journals_own_and_then_by_time) {
  static const char *const same[] = {"a:intent@1 a:succeeded@2 b:intent@3", "a:intent@1 b:intent@3", NULL};
  static const char *const holes[] = {"a:intent@1 c:intent@5", "b:intent@3 c:intent@5",
                                      "a:intent@1 b:intent@3", NULL};
  static const char *const clocks[] = {"a:intent@9 b:intent@3", "b:intent@3 c:intent@1", NULL};
  static const char *const contradiction[] = {"a:intent@1 b:intent@2", "b:intent@2 a:intent@1", NULL};
  static const char *const nothing[] = {"", "", NULL};
  assert_order(same, "ab");
  assert_order(holes, "abc");
  assert_order(clocks, "abc"); /* controllers whose clocks differ */
  assert_order(contradiction, "ab");
  assert_order(nothing, "");
}

Test(journal, a_line_that_is_no_line_of_this_place_is_left_out_and_named) {
  g_autofree char *good = journal("a:succeeded@1");
  g_autofree char *other = g_strdup(good);
  strstr(other, "shop")[2] = '\\'; /* no longer JSON */
  g_autofree char *text =
      g_strdup_printf("garbage\n%s{\"deployment\":\"../../x\",\"app\":\"shop\",\"environment\":\"prod\"}\n"
                      "{\"deployment\":\"cccccccccccccccccccccccccc\",\"app\":\"shop\",\"environment\":"
                      "\"ci\",\"kind\":\"deploy\"}\n%s",
                      good, other);
  Journal one = {.host = "web1", .text = text};
  g_autoptr(GPtrArray) entries = journals_merge(&one, 1, "shop", "prod", complain, NULL);
  cr_assert_eq(entries->len, 1);
  cr_assert_not_null(strstr(complaints->str, "web1: line 1 of its journal cannot be read"));
  cr_assert_not_null(strstr(complaints->str, "line 3 of its journal names no deployment"));
  cr_assert_not_null(strstr(complaints->str, "line 4 of its journal is of shop--ci"));
  cr_assert_null(strstr(complaints->str, "line 5")); /* enough was said */
}

Test(journal, a_line_that_was_cut_off_does_not_take_the_next_one_along) {
  g_autofree char *good = journal("b:succeeded@2");
  g_autofree char *text = g_strconcat("{\"deployment\":\"aaaaaaaaaaaaa", good, NULL);
  Journal one = {.host = "web1", .text = text};
  g_autoptr(GPtrArray) entries = journals_merge(&one, 1, "shop", "prod", complain, NULL);
  cr_assert_eq(entries->len, 1);
  cr_assert_eq(((const JournalEntry *)entries->pdata[0])->uid[0], 'b');
}

/* ---- records ---- */

/* Of the last entry, when web1, web2 … were asked; `manifest` names web1, web2 and web3. */
static Deployment *retell(const char *const *words, bool is_newest) {
  static const char manifest[] =
      "{\"kind\":\"promote\",\"hosts\":[{\"name\":\"web1\",\"address\":\"10.0.0.1\"},{\"name\":\"web2\"},"
      "{\"name\":\"web3\"},{\"name\":\"web3\"}],\"actor\":\"an\\u001bna\",\"started_at\":\"2026-01-01T00:00:"
      "00Z\"}";
  static const char *const names[] = {"web1", "web2", "web3"};
  g_autoptr(GPtrArray) witnesses = g_ptr_array_new_with_free_func((GDestroyNotify)witness_free);
  for (guint i = 0; words[i] != NULL; i++)
    g_ptr_array_add(witnesses, witness_new(names[i], NULL, true));
  g_autoptr(GPtrArray) entries = merge(words);
  for (guint i = 0; i < entries->len; i++)
    witnesses_advance(witnesses, entries->pdata[i]);
  g_autoptr(cJSON) json = cJSON_Parse(manifest);
  return retell_deployment(entries->pdata[entries->len - 1], json, retell_hosts(json), witnesses, is_newest);
}

/* "changed:b restored:a unknown:?": status, and the first letter of what runs; "-": nothing, "?": not known
 */
static void assert_hosts(const Deployment *deployment, const char *expected) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < deployment->hosts->len; i++) {
    const DeploymentHost *host = deployment->hosts->pdata[i];
    char runs = host->runs == NULL ? '?' : *host->runs == '\0' ? '-' : *host->runs;
    g_string_append_printf(text, "%s%s:%c", i > 0 ? " " : "", host_status_name(host->status), runs);
  }
  cr_assert_str_eq(text->str, expected);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(journal, what_all_that_were_asked_noted_succeeded) {
  g_autoptr(Deployment) all =
      retell(WORDS("a:intent@1 a:succeeded@2", "a:intent@1 a:succeeded@2", "a:intent@1 a:succeeded@3"), true);
  cr_assert_eq(all->status, STATUS_SUCCEEDED);
  cr_assert_eq(all->exit_code, 0);
  cr_assert_eq(all->kind, KIND_PROMOTE);
  cr_assert_str_eq(all->actor, "an?na");
  cr_assert_eq(all->finished_at - all->started_at, 3 * G_TIME_SPAN_MINUTE);
  assert_hosts(all, "changed:a changed:a changed:a");
  g_autoptr(Deployment) one_away =
      retell(WORDS("a:intent@1 a:succeeded@2", "a:intent@1 a:succeeded@2"), true);
  cr_assert_eq(one_away->status, STATUS_SUCCEEDED);
  assert_hosts(one_away, "changed:a changed:a skipped:?");
  static const char both[] = "a:intent@1 a:succeeded@1 b:intent@2 b:succeeded@2";
  g_autoptr(Deployment) one_silent =
      retell(WORDS("b:intent@2 b:succeeded@2", both, "a:intent@1 a:succeeded@1"), true);
  assert_hosts(one_silent, "changed:b changed:b skipped:a");
}

Test(journal, what_was_put_back_failed) {
  g_autoptr(Deployment) failed =
      retell(WORDS("a:intent@1 a:succeeded@2 b:intent@3 b:restored@4",
                   "a:intent@1 a:succeeded@2 b:intent@3 b:restored@4", "a:intent@1 a:succeeded@2"),
             true);
  cr_assert_eq(failed->status, STATUS_FAILED);
  cr_assert_eq(failed->exit_code, 1);
  cr_assert(failed->touched);
  assert_hosts(failed, "restored:a restored:a unchanged:a");
}

Test(journal, what_has_no_end_runs_or_was_interrupted_and_is_not_guessed) {
  g_autoptr(Deployment) running = retell(WORDS("a:intent@1 a:succeeded@2", "a:intent@1"), true);
  cr_assert_eq(running->status, STATUS_RUNNING);
  cr_assert_eq(running->exit_code, -1);
  cr_assert_eq(running->finished_at, 0);
  cr_assert_null(running->controller);
  g_autoptr(Deployment) overtaken = retell(WORDS("a:intent@1 a:succeeded@2", "a:intent@1"), false);
  cr_assert_eq(overtaken->status, STATUS_INTERRUPTED);
  cr_assert_eq(overtaken->exit_code, 130);
  assert_hosts(overtaken, "changed:a unknown:? skipped:?");
  g_autoptr(Deployment) mixed = retell(WORDS("a:intent@1 a:succeeded@2", "a:intent@1 a:restored@2"), true);
  cr_assert_eq(mixed->status, STATUS_BROKEN);
  cr_assert_eq(mixed->exit_code, 5);
}

Test(journal, nonsense_in_a_manifest_is_no_release) {
  static const char *const manifests[] = {
      "{}",
      "{\"release\":{\"uid\":\"x\",\"version\":\"1\",\"images\":{\"web\":\"w@sha256:1\"}}}",
      "{\"release\":{\"uid\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\",\"version\":\"1\",\"images\":{\"web\":\"w:1\"}}}",
      "{\"release\":{\"uid\":\"aaaaaaaaaaaaaaaaaaaaaaaaaa\",\"images\":{\"web\":\"w@sha256:1\"}}}",
      "{\"release\":[]}",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(manifests); i++) {
    g_autoptr(cJSON) json = cJSON_Parse(manifests[i]);
    g_autoptr(Release) release = retell_release(json);
    cr_assert_null(release, "%s", manifests[i]);
  }
}
