#!/bin/bash
# The fleet itself: hosts of both kinds of Compose run an image by digest, faults bite, and nothing is left behind.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

start_fleet one two:compose="$([ -L /usr/bin/docker-compose ] && echo v2 || echo v1)",port=2222 local
NUMBER=$(<"$FLEET/number")
REGISTRY=$(fleet registry address)

compose() {
  if [ "$(fleet compose-kind "$1")" = v1 ]; then
    fleet ssh "$1" docker-compose "${@:2}"
  else
    fleet ssh "$1" docker compose "${@:2}"
  fi
}

begin "an image that an engine built and one made without are pulled by digest"
cat >Dockerfile <<EOF
FROM $(fleet image app/base web v1)
LABEL built=here
EOF
expect_exit 0 env DOCKER_BUILDKIT=0 "$FLEET_TOOLS/fleet" docker local build -q -t "$REGISTRY/app/built:v1" .
expect_exit 0 fleet docker local push -q "$REGISTRY/app/built:v1"
BUILT=$(fleet docker local image inspect --format '{{index .RepoDigests 0}}' "$REGISTRY/app/built:v1")
expect_exit 0 fleet ssh one docker pull -q "$BUILT"
V1=$(fleet image app/web web v1 --interval 1)
expect_same "$V1" "$(fleet image app/web web v1 --interval 1)"
expect_other "$V1" "$(fleet image app/web:v1 web v1 --interval 1 --content other)"

begin "each kind of Compose brings a service up, and it becomes healthy"
for host in one two; do
  fleet ssh "$host" 'cat >compose.yml' <<EOF
version: "3.7"
services:
  web: {image: "$V1", environment: {GREETING: "$host"}, ports: ["80:8080"]}
EOF
  expect_exit 0 compose "$host" up -d
  wait_until 20 is_healthy "$host" web
  expect_same "version=v1 greeting=$host" "$(page "$host")"
  expect_same "${V1#*@}" "$(container_digest "$host" web)"
done

begin "hosts share nothing: home, engine, name"
expect_exit 0 fleet ssh one 'touch ~/mine && hostname'
expect_out '^one$'
expect_exit 1 fleet ssh two 'test -e ~/mine'
expect_exit 0 fleet docker local ps -q
expect_same '' "$(cat "$WORK/.stdout")"

begin "faults bite and are mended"
fleet fault one cut
expect_exit 124 timeout 1 "$FLEET_TOOLS/fleet" ssh one true
fleet mend one
fleet fault two pause-engine
expect_exit 124 timeout 1 "$FLEET_TOOLS/fleet" docker two ps
fleet mend two
expect_exit 0 fleet ssh two docker ps
fleet registry stop
expect_exit 1 fleet docker local pull -q "$V1"
fleet registry start
expect_exit 0 fleet docker local pull -q "$V1"

# What is left of fleet number $1 in folder $2.
leftovers() {
  ip -o link show | grep "fleet$1[-b]" || true
  grep "$2" /proc/mounts || true
  find /sys/fs/cgroup -type d -path "*/slipway-fleet-$1-*"
  find /run/slipway-fleet -mindepth 1 -maxdepth 1 -name "$1"
  pgrep -af "[/]${2#/}/" || true
}

is_gone() { [ -z "$(leftovers "$@")" ]; }
has_only_logs() { [ "$(ls "$1")" = logs ]; }

begin "down leaves nothing"
folder=$FLEET
fleet down --purge
expect_same '' "$(leftovers "$NUMBER" "$folder")"
[ ! -e "$folder" ] || fail "the folder is still there"

begin "a fleet goes down when its owner is killed"
unset FLEET
sleep 600 &
owner=$!
folder=$(fleet up --owner $owner one)
number=$(<"$folder/number")
disown
kill -KILL $owner
wait_until 10 is_gone "$number" "$folder"
wait_until 10 has_only_logs "$folder"
rm -rf "$folder"

begin "a fleet whose owner and watcher were both killed is reaped by the next one"
sleep 600 &
owner=$!
folder=$(fleet up --owner $owner one)
number=$(<"$folder/number")
watcher=$(cut -d' ' -f1 "/run/slipway-fleet/$number/watch")
disown
kill -KILL "$watcher" $owner
fleet reap
expect_same '' "$(leftovers "$number" "$folder")"
rm -rf "$folder"
