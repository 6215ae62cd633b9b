#include <criterion/criterion.h>
#include <string.h>

#include "environments/compose/image_reference.h"
#include "fixture.h"
#include "support/errors.h"

Test(image_reference, takes_references_apart) {
  static const struct {
    const char *text, *registry, *repository, *tag, *digest, *name;
  } cases[] = {
      {"nginx", "docker.io", "library/nginx", NULL, NULL, "nginx"},
      {"nginx:1.25", "docker.io", "library/nginx", "1.25", NULL, "nginx"},
      {"docker.io/nginx", "docker.io", "library/nginx", NULL, NULL, "docker.io/nginx"},
      {"index.docker.io/library/nginx", "docker.io", "library/nginx", NULL, NULL,
       "index.docker.io/library/nginx"},
      {"bitnami/redis", "docker.io", "bitnami/redis", NULL, NULL, "bitnami/redis"},
      {"localhost/x", "localhost", "x", NULL, NULL, "localhost/x"},
      {"localhost:5000", "docker.io", "library/localhost", "5000", NULL, "localhost"},
      {"localhost:5000/a/b_c__d-e--f.g:v1", "localhost:5000", "a/b_c__d-e--f.g", "v1", NULL,
       "localhost:5000/a/b_c__d-e--f.g"},
      {"[::1]:5000/x:t", "[::1]:5000", "x", "t", NULL, "[::1]:5000/x"},
      {"10.0.0.5:5000/x@" DIGEST, "10.0.0.5:5000", "x", NULL, DIGEST, "10.0.0.5:5000/x"},
      {"r.example.org/a/b:t@" DIGEST, "r.example.org", "a/b", "t", DIGEST, "r.example.org/a/b"},
      {"R.Example.org/x:_T.a-b", "R.Example.org", "x", "_T.a-b", NULL, "R.Example.org/x"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(ImageReference) reference = {0};
    g_autoptr(GError) error = NULL;
    cr_assert(image_reference_parse(cases[i].text, &reference, &error), "%s",
              error == NULL ? "" : error->message);
    cr_expect_str_eq(reference.registry, cases[i].registry, "%s", cases[i].text);
    cr_expect_str_eq(reference.repository, cases[i].repository, "%s", cases[i].text);
    cr_expect_eq(g_strcmp0(reference.tag, cases[i].tag), 0, "%s", cases[i].text);
    cr_expect_eq(g_strcmp0(reference.digest, cases[i].digest), 0, "%s", cases[i].text);
    cr_expect_str_eq(reference.name, cases[i].name, "%s", cases[i].text);
  }
}

Test(image_reference, refuses_what_docker_refuses_and_says_why) {
  static const struct {
    const char *text, *fragment;
  } cases[] = {
      {"", "empty"},
      {"Nginx", "lower-case"},
      {"a//b", "lower-case"},
      {"/a", "host[:port]"},
      {"a/", "lower-case"},
      {"a..b", "lower-case"},
      {"a___b", "lower-case"},
      {"-a", "lower-case"},
      {"a-", "lower-case"},
      {"a b", "lower-case"},
      {"a:", "tag"},
      {"a:-x", "tag"},
      {"a:x y", "tag"},
      {"a@", "digest"},
      {"a@sha256:abc", "digest"},
      {"a@md5:"
       "0123",
       "digest"},
      {"a@" DIGEST "@" DIGEST, "digest"},
      {"-x.example.org/a", "host[:port]"},
      {"x.example.org:/a", "host[:port]"},
      {"x..org/a", "host[:port]"},
      {"x.org:80a/b", "host[:port]"},
      {"[::1/b", "host[:port]"},
      {"https://x.org/b", "host[:port]"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_auto(ImageReference) reference = {0};
    g_autoptr(GError) error = NULL;
    cr_expect_not(image_reference_parse(cases[i].text, &reference, &error), "%s", cases[i].text);
    cr_assert_not_null(error, "%s", cases[i].text);
    cr_expect(error_is(error, SLIPWAY_ERROR_CONFIG));
    cr_expect_not_null(strstr(error->message, cases[i].fragment), "%s: %s", cases[i].text, error->message);
  }
}

Test(image_reference, knows_the_same_repository_by_its_short_and_long_name) {
  cr_expect(image_same_repository("nginx:1", "docker.io/library/nginx@" DIGEST));
  cr_expect_not(image_same_repository("nginx", "quay.io/library/nginx"));
  cr_expect_not(image_same_repository("nginx", "not an image"));
}

Test(image_reference, pins_the_name_as_written) {
  g_auto(ImageReference) reference = {0};
  cr_assert(image_reference_parse("nginx:1.25", &reference, NULL));
  g_autofree char *pinned = image_pinned(&reference, DIGEST);
  cr_expect_str_eq(pinned, "nginx@" DIGEST);
}
