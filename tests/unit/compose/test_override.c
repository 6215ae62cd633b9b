#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "support/errors.h"
#include "support/yaml.h"

/* Everything the override has to win over, in a file that both Composes take. */
static const char rich[] =
    "version: '3.8'\n"
    "services:\n"
    "  web:\n"
    "    image: nginx:1\n"
    "    build: ./nowhere\n"
    "    env_file: [x.env]\n"
    "    labels: [mine=1]\n"
    "    volumes:\n"
    "      - ./conf:/short:ro\n"
    "      - ./conf:/label:z\n"
    "      - {type: bind, source: ./one, target: '/long $$x', bind: {propagation: rprivate}}\n"
    "      - data:/data\n"
    "      - /etc/hosts:/hosts:ro\n"
    "    configs: [c]\n"
    "    secrets: [s]\n"
    "  job: {image: 'busybox:${TAG:-1}', secrets: [{source: s, target: t}]}\n"
    "configs: {c: {file: ./one}}\n"
    "secrets: {s: {file: ./two}}\n"
    "volumes: {data: {}}\n";

static ComposeProject *rich_project(Folder folder) {
  folder_write(folder, "conf/a", "A");
  folder_write(folder, "one", "1");
  folder_write(folder, "two", "2");
  folder_write(folder, "x.env", "X=1\n");
  return project_of(folder, rich);
}

Test(override, pins_images_and_rewrites_what_is_mounted) {
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project = rich_project(folder);
  g_autoptr(GHashTable) pins = pins_of(project);
  g_autofree char *text = compose_override(project, pins, "/home/$u/.slipway/a--b", NULL);
  static const char *const fragments[] = {
      "image: \"example.org/web@" DIGEST "\"\n",
      "    build:\n      context: .\n",
      "      slipway.configs.c: ",
      "      slipway.secrets.s: ",
      "source: \"/home/$$u/.slipway/a--b/files/",
      "target: \"/long $$x\"\n        bind: {propagation: rprivate}\n",
      "target: /short\n        read_only: true\n",
      ":/label:rw,z\"\n",
      "\nconfigs:\n  c:\n    file: ",
      "\nsecrets:\n  s:\n    file: ",
      NULL,
  };
  for (const char *const *fragment = fragments; *fragment != NULL; fragment++)
    cr_expect_not_null(strstr(text, *fragment), "no %s in\n%s", *fragment, text);
  cr_expect_null(strstr(text, "/data"), "a named volume is left to Compose");
}

Test(override, is_the_same_text_for_the_same_content) {
  g_auto(Folder) one = folder_new(), two = folder_new();
  g_autoptr(ComposeProject) first = rich_project(one), second = rich_project(two);
  g_autoptr(GHashTable) pins = pins_of(first);
  g_autofree char *a = compose_override(first, pins, "/f", NULL),
                  *b = compose_override(second, pins, "/f", NULL);
  cr_expect_str_eq(a, b);
  folder_write(two, "two", "changed");
  g_autoptr(ComposeProject) third = project_of(two, rich);
  g_autofree char *c = compose_override(third, pins, "/f", NULL);
  cr_expect_str_neq(a, c, "a secret's content changes its services' label");
}

/* The `source` that the effective configuration has for `target`: both Composes print long entries as
 * mappings, 1.29 short ones as text. */
static char *effective_source(const YamlNode *volumes, const char *target) {
  for (guint i = 0; i < volumes->items->len; i++) {
    const YamlNode *volume = volumes->items->pdata[i];
    if (volume->kind == YAML_MAPPING && g_str_equal(yaml_get(volume, "target")->text, target))
      return g_strdup(yaml_get(volume, "source")->text);
    g_auto(GStrv) parts = g_strsplit(volume->kind == YAML_SCALAR ? volume->text : "", ":", 3);
    if (g_strv_length(parts) > 1 && g_str_equal(parts[1], target))
      return g_strdup(parts[0]);
  }
  return NULL;
}

static const YamlNode *path_of(const YamlNode *node, const char *const *keys) {
  for (; *keys != NULL; keys++)
    node = yaml_get(node, *keys);
  return node;
}

static void check_merged(const Compose *compose, const char *config, GHashTable *pins) {
  static const char *const volumes_at[] = {"services", "web", "volumes", NULL};
  static const char *const config_at[] = {"configs", "c", "file", NULL};
  static const char *const secret_at[] = {"secrets", "s", "file", NULL};
  static const char *const label_at[] = {"services", "web", "labels", "slipway.secrets.s", NULL};
  static const char *const targets[] = {"/short", "/label", "/long $$x", NULL};
  g_autoptr(YamlDocument) document = NULL;
  g_autoptr(GError) error = NULL;
  cr_expect(compose_check_effective(config, strlen(config), pins, NULL, &error), "Compose %s: %s",
            compose->kind, error == NULL ? "" : error->message);
  cr_assert(yaml_parse("config", config, strlen(config), &document, NULL));
  const YamlNode *volumes = path_of(document->root, volumes_at);
  cr_expect_eq(volumes->items->len, 5, "Compose %s: each target once:\n%s", compose->kind, config);
  for (const char *const *target = targets; *target != NULL; target++) {
    g_autofree char *source = effective_source(volumes, *target);
    cr_expect(source != NULL && g_str_has_prefix(source, "/f/files/"), "Compose %s: %s is %s", compose->kind,
              *target, source);
  }
  cr_expect(g_str_has_prefix(path_of(document->root, config_at)->text, "/f/files/"));
  cr_expect(g_str_has_prefix(path_of(document->root, secret_at)->text, "/f/files/"));
  cr_expect_eq(strlen(path_of(document->root, label_at)->text), 64);
}

Test(override, wins_over_the_files_in_the_composes_that_are_here, .timeout = 60) {
  need_a_compose();
  g_auto(Folder) folder = folder_new();
  g_autoptr(ComposeProject) project = rich_project(folder);
  g_autoptr(GHashTable) pins = pins_of(project);
  g_autofree char *text = compose_override(project, pins, "/f", NULL);
  folder_write(folder, "images.yml", text);
  g_autofree char *base = g_build_filename(folder, "compose.yml", NULL);
  g_autofree char *override = g_build_filename(folder, "images.yml", NULL);
  for (int i = 0; i < 2; i++) {
    g_autofree char *out = NULL, *err = NULL;
    const char *const argv[] = {composes()[i].program, "-f", base, "-f", override, "config", NULL};
    if (argv[0] == NULL)
      continue;
    cr_assert_eq(run(argv, NULL, NULL, &out, &err), 0, "Compose %s: %s", composes()[i].kind, err);
    check_merged(&composes()[i], out, pins);
  }
}
