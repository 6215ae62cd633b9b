#!/bin/bash
# After a rollback in the night: hold keeps builds from deploying the same again, until unhold.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet ci1 prod1 prod2
SHOP_SERVICES=web
make_shop ci=ci1 prod=prod1,prod2

ship() {
  build "$1"
  release "$1" >/dev/null
  expect_exit 0 slipway deploy ci "$1"
}

everything() { every_id prod1 prod2; }

for version in 1.0 2.0; do
  ship "$version"
  expect_exit 0 slipway promote prod
done

begin "rolled back and held: hold asks no host"
expect_exit 0 slipway rollback prod
expect_version 1.0 prod1 prod2
for host in prod1 prod2; do fleet fault "$host" unplug; done
expect_exit 0 slipway hold prod --reason "2.0 loses orders, see INC-7"
expect_exit 0 slipway status prod --json
expect_json '.environments[0].held.reason' "2.0 loses orders, see INC-7"

# With its hosts unplugged, an attempt to reach them would be exit 4.
begin "the next build is refused without asking a host, whether or not it brings something new"
expect_exit 3 slipway promote prod --yes
expect_err 'prod is held by .* since .*2\.0 loses orders, see INC-7'
ship 3.0
expect_exit 3 slipway promote prod --yes
expect_err 'slipway unhold prod'
expect_exit 3 slipway promote prod 3.0 --yes
expect_exit 3 slipway deploy prod 3.0
expect_exit 3 slipway deploy prod
for host in prod1 prod2; do
  fleet mend "$host"
  wait_until 20 fleet ssh "$host" true
done
expect_version 1.0 prod1 prod2

begin "plan says that the gate is closed"
expect_exit 0 slipway plan prod --json
expect_json '[.release.version, (.gates[] | select(.name == "hold") | .passes)] | join(" ")' '3.0 false'

begin "past the hold with a reason; back again: no hold stops a rollback"
expect_exit 0 slipway promote prod --force --reason "the fix"
expect_err 'forced past: prod is held'
expect_version 3.0 prod1 prod2
expect_exit 0 slipway rollback prod
expect_version 1.0 prod1 prod2
before=$(everything)

begin "nothing good is newer: still refused, not 'nothing to do'"
expect_exit 3 slipway promote prod --yes
expect_err 'prod is held by .*marked bad in prod'
expect_same "$(everything)" "$before"

begin "lifted, the next release goes there"
expect_exit 0 slipway unhold prod
expect_exit 0 slipway promote prod
ship 4.0
expect_exit 0 slipway promote prod
expect_version 4.0 prod1 prod2
expect_exit 0 slipway history prod
expect_out '2\.0 loses orders, see INC-7'
