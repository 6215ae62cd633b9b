#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "support/errors.h"

static const ComposeMount *mount_at(const ComposeProject *project, const char *target) {
  for (guint i = 0; i < project->mounts->len; i++) {
    const ComposeMount *mount = project->mounts->pdata[i];
    if (g_str_equal(mount->target, target))
      return mount;
  }
  return NULL;
}

static const char *source_of(const ComposeProject *project, const ComposeMount *mount) {
  for (guint i = 0; mount != NULL && i < project->trees->len; i++) {
    const FileTree *tree = project->trees->pdata[i];
    if (g_str_equal(tree->hash, mount->hash))
      return tree->source;
  }
  return "(none)";
}

static bool has_file(const ComposeProject *project, const char *path) {
  for (guint i = 0; i < project->files->len; i++)
    if (g_str_equal(((ProjectFile *)project->files->pdata[i])->path, path))
      return true;
  return false;
}

Test(read, later_files_win_and_all_paths_start_at_the_first_files_folder) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GError) error = NULL;
  folder_write(
      folder, "deploy/a.yml",
      "services:\n  web: {image: 'nginx:${TAG:-1}', volumes: ['./conf:/c', './gone:/g', './ro:/r:ro,z']}\n");
  folder_write(
      folder, "deploy/prod/b.yml",
      "services:\n  web: {image: 'other:2', volumes: ['data:/g', {type: bind, source: ../up, target: /u}]}\n"
      "  db: {image: 'mysql:${TAG}'}\nvolumes: {data: {}}\n");
  folder_write(folder, "deploy/conf/x", "in conf");
  folder_write(folder, "deploy/ro", "a file");
  folder_write(folder, "up", "above");
  const char *const paths[] = {"deploy/a.yml", "./deploy/../deploy/prod/b.yml", NULL};
  const char *const variables[] = {"TAG", "8", NULL};
  cr_assert(read_project(folder, paths, variables, &project, &error), "%s",
            error == NULL ? "" : error->message);
  cr_assert_eq(project->services->len, 2);
  const ComposeService *db = project->services->pdata[0], *web = project->services->pdata[1];
  cr_expect_str_eq(db->image, "mysql:8");
  cr_expect_str_eq(web->image, "other:2");
  cr_expect_str_eq(project->compose->pdata[1], "deploy/prod/b.yml");
  cr_expect_eq(project->mounts->len, 3, "the named volume replaced ./gone");
  cr_expect_str_eq(source_of(project, mount_at(project, "/c")), "deploy/conf");
  cr_expect_str_eq(source_of(project, mount_at(project, "/u")), "up");
  cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(mount_at(project, "/r")->options, "read_only")));
  cr_expect_eq(project->variables->len, 1);
}

Test(read, leaves_what_belongs_to_the_host_alone) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project =
      project_of(folder, "services:\n"
                         "  a:\n"
                         "    image: x\n"
                         "    env_file: /etc/a.env\n"
                         "    volumes: ['/etc/hosts:/h', '~/x:/x', 'named:/n', '/anonymous', "
                         "{type: volume, source: v, target: /v}, {type: tmpfs, target: /t}, "
                         "{type: bind, source: /abs, target: /abs}]\n"
                         "secrets: {s: {external: true}, t: {file: /etc/t}, u: {environment: U}}\n");
  cr_expect_eq(project->mounts->len + project->objects->len + project->trees->len, 0);
  cr_expect_eq(project->files->len, 1);
}

Test(read, takes_env_files_in_every_form_along) {
  g_auto(Folder) folder = folder_new();
  folder_write(folder, "a.env", "A=1");
  folder_write(folder, "sub/b.env", "B=1");
  folder_write(folder, "c.env", "C=1");
  g_autoptr(ComposeProject) project = project_of(
      folder,
      "services:\n"
      "  one: {image: x, env_file: a.env}\n"
      "  two: {image: x, env_file: [./sub/b.env, {path: c.env}, {path: none.env, required: false}]}\n");
  cr_expect(has_file(project, "a.env") && has_file(project, "sub/b.env") && has_file(project, "c.env"));
  cr_expect_eq(project->files->len, 4);
}

