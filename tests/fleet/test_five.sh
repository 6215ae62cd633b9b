#!/bin/bash
# Five hosts, a canary and waves of two, and one host that cannot run the new version: all five run the old one again.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

HOSTS=(h1 h2 h3 h4 h5)
start_fleet h1 h2 h3 h4 h5
SHOP_SERVICES='web api'
make_shop prod=h1,h2,h3,h4,h5
sed -i 's/  prod:/&\n    rollout: {canary: 1, batch: 2}/' slipway.yml
build 1.0 --interval 2
release 1.0 >/dev/null
build 2.0 --interval 2
release 2.0 >/dev/null

# Image, configuration and health of everything that slipway runs on a host, without what names a container: one a line.
running() {
  local host
  for host in "$@"; do
    # shellcheck disable=SC2046 # ids
    fleet docker "$host" inspect $(fleet docker "$host" ps -aq) | jq -c --arg host "$host" \
      'sort_by(.Config.Labels["com.docker.compose.service"])[] | [$host, .Image, .State.Status, .State.Health.Status,
        .Config.Env, .HostConfig.Binds, .HostConfig.PortBindings, .Config.Labels["com.docker.compose.config-hash"]]'
  done
}
are_all_healthy() {
  local host
  for host in "${HOSTS[@]}"; do
    ! engine "$host" '/containers/json?all=true' | grep -o '"Status":"[^"]*"' | grep -qvF '(healthy)' || return
  done
}
is_as_before() { are_all_healthy && [ "$(running "${HOSTS[@]}")" = "$before" ]; }

# What version 2 wants to read there is on every host but one.
for host in h1 h2 h3 h5; do fleet ssh "$host" 'echo yes >licence'; done

begin "version 1 everywhere, the canary first, then two and two"
expect_exit 0 slipway deploy prod 1.0
expect_exit 0 slipway show d1 --json
first=$(jq -r .uid "$WORK/.stdout")
# In the order in which they began: had two waves worked side by side, some `up` would come before a `health` of the wave before.
expect_json '[.steps[] | select(.step == "up" or .step == "health")] | sort_by(.started_at) |
  map({h1: 1, h2: 2, h3: 2, h4: 3, h5: 3}[.host]) | . == sort' true
wait_until 30 are_all_healthy
before=$(running "${HOSTS[@]}")

begin "version 2 is not well on the fourth host alone: exit 1, and how long it took to go back"
sed -i "s|    ports: .*|&\n    volumes: [\"/home/deploy:/well:ro\"]\n    healthcheck: {test: [CMD, cat, /well/licence], \
interval: 500ms, retries: 2}|" compose.yml
expect_exit 1 slipway deploy prod 2.0
expect_err 'h4: web: unhealthy'
expect_err 'licence'
expect_err 'Every host runs what it ran before \(put back in [0-9].*\)'

begin "all five are back: the same images, the same configuration, healthy"
expect_version 1.0 "${HOSTS[@]}"
wait_until 30 is_as_before
for host in "${HOSTS[@]}"; do
  expect_same "releases/$first" "$(fleet ssh "$host" readlink .slipway/shop--prod/current)"
done

begin "the history has all of it"
expect_exit 0 slipway show d2 --json
expect_json '[.status, .exit_code, .version] | join(" ")' 'failed 1 2.0'
expect_json '[.hosts[] | .name + " " + .status] | join(", ")' \
  'h1 restored, h2 restored, h3 restored, h4 restored, h5 restored'
expect_json '[.hosts[].runs] | unique | join(" ")' "$first"
expect_json '[.hosts[] | select(.error != null) | .name] | join(" ")' h4
expect_json '[.steps[] | select(.step == "restore" and .status == "ok" and .duration_ms > 0) | .host] | sort | join(" ")' \
  'h1 h2 h3 h4 h5'
expect_json '[.steps[] | select(.status != "ok") | .host + " " + .step + " " + .status] | join(", ")' 'h4 health failed'
expect_json '.duration_ms > ([.steps[] | select(.step == "restore") | .duration_ms] | max)' true
expect_exit 0 slipway status --json
expect_json '.environments[0] | .version + " " + .deployment' '1.0 d1'
