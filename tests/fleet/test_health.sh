#!/bin/bash
# What a container may do after it was started, and what slipway says of it; on both Composes at once.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two:compose=v1
SHOP_SETTINGS='' make_shop ci=one,two
build 1
release 1 >/dev/null

# service BEHAVIOUR RESTART [OPTION...]: a service named after what it does.
service() {
  local behaviour=$1 restart=$2 image
  shift 2
  image=$(fleet image "library/$behaviour:1" "$behaviour" 1 "$@")
  printf '  %s: {image: "%s", restart: "%s"}\n' "$behaviour" "${image%@*}:1" "$restart"
}

# try EXIT DEADLINE: deploys what the Compose file says now.
try() {
  sed -i "s/^  health: .*/  health: {deadline: $2, settle: 500ms}/" slipway.yml
  expect_exit "$1" slipway deploy ci 1 --force --reason test
}

# expect_said WORDS: by either host.
expect_said() {
  local host
  for host in one two; do expect_err "^[0-9:]+ $host +health $1"; done
}

begin "those that are well, each in its way"
{
  printf 'services:\n  web: {image: "%s", restart: always}\n' "$REGISTRY/shop/web:dev"
  service crashes always
  service oneshot no
  service slow always --seconds 1
} >well.yml
{ cat well.yml && service plain always; } >compose.yml
try 0 25s

begin "healthy"
expect_said 'web: healthy'

begin "without a HEALTHCHECK: running through settle"
expect_said 'plain: running'

begin "a one-shot that exits 0 is well"
expect_said 'oneshot: exited 0'

begin "one that crashes twice and then runs is well"
expect_said 'crashes: healthy'

begin "a probe interval of 30 s does not keep anybody waiting"
expect_said 'slow: healthy'

kept=$(container_id one web) went=$(container_id one plain)

# replace_plain BEHAVIOUR RESTART
replace_plain() { { cat well.yml && service "$@"; } >compose.yml; }

begin "one that exits at once, with what it logged"
replace_plain exits no
try 1 25s
expect_said 'FAILED.*: exits: exited with 3'
expect_err 'log: cannot open /etc/app.conf'

begin "one that crashes for ever"
replace_plain loops always
try 1 25s
expect_said 'FAILED.*: loops: restarted 3 times \(at most 2\)'

begin "unhealthy, with what the probe said, well before the deadline"
replace_plain unhealthy always
try 1 25s
expect_said 'FAILED.*: unhealthy: unhealthy'
expect_err 'probe: .*disk on fire'

begin "never healthy: the deadline"
replace_plain never always
try 1 8s
expect_said 'FAILED.*: never: not healthy after 8s'

begin "after all that, what ran well before runs again"
for host in one two; do
  for service in web plain crashes slow; do
    expect_same true "$(container_field "$host" "$service" .State.Running)"
  done
done
expect_same "$kept" "$(container_id one web)"
expect_other "$went" "$(container_id one plain)"