Test(read, follows_extends_within_a_file_and_knows_who_uses_an_object) {
  g_auto(Folder) folder = folder_new();
  folder_write(folder, "conf", "c");
  folder_write(folder, "s.txt", "secret");
  g_autoptr(ComposeProject) project =
      project_of(folder, "services:\n"
                         "  base: {image: x, volumes: ['./conf:/c'], secrets: [{source: s, target: t}]}\n"
                         "  web: {extends: {service: base}}\n"
                         "  cron: {extends: base, image: y, build: ./nowhere}\n"
                         "  other: {image: z}\n"
                         "secrets: {s: {file: ./s.txt}}\n");
  const ComposeObject *object = project->objects->pdata[0];
  cr_expect_eq(project->mounts->len, 3);
  cr_expect_eq(object->services->len, 3);
  cr_expect_str_eq(object->services->pdata[0], "base");
  cr_expect_str_eq(((ComposeService *)project->services->pdata[1])->image, "y");
  cr_expect_str_eq(((ComposeService *)project->services->pdata[3])->image, "x");
}

Test(read, follows_links_below_the_root_only) {
  g_auto(Folder) folder = folder_new();
  folder_write(folder, "real/x", "content");
  folder_mkdir(folder, "conf");
  g_autofree char *link = g_build_filename(folder, "conf/link", NULL);
  cr_assert_eq(symlink("../real", link), 0);
  g_autoptr(ComposeProject) project =
      project_of(folder, "services: {a: {image: x, volumes: ['./conf:/c']}}\n");
  const FileTree *tree = project->trees->pdata[0];
  cr_assert_eq(tree->entries->len, 1);
  cr_expect_str_eq(((ProjectFile *)tree->entries->pdata[0])->path, "link/x");
}

/* `text` is compose.yml beside a folder "loop" with a link to itself, a link "out" to /etc, and a fifo. */
static const struct {
  const char *text, *fragment;
} bad[] = {
    {"services:\n  a:\n    image: x\n    volumes:\n      - ./none:/n\n",
     "compose.yml:5:9: \"none\" does not exist"},
    {"services: {a: {image: x, volumes: ['../x:/n']}}\n",
     "compose.yml:1:36: \"../x\" is outside the project folder"},
    {"services: {a: {image: x, volumes: ['./out:/n']}}\n", "leads out of the project folder, to /etc"},
    {"services: {a: {image: x, volumes: ['./out/passwd:/n']}}\n", "leads out of the project folder"},
    {"services: {a: {image: x, volumes: ['./loop:/n']}}\n", "link to a folder that it is in"},
    {"services: {a: {image: x, volumes: ['./fifo:/n']}}\n", "neither a file nor a folder"},
    {"services: {a: {image: x, volumes: ['./a:/b:ro:z']}}\n", "too many colons"},
    {"services: {a: {image: x, volumes: {x: y}}}\n", "must be a list"},
    {"services: {a: {image: x, volumes: [{type: bind, source: ./x}]}}\n", "no target"},
    {"services: {a: {image: x, env_file: none.env}}\n", "\"none.env\" does not exist"},
    {"services: {a: {image: x, env_file: ../a.env}}\n", "outside the project folder"},
    {"services: {a: {image: x}}\nsecrets: {s: {file: ./none}}\n",
     "compose.yml:2:21: \"none\" does not exist"},
    {"services:\n  a:\n    build: .\n", "compose.yml:2:3: service \"a\" has only build:"},
    {"services:\n  a: {}\n", "service \"a\" has no image"},
    {"services:\n  a: {image: 'x:${TAG:?set it}'}\n",
     "compose.yml:2:14: image: required variable TAG is missing a value: set it"},
    {"services:\n  a: {image: '${X'}\n", "compose.yml:2:14: image: invalid interpolation format"},
    {"services: {a: {image: 'x:${NONE}'}}\n", "is no image reference"},
    {"services: {a: {extends: b}}\n", "extends \"b\", which compose.yml does not have"},
    {"services: {a: {extends: a}}\n", "extends itself"},
    {"services: {}\n", "compose.yml: no file has services"},
    {"services: [a]\n", "services must be a mapping"},
    {"services: {a: b}\n", "service \"a\" must be a mapping"},
    {"- a\n", "is not a Compose file"},
    {"", "is not a Compose file"},
    {"services: {a: {image: x}\n", "compose.yml:"},
};

