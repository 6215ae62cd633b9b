/* How many hosts change at a time. */
#include <criterion/criterion.h>

#include "deployer/rollout/phases.h"

Test(waves, all_hosts_at_once_is_the_default) {
  RolloutConfig config = {0};
  cr_assert_eq(rollout_wave_size(&config, 5), 5);
}

Test(waves, a_number_is_taken_as_it_is_but_never_beyond_the_hosts) {
  RolloutConfig config = {.batch = 2};
  cr_assert_eq(rollout_wave_size(&config, 5), 2);
  cr_assert_eq(rollout_wave_size(&config, 1), 1);
}

Test(waves, a_percentage_is_rounded_up) {
  RolloutConfig config = {.batch_percent = 50};
  cr_assert_eq(rollout_wave_size(&config, 5), 3);
  cr_assert_eq(rollout_wave_size(&config, 1), 1);
  config.batch_percent = 1;
  cr_assert_eq(rollout_wave_size(&config, 3), 1);
}
