#!/bin/bash
# A release verified in ci by one history is promoted to prod by another; the soak gate counts from the end of that
# deployment. What rollback means there is what it was, until a host tells more.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet ci1 prod1
SHOP_SERVICES='web proxy'
make_shop ci=ci1 prod=prod1
there() { SLIPWAY_HISTORY=$WORK/there.db slipway "$@"; }
here() { SLIPWAY_HISTORY=$WORK/here.db slipway "$@"; }

begin "verified by the agent's history, and exported"
build 1.0
there release create --tag 1.0 --version 1.0 >/dev/null
expect_exit 0 there deploy ci 1.0
expect_exit 0 there history export 1.0
cp "$WORK/.stdout" export.json
expect_json '.deployments | map(.environment + " " + .hosts[0].name) | join(",")' 'ci ci1'
expect_json '.pins | keys | length' 1
! grep -q prod1 export.json || fail "what was not deployed is in the export"

begin "unknown here: prod refuses it; imported, it waits for its soak only"
build 0.9
fleet image library/proxy:stable web sidecar-2 >/dev/null
here release create --tag 0.9 --version 0.9 >/dev/null
cp slipway.yml plain.yml
sed -i '/^  prod:/a\    gates: {soak: 1h}' slipway.yml
expect_exit 0 here history import --file export.json
expect_out 'r1 there is r2 here \(1\.0\)'
expect_out 'verified in ci, .*: d1'
expect_exit 3 here promote prod
expect_err 'r2 soaks in ci until .*, 1h 00m after it was verified there'
expect_exit 0 here status --json
expect_json '.environments[] | select(.name == "prod") | [.waiting, .promotable, (.waiting_for | test("soaks until")), (.waiting_until != null)] | map(tostring) | join(" ")' \
  'r2 null true true'
sed -i 's/soak: 1h/soak: 1s/' slipway.yml
soaked() { here status --json | jq -e '.environments[] | select(.name == "prod") | .promotable == "r2"' >/dev/null; }
wait_until 20 soaked
expect_exit 0 here promote prod
expect_version 1.0 prod1
expect_exit 0 here history import --file export.json
expect_out '1 deployment was known already'

begin "the same images, also that of the sidecar, whose tag has moved since"
sidecar=$(container_digest prod1 proxy)
expect_same "$sidecar" "$(jq -r '.pins[] | sub(".*@"; "")' export.json)"

begin "what vouches is no deployment of this history: there is nothing that rollback could mean in ci"
expect_exit 0 here status --json
expect_json '.environments[] | select(.name == "ci") | .release' null
expect_exit 0 here history ci --json
expect_json 'length' 1

begin "the hosts tell of it too: it takes its place, once"
expect_exit 0 here history import ci --yes
expect_exit 0 here status --json
expect_json '.environments[] | select(.name == "ci") | .release' r2
expect_exit 0 here history ci --json
expect_json 'length' 1
build 2.0
here release create --tag 2.0 --version 2.0 >/dev/null
expect_exit 0 here deploy ci 2.0
expect_exit 0 here rollback ci
expect_version 1.0 ci1

begin "another history that knows the deployment otherwise refuses the file"
jq -cS 'del(.sha256) | .deployments[0].environment = "prod"' export.json | tr -d '\n' >body
jq -c --arg sum "$(sha256sum <body | cut -d ' ' -f 1)" '. + {sha256: $sum}' body >forged.json
expect_exit 3 here history import --file forged.json
expect_err 'is not what d1 of this history says of it; nothing was taken in'
sed 's/"ci1"/"ci2"/' export.json >tampered.json
expect_exit 2 here history import --file tampered.json
expect_err 'its checksum is wrong'
