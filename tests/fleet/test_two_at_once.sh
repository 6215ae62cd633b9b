#!/bin/bash
# Two slipways at once, and slipways that are killed: one works, nothing is corrupt, the same command converges.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two:compose=v1
make_shop prod=one,two
build 1.0
release 1.0 >/dev/null
push web slow slow --seconds 6 >/dev/null
push api slow >/dev/null
release slow >/dev/null

runs_slow_on_both() { runs_slow one && runs_slow two; }
runs_slow() { container_field "$1" web '{{.Config.Env}}' | grep -q 'VERSION=slow'; }

# A deployment in the background that has begun to change containers; $SLIPWAY_PID is it.
begin_slow_deployment() {
  "$SLIPWAY" deploy prod slow --force --reason test >first.out 2>first.err &
  SLIPWAY_PID=$!
  wait_until 120 runs_slow_on_both
}

# end_slow_deployment STATUS: what it said becomes what the last command said.
end_slow_deployment() {
  STATUS=0 COMMAND='deploy prod slow, in the background'
  { wait "$SLIPWAY_PID" || STATUS=$?; } 2>/dev/null # bash tells of the kill
  cp first.out "$WORK/.stdout"
  cp first.err "$WORK/.stderr"
  [ "$STATUS" = "$1" ] || fail "expected exit status $1"
}

expect_exit 0 slipway deploy prod 1.0
cp history.db other.db

begin "another controller, with another history: refused, and told who is at work"
begin_slow_deployment
expect_exit 3 slipway --history other.db deploy prod 1.0
expect_err 'deploy prod slow'
expect_err '(one|two): '

begin "the same history: refused too, and nothing is corrupt"
expect_exit 3 slipway deploy prod 1.0
expect_err 'deploy prod slow'
expect_exit 0 slipway status
expect_exit 0 slipway history prod --json
end_slow_deployment 0
expect_version slow one two
expect_exit 0 slipway history prod --json
expect_json '[.[] | .version + " " + .status] | join(", ")' '1.0 failed, slow succeeded, 1.0 succeeded'
expect_exit 0 slipway rollback prod
expect_version 1.0 one two

begin "killed half-way: the lock is free, the history says so, and the same command converges"
begin_slow_deployment
kill -KILL "$SLIPWAY_PID"
end_slow_deployment 137
expect_exit 0 slipway deploy prod slow --force --reason test
expect_err 'interrupted'
expect_version slow one two
expect_exit 0 slipway history prod --json
expect_json '.[1].status' interrupted
expect_json '[.[1].hosts[].status] | unique | join(" ")' changed
expect_json '.[0].status' succeeded

begin "killed half-way: rollback returns to what ran before"
expect_exit 0 slipway deploy prod 1.0 --force --reason test
begin_slow_deployment
kill -KILL "$SLIPWAY_PID"
end_slow_deployment 137
expect_exit 0 slipway rollback prod
expect_version 1.0 one two

begin "SIGTERM: the hosts are put back first"
before_digest=$(container_digest one web)
begin_slow_deployment
kill -TERM "$SLIPWAY_PID"
end_slow_deployment 130
expect_err 'interrupted'
expect_version 1.0 one two
expect_same "$before_digest" "$(container_digest one web)"
expect_exit 0 slipway history prod --json
expect_json '.[0].status + " " + (.[0].exit_code | tostring)' 'interrupted 130'
expect_json '[.[0].hosts[].status] | unique | join(" ")' restored

begin "many readers and writers of one history"
pids=()
for number in 1 2 3 4; do
  "$SLIPWAY" release create --version "many-$number" --image web=:1.0 --image api=:1.0 >"many.$number" 2>&1 &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a release could not be created: $(cat many.*)"; done
expect_same 4 "$(cat many.? | sort -u | wc -l)"
expect_exit 0 slipway release list --json
expect_json '[.[] | select(.version | startswith("many"))] | length' 4
