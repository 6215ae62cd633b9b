#!/bin/bash
# A host's link goes down while it pulls, while Compose works there, and while its health is awaited: what is then said of every
# host is true, and when the link is back the same command converges. The three at once, each on a host of its own.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

ENVIRONMENTS=(pull up health) # each is one host of that name, and `other`
start_fleet pull up health:compose=v1 other
SHOP_SERVICES=web
make_shop +pull=pull,other +up=up,other +health=health,other
# They share the host `other`: each has a port of its own there.
# shellcheck disable=SC2016 # Compose expands it
sed -i 's/"80:8080"/"${PORT}:8080"/' compose.yml
sed -i -E 's/(GREETING: "hello from )(pull|up|health)"/\1\2", PORT: \2-port/
  s/pull-port/80/; s/up-port/81/; s/health-port/82/' slipway.yml
# The old container does not hear SIGTERM: `up` lasts as long as that, at least.
sed -i 's/    ports:.*/&\n    stop_signal: SIGTERM\n    stop_grace_period: 4s/' compose.yml
build 1.0
release 1.0 >/dev/null
push web pull web --size 8 >/dev/null
push web up >/dev/null
push web health slow --seconds 5 >/dev/null
for version in "${ENVIRONMENTS[@]}"; do
  release "$version" >/dev/null
done

# start ENVIRONMENT VERSION: in the background; its events are in ENVIRONMENT.out.
declare -A pids
start() {
  "$SLIPWAY" --json deploy "$1" "$2" --wait-lock 1m >"$1.out" 2>"$1.err" &
  pids[$1]=$!
}
# The link is back, and the same command runs again, while others are still at it: TCP tries again ever more rarely.
start_again() {
  fleet mend "$1"
  start "$1" "$1"
}
# end_one ENVIRONMENT STATUS: what it said becomes what the last command said.
end_one() {
  STATUS=0 COMMAND="the deployment of $1"
  wait "${pids[$1]}" || STATUS=$?
  cp "$1.out" "$WORK/.stdout"
  cp "$1.err" "$WORK/.stderr"
  [ "$STATUS" = "$2" ] || fail "expected exit status $2"
}

# has_said ENVIRONMENT FILTER: of an event about its own host.
has_said() { jq -se --arg host "$1" "any(.[]; .host == \$host and ($2))" "$1.out"; }
version_on() { inspect_container "$1" web "shop--$2" | grep -o 'VERSION=[a-z0-9.]*'; }
# The id of the environment's web container there, which the engine is asked for: no link is needed.
web_on() { container_id "$1" web "shop--$2"; }
# expect_last ENVIRONMENT STEP HOSTS: what failed on its own host in the last deployment, and what is said of both.
expect_last() {
  expect_exit 0 slipway history "$1" --json
  expect_exit 0 slipway show "$(jq -r '.[0].id' "$WORK/.stdout")" --json
  expect_json '[.steps[] | select(.status == "failed" and .step != "restore") | .host + " " + .step] | join(", ")' "$2"
  expect_json '.hosts | map(.name + " " + .status + " " + (.runs // "not known")) | join(", ")' "$3"
}

for environment in "${ENVIRONMENTS[@]}"; do start "$environment" 1.0; done
for environment in "${ENVIRONMENTS[@]}"; do end_one "$environment" 0; done
declare -A first container
for environment in "${ENVIRONMENTS[@]}"; do
  expect_exit 0 slipway history "$environment" --json
  first[$environment]=$(jq -r '.[0].uid' "$WORK/.stdout")
  container[$environment]=$(web_on "$environment" "$environment")
  container[other-$environment]=$(web_on other "$environment")
done

# From then on its registry delivers so many bytes and no more, as over a line that hangs: the pull lasts.
fleet exec pull sh -ec 'iptables -w -I INPUT -p tcp --sport 5000 -j DROP
  iptables -w -I INPUT -p tcp --sport 5000 -m quota --quota 3000000 -j ACCEPT'

for environment in "${ENVIRONMENTS[@]}"; do start "$environment" "$environment"; done
wait_until 60 has_said pull '.event == "pull" and .done_bytes > 0'
fleet fault pull unplug
wait_until 60 has_said up '.step == "up" and .status == "running"'
fleet fault up unplug
wait_until 60 has_said health '.event == "health"'
fleet fault health unplug

begin "during the pull: exit 4, and no container was touched"
end_one pull 4
expect_out '"message":"pull: '
expect_same "${container[pull]}" "$(web_on pull pull)"
expect_same "${container[other-pull]}" "$(web_on other pull)"
expect_last pull "pull pull" "pull failed ${first[pull]}, other unchanged ${first[pull]}"
fleet exec pull iptables -w -D INPUT -p tcp --sport 5000 -j DROP
start_again pull

begin "while Compose works there: exit 5; not known of that host, the other one is back"
end_one up 5
expect_same VERSION=1.0 "$(version_on other up)"
expect_other "${container[other-up]}" "$(web_on other up)"
expect_last up "up up" "up unknown not known, other restored ${first[up]}"
start_again up

begin "during the wait for health: exit 5; not known of that host, the other one is back"
end_one health 5
expect_same VERSION=1.0 "$(version_on other health)"
expect_last health "health health" "health unknown not known, other restored ${first[health]}"
start_again health

begin "the links are back: the same commands converge"
for environment in "${ENVIRONMENTS[@]}"; do
  end_one "$environment" 0
  for host in "$environment" other; do expect_same "VERSION=$environment" "$(version_on "$host" "$environment")"; done
done
