#!/bin/bash
# `hosts: [local]`: this machine's own engine, as DOCKER_HOST names it; no SSH.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_local_shop

# The page, from inside: the engine's containers are in a network of their own.
said() { fleet docker local exec "$(container_id local web)" wget -qO- http://127.0.0.1:8080/; }

begin "deploy"
build 1.0
release 1.0 >/dev/null
expect_exit 0 slipway check ci
expect_exit 0 slipway deploy ci 1.0 --json
expect_json 'select(.event == "result") | [.hosts[] | .name + " " + .status] | join(",")' 'local changed'
run said
expect_out 'version=1.0 greeting=hello from ci'
run fleet docker local exec "$(container_id local api)" cat /etc/motd
expect_out 'welcome'
expect_same 700 "$(stat -c %a home/.slipway/shop--ci)"

begin "again: nothing changes"
before=$(all_containers local)
expect_exit 0 slipway deploy ci 1.0
expect_same "$before" "$(all_containers local)"

begin "another release and another file, and back"
build 2.0
release 2.0 >/dev/null
echo "good night" >motd
expect_exit 0 slipway plan ci 2.0
expect_exit 0 slipway deploy ci 2.0
run said
expect_out 'version=2.0'
fleet registry stop
expect_exit 0 slipway rollback ci
run said
expect_out 'version=1.0'
run fleet docker local exec "$(container_id local api)" cat /etc/motd
expect_out 'welcome'

begin "an engine that is not there is said, with its socket"
expect_exit 4 env DOCKER_HOST=unix:///nonexistent/docker.sock "$SLIPWAY" deploy ci
expect_err 'local: .*/nonexistent/docker.sock'
before=$(all_containers local)
fleet fault local kill-engine
expect_exit 4 slipway deploy ci
expect_err 'local: .*docker.sock'
