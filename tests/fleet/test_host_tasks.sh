#!/bin/bash
# Tasks around each host: out of the load balancer before it changes, in again when it is well, in restore too.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

HOSTS=(one two)
start_fleet "${HOSTS[@]}"
SHOP_SERVICES=web
make_shop prod=one,two
sed -i 's/^  prod:/&\n    rollout: {batch: 1}\n    tasks:\n      before_host: [{name: drain, command: [.\/lb, out]}]\n      after_host: [{name: add, command: [.\/lb, in]}]/' slipway.yml

# The load balancer: notes in lb.log who is taken out or put in, and what that host serves then. A file "break-PHASE-WHAT-HOST"
# makes it fail, "hang-WHAT-HOST" makes it wait for ever, with a child that does too.
cat >lb <<'SH'
#!/bin/sh
serves=$(curl -fsS --max-time 5 "http://$SLIPWAY_ADDRESS/" 2>/dev/null | sed -n 's/.*version=\([^ ]*\) .*/\1/p')
echo "$SLIPWAY_PHASE $1 $SLIPWAY_HOST ${serves:-nothing}" >>lb.log
echo "$1: $SLIPWAY_KIND of $SLIPWAY_APP $SLIPWAY_RELEASE $SLIPWAY_VERSION in $SLIPWAY_ENVIRONMENT"
if [ -e "hang-$1-$SLIPWAY_HOST" ]; then
  sleep 1000 &
  echo "$! $$" >hanging
  wait
fi
if [ -e "break-$SLIPWAY_PHASE-$1-$SLIPWAY_HOST" ]; then
  echo "the load balancer says no" >&2
  exit 7
fi
SH
chmod +x lb

expect_log() {
  local wanted
  wanted=$(printf '%s\n' "$@")
  expect_same "$wanted" "$(cat lb.log)"
  rm lb.log
}

# steps HOST: of the deployment shown last.
expect_steps() { expect_json '[.steps[] | select(.host == "'"$1"'" and (.step | test("_host:|^up$|restore"))) | .step + " " + .status] | join(", ")' "$2"; }

show_last() {
  expect_exit 0 slipway history prod --json
  expect_exit 0 slipway show "$(jq -r '.[0].id' "$WORK/.stdout")" --json
}

# all_gone PID...: ended, or waited for by nobody.
all_gone() {
  local pid
  for pid in "$@"; do
    [ ! -e "/proc/$pid" ] || grep -q ') Z ' "/proc/$pid/stat" || return 1
  done
}

for version in 1.0 2.0; do
  build "$version"
  release "$version" >/dev/null
done

begin "a program that is not there: nothing is begun (2)"
mv lb lb.away
expect_exit 2 slipway deploy prod 1.0
expect_err 'tasks.before_host: drain: ./lb: not found'
expect_exit 0 slipway history prod --json
expect_json length 0
mv lb.away lb

begin "a first deployment that fails puts no host in that runs nothing"
touch break-apply-out-two
expect_exit 1 slipway deploy prod 1.0
expect_log 'apply out one nothing' 'apply in one 1.0' 'apply out two nothing' 'restore out one 1.0'
expect_same '' "$(every_id one two)"
rm break-apply-out-two

begin "each host in turn: out, up, healthy, in; steps and events tell it"
expect_exit 0 slipway deploy prod 1.0 --json
expect_log 'apply out one nothing' 'apply in one 1.0' 'apply out two nothing' 'apply in two 1.0'
grep '"event":"task"' "$WORK/.stdout" >events
run jq -rs '.[0] | [.host, .step, .line] | join(" ")' events
expect_out '^one before_host: drain out: deploy of shop r1 1.0 in prod$'
show_last
expect_steps two 'before_host: drain ok, up ok, after_host: add ok'

begin "a host that cannot be taken out is not touched and is put in; the one before it goes back"
two=$(every_id two)
touch break-apply-out-two
expect_exit 1 slipway deploy prod 2.0
expect_err 'two: before_host: drain: exit status 7:'
expect_err 'the load balancer says no'
expect_err 'Every host runs what it ran before'
grep -v '^restore' lb.log >applied
expect_same "$(printf '%s\n' 'apply out one 1.0' 'apply in one 2.0' 'apply out two 1.0')" "$(cat applied)"
expect_same "$(printf '%s\n' 'restore in one 1.0' 'restore in two 1.0' 'restore out one 2.0')" "$(grep '^restore' lb.log | sort)"
rm lb.log
expect_same "$two" "$(every_id two)"
expect_version 1.0 one two
show_last
expect_json '[.hosts[].status] | join(" ")' 'restored failed'
expect_steps one 'before_host: drain ok, up ok, after_host: add ok, before_host: drain ok, restore ok, after_host: add ok'
expect_steps two 'before_host: drain failed, after_host: add ok'
rm break-apply-out-two

begin "a host that cannot be put in has failed: it goes back, although it cannot be taken out again"
touch break-apply-in-one break-restore-out-one
expect_exit 1 slipway deploy prod 2.0
expect_err 'one: after_host: add: exit status 7'
expect_err 'warning: one: before_host: drain: exit status 7'
expect_log 'apply out one 1.0' 'apply in one 2.0' 'restore out one 2.0' 'restore in one 1.0'
expect_version 1.0 one two
rm break-*

begin "one that cannot be put in after going back: it runs the old release and is missed (5)"
touch break-apply-out-two break-restore-in-one
expect_exit 5 slipway deploy prod 2.0
expect_err 'could not be put back: one: it runs what it ran before, but may be out of the load balancer: after_host: add'
expect_err '  one: failed, runs d[0-9]+ \(r1, 1.0\), may be out of the load balancer; .*slipway rollback prod --host one'
refute_err '  two: .*load balancer'
expect_version 1.0 one two
rm lb.log break-*

begin "and the command that it names puts it in"
expect_exit 0 slipway rollback prod --host one
expect_log 'apply out one 1.0' 'apply in one 1.0'

begin "a rollback that cannot take a host out stops there and says so (5)"
expect_exit 0 slipway deploy prod 2.0 --force --reason "it was not its fault"
touch break-apply-out-two
expect_exit 5 slipway rollback prod
expect_err '  two: failed, runs .*2.0\), may be out of the load balancer'
expect_version 1.0 one
expect_version 2.0 two
rm break-*
expect_exit 0 slipway rollback prod
expect_version 1.0 one two
expect_exit 0 slipway deploy prod 2.0 --force --reason "nor now"
rm lb.log

begin "told to stop while a host is taken out: that program and its children end, and it is put in (130)"
before=$(every_id one two)
touch hang-out-one
"$SLIPWAY" deploy prod >first.out 2>first.err &
wait_until 60 test -s hanging
kill -TERM $!
STATUS=0 COMMAND='the deployment in the background'
wait $! || STATUS=$?
cp first.out "$WORK/.stdout"
cp first.err "$WORK/.stderr"
[ "$STATUS" = 130 ] || fail "expected exit status 130"
read -ra pids <hanging
wait_until 10 all_gone "${pids[@]}"
expect_log 'apply out one 2.0' 'restore in one 2.0'
expect_same "$before" "$(every_id one two)"
