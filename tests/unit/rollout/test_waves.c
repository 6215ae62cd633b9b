/* How many hosts change at a time. */
#include <criterion/criterion.h>

#include "deployer/rollout/waves.h"

/* "112233": the waves of the hosts, in order. Caller frees. */
static char *waves_of(const RolloutConfig *config, guint hosts) {
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < hosts; i++)
    g_string_append_printf(text, "%u", wave_of(config, i, hosts));
  return g_string_free(text, FALSE);
}

static void expect(RolloutConfig config, guint hosts, const char *waves) {
  g_autofree char *got = waves_of(&config, hosts);
  cr_assert_str_eq(got, waves);
}

Test(waves, all_hosts_at_once_is_the_default) {
  expect((RolloutConfig){0}, 5, "11111");
}

Test(waves, a_batch_is_a_number_of_hosts_the_last_may_be_smaller) {
  expect((RolloutConfig){.batch = 2}, 5, "11223");
  expect((RolloutConfig){.batch = 9}, 2, "11");
}

Test(waves, a_share_is_of_all_hosts_and_rounded_up) {
  expect((RolloutConfig){.batch_percent = 50}, 5, "11122");
  expect((RolloutConfig){.batch_percent = 1}, 3, "123");
}

Test(waves, canaries_go_first_and_alone) {
  expect((RolloutConfig){.canary = 1}, 4, "1222");
  expect((RolloutConfig){.canary = 1, .batch = 2}, 5, "12233");
  expect((RolloutConfig){.canary = 3}, 2, "11");
}
