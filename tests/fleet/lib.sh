# shellcheck shell=bash
# For test scripts that need a fleet. Source it, then:
#
#   start_fleet ci prod1 prod2:compose=v1     # skips the test (77) when it cannot have one; takes it down at the end
#   begin "promoting before end2end succeeded is refused"
#   expect_exit 3 "$SLIPWAY" promote prod     # runs it; keeps its output for the next lines
#   expect_err 'end2end'                      # extended regular expression on stderr; expect_out on stdout
#   expect_json '.hosts[0].status' changed    # jq on stdout
#   expect_same "$id" "$(container_id prod1 web)"
#
# The first failure ends the test, and shows the command, its exit code, stdout and stderr.
set -euo pipefail

FLEET_TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly FLEET_TOOLS
readonly SKIPPED=77
CASE='(start)' COMMAND='' STATUS=0

fleet() { "$FLEET_TOOLS/fleet" "$@"; }

### beginning and end

skip() {
  echo "skipped: $*"
  exit "$SKIPPED"
}

# start_fleet HOST...: also makes $WORK, an empty folder, and goes there.
start_fleet() {
  [ "$(id -u)" = 0 ] || skip "a fleet needs root: network namespaces and engines"
  if [[ $* == *compose=v1* && -L /usr/bin/docker-compose ]]; then skip "Compose v1 is not in this Debian"; fi
  WORK=$(mktemp -d)
  trap end_test EXIT
  trap 'exit 130' INT TERM HUP
  FLEET=$(fleet up --owner $$ "$@")
  export FLEET
  cd "$WORK"
}

# Logs stay when the test fails, not when it is interrupted: they say why.
end_test() {
  local status=$?
  # An interrupted ctest reads no more; the fleet must come down all the same.
  trap '' PIPE INT TERM HUP
  set +e
  if [ -e "${FLEET:-/nonexistent}/number" ]; then
    if [[ $status =~ ^(0|130|143)$ ]]; then
      fleet down --purge
    else
      echo "the logs of engines, sshds and the registry stay in $FLEET/logs"
      fleet down
    fi
  fi
  rm -rf "$WORK"
  exit "$status"
}

begin() {
  CASE=$*
  echo "-- $CASE (at $SECONDS s)"
}

fail() {
  {
    echo "FAILED in \"$CASE\", $(basename "$0") line $(failing_line)"
    echo "  $*"
    if [ -n "$COMMAND" ]; then
      echo "  command: $COMMAND"
      echo "  exit status: $STATUS"
      sed 's/^/  stdout: /' "$WORK/.stdout"
      sed 's/^/  stderr: /' "$WORK/.stderr"
    fi
  } >&2
  exit 1
}

# The line of the test script, not of this library; the case's own rather than that of a helper.
failing_line() {
  local frame line=''
  for frame in "${!BASH_SOURCE[@]}"; do
    if [ "${BASH_SOURCE[frame]}" != "${BASH_SOURCE[0]}" ]; then line=${BASH_LINENO[frame - 1]}; fi
  done
  echo "$line"
}

### a command and what it said

# run CMD...: leaves its exit status in $STATUS, its output in $WORK/.stdout and .stderr.
run() {
  COMMAND=$(printf '%q ' "$@")
  STATUS=0
  "$@" </dev/null >"$WORK/.stdout" 2>"$WORK/.stderr" || STATUS=$?
}

expect_exit() {
  local expected=$1
  shift
  run "$@"
  [ "$STATUS" = "$expected" ] || fail "expected exit status $expected"
}

expect_out() { grep -qE -- "$1" "$WORK/.stdout" || fail "expected on stdout: $1"; }
expect_err() { grep -qE -- "$1" "$WORK/.stderr" || fail "expected on stderr: $1"; }
refute_out() { if grep -qE -- "$1" "$WORK/.stdout"; then fail "not expected on stdout: $1"; fi; }
refute_err() { if grep -qE -- "$1" "$WORK/.stderr"; then fail "not expected on stderr: $1"; fi; }

