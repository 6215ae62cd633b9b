# shellcheck shell=bash
# For the tests of the built program: a folder of its own per test, one call that checks the exit status, and few assertions.
#
#   . "$(dirname "$0")/lib.sh"
#   run 2 deploy                      # exit status, then slipway's arguments; output is kept in out and err
#   err_has 'ENV is missing'
set -euo pipefail
: "${SLIPWAY:?the program to test}"
SLIPWAY=$(realpath "$SLIPWAY")
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
WORK=$(mktemp -d)
BACKGROUND=''
stop_all() {
  local pid
  for pid in $BACKGROUND; do
    kill "$pid" 2>/dev/null || true
  done
  rm -rf "$WORK"
}
trap stop_all EXIT
cd "$WORK"
unset SLIPWAY_HISTORY NO_COLOR BUILD_URL BUILD_USER_ID GIT_COMMIT DOCKER_CONFIG
# No engine, no user's files: what a test needs it makes.
export HOME=$WORK/home XDG_STATE_HOME=$WORK/state DOCKER_HOST=unix://$WORK/no-engine.sock TZ=UTC
mkdir -p home

fail() {
  {
    echo "FAILED: $*"
    echo "--- stdout" && cat out
    echo "--- stderr" && cat err
  } >&2
  exit 1
}

# run STATUS ARGS...: a death by signal is never what a test wants, so the status is compared, not just its truth.
run() {
  local wanted=$1 got=0
  shift
  "$SLIPWAY" "$@" >out 2>err </dev/null || got=$?
  [ "$got" = "$wanted" ] || fail "slipway $*: exit status $got, not $wanted"
}

out_has() { grep -qF -- "$1" out || fail "stdout has no \"$1\""; }
err_has() { grep -qF -- "$1" err || fail "stderr has no \"$1\""; }
out_lacks() { ! grep -qF -- "$1" out || fail "stdout has \"$1\""; }
out_is_empty() { [ ! -s out ] || fail "stdout is not empty"; }

# out_json FILTER: stdout is JSON from its first byte to its last, and the filter is true of it.
out_json() { jq -e -s "$1" out >/dev/null || fail "not true of the JSON: $1"; }

# write_config: a slipway.yml with two environments, and its Compose file.
write_config() {
  mkdir -p deploy
  cat >slipway.yml <<'YAML'
app: journal
images:
  web: 127.0.0.1:1/journal/web
  fpm: 127.0.0.1:1/journal/fpm
pipeline: [ci, prod]
compose: deploy/compose.yml
history: history.db
environments:
  ci:
    hosts: [local]
  prod:
    hosts: [local]
    protected: true
YAML
  cat >deploy/compose.yml <<'YAML'
services:
  web: {image: "127.0.0.1:1/journal/web"}
  fpm: {image: "127.0.0.1:1/journal/fpm"}
YAML
}

# start_registry: one that has journal/web and journal/fpm with the tags 1.0 and 2.0; slipway.yml is made to use it.
start_registry() {
  local port
  python3 "$HERE/registry.py" >port &
  BACKGROUND+=" $!"
  for _ in $(seq 100); do
    [ -s port ] && break
    sleep 0.05
  done
  port=$(cat port)
  [ -n "$port" ] || fail "the registry did not start"
  sed -i "s/127\\.0\\.0\\.1:[0-9]*/127.0.0.1:$port/" slipway.yml deploy/compose.yml
}
