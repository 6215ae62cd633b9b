#!/bin/bash
# Two slipways at once, and slipways that are killed: one works, nothing is corrupt, the same command converges.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two
SHOP_SERVICES=web
make_shop prod=one,two
build 1.0
release 1.0 >/dev/null
sed -i 's/deadline: 30s/deadline: 10m/' slipway.yml
# One that becomes healthy after a while, and one that slipway waits for as long as the test needs.
push web slow slow --seconds 12 >/dev/null
push web stuck never >/dev/null
for version in slow stuck; do
  release "$version" >/dev/null
done

runs() { has_variable "$2" web "VERSION=$1"; }

# begin_deployment VERSION HOST...: in the background, until it has changed these hosts; $SLIPWAY_PID is it.
begin_deployment() {
  local version=$1 host
  "$SLIPWAY" deploy prod "$version" --force --reason test >first.out 2>first.err &
  SLIPWAY_PID=$!
  for host in "${@:2}"; do wait_until 120 runs "$version" "$host"; done
}

# What the killed one had started on a host ends first, and keeps the lock until then.
locks_are_free() {
  local host
  for host in one two; do fleet exec "$host" flock -n /home/deploy/.slipway/shop--prod/lock true || return; done
}

# end_deployment STATUS: what it said becomes what the last command said.
end_deployment() {
  STATUS=0 COMMAND='the deployment in the background'
  { wait "$SLIPWAY_PID" || STATUS=$?; } 2>/dev/null # bash tells of the kill
  cp first.out "$WORK/.stdout"
  cp first.err "$WORK/.stderr"
  [ "$STATUS" = "$1" ] || fail "expected exit status $1"
}

expect_exit 0 slipway deploy prod 1.0
cp history.db other.db

begin "another controller, with another history: refused, and told who is at work"
before_digest=$(container_digest one web)
begin_deployment stuck one two
expect_exit 3 slipway --history other.db deploy prod 1.0
expect_err '(one|two): locked by .*deploy prod stuck'

begin "the same history: refused too, and nothing is corrupt"
expect_exit 3 slipway deploy prod 1.0
expect_err 'deploy prod stuck'
expect_exit 0 slipway status
expect_exit 0 slipway history prod --json
expect_json '[.[] | .version + " " + .status] | join(", ")' 'stuck running, 1.0 failed, 1.0 succeeded'

begin "SIGTERM: the hosts are put back first"
kill -TERM "$SLIPWAY_PID"
end_deployment 130
expect_err 'interrupted'
expect_version 1.0 one two
expect_same "$before_digest" "$(container_digest one web)"
expect_exit 0 slipway history prod --json
expect_json '[.[].status] | join(" ")' 'interrupted failed succeeded'
expect_json '.[0].exit_code' 130
expect_json '[.[0].hosts[].status] | unique | join(" ")' restored

begin "killed half-way: the lock is free, the history says so, and the same command converges"
begin_deployment slow one
kill -KILL "$SLIPWAY_PID"
end_deployment 137
wait_until 60 locks_are_free
expect_exit 0 slipway deploy prod slow --force --reason test
expect_err 'interrupted'
expect_version slow one two
expect_exit 0 slipway history prod --json
expect_json '[.[0].status, .[1].status] | join(" ")' 'succeeded interrupted'

begin "killed half-way: rollback returns to what ran before"
expect_exit 0 slipway deploy prod 1.0
begin_deployment stuck one
kill -KILL "$SLIPWAY_PID"
end_deployment 137
wait_until 60 locks_are_free
expect_exit 0 slipway rollback prod
expect_version 1.0 one two

# Another controller: its own folder and history, and the hosts the other way round.
mkdir bob
(
  cd bob
  make_shop prod=two,one
  release 1.0 >/dev/null
)

# deploy_as NAME FOLDER VERSION: in the background.
declare -A deployments statuses
deploy_as() {
  BUILD_USER_ID=$1 "$SLIPWAY" -c "$2/slipway.yml" deploy prod "$3" --force --reason test >"$1.out" 2>"$1.err" &
  deployments[$1]=$!
}

# at_work NAME FOLDER: when their last deployment had its first lock, and when it committed last, in milliseconds.
at_work() {
  local id
  id=$("$SLIPWAY" -c "$2/slipway.yml" history prod --json | jq -r --arg name "$1" 'map(select(.actor == $name))[0].id')
  "$SLIPWAY" -c "$2/slipway.yml" show "$id" --json |
    jq -r 'def ends: (.started_at | .[0:19] + "Z" | fromdate * 1000) + (.started_at[20:23] | tonumber) + .duration_ms;
      [.steps[] | select(.step == "connect" or .step == "commit") | ends] | "\(min) \(max)"'
}

begin "two controllers at the same instant: one works, or one after the other, and who is refused is told by whom"
refusals=0
for round in 1 2 3; do
  # Whoever is started first has a small lead: they take turns.
  if [ $((round % 2)) = 0 ]; then deploy_as ann . 1.0; fi
  deploy_as bob bob 1.0
  if [ $((round % 2)) = 1 ]; then deploy_as ann . 1.0; fi
  for name in ann bob; do
    statuses[$name]=0
    wait "${deployments[$name]}" || statuses[$name]=$?
  done
  cat ann.out bob.out >"$WORK/.stdout"
  cat ann.err bob.err >"$WORK/.stderr"
  COMMAND="two deployments at once"
  case ${statuses[ann]}${statuses[bob]} in
    03) grep -qE '(one|two): locked by ann: .*deploy prod 1\.0' bob.err || fail "bob is not told of ann" ;;
    30) grep -qE '(one|two): locked by bob: .*deploy prod 1\.0' ann.err || fail "ann is not told of bob" ;;
    00)
      read -r ann_from ann_to <<<"$(at_work ann .)"
      read -r bob_from bob_to <<<"$(at_work bob bob)"
      [ "$ann_to" -le "$bob_from" ] || [ "$bob_to" -le "$ann_from" ] ||
        fail "both at once: ann from $ann_from to $ann_to, bob from $bob_from to $bob_to"
      ;;
    *) fail "ann ended with ${statuses[ann]}, bob with ${statuses[bob]}" ;;
  esac
  [ "${statuses[ann]}${statuses[bob]}" = 00 ] || refusals=$((refusals + 1))
  expect_version 1.0 one two
done
[ "$refusals" -gt 0 ] || fail "they never met"

begin "many readers and writers of one history"
pids=()
for number in 1 2 3 4; do
  "$SLIPWAY" release create --version "many-$number" --image web=:1.0 >"many.$number" 2>&1 &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a release could not be created: $(cat many.*)"; done
expect_same 4 "$(cat many.? | sort -u | wc -l)"
expect_exit 0 slipway release list --json
expect_json '[.[] | select(.version | startswith("many"))] | length' 4
