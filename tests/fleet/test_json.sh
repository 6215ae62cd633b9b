#!/bin/bash
# What scripts rely on: with --json nothing but JSON on stdout, the fields of docs, the same exit codes; and plain output for a log.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet ci1 e1
make_shop ci=ci1 end2end=e1

# expect_only_json EXIT CMD...: stdout is JSON, and each document of it an object or an array.
expect_only_json() {
  local others
  expect_exit "$@"
  [ -s "$WORK/.stdout" ] || fail "stdout is empty"
  others=$(jq -c 'select(type != "object" and type != "array")' "$WORK/.stdout" 2>&1) || fail "not JSON: $others"
  expect_same '' "$others"
}

# expect_events EXIT CMD...: a running command: an event a line, `result` the last and only one.
expect_events() {
  local others
  expect_only_json "$@"
  others=$(jq -rR '. as $line | ((fromjson? | objects) // {}) | select(((.time | tostring | test("^[0-9-]{10}T[0-9:.]+Z$")) and
    (.event | IN("step", "pull", "health", "log", "task", "result"))) | not) | $line' "$WORK/.stdout")
  [ -z "$others" ] || fail "not an event on a line of its own: $others"
  expect_same '["result"]' "$(jq -sc 'map(.event) | .[index("result"):]' "$WORK/.stdout")"
}

# expect_keys FILTER KEY...: it is an object with at least these.
expect_keys() {
  local filter=$1 missing
  shift
  missing=$(jq -rc --argjson keys "$(printf '%s\n' "$@" | jq -R . | jq -s .)" \
    "[$filter] | if length == 0 then [\"(nothing there)\"] else map(\$keys - keys) | add end" "$WORK/.stdout")
  [ "$missing" = '[]' ] || fail "$filter lacks $missing"
}

DEPLOYMENT=(id uid environment release version kind status exit_code restores actor reason forced build_url
  config_revision config_dirty started_at finished_at duration_ms images hosts)
HOST_KEYS=(name address status runs error)

build 1.0
begin "release"
expect_only_json 0 slipway --json release create --tag 1.0 --revision abc --build-url http://ci/1
expect_keys . id uid version revision committed_at created_at build_url images
expect_json '.images | keys | join(" ")' 'api web'
expect_json '.images.web | test("/shop/web@sha256:[0-9a-f]{64}$")' true
expect_only_json 0 slipway release list --json
expect_keys '.[]' id uid version images
expect_only_json 0 slipway release show r1 --json
expect_json .build_url http://ci/1
expect_only_json 2 slipway release show nosuch --json
expect_json .error.kind usage
expect_only_json 4 slipway release create --tag nosuch --json
expect_json .error.kind unready

begin "before anything was deployed"
expect_only_json 0 slipway status --json
expect_json '[.app, .environments[0].name] | join(" ")' 'shop ci'
expect_keys '.environments[]' name release version deployment since held hosts promotable waiting_for
expect_only_json 0 slipway history --json
expect_json . '[]'
expect_only_json 2 slipway show d1 --json

begin "config, check, plan"
expect_only_json 0 slipway config --json
expect_only_json 0 slipway check ci --json
expect_only_json 0 slipway plan ci r1 --json
expect_json '[.hosts[].name] | join(" ")' ci1

begin "deploy: events, the result last"
expect_events 0 slipway deploy ci r1 --json
expect_json 'select(.event == "step" and .step == "up" and .status == "ok") | .host' ci1
jq -c 'select(.event == "result")' "$WORK/.stdout" >result
mv result "$WORK/.stdout"
expect_keys . "${DEPLOYMENT[@]}"
expect_keys '.hosts[]' "${HOST_KEYS[@]}"
expect_json '[.id, .environment, .release, .version, .kind, .status, .exit_code, .forced] | map(tostring) | join(" ")' \
  'd1 ci r1 1.0 deploy succeeded 0 false'
