#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "support/errors.h"

#define OTHER "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static bool check(const char *yaml, GError **error) {
  g_autoptr(GHashTable) pins = g_hash_table_new(g_str_hash, g_str_equal);
  g_hash_table_insert(pins, (gpointer) "web", (gpointer)("r.example.org/web@" DIGEST));
  g_hash_table_insert(pins, (gpointer) "proxy", (gpointer)("nginx@" DIGEST));
  return compose_check_effective(yaml, strlen(yaml), pins, NULL, error);
}

Test(effective, accepts_the_pins_however_they_are_spelt) {
  static const char *const cases[] = {
      "services: {web: {image: 'r.example.org/web@" DIGEST "'}, proxy: {image: 'nginx@" DIGEST "'}}",
      "services: {web: {image: 'r.example.org/web:v1@" DIGEST "'}}",
      "services: {proxy: {image: 'docker.io/library/nginx:1@" DIGEST "', volumes: [a:/b, {source: /c}]}}",
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    cr_expect(check(cases[i], &error), "%s", error == NULL ? "" : error->message);
  }
}

Test(effective, refuses_whatever_is_not_pinned) {
  static const struct {
    const char *yaml, *fragment;
  } cases[] = {
      {"services: {web: {image: 'r.example.org/web:v1'}}",
       "service web would run r.example.org/web:v1 instead of r.example.org/web@" DIGEST},
      {"services: {web: {image: 'r.example.org/web@" OTHER "'}}", "instead of"},
      {"services: {web: {image: 'evil.example.org/web@" DIGEST "'}}", "would run evil.example.org/web"},
      {"services: {web: {build: .}}", "service web would run an image of its own build"},
      {"services: {extra: {image: 'x@" DIGEST "'}}",
       "service extra would run x@" DIGEST ", which no pin is known for"},
      {"services: {web: {image: a}, proxy: {image: b}}", "; service proxy would run b"},
      {"services: {proxy: {image: 'nginx@" DIGEST "', volumes: [{source: /proc/self/cwd/project/x}]}}",
       "service proxy would mount project/x"},
      {"services: {proxy: {image: 'nginx@" DIGEST "', volumes: ['/proc/self/cwd/project/x:/y']}}",
       "would mount"},
      {"{}", "no services"},
      {"{", "cannot be read"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    cr_expect_not(check(cases[i].yaml, &error), "%s", cases[i].yaml);
    cr_assert_not_null(error);
    cr_expect(error_is(error, SLIPWAY_ERROR_UNREADY));
    cr_expect_not_null(strstr(error->message, cases[i].fragment), "%s", error->message);
  }
}

static GHashTable *set_of(const char *const *names) {
  GHashTable *set = g_hash_table_new(g_str_hash, g_str_equal);
  for (; *names != NULL; names++)
    g_hash_table_add(set, (gpointer)*names);
  return set;
}

Test(effective, runs_exactly_the_services_of_the_hosts_profiles) {
  static const char yaml[] =
      "services: {web: {image: 'web@" DIGEST "'}, worker: {image: 'worker@" DIGEST "'}}";
  static const char *const both[] = {"web", "worker", NULL}, *const one[] = {"web", NULL};
  static const char *const more[] = {"web", "worker", "cron", NULL};
  static const struct {
    const char *const *runs;
    const char *problem;
  } cases[] = {
      {both, NULL},
      {one, "service worker would run, although the host has none of its profiles"},
      {more, "service cron would not run, although the host has its profiles"},
  };
  g_autoptr(GHashTable) pins = g_hash_table_new(g_str_hash, g_str_equal);
  g_hash_table_insert(pins, (gpointer) "web", (gpointer)("web@" DIGEST));
  g_hash_table_insert(pins, (gpointer) "worker", (gpointer)("worker@" DIGEST));
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GHashTable) runs = set_of(cases[i].runs), found = set_of(both);
    g_autoptr(GError) error = NULL, same = NULL;
    bool is_well = compose_check_effective(yaml, strlen(yaml), pins, runs, &error);
    cr_expect_eq(is_well, cases[i].problem == NULL);
    cr_expect_eq(compose_check_services(found, runs, &same), is_well);
    if (!is_well && error != NULL)
      cr_expect_not_null(strstr(error->message, cases[i].problem), "%s", error->message);
  }
}
