#!/bin/bash
# Rollback when what a deployment needs is gone: registry, history, Compose files, a host; each alone and all together.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two three
HOSTS=(one two three)
SHOP_SERVICES=web
make_shop prod=one,two,three
cat >compose.yml <<YAML
version: "3.8"
services:
  web:
    image: $REGISTRY/shop/web:dev
    ports: ["80:8080"]
    volumes: ["./motd:/etc/motd:ro"]
    environment: {GREETING: "\${GREETING:-nobody}"}
YAML
for version in 1.0 2.0; do
  build "$version"
  release "$version" >/dev/null
done

# Version 1.0 with one greeting and file, 2.0 with others: what comes back is told by all three.
deploy_both() {
  echo "welcome to 1.0" >motd
  sed -i 's/GREETING: .*}/GREETING: "one"}/' slipway.yml
  expect_exit 0 slipway deploy prod 1.0 --force --reason 'again'
  echo "welcome to 2.0" >motd
  sed -i 's/GREETING: .*}/GREETING: "two"}/' slipway.yml
  expect_exit 0 slipway deploy prod 2.0 --force --reason 'again'
}
expect_1_0() {
  local host
  for host in "$@"; do
    run page "$host"
    expect_out 'version=1.0 greeting=one'
    expect_same 'welcome to 1.0' "$(fleet docker "$host" exec "$(container_id "$host" web)" cat /etc/motd)"
  done
}

deploy_both

begin "the registry is down"
fleet registry stop
expect_exit 0 slipway rollback prod
expect_err 'putting back d1: r1 \(1\.0\)'
expect_1_0 "${HOSTS[@]}"
fleet registry start

begin "the Compose files are gone"
expect_exit 0 slipway deploy prod 2.0 --force --reason 'again'
mv compose.yml motd "$FLEET/"
expect_exit 0 slipway rollback prod
expect_1_0 "${HOSTS[@]}"
mv "$FLEET"/{compose.yml,motd} .

begin "the history is gone: it offers to ask the hosts, and that brings it back"
expect_exit 0 slipway deploy prod 2.0 --force --reason 'again'
rm -f history.db*
expect_exit 3 slipway rollback prod
expect_err 'slipway history import prod'
expect_exit 0 slipway rollback prod --yes
expect_1_0 "${HOSTS[@]}"
expect_exit 0 slipway status prod --json
expect_json '.environments[0].version' 1.0

begin "all of it at once, and a host is down too: the others go back"
deploy_both
fleet registry stop
rm -f history.db* compose.yml motd
fleet fault three unplug
before=$(every_id three)
expect_exit 4 slipway rollback prod --yes
expect_err 'three: '
expect_exit 0 slipway rollback prod --yes --skip-unreachable
expect_err 'three is skipped'
expect_1_0 one two
expect_same "$before" "$(every_id three)"
expect_exit 0 slipway status prod
expect_out 'skipped: three'

begin "the host is back: it is caught up, the registry still down"
fleet mend three
expect_exit 0 slipway deploy prod --as-is
expect_1_0 "${HOSTS[@]}"
expect_exit 0 slipway status prod
refute_out 'skipped'
