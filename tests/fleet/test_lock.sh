#!/bin/bash
# Locks that are left over, folders of another machine, and a connection that hangs: said as it is, and mended by `unlock`.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two:compose=v1
SHOP_SERVICES=web
make_shop prod=one,two
sed -i 's/known_hosts: [^}]*/&, connect_timeout: 3s/' slipway.yml
build 1.0
release 1.0 >/dev/null
build 2.0
release 2.0 >/dev/null
push web slow slow --seconds 5 >/dev/null
release slow >/dev/null

begin_deployment() {
  "$SLIPWAY" deploy prod "$1" >first.out 2>first.err &
  SLIPWAY_PID=$!
}

# end_deployment STATUS...: what it said becomes what the last command said.
end_deployment() {
  STATUS=0 COMMAND='the deployment in the background'
  { wait "$SLIPWAY_PID" || STATUS=$?; } 2>/dev/null # bash tells of the kill
  cp first.out "$WORK/.stdout"
  cp first.err "$WORK/.stderr"
  [[ " $* " == *" $STATUS "* ]] || fail "expected exit status $*"
}

lock_is_free() { fleet exec "$1" flock -n /home/deploy/.slipway/shop--prod/lock true; }

# Compose itself, not the env and sh that start it.
stop_compose() { fleet exec "$1" pkill -STOP -f '^(/usr/bin/python3 )?/[^ ]*/docker-compose .* up -d'; }

runs() { has_variable "$2" web "VERSION=$1"; }

expect_exit 0 slipway deploy prod 1.0
expect_exit 0 slipway unlock prod
expect_out 'one +free'
expect_err 'nothing to unlock'

begin "Compose hangs and outlives its slipway: whoever is refused is told of it"
begin_deployment 2.0
wait_until 60 stop_compose two
kill -KILL "$SLIPWAY_PID"
end_deployment 137
wait_until 60 lock_is_free one
expect_exit 3 slipway deploy prod 2.0
expect_err 'two: locked by .*: deploy prod 2.0 since 20.*, a slipway that is gone; at work there: docker-compose \(pid [0-9]+\)'
expect_err 'slipway unlock prod'

begin "unlock shows who holds it, by which processes, and ends nothing without a yes"
expect_exit 3 slipway unlock prod
expect_out 'one +free'
expect_out 'two +held by .*: deploy prod 2.0 since 20'
expect_out '[0-9]+ +/usr/bin/python3 /usr/bin/docker-compose .*up -d'
expect_err 'still runs would be cut off.* on two'
expect_err 'add --yes'
if lock_is_free two; then fail "nobody said yes"; fi
expect_exit 2 slipway unlock prod --host three
expect_err 'no such host'
expect_exit 0 slipway unlock prod --host one

begin "with a yes it ends them, and the next deployment says what was, and converges"
expect_exit 0 slipway unlock prod --yes --json
expect_json '[.hosts[] | .name + " " + (.held | tostring) + " " + (.outcome // "-")] | join(", ")' 'one false -, two true freed'
expect_json '[.hosts[1].processes[].command | select(test("docker-compose .*up -d"))] | length' 1
lock_is_free two || fail "the lock is held"
expect_exit 0 slipway deploy prod 2.0
expect_version 2.0 one two
expect_exit 0 slipway history prod --json
expect_json '.[0].version + " " + .[0].status' '2.0 succeeded'
expect_json '[.[1:][] | .version + " " + .status] | sort | join(", ")' '1.0 succeeded, 2.0 failed, 2.0 interrupted'

begin "a host that cannot be reached is named, and the others are unlocked"
fleet fault one unplug
expect_exit 4 slipway unlock prod --yes
expect_out 'one +not known'
expect_out 'two +free'
expect_err '1 of 2 hosts could not be asked'
expect_err 'one: .*cannot connect'
fleet mend one

begin "a machine that is listed twice"
cp slipway.yml right.yml
host_entries one | sed 's/name: one/name: twin/' >>slipway.yml
expect_exit 3 slipway deploy prod 2.0 --wait-lock 10m
expect_err 'twin: locked by this very command, .*same machine'
cp right.yml slipway.yml

if fleet exec one test -s /etc/machine-id; then
  ID_ONE=$(fleet exec one cat /etc/machine-id) ID_TWO=$(fleet exec two cat /etc/machine-id)

  begin "two hosts with one home folder"
  fleet exec two mount --bind "$FLEET/hosts/one/home" /home
  expect_exit 3 slipway deploy prod 2.0
  expect_err 'two: locked by this very command, .*same home folder'
  expect_err "$ID_TWO, the other $ID_ONE"
  fleet exec two umount /home

  begin "a copied home folder is refused, and taken over by unlock"
  rm -rf "$FLEET/hosts/two/home/deploy/.slipway"
  cp -a "$FLEET/hosts/one/home/deploy/.slipway" "$FLEET/hosts/two/home/deploy/.slipway"
  for _ in 1 2; do # being refused does not make it two's
    expect_exit 3 slipway deploy prod 2.0
    expect_err "two: .*belongs to another machine \($ID_ONE; this one is $ID_TWO\)"
    expect_err 'share a home.*copy.*slipway unlock prod --host two'
  done
  expect_exit 3 slipway unlock prod
  expect_out "two +belongs to another machine, $ID_ONE"
  expect_exit 0 slipway unlock prod --host two --yes
  expect_out 'two: taken over'
  expect_exit 0 slipway deploy prod 2.0
  expect_version 2.0 one two
fi

begin "a host's sshd hangs in the middle: its lock frees itself, and what is said of it is true"
begin_deployment slow
wait_until 60 runs slow two
SESSION=$(fleet exec two pgrep -f '^sshd: deploy@notty')
fleet exec two kill -STOP "$SESSION"
wait_until 40 lock_is_free two
end_deployment 5
expect_err 'two: .*not known'
expect_version 2.0 one
fleet exec two kill -CONT "$SESSION"

begin "and the same command converges"
expect_exit 0 slipway deploy prod slow
expect_version slow one two
