#!/bin/bash
# `logs`: containers of all hosts interleaved, followed, of one service or host; a host that is away; a secret that a
# container writes.
# shellcheck disable=SC2016 # what Compose follows, no shell does
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two:compose=v1
make_shop prod=one,two
sed -i 's|^  api:|&\n    command: ["sh", "-c", "echo tok $$TOKEN; printf \\"\\\\033[31mred\\\\n\\"; exec /bin/sh /app"]|' compose.yml
sed -i 's|\["./motd:/etc/motd:ro"\]|&\n    environment: {TOKEN: "${TOKEN}"}|' compose.yml
cat >>slipway.yml <<'YAML'
    secrets: {TOKEN: {env: TOKEN}}
YAML
export TOKEN=geheimnis-4711
build 1.0
release 1.0 >/dev/null
expect_exit 0 slipway deploy prod 1.0 --yes
unset TOKEN

begin "all hosts and services, with who wrote it"
expect_exit 0 slipway logs prod
expect_out '^one web   \| serving version 1\.0$'
expect_out '^two api   \| serving version 1\.0$'
expect_out '^two proxy \| serving version'

begin "no secret, and nothing that moves the cursor"
expect_out '^two api   \| tok \*\*\*$'
expect_out '\| .\[31mred$'
refute_out "$(printf '\033')"

begin "nor that of a deployment that ended broken, though it is not current"
sed -i 's|^    secrets:|    rollout: {on_failure: stop}\n&|' slipway.yml
cp compose.yml compose.kept
sed -i 's|echo tok|echo new|; s|exec /bin/sh /app|exit 1|' compose.yml
TOKEN=anderes-0815 expect_exit 5 slipway deploy prod 1.0 --yes
expect_exit 0 slipway logs prod api --host one
expect_out '\| new \*\*\*$'
refute_out anderes
cp compose.kept compose.yml
TOKEN=geheimnis-4711 expect_exit 0 slipway deploy prod 1.0 --yes

begin "one service, one host, the last lines"
expect_exit 0 slipway logs prod api --host two --tail 1 --json
expect_json 'select(.event == "log" and .service != null) | [.host, .service, .stream, .line]' '["two","api","stdout","serving version 1.0"]'
expect_json 'select(.event == "result") | .exit_code' 0
expect_exit 0 slipway logs prod nosuch
expect_err 'prod has no container of nosuch'

begin "what is written from now on, until Ctrl-C"
api=$(container_id two api)
# A job in the background ignores SIGINT, and what it starts too.
python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$SLIPWAY" logs prod -f --since 1h >followed 2>&1 </dev/null &
follower=$!
wait_until 20 grep -q 'two proxy | serving' followed
fleet docker two exec "$api" sh -c 'echo and now this >/proc/1/fd/1'
fleet docker one exec "$(container_id one web)" sh -c 'echo and that >/proc/1/fd/1'
wait_until 20 grep -q '^two api   | and now this$' followed
wait_until 20 grep -q '^one web   | and that$' followed
kill -INT "$follower"
status=0
wait "$follower" || status=$?
expect_same 130 "$status"

begin "a reader that has seen enough ends it"
run timeout 30 bash -c "'$SLIPWAY' logs prod -f | head -n 1"
expect_same 0 "$STATUS"
expect_out ' | '

begin "a host that cannot be reached is a warning; without any other it is exit status 4"
fleet fault one unplug
sed -i 's/^  ssh: {/&connect_timeout: 2s, /' slipway.yml
expect_exit 0 slipway logs prod
expect_err 'one: '
expect_out '^two api   \| serving'
expect_exit 4 slipway logs prod --host one
expect_err 'no log could be read'
expect_exit 2 slipway logs prod --host three
expect_err 'has no such host'
expect_exit 2 slipway logs prod --since yesterday
expect_err 'expected a duration'
