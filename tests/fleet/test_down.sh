#!/bin/bash
# `down`: nothing of an environment runs any more, whatever state it was in; all that rollback needs stays.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two:compose=v1
SHOP_SETTINGS='  protected: true'
make_shop prod=one,two
cat >>compose.yml <<YAML
    volumes: ["data:/data"]
volumes: {data: {}}
YAML
PLACE=/home/deploy/.slipway/shop--prod
ours() { fleet docker "$1" ps -aq --filter label=com.docker.compose.project=shop--prod; }
volumes_of() { fleet docker "$1" volume ls -q | xargs; }
journal() { fleet exec "$1" tail -1 "$PLACE/journal.jsonl" | jq -r "$2"; }
expect_nothing_runs() {
  local host
  for host in "$@"; do expect_same '' "$(ours "$host")"; done
}

begin "a protected environment wants a yes"
build 1.0
release 1.0 >/dev/null
expect_exit 0 slipway deploy prod 1.0 --yes
before=$(every_id one two)
expect_exit 3 slipway down prod
expect_err 'prod needs a yes.*--yes'
expect_same "$before" "$(every_id one two)"

begin "down: containers and networks go; volumes, release folders and others' containers stay; a hold does not matter"
fleet docker one run -d --name other "$(container_field one proxy .Config.Image)" >/dev/null
expect_exit 0 slipway hold prod --reason 'until Monday'
fleet registry stop
mv compose.yml away.yml
expect_exit 0 slipway down prod --yes --reason 'not needed'
expect_out 'prod runs nothing: d2, 2 hosts changed'
expect_nothing_runs one two
for host in one two; do
  expect_same shop--prod_data "$(volumes_of "$host")"
  expect_same '' "$(fleet docker "$host" network ls -q --filter name=shop--prod)"
  expect_same 1 "$(fleet exec "$host" ls "$PLACE/releases" | wc -l)"
  expect_exit 2 fleet exec "$host" ls "$PLACE/current"
  expect_same 'down succeeded null' "$(journal "$host" '"\(.kind) \(.outcome) \(.release)"')"
done
expect_same running "$(fleet docker one inspect --format '{{.State.Status}}' other)"

begin "the history says so"
expect_exit 0 slipway status --json
expect_json '.environments[0] | "\(.release) \(.version)"' 'null null'
expect_exit 0 slipway history prod
expect_out '^d2 .* down .* succeeded .* not needed'
expect_exit 0 slipway show d2
expect_out '^release +none$'
expect_out '^one .* changed +nothing'
expect_exit 0 slipway show d2 --json
expect_json '"\(.kind) \(.release) \([.hosts[].runs] | join(","))"' 'down null ,'
expect_json '[.steps[] | select(.step == "down") | .detail] | unique | join("; ")' '3 containers removed'
expect_exit 2 slipway deploy prod --yes
expect_err 'prod runs nothing, d2 took it down.*slipway rollback prod'

begin "down again does no harm"
expect_exit 0 slipway down prod --yes
expect_out 'prod runs nothing: d3, nothing had to change'
expect_exit 0 slipway unhold prod

begin "rollback brings back what was taken down, without the registry"
expect_exit 0 slipway rollback prod --yes
expect_version 1.0 one two
mv away.yml compose.yml
fleet registry start

begin "a deployment that fails after it: nothing runs, as before"
expect_exit 0 slipway down prod --yes
push web bad unhealthy >/dev/null
push api bad >/dev/null
release bad >/dev/null
expect_exit 1 slipway deploy prod bad --yes
expect_nothing_runs one two

begin "what no folder explains goes by its labels; --volumes deletes the data"
expect_exit 0 slipway deploy prod 1.0 --yes
fleet exec one rm -r "$PLACE/current" "$PLACE/releases"
fleet exec two rm "$PLACE/current"
expect_exit 0 slipway down prod --volumes --yes
expect_nothing_runs one two
for host in one two; do
  expect_same '' "$(volumes_of "$host")"
  expect_same '' "$(fleet docker "$host" network ls -q --filter name=shop--prod)"
done

begin "one host cannot: the other is down, and each is named; again, it goes on"
expect_exit 0 slipway deploy prod 1.0 --yes
fleet exec two sh -c "mv $PLACE/journal.jsonl $PLACE/away && mkdir $PLACE/journal.jsonl"
expect_exit 5 slipway down prod --yes
expect_err 'one: changed, runs nothing'
expect_err 'two: failed, runs d[0-9]+ .*; should run nothing: slipway down prod'
expect_nothing_runs one
expect_version 1.0 two
fleet exec two sh -c "rmdir $PLACE/journal.jsonl && mv $PLACE/away $PLACE/journal.jsonl"
expect_exit 0 slipway down prod --yes
expect_nothing_runs one two

# take_down_and SIGNAL: in the background, and the signal while containers stop.
take_down_and() {
  "$SLIPWAY" down prod --yes >"$WORK/.stdout" 2>"$WORK/.stderr" &
  local pid=$!
  wait_until 60 fleet exec one grep -q '"kind":"down".*"outcome":"intent"' "$PLACE/journal.jsonl"
  wait_until 60 fleet exec two grep -q '"kind":"down".*"outcome":"intent"' "$PLACE/journal.jsonl"
  kill "-$1" "$pid"
  STATUS=0 COMMAND="down, and SIG$1"
  wait "$pid" 2>/dev/null || STATUS=$?
}

begin "told to stop: what is begun is finished"
# From here on the proxy takes three seconds to stop: nothing in it listens to SIGTERM.
sed -i 's/^    volumes: ."data/    stop_signal: SIGTERM\n    stop_grace_period: 3s\n&/' compose.yml
expect_exit 0 slipway deploy prod 1.0 --yes
fleet exec one truncate -s 0 "$PLACE/journal.jsonl"
fleet exec two truncate -s 0 "$PLACE/journal.jsonl"
take_down_and TERM
expect_same 0 "$STATUS"
expect_nothing_runs one two

begin "killed: the next command says what became of it, and finishes"
expect_exit 0 slipway deploy prod 1.0 --yes
fleet exec one truncate -s 0 "$PLACE/journal.jsonl"
fleet exec two truncate -s 0 "$PLACE/journal.jsonl"
take_down_and KILL
expect_exit 0 slipway down prod --yes --wait-lock 1m
expect_err 'was interrupted'
expect_nothing_runs one two
expect_exit 0 slipway history prod --json -n 2
expect_json '[.[] | .kind + " " + .status] | join(", ")' 'down succeeded, down interrupted'
expect_exit 0 slipway rollback prod --yes
expect_version 1.0 one two
