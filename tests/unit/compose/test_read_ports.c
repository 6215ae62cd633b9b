#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "support/errors.h"

/* `service` is what service "a" says besides its image; `problem` NULL: nothing is wrong. */
static const struct {
  const char *service, *problem;
} cases[] = {
    {"ports: ['80:80']", NULL},
    {"scale: 1, ports: ['80:80']", NULL},
    {"scale: 2, ports: ['80']", NULL},
    {"scale: 2, ports: [80]", NULL},
    {"scale: 2, ports: ['127.0.0.1::80']", NULL},
    {"scale: 2, ports: ['8080-8081:80']", NULL},
    {"deploy: {replicas: 3}, ports: ['127.0.0.1:8080-8082:80/udp']", NULL},
    {"deploy: {replicas: 3}, ports: [{target: 80, published: 8080-8090}]", NULL},
    {"deploy: {replicas: 3}, ports: [{target: 80}]", NULL},
    {"scale: 2, ports: ['80:80']", "compose.yml:2:35: service \"a\" has 2 containers on a host, and its host "
                                   "port 80 is for 1 of them; give "
                                   "a range (\"8080-8081:80\")"},
    {"scale: 2, ports: ['127.0.0.1:80:8080/tcp']", "its host port 80 is for 1 of them"},
    {"scale: 2, ports: ['[::1]:80:8080']", "its host port 80 is for 1 of them"},
    {"scale: 3, ports: ['8080-8081:80']", "its host port 8080-8081 is for 2 of them"},
    {"scale: 2, ports: ['8080-8081:80-81']", "its host port 8080-8081 is for 1 of them"},
    {"deploy: {replicas: 3}, ports: [{target: 80, published: 8080}]", "service \"a\" has 3 containers"},
    {"deploy: {replicas: 2}, ports: [{target: 80, published: '8080'}]",
     "its host port 8080 is for 1 of them"},
    {"scale: '${N:-4}', ports: ['80:80']", "service \"a\" has 4 containers"},
};

Test(read_ports, fixed_ones_want_a_single_container) {
  static const char *const paths[] = {"compose.yml", NULL};
  g_auto(Folder) folder = folder_new();
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(ComposeProject) project = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("services:\n  a: {image: x, %s}\n", cases[i].service);
    folder_write(folder, "compose.yml", text);
    bool is_well = read_project(folder, paths, NULL, &project, &error);
    cr_assert_eq(is_well, cases[i].problem == NULL, "%s: %s", cases[i].service,
                 is_well ? "" : error->message);
    if (!is_well)
      cr_expect_not_null(strstr(error->message, cases[i].problem), "%s gave: %s", cases[i].service,
                         error->message);
  }
}

Test(read_ports, of_all_files_together_count) {
  static const char *const paths[] = {"a.yml", "b.yml", "c.yml", NULL}, *const two[] = {"a.yml", "b.yml",
                                                                                        NULL};
  g_auto(Folder) folder = folder_new();
  folder_write(folder, "a.yml", "services: {a: {image: x, ports: ['80:80']}, b: {image: y}}\n");
  folder_write(folder, "b.yml", "services: {a: {scale: 2}}\n");
  folder_write(folder, "c.yml",
               "services: {a: {ports: !override ['81-82:80'], volumes: !reset null, env_file: !reset null}, "
               "b: !reset null}\n");
  g_autoptr(ComposeProject) project = NULL, none = NULL;
  g_autoptr(GError) error = NULL, problem = NULL;
  cr_expect_not(read_project(folder, two, NULL, &none, &problem));
  cr_expect_not_null(strstr(problem->message, "a.yml:1:34: "), "%s", problem->message);
  cr_expect(read_project(folder, paths, NULL, &project, &error), "%s", error == NULL ? "" : error->message);
  cr_expect_eq(project->services->len, 1, "b is gone");
}
