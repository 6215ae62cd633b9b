/* Asking git and the environment who and what is behind a change. Nothing here fails: what is not known is
 * left out, since a deployment does not hang on it. */
#include "pipelines/provenance.h"

#include <string.h>
#include <unistd.h>

#include "pipelines/program.h"
#include "pipelines/release.h"
#include "support/poison.h"
#include "support/text.h"

enum {
  GIT_TIMEOUT_MS = 10 * 1000,
  GIT_ARGUMENTS = 16,
  SHORTEST_REVISION = 7,
  LONGEST_REVISION = 64,
  LOGIN_NAME_SIZE = 257
};

/* `git -C directory arguments…`. False when there is no git, no repository, or it is another user's
 * (safe.directory: what such a repository configures must not run here). */
static bool ask_git(const char *directory, const char *const *arguments, char **output) {
  const char *argv[GIT_ARGUMENTS] = {"git",    "--no-optional-locks", "-c", "log.showSignature=false", "-C",
                                     directory};
  guint count = 6;
  for (guint i = 0; arguments[i] != NULL; i++) {
    g_assert(count < GIT_ARGUMENTS - 1);
    argv[count++] = arguments[i];
  }
  g_auto(ProgramReply) reply = {0};
  if (!program_ask(argv, NULL, GIT_TIMEOUT_MS, &reply, NULL) || reply.exit_code != 0)
    return false;
  *output = g_strstrip(g_strdup(reply.output->str));
  return true;
}

static bool is_revision(const char *text) {
  gsize length = strlen(text);
  return length >= SHORTEST_REVISION && length <= LONGEST_REVISION &&
         strspn(text, "0123456789abcdefABCDEF") == length;
}

/* "HASH SECONDS" of a commit. */
static bool read_commit(const char *directory, const char *name, char **revision, gint64 *committed_at) {
  g_autofree char *output = NULL;
  if (!ask_git(directory, (const char *const[]){"show", "-s", "--format=%H %ct", name, "--", NULL}, &output))
    return false;
  g_auto(GStrv) words = g_strsplit(output, " ", 2);
  gint64 seconds = 0;
  if (g_strv_length(words) != 2 || !is_revision(words[0]) ||
      !number_parse(words[1], 0, G_MAXINT64 / G_USEC_PER_SEC, &seconds))
    return false;
  *revision = g_strdup(words[0]);
  *committed_at = seconds * G_USEC_PER_SEC;
  return true;
}

gint64 commit_time(const char *directory, const char *revision) {
  g_autofree char *full = NULL;
  gint64 committed_at = 0;
  if (!is_revision(revision))
    return 0;
  g_autofree char *commit = g_strconcat(revision, "^{commit}", NULL);
  return read_commit(directory, commit, &full, &committed_at) ? committed_at : 0;
}

void repository_state(const char *directory, char **revision, bool *is_dirty, gint64 *committed_at) {
  g_autofree char *changes = NULL;
  *revision = NULL;
  *is_dirty = false;
  *committed_at = 0;
  if (!read_commit(directory, "HEAD", revision, committed_at))
    return;
  /* Files that git does not know are a build's leavings more often than configuration. */
  bool is_known = ask_git(
      directory, (const char *const[]){"status", "--porcelain", "--untracked-files=no", NULL}, &changes);
  *is_dirty = !is_known || *changes != '\0';
}

static const char *environment_word(const char *name) {
  const char *value = g_getenv(name);
  return value == NULL || *value == '\0' ? NULL : value;
}

bool actor_is_build(void) {
  return environment_word("BUILD_USER_ID") == NULL &&
         (environment_word("BUILD_URL") != NULL || environment_word("JENKINS_URL") != NULL);
}

char *actor_name(void) {
  const char *user = environment_word("BUILD_USER_ID"), *build = environment_word("BUILD_URL");
  if (user != NULL || build != NULL)
    return text_printable(user != NULL ? user : build, false);
  /* The login name outlives sudo; where nobody logged in (a service) it is the user's. */
  char login[LOGIN_NAME_SIZE] = "";
  bool has_login = getlogin_r(login, sizeof login) == 0 && *login != '\0';
  g_autofree char *name = g_strdup_printf("%s@%s", has_login ? login : g_get_user_name(), g_get_host_name());
  return text_printable(name, false);
}
