/* `extends` and `include`: what slipway reads is held against what the Composes here make of it. */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "support/errors.h"
#include "support/yaml.h"

static const ComposeService *service_named(const ComposeProject *project, const char *name) {
  for (guint i = 0; i < project->services->len; i++) {
    const ComposeService *service = project->services->pdata[i];
    if (g_str_equal(service->name, name))
      return service;
  }
  return NULL;
}

static const char *source_at(const ComposeProject *project, const char *service, const char *target) {
  for (guint i = 0; i < project->mounts->len; i++) {
    const ComposeMount *mount = project->mounts->pdata[i];
    for (guint j = 0; j < project->trees->len; j++) {
      const FileTree *tree = project->trees->pdata[j];
      if (g_str_equal(mount->service, service) && g_str_equal(mount->target, target) &&
          g_str_equal(mount->hash, tree->hash))
        return tree->source;
    }
  }
  return "(none)";
}

static void expect_files(const ComposeProject *project, const char *const *paths) {
  guint count = 0;
  for (; *paths != NULL; paths++, count++) {
    bool is_there = false;
    for (guint i = 0; i < project->files->len; i++)
      is_there = is_there || g_str_equal(((ProjectFile *)project->files->pdata[i])->path, *paths);
    cr_expect(is_there, "%s does not go along", *paths);
  }
  cr_expect_eq(project->files->len, count);
}

static ComposeProject *must_read(Folder folder, const char *const *paths, const char *const *variables) {
  ComposeProject *project = NULL;
  g_autoptr(GError) error = NULL;
  cr_assert(read_project(folder, paths, variables, &project, &error), "%s",
            error == NULL ? "" : error->message);
  return project;
}

/* The Compose file that slipway makes, and what Compose makes of all: every service must run its pin, and no
 * path of the project may be left. `first` is the first Compose file. */
static void hold_against(const Compose *compose, Folder folder, const ComposeProject *project) {
  g_autoptr(GHashTable) pins = pins_of(project);
  g_autoptr(GHashTable) runs = compose_services_running(project, NULL);
  g_autofree char *text = compose_override(project, pins, "/f", NULL);
  g_autofree char *images = g_build_filename(folder, "images.yml", NULL);
  g_autofree char *empty = g_build_filename(folder, "empty.env", NULL);
  g_autofree char *first = g_build_filename(folder, project->compose->pdata[0], NULL);
  g_autofree char *directory = g_path_get_dirname(first), *out = NULL, *err = NULL;
  g_autoptr(GError) error = NULL;
  bool is_v2 = g_str_equal(compose->kind, "v2"); /* v1 prints all */
  folder_write(folder, "images.yml", text);
  folder_write(folder, "empty.env", "");
  const char *const argv[] = {compose->program,
                              "-p",
                              "a--b",
                              "--env-file",
                              empty,
                              "--project-directory",
                              directory,
                              "-f",
                              first,
                              "-f",
                              images,
                              "config",
                              NULL};
  cr_assert_eq(run(argv, NULL, NULL, &out, &err), 0, "Compose %s: %s", compose->kind, err);
  cr_expect(compose_check_effective(out, strlen(out), pins, is_v2 ? runs : NULL, &error), "Compose %s: %s",
            compose->kind, error == NULL ? "" : error->message);
  /* env_files are read by then; what is left of the folder's name is a path that was not rewritten. */
  cr_expect_null(strstr(out, folder), "Compose %s:\n%s", compose->kind, out);
  cr_expect_not_null(strstr(out, "FROM: below"), "Compose %s:\n%s", compose->kind, out);
}

static void write_extends(Folder folder) {
  folder_write(folder, "deploy/compose.yml",
               "services:\n"
               "  web:\n"
               "    extends: {file: ../common/base.yml, service: base}\n"
               "    volumes: ['./own:/own']\n"
               "  cron: {extends: {file: ../common/base.yml, service: base}, image: cron}\n");
  folder_write(folder, "common/base.yml",
               "services:\n"
               "  base:\n"
               "    extends: {file: below/base.yml, service: lowest}\n"
               "    volumes: ['./conf:/conf:ro']\n"
               "  unused: {image: unused, volumes: ['./missing:/x']}\n");
  folder_write(folder, "common/below/base.yml",
               "services:\n"
               "  lowest:\n"
               "    image: lowest\n"
               "    env_file: [lowest.env]\n"
               "    volumes: [{type: bind, source: ./data, target: /data}]\n");
  folder_write(folder, "common/below/lowest.env", "FROM=below\n");
  folder_write(folder, "common/below/data/x", "data");
  folder_write(folder, "common/conf", "conf");
  folder_write(folder, "deploy/own", "own");
}

