/* The ssh row against a real sshd: connecting, the shell, HTTP through channels, and what can go wrong. */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"
#include "support/errors.h"

static Fixture fixture;

static void stop(void) {
  fixture_stop(&fixture);
}

Test(ssh, runs_a_script_with_arguments_input_and_status, .fini = stop) {
  fixture_start(&fixture, NULL);
  const HostConfig config = fixture_config(&fixture);
  g_autoptr(Host) host = open_host(&config);
  g_auto(HostReply) reply = {0};
  g_autoptr(GError) error = NULL;
  const char *argv[] = {"it's", "", "$two", NULL};
  const HostScript script = {.text = "printf '%s|' \"$@\"; cat; echo oops >&2; exit 7",
                             .argv = argv,
                             .input = "in",
                             .input_length = 2};
  cr_assert(host_shell(host, &script, &reply, &error), "%s", error == NULL ? "" : error->message);
  cr_assert_eq(reply.status, 7);
  cr_assert_str_eq(reply.out->str, "it's||$two|in");
  cr_assert_str_eq(reply.err->str, "oops\n");
}
