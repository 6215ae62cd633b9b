#!/bin/bash
# SIGTERM in each phase of a deployment: exit 130, both hosts run what they ran, and the history says so.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two
SHOP_SERVICES=web
make_shop prod=one,two
# The old container does not hear SIGTERM: `up` lasts a while.
sed -i 's/    ports:.*/&\n    stop_signal: SIGTERM\n    stop_grace_period: 3s/' compose.yml
build 1.0
release 1.0 >/dev/null
push web 2.0 web --size 8 >/dev/null
release 2.0 >/dev/null

# begin_deployment ARG...: in the background; its events are in `events`.
begin_deployment() {
  : >events # what is waited for below is said by this one
  "$SLIPWAY" --json deploy prod "$@" >events 2>said &
  SLIPWAY_PID=$!
}

has_said() { jq -se "any(.[]; $1)" events; }

# terminate STATUS: what it said becomes what the last command said.
terminate() {
  kill -TERM "$SLIPWAY_PID"
  [ -z "${2-}" ] || "$2"
  STATUS=0 COMMAND='the deployment in the background'
  wait "$SLIPWAY_PID" || STATUS=$?
  cp events "$WORK/.stdout"
  cp said "$WORK/.stderr"
  [ "$STATUS" = "$1" ] || fail "expected exit status $1"
}

# hold HOST TOOL: from now on TOOL waits there for `let_go`. What runs there finds this one first.
hold() {
  fleet exec "$1" sh -ec "rm -f /tmp/held
    printf '%s\n' '#!/bin/sh' 'touch /tmp/held' 'while [ -e /usr/local/bin/$2 ]; do sleep 0.1; done' 'exec /usr/bin/$2 \"\$@\"' \
      >/usr/local/bin/$2
    chmod 0755 /usr/local/bin/$2"
}
let_go() { fleet exec one rm -f /usr/local/bin/tar /usr/local/bin/ln; }
is_held() { fleet exec "$1" test -e /tmp/held; }

is_asking() { ss -Htn dst "$REGISTRY" | grep -q ESTAB; }
registry_process() { cut -d' ' -f1 "/run/slipway-fleet/$(<"$FLEET/number")/registry"; }

# expect_hosts FILTER VALUE: of each host in the history's newest deployment, which was interrupted.
expect_hosts() {
  expect_exit 0 slipway history prod --json
  expect_json '.[0] | [.status, .exit_code] | join(" ")' 'interrupted 130'
  expect_json "[.[0].hosts[] | $1] | join(\", \")" "$2"
}

expect_untouched() {
  expect_same "$before" "$(every_id one two)"
  expect_hosts .runs "$first, $first"
}

expect_put_back() {
  expect_version 1.0 one two
  expect_hosts .status "$1"
  expect_hosts .runs "$first, $first"
}

expect_exit 0 slipway deploy prod 1.0
before=$(every_id one two)
expect_exit 0 slipway show d1 --json
first=$(jq -r .uid "$WORK/.stdout")

begin "while it asks the registry: nothing was begun"
kill -STOP "$(registry_process)"
begin_deployment --tag 2.0
wait_until 60 is_asking
terminate 130
kill -CONT "$(registry_process)"
expect_same "$before" "$(every_id one two)"

begin "while a host pulls"
# Its registry delivers so many bytes and no more, as over a line that hangs.
fleet exec one sh -ec 'iptables -w -I INPUT -p tcp --sport 5000 -j DROP
  iptables -w -I INPUT -p tcp --sport 5000 -m quota --quota 3000000 -j ACCEPT'
begin_deployment 2.0
wait_until 60 has_said '.event == "pull" and .host == "one" and .done_bytes > 0'
terminate 130
fleet exec one iptables -w -D INPUT -p tcp --sport 5000 -j DROP
expect_untouched

begin "while a host takes in the upload"
hold one tar
begin_deployment 2.0
wait_until 60 is_held one
terminate 130
let_go
expect_untouched

begin "while Compose replaces containers"
begin_deployment 2.0
wait_until 60 has_said '.step == "up" and .status == "running"'
terminate 130
expect_put_back 'restored, restored'

begin "between two waves"
sed -i 's/  prod:/&\n    rollout: {batch: 1, pause: 5m}/' slipway.yml
begin_deployment 2.0
wait_until 60 has_said '.event == "log" and (.message | test("pausing"))'
terminate 130
expect_put_back 'restored, unchanged'
sed -i '/rollout:/d' slipway.yml

begin "while the hosts note that they run it: all do, so it is a success"
hold one ln
begin_deployment 2.0
wait_until 60 is_held one
terminate 0 let_go
expect_version 2.0 one two
