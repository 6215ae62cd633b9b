#!/bin/bash
# When a host cannot run what it should: the changed hosts go back, or it is said who runs what.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two:compose=v1 three
SHOP_SERVICES='web api'
make_shop prod=one,two,three +waves=one,two,three +stop=one,two,three +new=two
# Several environments share the hosts here: each has a port of its own.
# shellcheck disable=SC2016 # Compose expands it
sed -i 's/"80:8080"/"${PORT}:8080"/' compose.yml
sed -i -E 's/(GREETING: "hello from )(prod|waves|stop|new)"/\1\2", PORT: \2-port/
  s/prod-port/80/; s/waves-port/81/; s/stop-port/82/; s/new-port/83/' slipway.yml
sed -i 's/  waves:/&\n    rollout: {batch: 1}/; s/  stop:/&\n    rollout: {on_failure: stop}/' slipway.yml
HOSTS=(one two three)

# Somebody else takes a port of the host: what needs it cannot start there, and only there.
take_port() {
  fleet exec "$1" busybox httpd -p "$2" -h /tmp
  TAKEN="$1 $2"
}
give_port_back() { fleet exec "${TAKEN% *}" pkill -f "httpd -p ${TAKEN#* }" || true; }

# shellcheck disable=SC2016
with_extra_port() { sed -i 's/"${PORT}:8080"/&, "${EXTRA:-90}:8080"/' compose.yml; }
# shellcheck disable=SC2016
without_extra_port() { sed -i 's/, "${EXTRA:-90}:8080"//' compose.yml; }

is_running_version() { has_variable "$1" web "VERSION=$2" shop--prod; }

# The containers of one environment on a host.
containers_of() {
  local host
  for host in "${@:2}"; do all_containers "$host" | grep " shop--$1[-_]"; done
}

for version in 1.0 2.0 3.0; do
  build "$version" --interval 5
  release "$version" >/dev/null
done

begin "a first deployment that fails leaves nothing behind"
take_port two 83
expect_exit 1 slipway deploy new 1.0
expect_err 'two: .*address already in use'
expect_same '' "$(all_containers two)"
expect_exit 0 slipway status new --json
expect_json '.environments[0].release' null
expect_exit 3 slipway rollback new
expect_err 'nothing was ever deployed there successfully'
give_port_back

begin "one host of three cannot run it: all three run what they ran, and it is said why"
expect_exit 0 slipway deploy prod 1.0
expect_version 1.0 "${HOSTS[@]}"
digest=$(container_digest two web shop--prod)
with_extra_port
take_port two 90
expect_exit 1 slipway deploy prod 2.0
expect_err 'two: .*:90: .*address already in use'
expect_err 'Every host runs what it ran before'
expect_version 1.0 "${HOSTS[@]}"
for host in "${HOSTS[@]}"; do
  expect_same "$digest" "$(container_digest "$host" web shop--prod)"
  wait_until 20 is_healthy "$host" web shop--prod
done

begin "and the history says it too"
expect_exit 0 slipway history prod --json
expect_json '[.[0].status, .[0].exit_code, .[0].version] | join(" ")' 'failed 1 2.0'
failed=$(jq -r '.[0].id' "$WORK/.stdout") first=$(jq -r '.[1].uid' "$WORK/.stdout")
expect_exit 0 slipway show "$failed" --json
expect_json '[.hosts[].status] | unique | join(" ")' restored
expect_json '[.hosts[].runs] | unique | join(" ")' "$first"
expect_json '[.hosts[] | select(.error != null) | .name] | join(" ")' two
expect_json '[.steps[] | select(.step == "restore") | .status] | join(" ")' 'ok ok ok'
expect_json '[.steps[] | select(.status == "failed") | .host + " " + .step] | join(" ")' 'two up'
expect_exit 0 slipway show "$failed"
expect_out 'address already in use'
expect_exit 0 slipway status --json
expect_json '.environments[] | select(.name == "prod") | .version' 1.0

