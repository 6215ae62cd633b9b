#!/bin/bash
# `ephemeral: true`: an environment that lives for one deployment, on this machine's own engine.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_local_shop
sed -i 's/    hosts: \[local\]/&\n    ephemeral: true/' slipway.yml
cat >>compose.yml <<YAML
    volumes: ["data:/data"]
volumes: {data: {}}
YAML
sed -i '/ports:/d' compose.yml

has_container() { [ -n "$(fleet docker local ps -q --filter label=com.docker.compose.project)" ]; }

# Nothing of any run is left: container, network, volume, folder.
expect_nothing_left() {
  expect_same '' "$(fleet docker local ps -aq --filter label=com.docker.compose.project)"
  expect_same '' "$(fleet docker local network ls -q --filter label=com.docker.compose.project)"
  expect_same '' "$(fleet docker local volume ls -q)"
  expect_same '' "$(ls home/.slipway)"
}

begin "a success verifies the release and leaves nothing"
build 1.0
release 1.0 >/dev/null
expect_exit 0 slipway deploy ci 1.0 --json
expect_json 'select(.event == "result") | .status' 'succeeded'
expect_nothing_left
expect_exit 0 slipway status --json
expect_json '.environments[] | select(.name == "ci") | .version' '1.0'

begin "a failure keeps the logs of all services, and leaves nothing"
push web 2.0 unhealthy >/dev/null
push api 2.0 >/dev/null
release 2.0 >/dev/null
expect_exit 1 slipway deploy ci 2.0
expect_err 'All that it started is removed'
expect_nothing_left
expect_exit 0 slipway show d2
expect_out 'web | '

begin "rollback and --as-is have no meaning"
expect_exit 2 slipway rollback ci
expect_err 'ci is ephemeral: nothing runs there'
expect_exit 2 slipway deploy ci --as-is
expect_exit 2 slipway down ci
expect_err 'slipway prune ci'

begin "a port that is taken is named before anything starts"
cp compose.yml compose.free
sed -i 's|^  proxy:|  proxy:\n    ports: ["8099:80"]|' compose.yml
image=$(fleet docker local image ls -q | head -1)
fleet docker local run -d --name squatter -p 8099:80 "$image" >/dev/null
expect_exit 4 slipway deploy ci 1.0
expect_err 'local: port 8099 of service proxy is taken by container squatter'
fleet docker local rm -f squatter >/dev/null
expect_nothing_left
cp compose.free compose.yml

begin "two at once do not meet"
"$SLIPWAY" deploy ci 1.0 >one.log 2>&1 &
one=$!
"$SLIPWAY" deploy ci 1.0 >two.log 2>&1 &
two=$!
wait "$one" || { cat one.log; fail "the first of two at once failed"; }
wait "$two" || { cat two.log; fail "the second of two at once failed"; }
expect_nothing_left

begin "told to stop: everything is removed"
push web 3.0 slow >/dev/null
push api 3.0 >/dev/null
release 3.0 >/dev/null
"$SLIPWAY" deploy ci 3.0 >stopped.log 2>&1 &
run=$!
wait_until 30 has_container
kill -TERM "$run"
status=0
wait "$run" || status=$?
expect_same 130 "$status"
expect_nothing_left

begin "prune leaves a folder alone that is of before the environment became ephemeral"
mkdir -p home/.slipway/shop--ci/files
expect_exit 0 slipway prune ci
expect_same 'shop--ci' "$(ls home/.slipway)"
rmdir home/.slipway/shop--ci/files home/.slipway/shop--ci

begin "killed: the next run removes what was left"
"$SLIPWAY" deploy ci 3.0 >killed.log 2>&1 &
run=$!
wait_until 30 has_container
kill -KILL "$run"
wait "$run" 2>/dev/null || true
# What it had started, Compose, has the lock until it ends.
is_left_over() { slipway prune ci --dry-run | grep -q 'leftover shop--ci--'; }
wait_until 60 is_left_over
expect_exit 0 slipway deploy ci 1.0
expect_err 'removed shop--ci--.*, which a killed run had left'
expect_nothing_left
