#!/bin/bash
# Housekeeping: hosts hold what `retain` asks for and no more; rollback still works; others' images stay.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one two
SHOP_SETTINGS='  retain: 1'
make_shop prod=one,two
# Another application with the same sidecar, beside it.
mkdir other
sed 's/^app: shop/app: other/; s|^compose: .*|compose: other.yml|; s/, api: [^}]*}/}/' slipway.yml >other/slipway.yml
cat >other/other.yml <<YAML
services:
  proxy: {image: "$REGISTRY/library/proxy:stable", restart: always}
YAML
other() { (cd other && "$SLIPWAY" "$@"); }

PLACE=/home/deploy/.slipway/shop--prod
count_in() { fleet exec "$1" ls "$PLACE/$2" | wc -l; }
# The images of the shop's own that a host has, by any name; web and api of one version are the same bytes.
shop_images() {
  fleet docker "$1" image ls --no-trunc --format '{{.Repository}} {{.ID}}' | grep -E "/shop/|/shop--prod/(web|api) " |
    cut -d' ' -f2 | sort -u | wc -l
}

# All that a host holds of the shop: release folders, mounted files, inodes below the folder, names, images of whatever name.
holdings() {
  echo "$(count_in "$1" releases) $(count_in "$1" files) $(fleet exec "$1" find "$PLACE" | wc -l)" \
    "$(fleet docker "$1" image ls --format '{{.Repository}}' | grep -c '^slipway.local/shop--prod/')" \
    "$(fleet docker "$1" image ls -aq | sort -u | wc -l)"
}

begin "six releases, each with other images and another file: two stay, and a host holds what it held after three"
sidecar=$(fleet image library/proxy:stable web sidecar-1 | sed 's/.*@//')
push web 0.1 >/dev/null
expect_exit 0 other release create --version 0.1 --image web=:0.1
expect_exit 0 other deploy prod 0.1
for number in 1 2 3 4 5 6; do
  # Each has a sidecar and a file of its own; the first one's sidecar is the other application's.
  [ "$number" = 1 ] || fleet image library/proxy:stable web "sidecar-$number" >/dev/null
  echo "motd $number" >motd
  build "$number.0"
  release "$number.0" >/dev/null
  expect_exit 0 slipway deploy prod "$number.0"
  refute_err 'warning'
  [ "$number" != 3 ] || held="$(holdings one), $(holdings two)"
done
expect_same "$held" "$(holdings one), $(holdings two)"
expect_exit 0 slipway show d6
expect_out 'one +prune +ok .*1 old release removed, [0-9.]+ .?B and [0-9]+ inodes freed'
for host in one two; do
  expect_same "$host 2" "$host $(count_in "$host" releases)"
  expect_same "$host 2" "$host $(count_in "$host" files)"
  expect_same "$host 2" "$host $(shop_images "$host")"
  expect_same "releases/$(fleet exec "$host" ls "$PLACE/releases" | tail -1)" \
    "$(fleet exec "$host" readlink "$PLACE/current")"
done

begin "nothing is left lying about"
for host in one two; do
  expect_same 'current files journal.jsonl lock releases' "$(fleet exec "$host" ls -A "$PLACE" | xargs)"
  expect_same '' "$(fleet docker "$host" image ls -q --filter dangling=true | grep -vFf <(fleet docker "$host" image ls -q) || true)"
done

begin "the other application's image stays, though the shop no longer needs it"
before=$(containers one proxy other--prod)
fleet registry stop
for host in one two; do
  expect_exit 0 fleet docker "$host" image inspect "$REGISTRY/library/proxy@$sidecar"
  expect_same "$sidecar" "$(container_digest "$host" proxy other--prod)"
done
expect_exit 0 other deploy prod
expect_same "$before" "$(containers one proxy other--prod)"

begin "what is retained can be rolled back to, without a registry"
expect_exit 0 slipway rollback prod
expect_version 5.0 one two
for host in one two; do
  expect_exit 0 fleet docker "$host" exec "$(container_id "$host" api)" cat /etc/motd
  expect_out 'motd 5'
done

begin "and forward again"
expect_exit 0 slipway rollback prod --to 6.0
expect_version 6.0 one two

begin "what is not retained needs the registry, and says so"
expect_exit 4 slipway rollback prod --to 2.0
expect_err "$REGISTRY"
expect_version 6.0 one two
fleet registry start
expect_exit 0 slipway rollback prod --to 2.0
expect_version 2.0 one two

begin "by command: nothing to do"
expect_exit 0 slipway prune prod --json
expect_json 'select(.event == "result") | [.hosts[] | "\(.name) \(.releases + .files + .leftovers + .images) \(.inodes)"] | join(", ")' \
  'one [] 0, two [] 0'

# What interrupted deployments, and people, may have left on one: its d2 again, files, an upload, images with and without users.
begin "a dry run says what would go, and takes nothing"
old=$("$SLIPWAY" show d2 --json | jq -r .uid)
as_deploy() { fleet exec one su deploy -c "cd $PLACE && $1"; }
as_deploy "cp -rL current releases/$old && cp -rL current releases/of-another-history && mkdir incoming.killed"
as_deploy "echo orphan >files/orphan && echo mounted >files/mounted && echo bytes >incoming.killed/file"
leave_image() {
  fleet docker one pull -q "$1" >/dev/null
  fleet docker one tag "$1" "slipway.local/shop--prod/$2:${1##*:}"
}
gone=$(push web 3.0) used=$(push web 4.0)
leave_image "$gone" web
leave_image "$used" web
fleet docker one create -v "$PLACE/files/mounted:/mounted" "$used" >/dev/null
expect_exit 0 other down prod
leave_image "$REGISTRY/library/proxy@$sidecar" proxy
fleet docker one image rm "slipway.local/other--prod/proxy:${sidecar#sha256:}" >/dev/null
before=$(holdings one)
expect_exit 0 slipway prune prod --dry-run
expect_out '^one +1 +1 +1 +1 +up to '
expect_out 'release folder of d2$'
expect_out 'file or folder orphan$'
expect_out 'leftover incoming.killed$'
expect_out "image $gone$"
expect_same "$before" "$(holdings one)"

begin "prune: those go; what others mount, run, or name in a release stays, as do releases of another history"
expect_exit 0 slipway prune prod --json
expect_json 'select(.event == "result") | .hosts[0] | "\(.releases) \(.files) \(.leftovers) \(.images | length)"' \
  '["d2"] ["orphan"] ["incoming.killed"] 1'
expect_json 'select(.event == "result") | .hosts[0] | .bytes > 8192 and .inodes > 9' true
expect_exit 1 fleet docker one image inspect "$gone"
expect_exit 0 fleet docker one image inspect "$used"
expect_exit 0 fleet docker one image inspect "$REGISTRY/library/proxy@$sidecar"
expect_exit 0 fleet exec one cat "$PLACE/files/mounted"
expect_exit 0 fleet exec one cat "$PLACE/releases/of-another-history/manifest.json"
expect_exit 0 slipway rollback prod
expect_version 6.0 one two
