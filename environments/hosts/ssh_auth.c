/* Proving who we are: public keys from files and from the agent. There is no password authentication. */
#include <string.h>
#include <unistd.h>

#include "environments/hosts/ssh_key.h"
#include "environments/hosts/ssh_link.h"
#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

/* Who is trying, and what was tried, for the error. */
typedef struct {
  SshLink *link;
  const SshTarget *target;
  GString *tried;
  bool has_tried_rsa;
  bool has_tried_beyond; /* a key that the ssh program could use otherwise than libssh2 */
  bool is_over;          /* the server hung up, or time is: no use in trying more keys */
} Attempt;

static void note(Attempt *attempt, const char *key, const char *outcome) {
  g_autofree char *printable = text_printable(key, false);
  g_string_append_printf(attempt->tried, "%s%s (%s)", attempt->tried->len > 0 ? ", " : "", printable,
                         outcome);
}

/* Judges what libssh2 said of one key. */
static bool accept_outcome(Attempt *attempt, const char *key, const char *type, int problem) {
  if (problem == 0)
    return true;
  attempt->has_tried_rsa |= strcmp(type, "ssh-rsa") == 0;
  attempt->has_tried_beyond |= ssh_key_is_beyond_libssh2(type) || strcmp(type, "unknown") == 0;
  if (problem == LIBSSH2_ERROR_AUTHENTICATION_FAILED || problem == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED) {
    note(attempt, key, "refused");
    return false;
  }
  g_autofree char *complaint = ssh_link_complaint(attempt->link);
  note(attempt, key, problem == LIBSSH2_ERROR_TIMEOUT ? "no answer in time" : complaint);
  attempt->is_over = problem != LIBSSH2_ERROR_FILE;
  return false;
}

static bool try_file(Attempt *attempt, const char *path) {
  g_auto(SshKeyFile) key = {0};
  g_autoptr(GError) cause = NULL;
  if (!ssh_key_file_read(path, &key, &cause)) {
    note(attempt, path, cause->message);
    return false;
  }
  g_autofree char *certificate = g_strconcat(path, "-cert.pub", NULL);
  attempt->has_tried_beyond |= access(certificate, F_OK) == 0;
  if (key.is_encrypted) {
    note(attempt, path, "encrypted: give it to ssh-agent with ssh-add");
    return false;
  }
  const char *user = attempt->target->user;
  const int problem = libssh2_userauth_publickey_fromfile_ex(attempt->link->session, user,
                                                             (unsigned)strlen(user), NULL, path, NULL);
  return accept_outcome(attempt, path, key.type, problem);
}

/* --- the agent
 * ------------------------------------------------------------------------------------------------ */

static void free_agent(LIBSSH2_AGENT *agent) {
  libssh2_agent_disconnect(agent);
  libssh2_agent_free(agent);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LIBSSH2_AGENT, free_agent)

static bool is_named(const SshTarget *target, const struct libssh2_agent_publickey *identity) {
  for (guint i = 0; i < target->keys->len; i++) {
    g_autoptr(GBytes) public = ssh_key_file_public(g_ptr_array_index(target->keys, i));
    if (public != NULL && g_bytes_get_size(public) == identity->blob_len &&
        memcmp(g_bytes_get_data(public, NULL), identity->blob, identity->blob_len) == 0)
      return true;
  }
  return false;
}

static bool try_identity(Attempt *attempt, LIBSSH2_AGENT *agent, struct libssh2_agent_publickey *identity) {
  guint32 length = 0;
  char type[32] = "";
  if (identity->blob_len > sizeof length) {
    memcpy(&length, identity->blob, sizeof length);
    length = GUINT32_FROM_BE(length);
    if (length < sizeof type && length <= identity->blob_len - sizeof length)
      memcpy(type, identity->blob + sizeof length, length);
  }
  g_autofree char *name = g_strdup_printf("agent's %s", identity->comment == NULL ? type : identity->comment);
  return accept_outcome(attempt, name, type, libssh2_agent_userauth(agent, attempt->target->user, identity));
}

/* The keys that the configuration names come first: a server gives up after a few refusals. */
static bool try_agent(Attempt *attempt) {
  const SshTarget *target = attempt->target;
  g_autoptr(LIBSSH2_AGENT) agent = libssh2_agent_init(attempt->link->session);
  if (agent == NULL)
    return false;
  libssh2_agent_set_identity_path(agent, target->agent);
  if (libssh2_agent_connect(agent) != 0 || libssh2_agent_list_identities(agent) != 0) {
    g_autofree char *name = g_strdup_printf("agent at %s", target->agent);
    note(attempt, name, "does not answer");
    return false;
  }
  for (guint wants_named = 2; wants_named-- > (target->is_identities_only ? 1 : 0);) {
    struct libssh2_agent_publickey *identity = NULL;
    while (!attempt->is_over && libssh2_agent_get_identity(agent, &identity, identity) == 0)
      if (is_named(target, identity) == (wants_named == 1) && try_identity(attempt, agent, identity))
        return true;
  }
  return false;
}

/* --- all of it
 * ------------------------------------------------------------------------------------------------ */

static bool try_keys(Attempt *attempt) {
  const SshTarget *target = attempt->target;
  for (guint i = 0; target->has_chosen_key && i < target->keys->len; i++)
    if (try_file(attempt, g_ptr_array_index(target->keys, i)))
      return true;
  if (target->agent != NULL && !attempt->is_over && try_agent(attempt))
    return true;
  for (guint i = 0; !target->has_chosen_key && i < target->keys->len && !attempt->is_over; i++)
    if (try_file(attempt, g_ptr_array_index(target->keys, i)))
      return true;
  return false;
}

bool ssh_link_authenticate(SshLink *link, const SshTarget *target, GError **error) {
  g_autoptr(GString) tried = g_string_new(NULL);
  Attempt attempt = {.link = link, .target = target, .tried = tried};
  const bool is_in = try_keys(&attempt);
  ssh_gate_leave(&link->gate);
  if (is_in)
    return true;
  link->is_beyond_libssh2 = attempt.has_tried_beyond || target->has_certificate;
  const bool is_rsa_too_old = attempt.has_tried_rsa && ssh_key_is_beyond_libssh2("ssh-rsa");
  g_autofree char *hint =
      is_rsa_too_old
          ? g_strdup_printf("; libssh2 %s cannot sign with RSA as today's sshd demands (rsa-sha2): use an "
                            "ed25519 or ECDSA key, or `ssh: {client: openssh}`",
                            libssh2_version(0))
          : g_strdup("");
  return fail(
      error, SLIPWAY_ERROR_UNREADY, "%s port %u (%s) let user %s in with none of the keys tried: %s%s",
      target->hostname, target->port, link->address, target->user,
      tried->len > 0 ? tried->str : "no key was found (`ssh: {key: …}` names one; is the agent running?)",
      hint);
}
