#!/bin/bash
# What the hosts know is enough: a history that was lost is rebuilt from them, and one that another controller wrote is taken in
# before anything is decided.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet prod1 prod2
make_shop prod=prod1,prod2
# Small: what is tested is what hosts remember. The proxy is somebody else's image.
cat >compose.yml <<YAML
version: "3.8"
services:
  web:
    image: $REGISTRY/shop/web:dev
    ports: ["80:8080"]
    environment: {GREETING: "\${GREETING:-nobody}"}
    volumes: ["./motd:/etc/motd:ro"]
  proxy:
    image: $REGISTRY/library/proxy:stable
YAML

# What a history says of prod, but for what only the one that made it can know.
account() {
  slipway history prod --json | jq -S '[.[] | {uid, kind, version, status, exit_code, images, reason, forced, started_at,
    hosts}]'
}

# ship VERSION [OPTION...]: with a configuration of its own.
ship() {
  local version=$1
  shift
  echo "motd $version" >motd
  sed -i "/ prod:/,\$ s/GREETING: .*}/GREETING: \"greeting-$version\"}/" slipway.yml
  expect_exit 0 slipway "$@" deploy prod "$version"
}

forget() { rm -f history.db history.db-wal history.db-shm; }

# What Compose made the containers of, one a line.
hashes() {
  local host
  for host in prod1 prod2; do
    fleet docker "$host" ps --format '{{.Names}} {{.Label "com.docker.compose.config-hash"}}' | sort
  done
}

begin "three releases, and one that is put back"
for version in 1.0 2.0 3.0; do
  build "$version"
  release "$version" >/dev/null
  ship "$version"
  if [ "$version" = 2.0 ]; then two=$(hashes); fi
done
build 4.0
push web 4.0 exits >/dev/null
release 4.0 >/dev/null
expect_exit 1 slipway deploy prod 4.0 --force --reason "to see it fail"
expect_exit 0 slipway status --json
status=$(jq -S '.environments[0] | del(.since)' "$WORK/.stdout")
before=$(account)

begin "nothing is missing: that is said, and nothing changes"
expect_exit 0 slipway history import prod
expect_out 'know of no deployment that is missing here'
expect_same "$before" "$(account)"

begin "the history is lost: the hosts' journals and manifests say the same"
forget
expect_exit 0 slipway history import prod --json
expect_json '[.imported[].version] | join(" ")' "1.0 2.0 3.0 4.0"
expect_json .environment prod
expect_err 'imported d1 … d4 from the journals of prod1, prod2'
expect_same "$before" "$(account)"
expect_exit 0 slipway status --json
expect_same "$status" "$(jq -S '.environments[0] | del(.since)' "$WORK/.stdout")"
expect_exit 0 slipway show d4
expect_out 'put back'
expect_exit 0 slipway history import prod
expect_out 'know of no deployment'

begin "rollback from it, with the registry stopped and today's files gone, brings back the very configuration"
fleet registry stop
forget
expect_exit 0 slipway history import prod
expect_exit 0 slipway plan prod 2.0 # the release still knows which proxy it met
rm motd
expect_exit 0 slipway rollback prod --yes
expect_version 2.0 prod1 prod2
expect_same "$two" "$(hashes)"
run fleet docker prod1 exec "$(container_id prod1 web)" cat /etc/motd
expect_out "motd 2.0"

begin "one host is not there: the others' word is enough to roll back"
forget
fleet fault prod2 cut
expect_exit 4 slipway history import prod
expect_exit 0 slipway history import prod --skip-unreachable --force --reason "one of two"
expect_exit 0 slipway history prod --json
expect_json '.[0].hosts[1].status' skipped
expect_json '.[0].kind' rollback
expect_json '.[0].restores' d2
fleet mend prod2
fleet registry start

begin "a journal with a line that nobody can read, one of another application, and files that were changed: what is right counts"
forget
journal='/home/deploy/.slipway/shop--prod/journal.jsonl'
fleet exec prod1 sh -c "for file in ${journal%/*}/releases/*/project/compose.yml; do echo '# mine' >>\$file; done"
fleet exec prod1 sh -c "printf '%s\n' '{\"deployment\":\"01aaaaaaaaaaaaaaaaaaaaaaaa\",\"app\":\"other\",\"environment\":\"prod\",\"kind\":\"deploy\",\"outcome\":\"succeeded\"}' '{]' >>$journal"
expect_exit 0 slipway history import prod
expect_err 'prod1: line 11 of its journal is of other--prod; it is left out'
expect_err 'prod1: line 12 of its journal cannot be read; it is left out'
expect_err 'prod1: what it keeps of deployment [0-9a-z]+: releases/[^ ]+/compose.yml is not what was deployed'
refute_err 'prod2: what it keeps'
expect_out 'imported 5 deployments'
expect_exit 0 slipway history prod --json
expect_json '[.[].version] | join(" ")' "2.0 4.0 3.0 2.0 1.0"

begin "two controllers: each knows what the other did before it decides"
echo "motd 5.0" >motd
build 5.0
expect_exit 0 slipway --history b.db release create --tag 5.0 --version 5.0
expect_exit 0 slipway --history b.db deploy prod 5.0
expect_err 'imported d2 … d6 from the journals of prod1, prod2'
expect_version 5.0 prod1 prod2
expect_exit 3 slipway rollback prod # what it was about to put back is not what 5.0 replaced
expect_err 'imported d7 from the journals of prod1, prod2: another history made it'
expect_version 5.0 prod1 prod2
expect_exit 0 slipway rollback prod
expect_version 2.0 prod1 prod2
expect_same "$two" "$(hashes)"
expect_exit 0 slipway history prod --json
expect_json '[.[] | select(.status == "succeeded") | "\(.kind) \(.version)"] | .[:2] | join(", ")' "rollback 2.0, deploy 5.0"
expect_exit 3 slipway deploy prod 5.0
expect_err 'r5 is marked bad in prod: d8 rolled back from it'

begin "one that was killed there: taken in without an end, and its hosts say how it ended"
"$SLIPWAY" --history b.db deploy prod 1.0 </dev/null >/dev/null 2>&1 &
controller=$!
wait_until 60 fleet exec prod1 sh -c "tail -n 1 $journal | grep -q 'intent.*\"version\":\"1.0\"'"
kill -KILL "$controller"
wait "$controller" 2>/dev/null || true
expect_exit 0 slipway history import prod --wait-lock 1m
expect_err 'd9 was interrupted, its slipway is gone'
expect_exit 0 slipway history prod --json
expect_json '.[0] | "\(.kind) \(.version) \(.status) \(.exit_code)"' "deploy 1.0 interrupted 130"
expect_exit 0 slipway rollback prod
expect_version 2.0 prod1 prod2
expect_same "$two" "$(hashes)"
