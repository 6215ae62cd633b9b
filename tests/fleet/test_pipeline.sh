#!/bin/bash
# The main job: releases through ci, end2end and prod; moved tags change nothing; what did not change is not restarted.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet ci1 e1 prod1 prod2:compose=v1 prod3:port=2222
make_shop ci=ci1 end2end=e1 prod=prod1,prod2,prod3

begin "a release pins what the tags point to"
build 1.0
expect_exit 0 slipway release create --tag 1.0 --json
expect_json .id r1
expect_json .version 1.0
expect_exit 0 slipway release create --tag 1.0
expect_out '^r1$'

begin "promote before the environment before succeeded is refused, and no host is contacted"
expect_exit 3 slipway promote prod r1
expect_err 'end2end'
expect_same "$(fleet exec prod1 ls -A /home/deploy | grep -c slipway || true)" 0

begin "the pipeline takes it to prod, on both Composes"
expect_exit 0 slipway deploy ci r1
expect_version 1.0 ci1
expect_exit 0 slipway promote end2end
expect_exit 0 slipway promote prod --json
expect_json 'select(.event == "result") | .status' succeeded
expect_json 'select(.event == "result") | [.hosts[].status] | unique | join(",")' changed
expect_version 1.0 prod1 prod2 prod3
expect_out 'hello|result'
run page prod1
expect_out 'greeting=hello from prod'

begin "promote with nothing newer succeeds and says so"
expect_exit 0 slipway promote prod
expect_err 'newer'

begin "deploying what already runs restarts nothing and pushes nothing on the stack"
before=$(every_id prod1 prod2 prod3)
expect_exit 0 slipway deploy prod
expect_same "$before" "$(every_id prod1 prod2 prod3)"
expect_exit 3 slipway rollback prod
expect_same "$before" "$(every_id prod1 prod2 prod3)"

begin "a tag that moves after the release was made changes nothing"
fleet image shop/web:1.0 web moved --content other >/dev/null
fleet image library/proxy:stable web sidecar-2 >/dev/null
expect_exit 0 slipway deploy prod r1
expect_same "$before" "$(every_id prod1 prod2 prod3)"
expect_same "$(container_digest e1 proxy)" "$(container_digest prod1 proxy)"

begin "changing one service's image leaves the others' containers"
push web 2.0 >/dev/null
api=$(fleet image shop/api:1.0 web 1.0)
"$SLIPWAY" release create --version 2.0 --image web=:2.0 --image api="$api" >/dev/null
expect_exit 0 slipway deploy ci 2.0
expect_exit 0 slipway promote end2end
api1=$(container_id prod1 api) api2=$(container_id prod2 api)
web1=$(container_id prod1 web) web2=$(container_id prod2 web)
expect_exit 0 slipway plan prod 2.0 --json
expect_json '[.hosts[].recreated | join("+")] | unique | join(",")' 'proxy+web'
expect_exit 0 slipway promote prod
expect_same "$api1" "$(container_id prod1 api)"
expect_same "$api2" "$(container_id prod2 api)"
expect_other "$web1" "$(container_id prod1 web)"
expect_other "$web2" "$(container_id prod2 web)"
expect_version 2.0 prod1 prod2 prod3

begin "a configuration file's change alone recreates just its service"
echo "good night" >motd
web1=$(container_id prod1 web) web2=$(container_id prod2 web) api1=$(container_id prod1 api)
expect_exit 0 slipway plan prod 2.0 --json
expect_json '[.hosts[].recreated | join("+")] | unique | join(",")' api
expect_exit 0 slipway deploy prod
expect_same "$web1" "$(container_id prod1 web)"
expect_same "$web2" "$(container_id prod2 web)"
expect_other "$api1" "$(container_id prod1 api)"
run fleet docker prod2 exec "$(container_id prod2 api)" cat /etc/motd
expect_out 'good night'

begin "status and history tell it"
expect_exit 0 slipway status --json
expect_json '.environments[] | select(.name == "prod") | .version' 2.0
expect_exit 0 slipway history prod --json
expect_json '.[0].environment' prod
expect_json '.[0].status' succeeded
expect_exit 0 slipway show "$(jq -r '.[0].id' "$WORK/.stdout")" --json
expect_json '[.steps[] | select(.host == "prod1") | .step] | index("up") != null' true
