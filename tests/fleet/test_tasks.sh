#!/bin/bash
# Tasks of a deployment: migrations before, tests after, in the new image and before or after the containers change.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

HOSTS=(one two)
start_fleet one:compose=v1 two
SHOP_SERVICES='web api'
make_shop prod=one,two

# What the tasks' programs shall do is in "mode", which they read: set_mode WORD.
set_mode() { echo "$1" >mode; }
cat >tasks.yml <<'YAML'
    tasks:
      before:
        - name: migrate
          service: api
          stdin: mode
          artifacts: [/out:artifacts]
          command:
            - sh
            - -c
            - |
              read -r mode
              mkdir -p /out/deep; echo "$VERSION" >/out/deep/version; ln -s /etc/passwd /out/link
              echo "migrating to $VERSION: $mode"; grep . /etc/motd
              [ "$mode" != before ] || { echo "no such table" >&2; exit 3; }
              [ "$mode" != hang ] || sleep 1000
      verify:
        - {name: tests, service: web, on: all, stdin: mode, artifacts: ["/report:report"],
           command: [sh, -c, 'read -r mode; echo "report of $VERSION" >/report; [ "$mode" != verify ] || exit 4']}
        - {name: here, command: [sh, -c, 'echo "$SLIPWAY_PHASE of $SLIPWAY_RELEASE"']}
        - {name: elsewhere, environments: [other], command: ['false']}
      after:
        - {name: tell, service: web, stdin: mode, command: [sh, -c, 'read -r mode; [ "$mode" != after ]']}
YAML
sed -i '/^  prod:/r tasks.yml' slipway.yml
sed -i 's/^environments:/&\n  other: {hosts: [local]}/' slipway.yml
set_mode well

show_last() {
  expect_exit 0 slipway history prod --json
  expect_exit 0 slipway show "$(jq -r '.[0].id' "$WORK/.stdout")" "$@"
}

one_offs() {
  local host
  for host in "${HOSTS[@]}"; do
    fleet docker "$host" ps -aq --filter label=com.docker.compose.oneoff=True
  done
}

build 1.0
release 1.0 >/dev/null

begin "a task of a service that there is not: nothing is begun (2)"
cp slipway.yml good.yml
sed -i 's/service: api/service: apo/' slipway.yml
expect_exit 2 slipway deploy prod 1.0
expect_err 'tasks.before: migrate: the Compose files have no service apo'
cp good.yml slipway.yml
expect_exit 0 slipway history prod --json
expect_json length 0

begin "tasks run in the new image: once before the containers, on all hosts after them, on the controller"
expect_exit 0 slipway deploy prod 1.0
expect_err 'before: migrate \| migrating to 1.0: well$'
expect_err 'before: migrate \| welcome$'
expect_err 'verify: here \| verify of r1$'
expect_same "$(printf '1.0\nreport of 1.0\nreport of 1.0')" "$(cat artifacts/deep/version one/report two/report)"
[ ! -e artifacts/link ] || fail "a link was unpacked"
show_last --json
expect_json '[.steps[] | select(.step | test("^(before|verify|after):|^up$")) | .step + " " + (.host // "-")] | sort | join(", ")' \
  'after: tell one, before: migrate one, up one, up two, verify: here -, verify: tests one, verify: tests two'
expect_json '[.steps[].step] | index("before: migrate") < index("up") and index("verify: tests") > index("up")' true
expect_json '.steps[] | select(.step == "before: migrate") | .output' "$(printf 'migrating to 1.0: well\nwelcome\n')"
expect_same '' "$(one_offs)"

begin "a migration that fails: no container changes on any host, and show has its words (1)"
build 2.0
release 2.0 >/dev/null
before=$(every_id one two)
set_mode before
expect_exit 1 slipway deploy prod 2.0
expect_err 'before: migrate: one: exit status 3:'
expect_err '  no such table'
expect_err 'No container was changed; databases may have been'
expect_same "$before" "$(every_id one two)"
show_last
expect_out '^OUTPUT of before: migrate on one$'
expect_out '^  migrating to 2.0: before$'
expect_exit 0 slipway history prod --json
expect_json '.[0].hosts | map(.status) | join(" ")' 'unchanged unchanged'

begin "tests that fail: everything goes back, the report is copied all the same (1)"
set_mode verify
expect_exit 1 slipway deploy prod 2.0
expect_err 'verify: tests: one: exit status 4'
expect_err 'Every host runs what it ran before'
expect_version 1.0 one two
expect_same "$(printf 'report of 2.0\nreport of 2.0')" "$(cat one/report two/report)"
refute_err 'verify: here'

begin "a failure afterwards is a warning"
set_mode after
expect_exit 0 slipway deploy prod 2.0
expect_err 'warning: after: tell: one: exit status 1'
expect_version 2.0 one two

begin "going back runs no task"
rm -r artifacts
expect_exit 0 slipway rollback prod
refute_err 'migrate'
[ ! -e artifacts ] || fail "a task ran"

begin "told to stop while a migration is at work: it is stopped, nothing changed, nothing is left (130)"
before=$(every_id one two)
set_mode hang
"$SLIPWAY" deploy prod 2.0 --force --reason "it was well" >first.out 2>first.err &
wait_until 60 grep -q 'migrating to 2.0: hang' first.err
kill -TERM $!
STATUS=0 COMMAND='the deployment in the background'
wait $! || STATUS=$?
cp first.out "$WORK/.stdout"
cp first.err "$WORK/.stderr"
[ "$STATUS" = 130 ] || fail "expected exit status 130"
expect_err 'before: migrate FAILED.*interrupted, and stopped'
expect_err 'no container was changed, but a task was at work: databases may have been'
expect_same "$before" "$(every_id one two)"

begin "what a killed slipway's migration left is removed by the next deployment, before its own"
"$SLIPWAY" deploy prod 2.0 --force --reason "it was well" >first.out 2>first.err &
wait_until 60 grep -q 'migrating to 2.0: hang' first.err
kill -KILL $!
wait $! || true
left=$(one_offs)
expect_other '' "$left"
set_mode before
expect_exit 1 slipway deploy prod 2.0 --wait-lock 30s --force --reason "it was well"
expect_err 'one: removed 1 container that earlier tasks left behind'
expect_err 'no such table'
expect_same "$before" "$(every_id one two)"

begin "the only host that a task could run on is skipped: nothing is touched (4)"
set_mode well
sed -i 's/^  api:/&\n    profiles: [extra]/' compose.yml
sed -i '/name: two,/s/}$/, profiles: [extra]}/' slipway.yml
before=$(every_id one)
fleet fault two cut
expect_exit 4 slipway deploy prod 2.0 --skip-unreachable --force --reason "two is away"
expect_err 'tasks.before: migrate: every host that runs api is skipped'
expect_same "$before" "$(every_id one)"
