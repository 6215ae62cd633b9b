#!/bin/bash
# The history's file fails: before a host is asked where that can be, and in the middle of a deployment, which is then finished
# or put back. And slipway.yml itself is what is broken: a rollback works all the same.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two
SHOP_SERVICES=web
make_shop prod=one,two
sed -i 's|^history: .*|history: disk/history.db|; s/settle: 300ms/settle: 1s/' slipway.yml
mkdir disk
leave() {
  local status=$?
  set +e
  umount -l "$WORK/disk"
  (exit "$status") # what end_test asks for
  end_test
}
mount -t tmpfs -o size=16m store disk || skip "a tmpfs cannot be mounted here"
trap leave EXIT

build 1.0
release 1.0 >/dev/null
build 2.0
release 2.0 >/dev/null
expect_exit 0 slipway deploy prod 1.0

connections() { cat "$FLEET"/hosts/{one,two}/sshd.log | grep -c 'Connection from\|Accepted'; }
fill_disk() { dd if=/dev/zero of=disk/filler bs=64k >/dev/null 2>&1 || true; }

# begin_deployment ARGUMENTS...: in the background, until both hosts have new containers; $SLIPWAY_PID is it.
begin_deployment() {
  rm -f first.err
  "$SLIPWAY" "$@" >first.out 2>first.err &
  SLIPWAY_PID=$!
  wait_until 120 grep -q 'one.* up ok' first.err
  wait_until 120 grep -q 'two.* up ok' first.err
}

# end_deployment STATUS: what it said becomes what the last command said.
end_deployment() {
  STATUS=0 COMMAND='the deployment in the background'
  wait "$SLIPWAY_PID" || STATUS=$?
  cp first.out "$WORK/.stdout"
  cp first.err "$WORK/.stderr"
  [ "$STATUS" = "$1" ] || fail "expected exit status $1"
}

begin "a history that cannot be written, or is damaged, ends it before any host is asked"
before=$(every_id one two)
asked=$(connections)
[ "$asked" -gt 0 ] || fail "this test does not see who was asked"
fill_disk
expect_exit 6 slipway deploy prod 2.0
expect_err 'disk/history\.db: .*recording needs 4 MB: free some space'
rm disk/filler
# shellcheck disable=SC2016 # for the inner shell
expect_exit 6 unshare -m sh -c 'mount -o remount,bind,ro disk && exec "$0" deploy prod 2.0' "$SLIPWAY"
expect_err 'disk/history\.db: .*Read-only file system'
cp disk/history.db bad.db
dd if=/dev/urandom of=bad.db bs=4096 seek=4 count=2 conv=notrunc 2>/dev/null
expect_exit 6 slipway deploy prod 2.0 --history bad.db
expect_err 'bad\.db: .*damaged.*slipway history import ENV'
cp disk/history.db bad.db
echo "garbage, garbage, garbage, garbage" >bad.db-wal
expect_exit 6 slipway rollback prod --history bad.db
expect_err 'bad\.db-wal beside it is damaged'
expect_same "$asked" "$(connections)"
expect_same "$before" "$(every_id one two)"

begin "a history that another program has for a while is waited for"
/usr/bin/python3 - disk/history.db <<'PY' &
import sqlite3, sys, time
history = sqlite3.connect(sys.argv[1], isolation_level=None)
history.execute("BEGIN EXCLUSIVE")
open("locked", "w").close()
time.sleep(3)
history.execute("COMMIT")
PY
wait_until 30 test -e locked
expect_exit 0 slipway hold prod --reason "to see it wait"
expect_exit 0 slipway unhold prod

begin "a disk that fills while a deployment runs does not harm it"
begin_deployment deploy prod 2.0
fill_disk
end_deployment 0
rm disk/filler
expect_version 2.0 one two
expect_exit 0 slipway history prod --json
expect_json '.[0] | .status + " " + .version' 'succeeded 2.0'

begin "a history that goes away while a deployment runs: the hosts are put back, and it is said how to go on"
begin_deployment deploy prod 1.0
mv disk/history.db disk/away.db
end_deployment 6
expect_err 'moved away, deleted or replaced'
expect_err 'Every host runs what it ran before'
expect_err 'slipway history import prod'
expect_version 2.0 one two
mv disk/away.db disk/history.db
expect_exit 0 slipway deploy prod 1.0
expect_err 'd3 was interrupted'
expect_version 1.0 one two
expect_exit 0 slipway show d3 --json
expect_json '[.status] + [.hosts[].status] | join(" ")' 'interrupted restored restored'

begin "a rollback does not need the history to end"
begin_deployment rollback prod
mv disk/history.db disk/away.db
end_deployment 6
expect_err 'd5 succeeded, but the history does not say so'
expect_err 'slipway history import prod'
expect_version 2.0 one two
mv disk/away.db disk/history.db
expect_exit 0 slipway history import prod
expect_exit 0 slipway show d5 --json
expect_json '[.status] + [.hosts[].status] | join(" ")' 'interrupted changed changed'

begin "slipway.yml is garbage: rollback uses the hosts of the last deployment, and says so; deploy refuses"
cp slipway.yml good.yml
printf 'app: shop\nhistory: disk/history.db\n{[ garbage\n' >slipway.yml
expect_exit 2 slipway deploy prod 1.0
expect_err 'slipway.yml:4'
expect_exit 0 slipway rollback prod --to 1.0
expect_err 'slipway.yml:4.*using the hosts of d5 instead'
expect_version 1.0 one two

begin "slipway.yml is gone: the same, once the history is named"
rm slipway.yml
expect_exit 0 slipway rollback prod --history disk/history.db
expect_err 'no slipway.yml in .*using the hosts of d6 instead'
expect_version 2.0 one two
expect_exit 0 slipway status prod --history disk/history.db --json
expect_json '.environments[0] | [.name, .version] | join(" ")' 'prod 2.0'
