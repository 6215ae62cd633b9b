#!/bin/bash
# Waiting for another deployment's lock, and being told to stop: politely, and a second time.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two
SHOP_SERVICES=web
make_shop prod=one,two
build 1.0
release 1.0 >/dev/null
push web slow slow --seconds 6 >/dev/null
release slow >/dev/null
build 3.0
release 3.0 >/dev/null

# begin_deployment VERSION: in the background; $SLIPWAY_PID is it.
begin_deployment() {
  rm -f first.err # what is waited for below is said by this one
  "$SLIPWAY" deploy prod "$1" >first.out 2>first.err &
  SLIPWAY_PID=$!
}

# end_deployment STATUS: what it said becomes what the last command said.
end_deployment() {
  STATUS=0 COMMAND='the deployment in the background'
  wait "$SLIPWAY_PID" || STATUS=$?
  cp first.out "$WORK/.stdout"
  cp first.err "$WORK/.stderr"
  [ "$STATUS" = "$1" ] || fail "expected exit status $1"
}

runs() { has_variable "$2" web "VERSION=$1"; }

begin "--wait-lock waits for the deployment that is at work"
begin_deployment slow
wait_until 120 grep -q 'one.* connect ok' first.err
expect_exit 0 slipway deploy prod 1.0 --wait-lock 3m
expect_err 'locked by .*deploy prod slow.*waiting'
end_deployment 0
expect_version 1.0 one two
expect_exit 0 slipway history prod --json
expect_json '[.[].status] | unique | join(" ")' succeeded

begin "a rollback that waited for what it goes back from: one step, and the next goes one further"
begin_deployment slow
wait_until 120 grep -q 'one.* connect ok' first.err
expect_exit 0 slipway rollback prod --wait-lock 3m
end_deployment 0
expect_version 1.0 one two
expect_exit 0 slipway rollback prod
expect_version slow one two

begin "what would mean something else after the wait is refused"
begin_deployment 3.0
wait_until 120 grep -q 'one.* connect ok' first.err
expect_exit 3 slipway deploy prod --wait-lock 3m
expect_err 'means something else'
end_deployment 0
expect_version 3.0 one two
expect_exit 2 slipway deploy prod 1.0 --wait-lock soon
expect_err 'wait-lock.*soon'

begin "told to stop before a container is touched: at once, and nothing was changed"
before=$(every_id one two)
fleet fault one pause-engine
begin_deployment slow
wait_until 60 grep -q 'one.* connect' first.err
kill -TERM "$SLIPWAY_PID"
end_deployment 130
expect_err 'no container was changed'
fleet mend one
expect_same "$before" "$(every_id one two)"

begin "told twice: it stops where it is and says what is where"
begin_deployment slow
wait_until 120 runs slow one
wait_until 120 runs slow two
kill -TERM "$SLIPWAY_PID"
wait_until 60 grep -q -- '-- restore' first.err
kill -TERM "$SLIPWAY_PID"
end_deployment 5
expect_err 'one: .*not known'
expect_err 'slipway rollback prod'
expect_exit 0 slipway status --json
expect_json '.environments[0].attempt.status // "none"' broken

begin "rollback then returns to what ran before"
expect_exit 0 slipway rollback prod --wait-lock 1m
expect_version 3.0 one two

begin "a hold that was made while a deployment waited stops it"
push web slow2 slow --seconds 6 >/dev/null
release slow2 >/dev/null
begin_deployment slow2
wait_until 120 grep -q 'one.* connect ok' first.err
"$SLIPWAY" deploy prod 3.0 --wait-lock 3m >second.out 2>second.err &
SECOND=$!
wait_until 60 grep -q waiting second.err
expect_exit 0 slipway hold prod --reason "it loses orders"
end_deployment 0
STATUS=0
wait "$SECOND" || STATUS=$?
cp second.err "$WORK/.stderr"
expect_same 3 "$STATUS"
expect_err 'it loses orders'
expect_version slow2 one two