# expect_json FILTER VALUE: strings are compared without their quotes, anything else as compact JSON.
expect_json() {
  local got
  got=$(jq -rc "$1" "$WORK/.stdout" 2>&1) || fail "jq $1: $got"
  [ "$got" = "$2" ] || fail "expected $1 to be: $2
  it is: $got"
}

expect_same() { [ "$1" = "$2" ] || fail "expected the same: $1
  and: $2"; }
expect_other() { [ "$1" != "$2" ] || fail "expected something other than: $1"; }

# wait_until SECONDS CMD...: until CMD succeeds.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "waited in vain for: $*"
    sleep 0.1
  done
}

### what a host runs; the last argument is the Compose project, needed only if a host has several

# The engine is asked by curl and its answers are taken apart here: docker and jq take several times as long, and tests
# have hundreds of questions.

# engine HOST PATH [CURL OPTION...]: what its engine answers.
engine() { curl -fsS --unix-socket "$FLEET/hosts/$1/run/docker.sock" "http://docker$2" "${@:3}"; }

containers() {
  local json
  json=$(engine "$1" /containers/json --get --data all=true --data-urlencode \
    "filters={\"label\": [\"com.docker.compose.service=$2\"${3:+, \"com.docker.compose.project=$3\"}]}") || return
  while [[ $json =~ \{\"Id\":\"([0-9a-f]{64})\" ]]; do
    echo "${BASH_REMATCH[1]}"
    json=${json#*"${BASH_REMATCH[0]}"}
  done
}

# Exactly one container's id, or nothing.
container_id() {
  local ids
  ids=$(containers "$@") || return
  case $ids in *$'\n'*) fail "$1 has several containers of $2: $ids" ;; esac
  echo "$ids"
}

# inspect_container HOST SERVICE [PROJECT]: the engine's JSON.
inspect_container() {
  local id
  id=$(container_id "$@") || return
  engine "$1" "/containers/$id/json"
}

# container_field HOST SERVICE FILTER [PROJECT]: jq on that.
container_field() { inspect_container "$1" "$2" "${4-}" | jq -r "$3"; }

is_healthy() { [[ $(inspect_container "$@") == *'"Health":{"Status":"healthy"'* ]]; }

# has_variable HOST SERVICE NAME=VALUE [PROJECT]: is that in its container's environment?
has_variable() { [[ $(inspect_container "$1" "$2" "${4-}") == *"\"$3\""* ]]; }

# The digest that a service's container runs: sha256:…
container_digest() {
  local json
  json=$(inspect_container "$@") || return
  [[ $json =~ \"Image\":\"(sha256:[0-9a-f]{64})\" ]] || fail "no image in $json"
  json=$(engine "$1" "/images/${BASH_REMATCH[1]}/json") || return
  [[ $json =~ \"RepoDigests\":\[\"[^\"@]*@([^\"]*)\" ]] || return 0
  echo "${BASH_REMATCH[1]}"
}

# What every container on a host is, one a line: for before-and-after comparisons.
all_containers() {
  local json line
  json=$(engine "$1" '/containers/json?all=true') || return
  while IFS= read -r line; do
    [[ $line =~ ^\{\"Id\":\"([0-9a-f]{64})\",\"Names\":\[\"/([^\"]*)\".*\"State\":\"([a-z]*)\" ]] || continue
    echo "${BASH_REMATCH[@]:1}"
  done <<<"${json//'{"Id":'/$'\n{"Id":'}" | sort
}

# page HOST [PORT]: what its web service says.
page() { curl -fsS --max-time 5 "http://$(fleet address "$1"):${2:-80}/"; }

### what a slipway.yml needs to say

# The value of `ssh:` that reaches the fleet's hosts.
ssh_settings() { echo "{user: deploy, key: $FLEET/client_key, known_hosts: $FLEET/known_hosts}"; }

# `hosts:` entries by name, with their addresses and ports: host_entries prod1 prod2
host_entries() {
  local name port
  for name in "$@"; do
    port=$(ssh -G -F "$FLEET/ssh_config" "$name" 2>/dev/null | sed -n 's/^port //p')
    echo "      - {name: $name, address: $(fleet address "$name"), ssh: {port: $port}}"
  done
}
