#!/bin/bash
# Configuration in files: what is mounted, extended, included, listed in `files:`; and which services a host runs (profiles).
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet web1 queue1:compose=v1
SHOP_SETTINGS='  retain: 2
  files: [deploy/tools, nosuch]'
make_shop +prod=web1,queue1 +solo=web1
hosts=(web1 queue1)
sed -i 's/settle: 300ms/settle: 50ms, restarts: 0/' slipway.yml
# with_profile 'profiles: [worker], ': what queue1 says of profiles from now on
with_profile() { sed -i "s/{name: queue1, \(profiles: [^ ]* \)\?/{name: queue1, $1/" slipway.yml; }
with_profile 'profiles: [worker], '

# The shop: web extends another file, api has a mounted file, proxy a mounted folder.
mkdir -p common/pages deploy/tools
cat >compose.yml <<YAML
services:
  web:
    extends: {file: common/web.yml, service: base}
    environment: {GREETING: "\${GREETING}"}
  api:
    image: $REGISTRY/shop/api:dev
    restart: unless-stopped
    volumes: ["./motd:/etc/motd:ro"]
  proxy:
    image: $REGISTRY/library/proxy:stable
    restart: unless-stopped
    volumes: ["./common/pages:/pages:ro"]
  worker:
    image: $REGISTRY/library/worker:stable
    restart: unless-stopped
    profiles: [worker, cron]
YAML
cat >common/web.yml <<YAML
services:
  base:
    image: $REGISTRY/shop/web:dev
    restart: unless-stopped
    ports: ["80:8080"]
    env_file: [web.env]
    volumes: ["./pages:/pages:ro"]
YAML
echo "FROM_COMMON=yes" >common/web.env
echo "page" >common/pages/index
printf '#!/bin/sh\n' >deploy/tools/check
chmod 750 deploy/tools/check
printf '%s\n' one two three four five six seven >motd
fleet image library/worker:stable web worker-1 >/dev/null
build 1.0
release 1.0 >/dev/null

# expect_file HOST SERVICE PATH TEXT
expect_file() {
  run fleet docker "$1" exec "$(container_id "$1" "$2")" cat "$3"
  expect_out "$4"
}
ids() {
  local host service
  for host in "${hosts[@]}"; do
    for service in "$@"; do container_id "$host" "$service"; done
  done
}

has_worker_image() { fleet docker "$1" image ls --format '{{.Repository}}' | grep -q library/worker; }

begin "what cannot go along is named before anything is touched"
expect_exit 2 slipway deploy prod 1.0
expect_err 'files: of slipway.yml: "nosuch" does not exist'
sed -i 's/, nosuch\]/]/' slipway.yml

begin "containers that slipway did not start are refused by name, and replaced with --adopt"
mkdir byhand
echo "services: {web: {image: $REGISTRY/library/proxy:stable}}" >byhand/docker-compose.yml
DOCKER_HOST=unix://$(fleet socket queue1) /usr/bin/docker-compose -p shop--prod --project-directory byhand \
  -f byhand/docker-compose.yml up -d >/dev/null 2>&1
before=$(every_id "${hosts[@]}")
for command in "deploy prod 1.0" "down prod"; do
  # shellcheck disable=SC2086 # words
  expect_exit 3 slipway $command
  expect_err 'queue1: slipway did not start shop--prod_web_1, yet it has the name of this project.*--adopt'
  expect_same "$before" "$(every_id "${hosts[@]}")"
done
expect_exit 0 slipway deploy prod 1.0 --adopt
expect_version 1.0 web1 queue1

begin "what an extended file mounts and reads goes along, from its own folder, and what files: lists, with its mode"
for host in "${hosts[@]}"; do
  expect_file "$host" web /pages/index page
  run fleet docker "$host" exec "$(container_id "$host" web)" env
  expect_out '^FROM_COMMON=yes$'
  # shellcheck disable=SC2016 # the host's own home
  run fleet ssh "$host" 'stat -c "%a %n" ~/.slipway/shop--prod/current/project/deploy/tools/check'
  expect_out '^750 '
done

begin "a host runs the services of its profiles, and pulls no other images"
worker=$(container_id queue1 worker)
expect_other '' "$worker"
expect_same '' "$(container_id web1 worker)"
has_worker_image queue1 || fail "queue1 has no image of the worker"
if has_worker_image web1; then fail "web1 has the worker's image, and no use for it"; fi

