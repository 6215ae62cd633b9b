#!/bin/bash
# `kill -9` at 20 random moments of a deployment to five hosts, each followed by the same command. SEED=… repeats the moments.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

KILLS=20
HOSTS=(a b c d e)
RANDOM=${SEED:=$RANDOM}
start_fleet a b c d e
SHOP_SERVICES=web
make_shop prod=a,b,c,d,e
sed -i 's/settle: 300ms/settle: 50ms/' slipway.yml
cat >compose.yml <<YAML
version: "3.8"
services:
  web:
    image: $REGISTRY/shop/web:dev
    ports: ["80:8080"]
    volumes: ["./motd:/etc/motd:ro"]
YAML
for version in 1.0 2.0; do
  push web "$version" >/dev/null
  release "$version" >/dev/null
done

next_version() { if [ "$version" = 1.0 ]; then version=2.0; else version=1.0; fi; }

# Milliseconds of a deployment that nobody disturbs.
time_deployment() {
  local began=$EPOCHREALTIME
  next_version
  expect_exit 0 slipway deploy prod "$version"
  echo $(((${EPOCHREALTIME/./} - ${began/./}) / 1000)) >>durations
}

# kill_after SECONDS CMD...: a shell of its own, so that this one does not tell of the kill.
# shellcheck disable=SC2016 # expanded by the inner shell
kill_after() { sh -c 'timeout --signal=KILL "$@"; exit $?' sh "$@"; }

# Every deployment has ended, each host runs one that exists, and the last one made them all run it.
# shellcheck disable=SC2016 # expanded by jq
expect_sound_history() {
  expect_exit 0 slipway history prod --json
  expect_json '[.[] | select(.status == "running") | .id] | join(" ")' ''
  expect_json '[.[].uid, ""] as $known | [.[] | .id as $id | .hosts[] | select(.runs != null) |
    select(.runs as $runs | $known | index($runs) | not) | "\($id) \(.name) \(.runs)"] | join(", ")' ''
  expect_json '.[0] | .status + " " + .version' "succeeded $version"
  expect_json '.[0].hosts | length' "${#HOSTS[@]}"
  expect_json '.[0] | .uid as $uid | [.hosts[] | select(.runs != $uid or (.status | IN("changed", "unchanged") | not)) |
    "\(.name) \(.status)"] | join(", ")' ''
}

begin "seed $SEED: how long it takes undisturbed"
expect_exit 0 slipway deploy prod "$version"
for _ in 1 2 3; do time_deployment; done
median=$(sort -n durations | sed -n 2p)

for kill in $(seq "$KILLS"); do
  next_version
  # Two times 15 bits: one RANDOM is too coarse for a slow machine.
  moment=$(((RANDOM * 32768 + RANDOM) % median + 1)) # `timeout 0` is no limit
  begin "kill $kill of $KILLS, after $moment of $median ms"
  printf -v seconds '%d.%03d' $((moment / 1000)) $((moment % 1000))
  run kill_after "$seconds" "$SLIPWAY" deploy prod "$version"
  [[ $STATUS =~ ^(0|137)$ ]] || fail "expected it to be killed, or to be done"
  expect_exit 0 slipway deploy prod "$version" --wait-lock 60s
  expect_version "$version" "${HOSTS[@]}"
  expect_sound_history
done

begin "nobody holds a lock, and no half upload is left"
for host in "${HOSTS[@]}"; do
  expect_exit 0 fleet exec "$host" flock -n /home/deploy/.slipway/shop--prod/lock true
  expect_same '' "$(fleet exec "$host" find /home/deploy/.slipway/shop--prod -name 'incoming.*')"
done
