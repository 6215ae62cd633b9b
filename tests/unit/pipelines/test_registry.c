/* The registry client against the real docker-registry, and against a fake that misbehaves. */
#include "pipelines/registry.h"

#include <criterion/criterion.h>
#include <string.h>

#include "pipelines/registry_auth.h"
#include "registries.h"
#include "support/errors.h"
#include "support/text.h"

static char *home;

static void set_up(void) {
  home = home_make();
}

static void tear_down(void) {
  home_remove(home);
  g_free(home);
}

TestSuite(registry, .init = set_up, .fini = tear_down);

static char *resolve(Registry *registry, const char *address, const char *image) {
  g_autofree char *full = g_strconcat(address, "/", image, NULL);
  g_autoptr(GError) error = NULL;
  char *pinned = NULL;
  cr_assert(registry_resolve(registry, full, &pinned, &error), "%s", error == NULL ? "" : error->message);
  return pinned;
}

static void expect_refusal(const char *address, const char *image, const char *const *fragments) {
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree char *full = g_strconcat(address, "/", image, NULL), *pinned = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert_not(registry_resolve(registry, full, &pinned, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
  for (guint i = 0; fragments[i] != NULL; i++)
    cr_expect_not_null(strstr(error->message, fragments[i]), "\"%s\" in: %s", fragments[i], error->message);
  cr_expect_null(strstr(error->message, "s3cret"), "%s", error->message);
}
#define REFUSED(address, image, ...) expect_refusal(address, image, (const char *const[]){__VA_ARGS__, NULL})

/* ---- the real one
 * ---------------------------------------------------------------------------------------------------- */

Test(registry, a_tag_becomes_the_digest_of_the_index) {
  g_autoptr(RealRegistry) real = real_registry_start(false);
  g_autofree char *digest = push_index(real, "journal/web", "1.0");
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree char *pinned = resolve(registry, real->address, "journal/web:1.0");
  g_autofree char *expected = g_strdup_printf("%s/journal/web@%s", real->address, digest);
  cr_assert_str_eq(pinned, expected);
  g_autofree char *by_digest = g_strdup_printf("journal/web@%s", digest);
  g_autofree char *again = resolve(registry, real->address, by_digest);
  cr_assert_str_eq(again, expected);
}

static const struct {
  const char *os, *architecture, *diff_id;
  gint64 size;
} PLATFORMS[] = {{NULL, NULL, "sha256:diff-of-amd64 layer", 11}, /* not the attestation, which stands first */
                 {"linux", "amd64", "sha256:diff-of-amd64 layer", 11},
                 {"linux", "aarch64", "sha256:diff-of-the arm64 layer", 15}};

Test(registry, an_index_is_followed_to_the_image_of_the_platform) {
  g_autoptr(RealRegistry) real = real_registry_start(false);
  g_autofree char *digest = push_index(real, "journal/web", "1.0");
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree char *pinned = g_strdup_printf("%s/journal/web@%s", real->address, digest);
  for (guint i = 0; i < G_N_ELEMENTS(PLATFORMS); i++) {
    g_autoptr(RegistryImage) image = NULL;
    g_autoptr(GError) error = NULL;
    cr_assert(registry_describe(registry, pinned, PLATFORMS[i].os, PLATFORMS[i].architecture, &image, &error),
              "%s", error == NULL ? "" : error->message);
    const RegistryLayer *layer = image->layers->pdata[0];
    cr_expect_str_eq(layer->diff_id, PLATFORMS[i].diff_id);
    cr_expect_eq(layer->size, PLATFORMS[i].size);
    cr_expect_str_eq(image->created, "2026-01-02T03:04:05Z");
  }
  RegistryImage *image = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert_not(registry_describe(registry, pinned, "linux", "s390x", &image, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
  cr_assert_not_null(strstr(error->message, "linux/amd64, linux/arm64"), "%s", error->message);
  cr_assert_null(strstr(error->message, "unknown"), "%s", error->message);
}

Test(registry, an_image_without_index_has_its_labels_and_one_platform) {
  g_autoptr(RealRegistry) real = real_registry_start(false);
  g_autofree G_GNUC_UNUSED char *digest =
      push_image(real, "web", "1", "amd64", "x", "{\"org.example\":\"yes\",\"odd\":3}");
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree char *pinned = resolve(registry, real->address, "web:1");
  g_autoptr(RegistryImage) image = NULL;
  RegistryImage *other = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(registry_describe(registry, pinned, NULL, NULL, &image, &error));
  cr_assert_str_eq(g_hash_table_lookup(image->labels, "org.example"), "yes");
  cr_assert_eq(g_hash_table_size(image->labels), 1);
  cr_assert_not(registry_describe(registry, pinned, NULL, "arm64", &other, &error));
  cr_assert_not_null(strstr(error->message, "no image for linux/arm64, only for linux/amd64"), "%s",
                     error->message);
}

Test(registry, what_is_not_there_is_named) {
  g_autoptr(RealRegistry) real = real_registry_start(false);
  g_autofree G_GNUC_UNUSED char *digest = push_image(real, "web", "1", "amd64", "x", NULL);
  REFUSED(real->address, "web:9", real->address, "no tag 9 in web");
  REFUSED(real->address, "nosuch/thing", "no tag latest in nosuch/thing");
  g_autofree char *hex = sha256_hex("other", 5);
  g_autofree char *by_digest = g_strdup_printf("web@sha256:%s", hex);
  REFUSED(real->address, by_digest, "no image sha256:", hex);
}

Test(registry, passwords_of_the_docker_configuration_are_used_where_they_are_wanted) {
  g_autoptr(RealRegistry) real = real_registry_start(true);
  g_autofree char *digest = push_image(real, "web", "1", "amd64", "x", NULL);
  REFUSED(real->address, "web:1", real->address, "read web (401)",
          ".docker/config.json with credentials for it", "docker login 127.0.0.1:");
  g_autofree char *wrong = g_strdup_printf(
      "{\"auths\":{\"%s\":{\"username\":\"deployer\",\"password\":\"s3cret:other\"}}}", real->address);
  home_write_docker_config(home, wrong);
  REFUSED(real->address, "web:1", "(401); the credentials that", "for it may have expired: docker login");
  g_autofree char *right = g_strdup_printf("{\"auths\":{\"%s\":{\"username\":\"%s\",\"password\":\"%s\"}}}",
                                           real->address, REAL_USER, REAL_PASSWORD);
  home_write_docker_config(home, right);
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree char *pinned = resolve(registry, real->address, "web:1");
  g_autoptr(RegistryImage) image = NULL;
  cr_assert(g_str_has_suffix(pinned, digest));
  cr_assert(registry_describe(registry, pinned, NULL, NULL, &image, NULL));
}

/* ---- the fake
 * -------------------------------------------------------------------------------------------------------- */

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FOUND_A  "200 OK\r\nDocker-Content-Digest: " DIGEST_A "\r\n\r\n"
#define CHALLENGE                                                                                            \
  "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://ADDRESS/token?a=b\",service=\"the service\"," \
  "scope=\"repository:web:pull\"\r\n\r\n{}"

Test(registry, a_registry_that_is_not_there_is_named_at_once) {
  g_autoptr(FakeRegistry) fake = fake_registry_start((FakeRow[]){{0}});
  g_autofree char *address = g_strdup(fake_address(fake));
  fake_registry_stop(g_steal_pointer(&fake));
  gint64 start = g_get_monotonic_time();
  REFUSED(address, "web:1", address, "does not answer");
  cr_assert_lt(g_get_monotonic_time() - start, 9 * G_USEC_PER_SEC / 10); /* what the pauses would take */
}

Test(registry, all_four_manifest_types_are_accepted) {
  g_autoptr(FakeRegistry) fake =
      fake_registry_start((FakeRow[]){{"HEAD /v2/web/manifests/1", NULL, 0, FOUND_A}, {0}});
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree char *pinned = resolve(registry, fake_address(fake), "web:1");
  g_autofree char *request = fake_request(fake, 0);
  cr_assert(g_str_has_suffix(pinned, "/web@" DIGEST_A));
  static const char *const types[] = {"oci.image.index.v1+json", "oci.image.manifest.v1+json",
                                      "distribution.manifest.list.v2+json", "distribution.manifest.v2+json"};
  for (guint i = 0; i < G_N_ELEMENTS(types); i++)
    cr_expect_not_null(strstr(request, types[i]), "%s", request);
}

Test(registry, without_a_digest_header_the_bytes_are_hashed) {
  g_autofree char *hex = sha256_hex("{ \"exact\" :  1 }\n", 17);
  static const char *const heads[] = {"200 OK\r\n\r\n", "405 Method Not Allowed\r\n\r\n",
                                      "200 OK\r\nDocker-Content-Digest: sha256:short\r\n\r\n"};
  for (guint i = 0; i < G_N_ELEMENTS(heads); i++) {
    g_autoptr(FakeRegistry) fake = fake_registry_start((FakeRow[]){
        {"HEAD ", NULL, 0, heads[i]}, {"GET ", NULL, 0, "200 OK\r\n\r\n{ \"exact\" :  1 }\n"}, {0}});
    g_autoptr(Registry) registry = registry_new(NULL);
    g_autofree char *pinned = resolve(registry, fake_address(fake), "web:1");
    cr_expect(g_str_has_suffix(pinned, hex), "%s", pinned);
  }
}

Test(registry, a_manifest_with_another_digest_is_not_believed) {
  g_autoptr(FakeRegistry) fake = fake_registry_start((FakeRow[]){{"GET ", NULL, 0, "200 OK\r\n\r\n{}"}, {0}});
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree char *pinned = g_strconcat(fake_address(fake), "/web@" DIGEST_A, NULL);
  RegistryImage *image = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert_not(registry_describe(registry, pinned, NULL, NULL, &image, &error));
  cr_assert(error_is(error, SLIPWAY_ERROR_UNREADY));
  cr_assert_not_null(strstr(error->message, "sent something else than image " DIGEST_A), "%s",
                     error->message);
}

/* Whatever a registry sends under the right digest: an error, no crash. */
static const char *const MALFORMED[] = {"",
                                        "[]",
                                        "{\"manifests\":[],\"config\":{}}",
                                        "{\"schemaVersion\":1,\"fsLayers\":[]}",
                                        "{\"manifests\":[]}",
                                        "{\"manifests\":[1,null,{\"platform\":7},{\"digest\":\"sha256:x\"}]}",
                                        "{\"config\":{\"digest\":\"../../etc\"}}",
                                        "{\"config\":{}}"};

Test(registry, malformed_manifests_are_refused) {
  for (guint i = 0; i < G_N_ELEMENTS(MALFORMED); i++) {
    g_autofree char *reply = g_strconcat("200 OK\r\n\r\n", MALFORMED[i], NULL);
    g_autofree char *hex = sha256_hex(MALFORMED[i], strlen(MALFORMED[i]));
    g_autoptr(FakeRegistry) fake = fake_registry_start((FakeRow[]){{"GET ", NULL, 0, reply}, {0}});
    g_autoptr(Registry) registry = registry_new(NULL);
    g_autofree char *pinned = g_strdup_printf("%s/web@sha256:%s", fake_address(fake), hex);
    RegistryImage *image = NULL;
    g_autoptr(GError) error = NULL;
    cr_assert_not(registry_describe(registry, pinned, NULL, NULL, &image, &error), "row %u", i);
    cr_expect(error_is(error, SLIPWAY_ERROR_UNREADY), "row %u", i);
    cr_expect_eq(fake_count(fake), 1, "row %u", i);
  }
}

Test(registry, passing_faults_are_asked_again) {
  static const char *const faults[] = {"503 Service Unavailable\r\n\r\n",
                                       "429 Too Many\r\nRetry-After: 0\r\n\r\n"};
  for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
    g_autoptr(FakeRegistry) fake =
        fake_registry_start((FakeRow[]){{"HEAD ", NULL, 2, faults[i]}, {"HEAD ", NULL, 0, FOUND_A}, {0}});
    g_autoptr(Registry) registry = registry_new(NULL);
    g_autofree G_GNUC_UNUSED char *pinned = resolve(registry, fake_address(fake), "web:1");
    cr_expect_eq(fake_count(fake), 3);
  }
}

Test(registry, lasting_faults_are_explained) {
  g_autoptr(FakeRegistry) busy =
      fake_registry_start((FakeRow[]){{"HEAD ", NULL, 0, "429 Too Many\r\nRetry-After: 3600\r\n\r\n"}, {0}});
  REFUSED(fake_address(busy), "web:1", "too many requests (429)", "docker login");
  cr_assert_eq(fake_count(busy), 1);
  g_autoptr(FakeRegistry) broken = fake_registry_start((FakeRow[]){
      {"", NULL, 0, "500 Oops\r\n\r\n{\"errors\":[{\"message\":\"disk\\u001b[31m full\"}]}"}, {0}});
  REFUSED(fake_address(broken), "web:1", "answers 500 for tag 1 of web: disk?[31m full");
}

Test(registry, a_token_is_fetched_once_and_used_for_the_repository) {
  g_autoptr(FakeRegistry) fake =
      fake_registry_start((FakeRow[]){{"GET /token?a=b&service=the%20service&scope=repository%3Aweb%3Apull ",
                                       NULL, 0, "200 OK\r\n\r\n{\"token\":\"tok-1\"}"},
                                      {"HEAD ", "Authorization: Bearer tok-1\r\n", 0, FOUND_A},
                                      {"HEAD ", NULL, 0, CHALLENGE},
                                      {0}});
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree G_GNUC_UNUSED char *one = resolve(registry, fake_address(fake), "web:1");
  g_autofree G_GNUC_UNUSED char *two = resolve(registry, fake_address(fake), "web:2");
  cr_assert_eq(fake_count(fake), 4);
  g_autofree char *token_request = fake_request(fake, 1);
  cr_assert_null(strstr(token_request, "Authorization"), "%s", token_request);
}

Test(registry, an_expired_token_is_replaced) {
  g_autoptr(FakeRegistry) fake =
      fake_registry_start((FakeRow[]){{"GET /token", NULL, 1, "200 OK\r\n\r\n{\"access_token\":\"old\"}"},
                                      {"GET /token", NULL, 1, "200 OK\r\n\r\n{\"token\":\"new\"}"},
                                      {"HEAD ", "Bearer old\r\n", 1, FOUND_A},
                                      {"HEAD ", "Bearer new\r\n", 0, FOUND_A},
                                      {"HEAD ", NULL, 0, CHALLENGE},
                                      {0}});
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree char *one = resolve(registry, fake_address(fake), "web:1");
  g_autofree char *two = resolve(registry, fake_address(fake), "web:1");
  cr_assert_str_eq(one, two);
}

static void log_in(const FakeRegistry *fake, const char *entry) {
  g_autofree char *json = g_strdup_printf("{\"auths\":{\"%s\":%s}}", fake_address(fake), entry);
  home_write_docker_config(home, json);
}

Test(registry, the_token_server_gets_the_password_and_the_registry_does_not) {
  g_autoptr(FakeRegistry) fake =
      fake_registry_start((FakeRow[]){{"GET /token", NULL, 0, "200 OK\r\n\r\n{\"token\":\"tok\"}"},
                                      {"HEAD ", "Bearer tok\r\n", 0, FOUND_A},
                                      {"HEAD ", NULL, 0, CHALLENGE},
                                      {0}});
  log_in(fake, "{\"username\":\"u\",\"password\":\"p\"}");
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree G_GNUC_UNUSED char *pinned = resolve(registry, fake_address(fake), "web:1");
  g_autofree char *asked = fake_request(fake, 1), *shown = fake_request(fake, 2);
  cr_assert_not_null(strstr(asked, "Authorization: Basic dTpw\r\n"), "%s", asked);
  cr_assert_null(strstr(shown, "Basic"), "%s", shown);
}

Test(registry, an_identity_token_is_posted) {
  g_autoptr(FakeRegistry) fake = fake_registry_start(
      (FakeRow[]){{"POST /token", "refresh_token=re%20fresh", 0, "200 OK\r\n\r\n{\"access_token\":\"tok\"}"},
                  {"HEAD ", "Bearer tok\r\n", 0, FOUND_A},
                  {"HEAD ", NULL, 0, CHALLENGE},
                  {0}});
  log_in(fake, "{\"identitytoken\":\"re fresh\"}");
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree G_GNUC_UNUSED char *pinned = resolve(registry, fake_address(fake), "web:1");
  g_autofree char *asked = fake_request(fake, 1);
  cr_assert_not_null(strstr(asked, "grant_type=refresh_token&client_id=slipway"), "%s", asked);
  cr_assert_not_null(strstr(asked, "service=the%20service&scope=repository%3Aweb%3Apull"), "%s", asked);
}

Test(registry, token_servers_that_refuse_or_babble_are_explained) {
  static const struct {
    const char *reply, *fragment;
  } rows[] = {{"401 Unauthorized\r\n\r\n{}", "does not let us read web (401)"},
              {"200 OK\r\n\r\n{\"token\":\"a\\r\\nX: y\"}", "no usable token"},
              {"200 OK\r\n\r\n{}", "no usable token"},
              {"200 OK\r\n\r\nhello", "not JSON"},
              {"404 Not Found\r\n\r\n", "answered with status 404"}};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(FakeRegistry) fake = fake_registry_start(
        (FakeRow[]){{"GET /token", NULL, 0, rows[i].reply}, {"HEAD ", NULL, 0, CHALLENGE}, {0}});
    REFUSED(fake_address(fake), "web:1", rows[i].fragment);
  }
}

Test(registry, a_blob_that_lies_elsewhere_is_fetched_without_the_credentials) {
  static const char config[] = "{\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[]}}";
  g_autofree char *blob = g_strconcat("200 OK\r\n\r\n", config, NULL),
                  *hex = sha256_hex(config, strlen(config));
  g_autoptr(FakeRegistry) store = fake_registry_start((FakeRow[]){{"GET /elsewhere", NULL, 0, blob}, {0}});
  g_autofree char *manifest = g_strdup_printf("{\"config\":{\"digest\":\"sha256:%s\"},\"layers\":[]}", hex);
  g_autofree char *manifest_hex = sha256_hex(manifest, strlen(manifest));
  g_autofree char *found = g_strconcat("200 OK\r\n\r\n", manifest, NULL);
  g_autofree char *redirect =
      g_strdup_printf("307 Temporary Redirect\r\nLocation: http://%s/elsewhere\r\n\r\n", fake_address(store));
  g_autoptr(FakeRegistry) fake =
      fake_registry_start((FakeRow[]){{"GET /token", NULL, 0, "200 OK\r\n\r\n{\"token\":\"tok\"}"},
                                      {"GET /v2/web/manifests/", "Bearer tok\r\n", 0, found},
                                      {"GET /v2/web/blobs/", "Bearer tok\r\n", 0, redirect},
                                      {"GET /v2/", NULL, 0, CHALLENGE},
                                      {0}});
  g_autoptr(Registry) registry = registry_new(NULL);
  g_autofree char *pinned = g_strdup_printf("%s/web@sha256:%s", fake_address(fake), manifest_hex);
  g_autoptr(RegistryImage) image = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(registry_describe(registry, pinned, NULL, NULL, &image, &error), "%s",
            error == NULL ? "" : error->message);
  g_autofree char *seen = fake_request(store, 0);
  cr_assert_not_null(seen);
  cr_assert_null(strstr(seen, "Authorization"), "%s", seen);
}

Test(registry, only_loopback_and_the_listed_do_without_tls) {
  g_autoptr(GPtrArray) insecure = g_ptr_array_new();
  g_ptr_array_add(insecure, (char *)"0.0.0.0:9");
  const struct {
    const char *image;
    GPtrArray *insecure;
    const char *scheme;
  } rows[] = {{"localhost:9/web", NULL, "http://localhost:9/v2/web/"},
              {"127.8.8.8:9/web", NULL, "http://127.8.8.8:9/"},
              {"[::1]:9/web", NULL, "http://[::1]:9/"},
              {"127.0.0.1.invalid:9/web", NULL, "https://127.0.0.1.invalid:9/"},
              {"0.0.0.0:9/web", NULL, "https://0.0.0.0:9/"},
              {"0.0.0.0:9/web", insecure, "http://0.0.0.0:9/"}};
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(Registry) registry = registry_new(rows[i].insecure);
    g_autofree char *pinned = NULL;
    g_autoptr(GError) error = NULL;
    cr_assert_not(registry_resolve(registry, rows[i].image, &pinned, &error));
    cr_expect_not_null(strstr(error->message, rows[i].scheme), "%s", error->message);
  }
}

/* ---- challenges
 * ------------------------------------------------------------------------------------------------------ */

static const struct {
  const char *header;
  bool is_valid, bearer, basic;
  const char *realm, *service, *scope;
} CHALLENGES[] = {
    {"Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"", true, true, false,
     "https://a/t", "s", "repository:x:pull,push"},
    {"bearer  Realm = \"https://a\\\"b\" , error=\"x\"", true, true, false, "https://a\"b", NULL, NULL},
    {"Basic realm=\"Registry\"", true, false, true, NULL, NULL, NULL},
    {"Basic realm=\"r\", Bearer realm=https://a/t", true, true, true, "https://a/t", NULL, NULL},
    {"Bearer realm=\"https://a\", Basic realm=\"b\",service=\"c\"", true, true, true, "https://a", NULL,
     NULL},
    {"Negotiate YWJj==, Basic realm=\"r\"", true, false, true, NULL, NULL, NULL},
    {"", true, false, false, NULL, NULL, NULL},
    {"Bearer", false, false, false, NULL, NULL, NULL},
    {"Bearer realm=\"unterminated", false, false, false, NULL, NULL, NULL},
    {"Bearer realm=\"a\\", false, false, false, NULL, NULL, NULL},
    {"\"quoted\"", false, false, false, NULL, NULL, NULL},
    {"=", false, false, false, NULL, NULL, NULL},
};

Test(registry, challenges_are_read) {
  for (guint i = 0; i < G_N_ELEMENTS(CHALLENGES); i++) {
    g_auto(AuthChallenge) challenge = {0};
    g_autoptr(GError) error = NULL;
    cr_expect_eq(auth_challenge_parse(CHALLENGES[i].header, &challenge, &error), CHALLENGES[i].is_valid,
                 "row %u", i);
    cr_expect_eq(challenge.offers_bearer, CHALLENGES[i].bearer, "row %u", i);
    cr_expect_eq(challenge.offers_basic, CHALLENGES[i].basic, "row %u", i);
    cr_expect_eq(g_strcmp0(challenge.realm, CHALLENGES[i].realm), 0, "row %u: %s", i, challenge.realm);
    cr_expect_eq(g_strcmp0(challenge.service, CHALLENGES[i].service), 0, "row %u", i);
    cr_expect_eq(g_strcmp0(challenge.scope, CHALLENGES[i].scope), 0, "row %u", i);
  }
}

Test(registry, a_password_is_not_sent_to_a_token_server_without_tls) {
  AuthChallenge challenge = {.offers_bearer = true, .realm = (char *)"http://tokens.invalid/"};
  g_autoptr(HttpClient) http = http_client_new();
  g_autoptr(GError) error = NULL;
  char *token = NULL;
  cr_assert_not(auth_fetch_token(http, &challenge, "s", NULL, false, &token, &error));
  cr_assert_not_null(strstr(error->message, "does not use TLS"), "%s", error->message);
}