Test(extends, takes_another_file_along_whose_paths_start_at_its_own_folder) {
  static const char *const paths[] = {"deploy/compose.yml", NULL};
  static const char *const files[] = {"deploy/compose.yml", "common/base.yml", "common/below/base.yml",
                                      "common/below/lowest.env", NULL};
  g_auto(Folder) folder = folder_new();
  write_extends(folder);
  g_autoptr(ComposeProject) project = must_read(folder, paths, NULL);
  expect_files(project, files);
  cr_expect_eq(project->services->len, 2, "the extended file's services are not the project's");
  cr_expect_str_eq(service_named(project, "web")->image, "lowest");
  cr_expect_str_eq(service_named(project, "cron")->image, "cron");
  cr_expect_str_eq(source_at(project, "web", "/own"), "deploy/own");
  cr_expect_str_eq(source_at(project, "web", "/conf"), "common/conf");
  cr_expect_str_eq(source_at(project, "cron", "/data"), "common/below/data");
}

Test(extends, is_read_as_the_composes_here_read_it, .timeout = 60) {
  static const char *const paths[] = {"deploy/compose.yml", NULL};
  need_a_compose();
  g_auto(Folder) folder = folder_new();
  write_extends(folder);
  g_autoptr(ComposeProject) project = must_read(folder, paths, NULL);
  for (int i = 0; i < 2; i++)
    if (composes()[i].program != NULL)
      hold_against(&composes()[i], folder, project);
}

static void write_includes(Folder folder) {
  folder_write(folder, "deploy/compose.yml",
               "include:\n"
               "  - ../inc/compose.yml\n"
               "  - path: [../other/a.yml, ../other/b.yml]\n"
               "    project_directory: ../inc\n"
               "    env_file: ../other/vars.env\n"
               "services:\n"
               "  main: {image: 'main:${TAG:-none}', volumes: ['./own:/own']}\n");
  folder_write(folder, "inc/compose.yml",
               "include: [deep/compose.yml]\n"
               "services:\n"
               "  inner: {image: inner, volumes: ['./conf:/conf'], secrets: [word]}\n"
               "secrets: {word: {file: ./conf}}\n");
  folder_write(folder, "inc/deep/compose.yml",
               "services:\n"
               "  deep:\n"
               "    image: 'deep:${TAG:-none}'\n"
               "    env_file: deep.env\n"
               "    volumes: ['./conf:/conf']\n");
  folder_write(folder, "other/a.yml", "services:\n  other: {image: 'a:${TAG}'}\n");
  folder_write(folder, "other/b.yml",
               "services:\n  other: {image: 'b:${TAG}-${SET:?wants SET}', volumes: ['./conf:/conf']}\n");
  folder_write(folder, "other/vars.env", "# only there\nTAG=\"9\"\nSET=file\n");
  folder_write(folder, "inc/deep/deep.env", "FROM=below\n");
  folder_write(folder, "inc/deep/conf", "deep");
  folder_write(folder, "inc/conf", "inc");
  folder_write(folder, "deploy/own", "own");
}

Test(include, reads_each_project_with_its_own_folder_and_env_file) {
  static const char *const paths[] = {"deploy/compose.yml", NULL};
  static const char *const variables[] = {"SET", "outer", NULL};
  static const char *const files[] = {
      "deploy/compose.yml", "inc/compose.yml", "inc/deep/compose.yml", "inc/deep/deep.env",
      "other/a.yml",        "other/b.yml",     "other/vars.env",       NULL};
  g_auto(Folder) folder = folder_new();
  write_includes(folder);
  g_autoptr(ComposeProject) project = must_read(folder, paths, variables);
  expect_files(project, files);
  cr_expect(project->has_include);
  cr_expect_eq(project->compose->len, 1);
  cr_expect_str_eq(service_named(project, "main")->image, "main:none");
  cr_expect_str_eq(service_named(project, "deep")->image, "deep:none");
  cr_expect_str_eq(service_named(project, "other")->image, "b:9-outer");
  cr_expect_str_eq(source_at(project, "inner", "/conf"), "inc/conf");
  cr_expect_str_eq(source_at(project, "other", "/conf"), "inc/conf");
  cr_expect_str_eq(source_at(project, "deep", "/conf"), "inc/deep/conf");
  cr_expect_eq(project->objects->len, 1);
}

Test(include, is_read_as_compose_v2_reads_it, .timeout = 60) {
  static const char *const paths[] = {"deploy/compose.yml", NULL};
  if (composes()[1].program == NULL)
    cr_skip("Compose v2 is not installed here");
  g_auto(Folder) folder = folder_new();
  write_includes(folder);
  g_autoptr(ComposeProject) project = must_read(folder, paths, NULL);
  hold_against(&composes()[1], folder, project);
}