begin "one changed line of a mounted file: plan shows it, deploy recreates that one service, rollback brings the line back"
ids_of_others() { ids web proxy && container_id queue1 worker; }
others=$(ids_of_others) api=$(ids api)
sed -i 's/four/FOUR/' motd
expect_exit 0 slipway plan prod
expect_out '^file motd$'
expect_out '^-four$'
expect_out '^\+FOUR$'
expect_out '^web1 +1 +api '
expect_out '^queue1 +1 +api '
expect_exit 0 slipway deploy prod
for host in "${hosts[@]}"; do expect_file "$host" api /etc/motd '^FOUR$'; done
expect_same "$others" "$(ids_of_others)"
expect_other "$api" "$(ids api)"
api=$(ids api)
expect_exit 0 slipway rollback prod
for host in "${hosts[@]}"; do expect_file "$host" api /etc/motd '^four$'; done
expect_same "$others" "$(ids_of_others)"
expect_other "$api" "$(ids api)"
sed -i 's/FOUR/four/' motd

begin "a fixed host port with several containers, and a host whose Compose does not know include, are told before anything happens"
before=$(every_id "${hosts[@]}")
cp common/web.yml web.keep
echo '    deploy: {replicas: 2}' >>common/web.yml
expect_exit 2 slipway deploy prod
expect_err 'common/web.yml:5:13: service "web" has 2 containers on a host, and its host port 80 is for 1 of them'
mv web.keep common/web.yml
mkdir inner
echo "services: {inner: {image: \"$REGISTRY/library/proxy:stable\", restart: always, volumes: [\"./page:/page\"]}}" >inner/compose.yml
echo "inner page" >inner/page
cp compose.yml compose.keep
sed -i '1i include: [inner/compose.yml]' compose.yml
expect_exit 4 slipway deploy prod
expect_err 'queue1: Compose 1.29 does not know include'
refute_err 'web1: Compose'
expect_same "$before" "$(every_id "${hosts[@]}")"
mv compose.keep compose.yml

begin "what a host no longer runs goes when it loses the profile, and is back when that deployment fails"
push api 2.0 exits >/dev/null
push web 2.0 >/dev/null
release 2.0 >/dev/null
with_profile ''
expect_exit 1 slipway deploy prod 2.0
expect_err 'Every host runs what it ran before'
expect_same running "$(container_field queue1 worker .State.Status)"
expect_exit 0 slipway plan prod 1.0
expect_out '^queue1 +1 +nothing +worker '
others=$(ids web api proxy)
expect_exit 0 slipway deploy prod 1.0
expect_same '' "$(container_id queue1 worker)"
expect_same "$others" "$(ids web api proxy)"

begin "after twenty deployments and a reboot of the engine every mounted file is there"
{
  echo "include: [inner/compose.yml]"
  echo "services:"
  echo "  api: {image: \"$REGISTRY/shop/api:dev\", restart: always, volumes: [\"./motd:/etc/motd:ro\"]}"
} >compose.yml
hash_of() { echo "$1" | sha256sum | head -c 12; }
in_solo() { container_id web1 "$1" shop--solo; }
answers() { [ "$(fleet docker web1 exec "$(in_solo "$1")" cat "$2")" = "$3" ]; }
for number in $(seq 20); do
  echo "motd $number" >motd
  expect_exit 0 slipway deploy solo 1.0
done
echo "motd 21" >motd
expect_exit 0 slipway plan solo --json
expect_json '.configuration' '[{"subject":"file motd","from":"'"$(hash_of "motd 20")"' mode 644","to":"'"$(hash_of "motd 21")"' mode 644","diff":"@@ -1,1 +1,1 @@\n-motd 20\n+motd 21\n"}]'
fleet exec web1 pkill -TERM -x dockerd
wait_until 30 fleet exec web1 sh -c '! pgrep -x dockerd'
fleet mend web1
wait_until 30 answers api /etc/motd "motd 20"
wait_until 30 answers inner /page "inner page"
expect_exit 0 slipway rollback solo
answers api /etc/motd "motd 19" || fail "rollback did not bring back the file"