expect_json '.images | keys | join(" ")' 'api proxy web'
expect_json '(.finished_at > .started_at) and (.duration_ms | type == "number")' true
expect_events 0 slipway promote end2end --json
expect_events 0 slipway promote end2end --json
expect_json 'select(.event == "result") | .exit_code' 0

begin "history and show"
expect_only_json 0 slipway history --json
expect_json '[.[].id] | join(" ")' 'd2 d1'
expect_keys '.[]' "${DEPLOYMENT[@]}"
expect_only_json 0 slipway show d1 --json
expect_keys . "${DEPLOYMENT[@]}" steps
expect_keys '.steps[]' host step status started_at duration_ms detail

begin "failures keep their exit code, and stdout its JSON"
build 2.0
push api 2.0 exits >/dev/null
release 2.0 >/dev/null
expect_events 1 slipway deploy ci 2.0 --json
expect_json 'select(.event == "result") | [.status, .exit_code, .error.kind, .hosts[0].status] | map(tostring) | join(" ")' \
  'failed 1 deploy restored'
expect_events 3 slipway deploy end2end 2.0 --json
expect_json 'select(.event == "result") | .error.kind' refused
expect_events 3 slipway rollback end2end --json
expect_events 2 slipway rollback ci --to nosuch --json
expect_events 2 slipway deploy nosuch --json
expect_json 'select(.event == "result") | .error.kind' usage
expect_events 2 slipway deploy ci --nosuch --json
cp slipway.yml good.yml
echo "nosuch: 1" >>slipway.yml
for command in "config" "check ci" "plan ci"; do
  # shellcheck disable=SC2086 # words
  expect_only_json 2 slipway $command --json
  expect_json .error.kind config
done
expect_events 2 slipway deploy ci --json
expect_only_json 0 slipway status --json # from the recorded configuration: someone may be in an incident
expect_err 'unknown key "nosuch"'
mv good.yml slipway.yml
fleet registry stop
expect_events 4 slipway deploy ci --tag 9.9 --json
fleet registry start
fleet fault ci1 kill-engine
expect_events 4 slipway deploy ci 1.0 --json
expect_json 'select(.event == "result") | [.error.kind, .hosts[0].status] | join(" ")' 'unready failed'
expect_only_json 4 slipway check ci --json
fleet mend ci1
expect_events 6 slipway --history /dev/null/history.db deploy ci 1.0 --json
expect_json 'select(.event == "result") | .error.kind' store
expect_only_json 6 slipway --history /dev/null/history.db history --json

begin "plain output has no escapes, results on stdout, the rest on stderr"
expect_exit 0 slipway deploy ci 1.0
refute_out $'\033'
refute_err $'\033'
expect_out '^ci runs r1 \(1\.0\)'
expect_err '^[0-9:]{8} '

begin "quiet says only what is wrong"
expect_exit 0 slipway -q deploy ci 1.0
expect_same '' "$(<"$WORK/.stderr")"
expect_exit 1 slipway --quiet deploy ci 2.0
expect_err 'api'
refute_err '(upload|pull) ok'
expect_events 0 slipway --quiet deploy ci 1.0 --json
expect_json .event result

# on_terminal CMD...: as on a terminal, everything into .stdout.
on_terminal() { TERM=xterm script -qec "$(printf '%q ' "$@")" /dev/null; } # CI has no TERM

begin "on a terminal: colour, unless NO_COLOR or --no-color"
expect_exit 0 on_terminal "$SLIPWAY" deploy ci 1.0
expect_out $'\033\\[[0-9;]*m'
expect_exit 0 on_terminal env NO_COLOR=1 "$SLIPWAY" deploy ci 1.0
refute_out $'\033\\[[0-9;]+m'
expect_exit 0 on_terminal "$SLIPWAY" --no-color deploy ci 1.0
refute_out $'\033\\[[0-9;]+m'