/* `text` is compose.yml beside a.yml, which includes it, and b.yml, whose service b is well. */
static const struct {
  const char *text, *fragment;
} bad[] = {
    {"services: {a: {extends: {file: none.yml, service: b}}}\n",
     "compose.yml:1:25: \"none.yml\" does not exist"},
    {"services: {a: {extends: {file: ../b.yml, service: b}}}\n",
     "\"../b.yml\" is outside the project folder"},
    {"services: {a: {extends: {file: /b.yml, service: b}}}\n", "only a file of the project can go along"},
    {"services: {a: {extends: {file: b.yml, service: c}}}\n",
     "compose.yml:1:25: service \"a\" extends \"c\", which b.yml does not have"},
    {"services: {a: {extends: {file: b.yml}}}\n", "extends does not say which service"},
    {"services: {a: {extends: {file: b.yml, service: round}}}\n", "extends itself, or more than 16 services"},
    {"include: [none.yml]\nservices: {a: {image: x}}\n", "compose.yml:1:11: \"none.yml\" does not exist"},
    {"include: b.yml\nservices: {a: {image: x}}\n", "compose.yml:1:10: include must be a list"},
    {"include: [{project_directory: .}]\nservices: {a: {image: x}}\n", "an include has no path"},
    {"include: [a.yml]\nservices: {a: {image: x}}\n", "does one include itself?"},
    {"include: ['https://example.org/c.yml']\nservices: {a: {image: x}}\n",
     "only files of the project can go along"},
    {"include: [{path: b.yml, env_file: none.env}]\nservices: {a: {image: x}}\n",
     "\"none.env\" does not exist"},
};

Test(include, and_extends_say_what_is_wrong_and_where) {
  static const char *const paths[] = {"compose.yml", NULL};
  g_auto(Folder) folder = folder_new();
  folder_write(folder, "a.yml", "include: [compose.yml]\n");
  folder_write(folder, "b.yml",
               "services: {b: {image: b}, round: {extends: {file: b.yml, service: round}}}\n");
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(ComposeProject) project = NULL;
    g_autoptr(GError) error = NULL;
    folder_write(folder, "compose.yml", bad[i].text);
    cr_assert_not(read_project(folder, paths, NULL, &project, &error), "%s", bad[i].text);
    cr_expect(error_is(error, SLIPWAY_ERROR_CONFIG));
    cr_expect_not_null(strstr(error->message, bad[i].fragment), "%s  gave: %s", bad[i].text, error->message);
  }
}

/* `service` is b of the file: does a host with the profile "worker", or with none, run it? */
static const struct {
  const char *text;
  bool runs_anywhere, runs_with_worker;
} profiles[] = {
    {"{services: {b: {image: x}}}", true, true},
    {"{services: {b: {image: x, profiles: [worker]}}}", false, true},
    {"{services: {b: {image: x, profiles: [debug]}}}", false, false},
    {"{services: {b: {image: x, profiles: [debug, '${P:-worker}']}}}", false, true},
    {"{services: {b: {extends: {file: base.yml, service: base}}}}", false, true},
    {"{services: {a: {image: x}, b: {image: x, profiles: []}}}", true, true},
};

Test(profiles, say_where_a_service_runs, .timeout = 60) {
  static const char *const paths[] = {"compose.yml", NULL};
  g_auto(Folder) folder = folder_new();
  g_autoptr(GPtrArray) worker = g_ptr_array_new();
  g_autofree char *file = g_build_filename(folder, "compose.yml", NULL);
  g_ptr_array_add(worker, (gpointer) "worker");
  folder_write(folder, "base.yml", "services: {base: {image: x, profiles: [worker]}}\n");
  for (gsize i = 0; i < G_N_ELEMENTS(profiles); i++) {
    folder_write(folder, "compose.yml", profiles[i].text);
    g_autoptr(ComposeProject) project = must_read(folder, paths, NULL);
    const ComposeService *service = service_named(project, "b");
    cr_expect_eq(compose_service_runs(service, NULL), profiles[i].runs_anywhere, "%s", profiles[i].text);
    cr_expect_eq(compose_service_runs(service, worker), profiles[i].runs_with_worker, "%s", profiles[i].text);
    if (composes()[1].program == NULL || !profiles[i].runs_with_worker)
      continue;
    const char *const argv[] = {composes()[1].program, "--profile", "worker", "-f", file, "config",
                                "--services",          NULL};
    g_autofree char *out = NULL, *err = NULL;
    cr_expect_eq(run(argv, NULL, NULL, &out, &err), 0, "%s", err);
    cr_expect_not_null(strstr(out, "b\n"), "Compose runs:\n%s", out);
  }
}