Test(read, says_what_is_wrong_and_where) {
  static const char *const paths[] = {"compose.yml", NULL};
  g_auto(Folder) folder = folder_new();
  folder_mkdir(folder, "loop");
  g_autofree char *out = g_build_filename(folder, "out", NULL),
                  *loop = g_build_filename(folder, "loop/l", NULL);
  g_autofree char *fifo = g_build_filename(folder, "fifo", NULL);
  const char *const mkfifo_argv[] = {"mkfifo", fifo, NULL};
  cr_assert_eq(symlink("/etc", out) | symlink("../loop", loop) | run(mkfifo_argv, NULL, NULL, NULL, NULL), 0);
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(ComposeProject) project = NULL;
    g_autoptr(GError) error = NULL;
    folder_write(folder, "compose.yml", bad[i].text);
    cr_expect_not(read_project(folder, paths, NULL, &project, &error), "%s", bad[i].text);
    cr_assert_not_null(error, "%s", bad[i].text);
    cr_expect(error_is(error, SLIPWAY_ERROR_CONFIG));
    cr_expect_not_null(strstr(error->message, bad[i].fragment), "%s\n  gave: %s", bad[i].text,
                       error->message);
  }
}

Test(read, reports_all_problems_of_all_files_at_once) {
  static const char *const paths[] = {"a.yml", "b.yml", "none.yml", "../c.yml", NULL};
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GError) error = NULL;
  folder_write(folder, "a.yml", "services: {a: {image: '${'}, b: {build: .}}\n");
  folder_write(folder, "b.yml", "services: {c: {image: x, env_file: none.env}}\n");
  cr_assert_not(read_project(folder, paths, NULL, &project, &error));
  static const char *const fragments[] = {
      "a.yml:1:23: ", "a.yml:1:30: ", "b.yml:1:36: ", "none.yml: ", "../c.yml: is outside", NULL};
  for (const char *const *fragment = fragments; *fragment != NULL; fragment++)
    cr_expect_not_null(strstr(error->message, *fragment), "no %s in:\n%s", *fragment, error->message);
}

static GPtrArray *list_of(const char *const *texts) {
  GPtrArray *list = g_ptr_array_new();
  for (; *texts != NULL; texts++)
    g_ptr_array_add(list, (gpointer)*texts);
  return list;
}

Test(read, takes_slipways_own_files_along_with_their_modes) {
  static const char *const paths[] = {"compose.yml", NULL}, *const wanted[] = {"conf", "run.sh", "a.env",
                                                                               NULL};
  g_auto(Folder) folder = folder_new();
  g_autoptr(GPtrArray) list = list_of(paths), files = list_of(wanted);
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GError) error = NULL;
  folder_write(folder, "compose.yml", "services: {a: {image: x, env_file: a.env}}\n");
  folder_write(folder, "a.env", "A=1\n");
  folder_write(folder, "run.sh", "#!/bin/sh\n");
  folder_write(folder, "conf/below/x", "x");
  folder_mkdir(folder, "conf/empty");
  g_autofree char *script = g_build_filename(folder, "run.sh", NULL);
  cr_assert_eq(chmod(script, 0750), 0);
  cr_assert(compose_project_read(folder, list, files, NULL, NULL, NULL, &project, &error), "%s",
            error == NULL ? "" : error->message);
  cr_expect_eq(project->files->len, 5, "an env_file that is named twice goes once");
  cr_expect(has_file(project, "conf/below/x") && has_file(project, "conf/empty"));
  const ProjectFile *last = project->files->pdata[4];
  cr_expect_str_eq(last->path, "run.sh");
  cr_expect_eq(last->mode, 0750);
}

Test(read, says_which_of_slipways_own_files_cannot_go_along) {
  static const char *const paths[] = {"compose.yml", NULL}, *const wanted[] = {"none", "../x", "out", NULL};
  static const char *const fragments[] = {"files: of slipway.yml: \"none\" does not exist",
                                          "../x: is outside the project folder",
                                          "\"out\" is a symbolic link that leads out", NULL};
  g_auto(Folder) folder = folder_new();
  g_autoptr(GPtrArray) list = list_of(paths), files = list_of(wanted);
  g_autoptr(ComposeProject) project = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *link = g_build_filename(folder, "out", NULL);
  cr_assert_eq(symlink("/etc/hostname", link), 0);
  folder_write(folder, "compose.yml", "services: {a: {image: x}}\n");
  cr_assert_not(compose_project_read(folder, list, files, NULL, NULL, NULL, &project, &error));
  for (const char *const *fragment = fragments; *fragment != NULL; fragment++)
    cr_expect_not_null(strstr(error->message, *fragment), "no %s in:\n%s", *fragment, error->message);
}