begin "what it was rolled out with does not come back: a rollback needs a yes, and there is nothing before"
expect_exit 3 slipway rollback prod
expect_err "$failed failed and was put back already"
expect_version 1.0 "${HOSTS[@]}"
give_port_back

begin "in waves of one: the hosts behind the failing one never change"
without_extra_port
expect_exit 0 slipway deploy waves 1.0
with_extra_port
take_port two 90
one=$(containers_of waves one) three=$(containers_of waves three)
expect_exit 1 slipway deploy waves 2.0
expect_other "$one" "$(containers_of waves one)"
expect_same "$three" "$(containers_of waves three)"
run page one 81
expect_out 'version=1.0'
run page two 81
expect_out 'version=1.0'
expect_exit 0 slipway history waves --json
expect_json '[.[0].hosts[].status] | join(" ")' 'restored restored unchanged'
give_port_back

begin "on_failure: stop leaves it, names every host and what it runs (5)"
without_extra_port
expect_exit 0 slipway deploy stop 1.0
with_extra_port
take_port two 90
expect_exit 5 slipway deploy stop 2.0
for host in "${HOSTS[@]}"; do expect_err "  $host: .*runs"; done
expect_err 'slipway rollback stop'
expect_exit 0 slipway history stop --json
expect_json '.[0].status' broken
broken=$(jq -r '.[0].uid' "$WORK/.stdout")
expect_json '[.[0].hosts[] | .status] | join(" ")' 'changed failed changed'
expect_json '[.[0].hosts[] | .runs == "'"$broken"'"] | join(" ")' 'true false true'
run page one 82
expect_out 'version=2.0'

begin "then rollback returns to what ran before"
expect_exit 0 slipway rollback stop
for host in "${HOSTS[@]}"; do
  run page "$host" 82
  expect_out 'version=1.0'
done
give_port_back
without_extra_port

begin "a rollback to images that are gone, the registry too, changes nothing (4)"
expect_exit 0 slipway deploy prod 3.0
image=$(container_field three web .Image shop--prod)
expect_exit 0 slipway deploy prod 2.0
before=$(containers_of prod "${HOSTS[@]}")
fleet registry stop
fleet docker three image rm -f "$image" >/dev/null
expect_exit 4 slipway rollback prod
expect_err 'three: '
expect_same "$before" "$(containers_of prod "${HOSTS[@]}")"
fleet registry start

begin "a rollback that fails stops there and says so (5)"
with_extra_port
expect_exit 0 slipway deploy waves 2.0
without_extra_port
expect_exit 0 slipway deploy waves 2.0
take_port two 90
expect_exit 5 slipway rollback waves
expect_err 'two: .*address already in use'
expect_err '  one: changed'
expect_err 'To return to what it was leaving: slipway rollback waves --to d[0-9]+'
give_port_back

begin "and asked for again it goes on, never back to what it was leaving"
expect_exit 0 slipway rollback waves
for host in "${HOSTS[@]}"; do
  run page "$host" 81
  expect_out 'version=2.0'
  expect_exit 0 curl -s --max-time 5 "http://$(fleet address "$host"):90/"
done

begin "an engine that dies half-way: nobody knows what that host runs (5)"
push web 4.0 slow --seconds 4 >/dev/null
push api 4.0 >/dev/null
release 4.0 >/dev/null
"$SLIPWAY" deploy prod 4.0 >deploy.out 2>deploy.err &
wait_until 120 is_running_version two 4.0
fleet fault two kill-engine
STATUS=0
wait $! || STATUS=$?
cp deploy.out "$WORK/.stdout"
cp deploy.err "$WORK/.stderr"
[ "$STATUS" = 5 ] || fail "expected exit status 5, got $STATUS"
expect_err '  one: restored, runs d[0-9]+ \(r2, 2.0\)'
expect_err '  two: unknown, what it runs is not known; should run d[0-9]+ .*: slipway rollback prod --host two'
fleet mend two
expect_exit 0 slipway rollback prod
expect_version 2.0 "${HOSTS[@]}"
