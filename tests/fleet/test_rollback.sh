#!/bin/bash
# Rollback: what it returns to, and how little it needs.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet ci1 prod1 prod2:compose=v1
make_shop ci=ci1 prod=prod1,prod2

greeting() { sed -i "/ prod:/,\$ s/GREETING: .*}/GREETING: \"$1\"}/" slipway.yml; }

# ship VERSION: the whole way, with a configuration of its own.
ship() {
  build "$1"
  release "$1" >/dev/null
  echo "motd $1" >motd
  greeting "greeting-$1"
  expect_exit 0 slipway deploy ci "$1"
  expect_exit 0 slipway promote prod
}

expect_prod() {
  local host
  for host in prod1 prod2; do
    run page "$host"
    expect_out "version=$1 greeting=greeting-$1"
    run fleet docker "$host" exec "$(container_id "$host" api)" cat /etc/motd
    expect_out "motd $1"
  done
}

begin "three releases, one after the other"
ship 1.0
ship 2.0
ship 3.0
expect_prod 3.0

begin "a release whose containers cannot run is put back, and changes none of what follows"
build 4.0
push api 4.0 exits >/dev/null
release 4.0 >/dev/null
expect_exit 1 slipway deploy prod 4.0 --force --reason "to see it fail"
expect_err 'prod.: api: restarted 3 times \(at most 2\), last with exit code 3'
expect_err 'cannot open /etc/app.conf'
expect_prod 3.0

begin "rolling back after a failed attempt that was put back wants a yes"
expect_exit 3 slipway rollback prod
expect_err '3\.0'
expect_prod 3.0

begin "rollback help helps and does nothing else"
expect_exit 0 slipway rollback prod --yes --help
expect_out 'usage'
expect_prod 3.0

begin "rollback to what is not there is refused"
expect_exit 2 slipway rollback prod --to nosuch
expect_err 'nosuch'
expect_exit 2 slipway rollback prod --to d999
expect_prod 3.0

fleet registry stop
for host in prod1 prod2; do fleet docker "$host" system prune -f >/dev/null; done
rm motd
echo "services: {web: {image: other}}" >compose.yml

begin "rollback, twice, with the registry stopped, the engine pruned and today's files gone"
expect_exit 0 slipway rollback prod --yes
expect_prod 2.0
expect_exit 0 slipway rollback prod --json
expect_json 'select(.event == "result") | .kind' rollback
expect_prod 1.0
expect_exit 3 slipway rollback prod
expect_prod 1.0

begin "and to a named one"
expect_exit 0 slipway rollback prod --to 2.0
expect_prod 2.0

begin "what was rolled back from is marked bad: deploy refuses it, promote passes it by"
expect_exit 3 slipway deploy prod 3.0
expect_err 'r3 is marked bad in prod'
expect_exit 3 slipway promote prod
expect_err 'r4 is not verified in ci'
expect_prod 2.0
