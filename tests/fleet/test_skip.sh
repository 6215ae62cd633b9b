#!/bin/bash
# Hosts that cannot be reached, or are not chosen: the others go on where that is asked for, and it is said until they are caught up.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two three
SHOP_SERVICES=web
make_shop prod=one,two,three next=one
# One small service: what is tested is which hosts get it.
cat >compose.yml <<YAML
version: "3.8"
services:
  web:
    image: $REGISTRY/shop/web:dev
    ports: ["\${PORT:-80}:8080"]
    environment: {GREETING: "\${GREETING:-nobody}"}
YAML
sed -i 's/GREETING: "hello from next"/&, PORT: "81"/' slipway.yml
for version in 1.0 2.0 3.0; do
  build "$version"
  release "$version" >/dev/null
done
HOSTS=(one two three)
host_status() { jq -r ".[0].hosts[] | select(.name == \"$1\") | .status" "$WORK/.stdout"; }

expect_exit 0 slipway promote prod 1.0

begin "a host that is away: nothing is touched without --skip-unreachable (4)"
fleet fault three unplug
before=$(every_id one two)
expect_exit 4 slipway promote prod 2.0
expect_err 'three: '
expect_same "$before" "$(every_id one two)"

begin "with it the others go on; the host is recorded as skipped, and status keeps saying so"
expect_exit 0 slipway deploy prod 2.0 --skip-unreachable
expect_err 'three is skipped: '
expect_version 2.0 one two
expect_exit 0 slipway history prod --json
expect_same skipped "$(host_status three)"
expect_json '.[0].status' succeeded
expect_exit 0 slipway status prod --json
expect_json '.environments[0].version' 2.0
expect_json '[.environments[0].hosts[] | .status] | join(" ")' 'changed changed skipped'
expect_exit 0 slipway status prod
expect_out 'skipped: three.*slipway deploy prod --as-is'

begin "until it is caught up the release is not verified there"
expect_exit 3 slipway promote next 2.0
expect_err 'slipway deploy prod --as-is'

begin "most of the hosts have to be locked, or --force --reason says that nobody else is at work"
fleet fault two unplug
before=$(every_id one)
expect_exit 3 slipway rollback prod --skip-unreachable
expect_err 'only 1 of 3 hosts could be reached and locked'
expect_same "$before" "$(every_id one)"
expect_exit 2 slipway rollback prod --skip-unreachable --force
expect_err 'wants --reason'
expect_exit 0 slipway rollback prod --skip-unreachable --force --reason 'two and three burn'
expect_version 1.0 one
expect_exit 0 slipway deploy prod 2.0 --skip-unreachable --force --reason 'and again'
expect_version 2.0 one

begin "deploy --as-is catches them up, and restarts nothing where it runs already"
fleet mend two
fleet mend three
before=$(every_id one two)
sed -i 's/hello from prod/another hello/' slipway.yml # today's configuration is not what --as-is is about
expect_exit 0 slipway deploy prod --as-is
expect_version 2.0 "${HOSTS[@]}"
expect_same "$before" "$(every_id one two)"
run page three
expect_out 'hello from prod'
expect_exit 0 slipway status prod --json
expect_json '[.environments[0].hosts[] | .status] | join(" ")' 'unchanged unchanged changed'
expect_exit 0 slipway promote next 2.0
expect_exit 2 slipway deploy prod 1.0 --as-is

begin "--host changes only that host; the others are skipped, and a lock on one of them counts all the same"
before=$(every_id one three)
expect_exit 0 slipway deploy prod 3.0 --host two --force --reason 'a look at it'
expect_version 3.0 two
expect_same "$before" "$(every_id one three)"
expect_exit 0 slipway history prod --json
expect_same 'skipped changed skipped' "$(host_status one) $(host_status two) $(host_status three)"
expect_json '[.[0].hosts[] | select(.name == "one") | .runs == null] | join(" ")' false
expect_exit 2 slipway deploy prod 3.0 --host for
expect_err 'prod has no such host; it has one, two, three'
fleet exec one sh -c 'exec 9>>~deploy/.slipway/shop--prod/lock; flock 9; touch /run/locked; exec sleep 600' &
holder=$!
wait_until 20 fleet exec one test -e /run/locked
expect_exit 3 slipway deploy prod 3.0 --host three --force --reason 'and that one'
kill "$holder"
wait "$holder" 2>/dev/null || true
fleet exec one pkill -f 'sleep 600' || true

begin "chosen one by one, they are complete in the end: nothing is skipped that runs the same"
expect_exit 0 slipway deploy prod --as-is --host one --host three
expect_version 3.0 "${HOSTS[@]}"
expect_exit 0 slipway history prod --json
expect_same 'changed unchanged changed' "$(host_status one) $(host_status two) $(host_status three)"
