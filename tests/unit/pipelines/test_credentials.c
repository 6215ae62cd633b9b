/* Credentials from a config.json in a home folder of the test's own, and from helpers on its $PATH. */
#include <criterion/criterion.h>
#include <string.h>

#include "pipelines/credentials.h"
#include "registries.h"
#include "support/errors.h"

static char *home;

static void set_up(void) {
  home = home_make();
}

static void tear_down(void) {
  home_remove(home);
  g_free(home);
}

TestSuite(credentials, .init = set_up, .fini = tear_down);

static RegistryCredentials *find(const char *registry) {
  RegistryCredentials *credentials = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(registry_credentials_find(registry, &credentials, &error), "%s",
            error == NULL ? "" : error->message);
  return credentials;
}

static void expect_unready(const char *registry, const char *fragment) {
  RegistryCredentials *credentials = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert_not(registry_credentials_find(registry, &credentials, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
  cr_assert_not_null(strstr(error->message, fragment), "%s", error->message);
  cr_assert_null(strstr(error->message, "s3cret"), "%s", error->message);
}

Test(credentials, without_a_file_there_are_none) {
  g_autoptr(RegistryCredentials) credentials = find("registry.example.org");
  cr_assert_null(credentials);
}

/* dXNlcjpzM2NyZXQ6cHc= is user:s3cret:pw, dXNlcjpwdwAAAA== is user:pw and three NULs, PHRva2VuPjpyZWZyZXNo is
 * <token>:refresh */
static const struct {
  const char *json, *registry, *user, *password, *token;
} ENTRIES[] = {
    {"{\"auths\":{\"r.example.org\":{\"auth\":\"dXNlcjpzM2NyZXQ6cHc=\"}}}", "r.example.org", "user",
     "s3cret:pw", NULL},
    {"{\"auths\":{\"r.example.org:5000\":{\"auth\":\"dXNlcjpzM2NyZXQ6cHc=\"}}}", "r.example.org", NULL, NULL,
     NULL},
    {"{\"auths\":{\"https://r.example.org/v1/\":{\"auth\":\"dXNlcjpwdwAAAA==\"}}}", "r.example.org", "user",
     "pw", NULL},
    {"{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dXNlcjpwdwAAAA==\"}}}", "docker.io", "user",
     "pw", NULL},
    {"{\"auths\":{\"docker.io\":{\"username\":\"u\",\"password\":\"p\"}}}", "docker.io", "u", "p", NULL},
    {"{\"auths\":{\"r.io\":{\"auth\":\"PHRva2VuPjpyZWZyZXNo\"}}}", "r.io", "<token>", NULL, "refresh"},
    {"{\"auths\":{\"r.io\":{\"auth\":\"dXNlcjpwdwAAAA==\",\"identitytoken\":\"idt\"}}}", "r.io", "user", "pw",
     "idt"},
    {"{\"auths\":{\"r.io\":{}}}", "r.io", NULL, NULL, NULL},
    {"{}", "r.io", NULL, NULL, NULL},
};

Test(credentials, entries_of_the_file_are_found_as_docker_finds_them) {
  for (guint i = 0; i < G_N_ELEMENTS(ENTRIES); i++) {
    home_write_docker_config(home, ENTRIES[i].json);
    g_autoptr(RegistryCredentials) found = find(ENTRIES[i].registry);
    cr_expect_eq(found == NULL, ENTRIES[i].user == NULL, "row %u", i);
    cr_expect_str_eq(found == NULL || found->user == NULL ? "" : found->user,
                     ENTRIES[i].user == NULL ? "" : ENTRIES[i].user, "row %u", i);
    cr_expect_eq(g_strcmp0(found == NULL ? NULL : found->password, ENTRIES[i].password), 0, "row %u", i);
    cr_expect_eq(g_strcmp0(found == NULL ? NULL : found->identity_token, ENTRIES[i].token), 0, "row %u", i);
  }
}

Test(credentials, DOCKER_CONFIG_names_another_folder) {
  home_write_docker_config(home, "{\"auths\":{\"r.io\":{\"username\":\"u\",\"password\":\"p\"}}}");
  g_setenv("DOCKER_CONFIG", "/nonexistent", TRUE);
  g_autoptr(RegistryCredentials) credentials = find("r.io");
  cr_assert_null(credentials);
}

Test(credentials, a_broken_file_is_named) {
  home_write_docker_config(home, "{\"auths\": {");
  expect_unready("r.io", ".docker/config.json");
  home_write_docker_config(home, "{\"auths\":{\"r.io\":{\"auth\":\"czNjcmV0\"}}}");
  expect_unready("r.io", "not base64 of user:password");
}

Test(credentials, a_helper_is_asked_for_its_registry_and_the_store_for_the_others) {
  home_write_program(
      home, "docker-credential-one",
      "read -r server; [ \"$1\" = get ] && printf '{\"Username\":\"one\",\"Secret\":\"%s\"}' \"$server\"");
  home_write_program(home, "docker-credential-all",
                     "read -r server; printf '{\"Username\":\"<token>\",\"Secret\":\"%s\"}' \"$server\"");
  home_write_docker_config(home, "{\"credsStore\":\"all\",\"credHelpers\":{\"r.io\":\"one\"}}");
  g_autoptr(RegistryCredentials) own = find("r.io"), hub = find("docker.io");
  cr_assert_str_eq(own->user, "one");
  cr_assert_str_eq(own->password, "r.io");
  cr_assert_str_eq(hub->identity_token, "https://index.docker.io/v1/");
  cr_assert_null(hub->password);
}

Test(credentials, a_helper_that_has_none_leaves_it_to_the_file) {
  home_write_program(home, "docker-credential-all", "echo credentials not found in native keychain; exit 1");
  home_write_docker_config(
      home,
      "{\"credsStore\":\"all\",\"auths\":{\"r.io\":{\"username\":\"u\",\"password\":\"p\"},\"s.io\":{}}}");
  g_autoptr(RegistryCredentials) written = find("r.io"), none = find("s.io");
  cr_assert_str_eq(written->password, "p");
  cr_assert_null(none);
}

Test(credentials, a_helper_that_fails_is_named_and_its_words_are_not_repeated) {
  home_write_docker_config(home, "{\"credsStore\":\"bad\"}");
  expect_unready("r.io", "docker-credential-bad"); /* not installed */
  home_write_program(home, "docker-credential-bad", "echo s3cret; exit 3");
  expect_unready("r.io", "docker-credential-bad: exit status 3");
  home_write_program(home, "docker-credential-bad", "echo s3cret");
  expect_unready("r.io", "not JSON");
  home_write_program(home, "docker-credential-bad", "echo '{}'");
  expect_unready("r.io", "no Username and Secret");
  home_write_program(home, "docker-credential-bad", "head -c 200000 /dev/zero");
  expect_unready("r.io", "more than 64 KiB");
  home_write_docker_config(home, "{\"credsStore\":\"../bad\"}");
  expect_unready("r.io", "not the name of a helper");
}

static void expect_advice(const char *registry, const char *ending) {
  g_autofree char *advice = registry_credentials_advice(registry);
  cr_assert(g_str_has_suffix(advice, ending), "%s", advice);
}

Test(credentials, advice_says_where_they_were_looked_for_and_what_to_do) {
  static const char ecr[] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
  expect_advice("r.io", ".docker/config.json with credentials for it: docker login r.io");
  home_write_docker_config(
      home,
      "{\"auths\":{\"r.io\":{\"username\":\"u\",\"password\":\"p\"}},\"credHelpers\":{\"s.io\":\"pass\"}}");
  expect_advice("r.io", ".docker/config.json has for it may have expired: docker login r.io");
  expect_advice("docker.io", ".docker/config.json has no credentials for it: docker login");
  expect_advice("s.io", "names; to see what that answers: echo s.io | docker-credential-pass get");
  expect_advice(ecr,
                "--password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com (good for 12 hours), or "
                "{\"credHelpers\": {\"123456789012.dkr.ecr.eu-west-1.amazonaws.com\": \"ecr-login\"}} with "
                "docker-credential-ecr-login");
  home_write_docker_config(home, "{\"credsStore\":\"ecr-login\"}");
  expect_advice(ecr, "eu-west-1.amazonaws.com | docker-credential-ecr-login get");
}

Test(credentials, an_engine_that_is_refused_is_explained_by_its_registry) {
  g_autoptr(GPtrArray) images = g_ptr_array_new();
  g_autoptr(GError) error = NULL;
  g_ptr_array_add(images, (char *)"r.io/web@sha256:1");
  cr_assert_not(fail(&error, SLIPWAY_ERROR_UNREADY, "cannot pull r.io/web@sha256:1: no space left"));
  cr_assert_not(registry_credentials_explain(images, &error));
  cr_assert(g_str_has_suffix(error->message, "no space left"));
  g_clear_error(&error);
  g_autofree char *hex = g_strnfill(64, 'a');
  g_autofree char *image = g_strdup_printf("r.io/web@sha256:%s", hex);
  g_ptr_array_add(images, image);
  cr_assert_not(
      fail(&error, SLIPWAY_ERROR_UNREADY, "cannot pull %s: unauthorized: authentication required", image));
  cr_assert_not(registry_credentials_explain(images, &error));
  cr_assert(strstr(error->message, "required; registry r.io: there is no ") != NULL, "%s", error->message);
}

Test(credentials, the_engines_header_is_base64url_of_json) {
  home_write_docker_config(home,
                           "{\"auths\":{\"r.io\":{\"username\":\"u\",\"password\":\"\\u00bf\\u00ff?>~\"}}}");
  g_autofree char *header = NULL, *none = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(registry_credentials_header("r.io/app:1", &header, &error));
  cr_assert_null(strpbrk(header, "+/\n"));
  g_strdelimit(header, "-", '+');
  g_strdelimit(header, "_", '/');
  gsize length = 0;
  g_autofree char *json = (char *)g_base64_decode(header, &length);
  g_autofree char *text = g_strndup(json, length);
  cr_assert_str_eq(text, "{\"username\":\"u\",\"password\":\"\u00bf\u00ff?>~\",\"serveraddress\":\"r.io\"}");
  cr_assert(registry_credentials_header("other.io/app:1", &none, &error));
  cr_assert_null(none);
}
