#!/bin/bash
# What a container may do after it was started, and what slipway says of it.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two:compose=v1
SHOP_SETTINGS='' make_shop ci=one old=two
sed -i 's/deadline: 30s, settle: 300ms/deadline: 6s, settle: 500ms/' slipway.yml

# service NAME RESTART: a Compose file with just this service, of the image web.
service() {
  cat >compose.yml <<YAML
services:
  $1:
    image: $REGISTRY/shop/web:dev
    restart: "$2"
YAML
}

# try EXIT BEHAVIOUR RESTART [OPTION...]: a release of that behaviour, deployed on both Composes.
VERSION=0
try() {
  local expected=$1 behaviour=$2 restart=$3 environment
  shift 3
  VERSION=$((VERSION + 1))
  push web "$VERSION" "$behaviour" "$@" >/dev/null
  push api "$VERSION" >/dev/null
  release "$VERSION" >/dev/null
  service "$behaviour" "$restart"
  for environment in ci old; do
    expect_exit "$expected" slipway deploy "$environment" "$VERSION" --force --reason test
    check_words
  done
}

begin "healthy"
check_words() { expect_err 'web: healthy'; }
try 0 web always

begin "without a HEALTHCHECK: running through settle"
check_words() { expect_err 'plain: running'; }
try 0 plain always

begin "a one-shot that exits 0 is well"
check_words() { expect_err 'oneshot: exited 0'; }
try 0 oneshot no

begin "one that crashes twice and then runs is well"
check_words() { expect_err 'crashes: healthy'; }
try 0 crashes always

begin "one that exits at once, with what it logged"
check_words() {
  expect_err 'exits: exited with 3'
  expect_err 'log: cannot open /etc/app.conf'
}
try 1 exits no

begin "one that crashes for ever"
check_words() { expect_err 'loops: restarted 3 times \(at most 2\)'; }
try 1 loops always

begin "unhealthy, with what the probe said, well before the deadline"
check_words() {
  expect_err 'unhealthy: unhealthy'
  expect_err 'probe: .*disk on fire'
}
try 1 unhealthy always

begin "never healthy: the deadline"
check_words() { expect_err 'never: not healthy after 6s'; }
try 1 never always

begin "after all that, what ran well before runs again"
expect_same "$(container_field one crashes .State.Running)" true

begin "a probe interval of 30 s does not keep anybody waiting"
check_words() { expect_err 'slow: healthy'; }
try 0 slow always --seconds 1
