#!/bin/bash
# A secret that changes at its provider, and a provider that is down: what a rollback puts in containers.
# shellcheck disable=SC2016 # what stands in single quotes is for containers and Compose
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two
make_shop prod=one,two
sed -i 's|^    variables: {|    tasks: {run: [{name: print, service: web, command: [sh, -c, "echo task has $GREETING"]}]}\
    secrets:\
      API_KEY: {command: [cat, api-key]}\
      TLS_KEY: {command: [cat, tls-key], mount: tls_key}\
&|' slipway.yml
cat >compose.yml <<YAML
services:
  web:
    image: $REGISTRY/shop/web:dev
    restart: unless-stopped
    ports: ["80:8080"]
    environment: {GREETING: "\${API_KEY}"}
  api:
    image: $REGISTRY/shop/api:dev
    restart: unless-stopped
    secrets: [tls_key]
secrets: {tls_key: {file: ./not-here}}
YAML
provide() {
  echo "api-key-of-$1" >api-key
  echo "tls-key-of-$1" >tls-key
}
# expect_values VERSION KEY TLS: what both hosts have.
expect_values() {
  local host
  expect_version "$1" one two
  for host in one two; do
    run page "$host"
    expect_out "greeting=api-key-of-$2\$"
    expect_same "tls-key-of-$3" "$(fleet docker "$host" exec "$(container_id "$host" api)" cat /run/secrets/tls_key)"
  done
}

begin "rotated at its provider: another deploy recreates the service that has it"
build 1.0
build 2.0
for version in 1.0 2.0; do release "$version" >/dev/null; done
provide monday
expect_exit 0 slipway deploy prod 1.0
expect_exit 0 slipway deploy prod 2.0
expect_values 2.0 monday monday
api=$(container_id one api)
echo api-key-of-tuesday >api-key
expect_exit 0 slipway plan prod 2.0
expect_out 'API_KEY.*changed'
expect_exit 0 slipway deploy prod 2.0
expect_values 2.0 tuesday monday
expect_same "$api" "$(container_id one api)"

begin "commands in containers, and logs, do not show it; a task neither"
for command in exec run; do
  expect_exit 0 slipway "$command" prod web -- sh -c 'echo "has $GREETING here"; echo "err $GREETING" >&2'
  expect_out '^has \*\*\* here$'
  expect_err '^err \*\*\*$'
done
expect_exit 0 slipway exec prod api -- cat /run/secrets/tls_key
expect_out '^\*\*\*$'
expect_exit 0 slipway run prod print
expect_out 'task has \*\*\*$'

begin "then rollback: the new value with the old image"
provide wednesday
expect_exit 0 slipway rollback prod
expect_values 1.0 wednesday wednesday

begin "the provider is down: deploy is refused, rollback takes what the hosts kept, and says so"
expect_exit 0 slipway deploy prod 2.0 --force --reason again
rm api-key tls-key
expect_exit 4 slipway deploy prod 2.0 --force --reason again
expect_err 'API_KEY: the command cat: exit status 1'
expect_exit 0 slipway rollback prod --to d1
expect_err 'warning: secret API_KEY: the command cat: exit status 1'
expect_err 'warning: secret TLS_KEY: '
expect_err 'the value that the hosts kept is used'
refute_err 'api-key-of'
expect_values 1.0 monday monday

begin "--secrets kept: what was kept, though the provider is there"
provide friday
expect_exit 0 slipway deploy prod 2.0 --force --reason again
expect_exit 0 slipway rollback prod --to d1 --secrets kept
refute_err 'warning: secret'
expect_values 1.0 monday monday
expect_exit 2 slipway rollback prod --secrets never
expect_err 'say kept, or current'

begin "a host that lost everything gets the values of the others"
rm api-key tls-key
fleet ssh two 'rm -rf ~/.slipway'
expect_exit 0 slipway deploy prod --as-is
expect_values 1.0 monday monday

begin "files of secrets that no release names any more are pruned, those of rollback targets stay"
provide saturday
files() { fleet ssh one 'ls ~/.slipway/shop--prod/secrets | wc -l'; }
before=$(files)
sed -i 's/^    hosts:/    retain: 1\n&/' slipway.yml
expect_exit 0 slipway deploy prod 2.0 --force --reason again
expect_exit 0 slipway deploy prod 1.0 --force --reason again
expect_exit 0 slipway prune prod
expect_same 1 "$(files)"
expect_other 1 "$before"
expect_values 1.0 saturday saturday

begin "the key beside the history is lost: nothing but the word \"changed\" is"
rm history.db.key
expect_exit 0 slipway plan prod 1.0
refute_out 'API_KEY'
expect_exit 0 slipway deploy prod 1.0
expect_exit 0 slipway rollback prod
