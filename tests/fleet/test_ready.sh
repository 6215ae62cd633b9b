#!/bin/bash
# Before the first container changes: every host and the registry are made ready, or nothing is touched (exit 4).
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet prod1 prod2:compose=v1 prod3:port=2222 nofwd:sshd.AllowStreamLocalForwarding=no ecdsa:hostkey=ecdsa,port=2200 \
  small:size=24M
make_shop prod=prod1,prod2,prod3 +odd=nofwd,ecdsa +small=small
sed -i 's/known_hosts: [^}]*/&, connect_timeout: 5s/' slipway.yml
HOSTS=(prod1 prod2 prod3)

# known_hosts_without HOST [LINE]: its line is left out, or replaced.
known_hosts_without() {
  local place
  place=$(fleet address "$1")
  grep -vF "$place" "$FLEET/known_hosts" >known_hosts
  [ -z "${2-}" ] || echo "$2" >>known_hosts
  sed -i "s|known_hosts: [^,}]*|known_hosts: $WORK/known_hosts|" slipway.yml
}

known_hosts_right() { sed -i "s|known_hosts: [^,}]*|known_hosts: $FLEET/known_hosts|" slipway.yml; }

# As a regular expression.
fingerprint() { ssh-keygen -lf "$FLEET/hosts/$1/host_key.pub" | cut -d' ' -f2 | sed 's/[+]/[+]/g'; }

expect_nothing_there() {
  local host
  for host in "$@"; do
    expect_same '' "$(all_containers "$host")"
    expect_same '' "$(fleet docker "$host" image ls -q)"
  done
}

build 1.0
release 1.0 >/dev/null

begin "a host key other than the known one: fingerprint, and nothing is touched anywhere"
ssh-keygen -q -t ed25519 -N '' -f other_key
known_hosts_without prod2 "$(fleet address prod2) $(cut -d' ' -f1,2 other_key.pub)"
expect_exit 4 slipway deploy prod 1.0
expect_err "prod2: .*$(fingerprint prod2)"
expect_err 'ssh-keygen .*-R'
expect_nothing_there "${HOSTS[@]}"

begin "a changed host key is refused with accept-new as well"
sed -i 's/connect_timeout: 5s/&, host_keys: accept-new/' slipway.yml
expect_exit 4 slipway deploy prod 1.0
expect_err "prod2: .*$(fingerprint prod2)"
expect_nothing_there "${HOSTS[@]}"
sed -i 's/, host_keys: accept-new//' slipway.yml

begin "an unknown host key is refused"
known_hosts_without prod3
expect_exit 4 slipway deploy prod 1.0
expect_err "prod3: .*$(fingerprint prod3)"
expect_nothing_there "${HOSTS[@]}"

begin "and accepted, and remembered, with host_keys: accept-new"
sed -i 's/connect_timeout: 5s/&, host_keys: accept-new/' slipway.yml
expect_exit 0 slipway deploy prod 1.0
expect_version 1.0 "${HOSTS[@]}"
sed -i 's/, host_keys: accept-new//' slipway.yml
expect_exit 0 slipway deploy prod
known_hosts_right

begin "a registry that is down: every container is still the same one"
build 2.0
release 2.0 >/dev/null
before=$(every_id "${HOSTS[@]}")
fleet registry stop
expect_exit 4 slipway deploy prod 2.0
expect_err "$REGISTRY"
expect_same "$before" "$(every_id "${HOSTS[@]}")"

begin "hosts that have the images need no registry"
expect_exit 0 slipway deploy prod 1.0
expect_same "$before" "$(every_id "${HOSTS[@]}")"
echo "new words" >motd
expect_exit 0 slipway deploy prod 1.0
expect_same "$(grep -E ' shop--prod[-_](web|proxy)' <<<"$before")" \
  "$(every_id "${HOSTS[@]}" | grep -E ' shop--prod[-_](web|proxy)')"
fleet registry start

begin "one host of three that does not answer: nothing changes on the others"
before=$(every_id "${HOSTS[@]}")
fleet fault prod3 cut
expect_exit 4 slipway deploy prod 2.0
expect_err 'prod3: '
refute_err 'prod[12]: (.*failed|.*cannot)'
fleet mend prod3
expect_same "$before" "$(every_id "${HOSTS[@]}")"
fleet fault prod1 unplug
expect_exit 4 slipway deploy prod 2.0
expect_err 'prod1: '
fleet mend prod1
expect_same "$before" "$(every_id "${HOSTS[@]}")"

begin "a host whose engine is dead"
fleet fault prod2 kill-engine
expect_exit 4 slipway deploy prod 2.0
expect_err 'prod2: .*docker'
fleet mend prod2
expect_same "$(every_id prod1 prod3)" "$(grep -Ff <(every_id prod1 prod3) <<<"$before")"

begin "an SSH user who may not use the engine"
fleet exec prod1 chgrp docker /run/docker.sock
expect_exit 4 slipway deploy prod 2.0
expect_err "prod1: permission denied on .*docker.sock: as root there, usermod -aG docker deploy"
fleet exec prod1 chgrp deploy /run/docker.sock

begin "after all that it deploys"
expect_exit 0 slipway deploy prod 2.0
expect_version 2.0 "${HOSTS[@]}"

begin "sshds that allow no forwarding, and ECDSA host keys"
expect_exit 0 slipway deploy odd 1.0
expect_version 1.0 nofwd ecdsa
expect_exit 0 slipway deploy odd 2.0
expect_exit 0 slipway rollback odd
expect_version 1.0 nofwd ecdsa

begin "a host without room for the images"
expect_exit 0 slipway deploy small 1.0
before=$(every_id small)
push web 3.0 web --size 40 >/dev/null
push api 3.0 >/dev/null
release 3.0 >/dev/null
expect_exit 4 slipway deploy small 3.0
expect_err 'small: not enough disk: about [0-9.]+ MB needed'
expect_same "$before" "$(every_id small)"
