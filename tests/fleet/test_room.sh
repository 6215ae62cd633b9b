#!/bin/bash
# A host without room for what it must pull: said with the numbers, before anything is pulled.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet roomy small:size=40m few:inodes=700
SHOP_SERVICES=web
make_shop ci=roomy tight=roomy,small scarce=roomy,few
push web 1.0 web --size 30 >/dev/null
release 1.0 >/dev/null

# What `df` says of its engine's disk: room HOST avail|iavail, in bytes or inodes.
room() { fleet exec "$1" df -B1 --output="$2" "$FLEET/hosts/$1/data" | tail -1 | tr -d ' '; }
images() { fleet docker "$1" image ls -q | wc -l; }
# Layers are fetched by GET; slipway itself asks for manifests, and for configurations.
pulls_of() { grep -c "^$(fleet address "$1") .*GET /v2/.*/blobs/" "$FLEET/logs/registry.log" || true; }

begin "5 MB free: exit 4, the numbers, and no pull was begun there"
fleet exec small fallocate -l $(($(room small avail) - 5000000)) "$FLEET/hosts/small/data/full"
expect_exit 4 slipway deploy tight 1.0 --force --reason test
expect_err 'small: not enough disk: about [0-9.]+ MB needed, (4\.[89]|5|5\.[01]) MB free in /.*nothing was pulled or changed'
expect_same 0 "$(images small)"
expect_same 0 "$(pulls_of small)"

begin "100 inodes free"
fleet exec few sh -ec "mkdir '$FLEET/hosts/few/data/many'; cd '$FLEET/hosts/few/data/many'
  touch \$(seq $(($(room few iavail) - 101)))"
expect_exit 4 slipway deploy scarce 1.0 --force --reason test
expect_err 'few: not enough inodes: about [0-9]+ needed, (9[0-9]|100) free in /.*nothing was pulled or changed'
expect_same 0 "$(images few)"
expect_same 0 "$(pulls_of few)"

begin "and no container was started anywhere; the host with room shows how a pull is counted"
for host in roomy small few; do expect_same '' "$(all_containers "$host")"; done
expect_other 0 "$(pulls_of roomy)"

begin "check asks for room for what the environment would get next"
expect_exit 0 slipway check ci
expect_out 'roomy +room +[a-zA-Z]+ +r1 \(1\.0\): has all images'
sed -i 's/^pipeline: .*/pipeline: [tight]/' slipway.yml
expect_exit 4 slipway check tight
expect_out 'small +room +NOT OK +r1 \(1\.0\): not enough disk: about [0-9.]+ MB needed'
