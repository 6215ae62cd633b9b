# shellcheck shell=bash
# The application that most fleet tests deploy: two images of its own (web, api) and a third-party sidecar (proxy), a mounted file, a
# pipeline ci → end2end → prod. Source lib.sh first.
#
#   start_fleet ci1 e1 prod1 prod2 prod3
#   make_shop ci=ci1 end2end=e1 prod=prod1,prod2,prod3   # writes slipway.yml, compose.yml … into $WORK
#   push web 1.0                                          # fleet image, tagged with the version
#   release 1.0                                           # slipway release create, all images with that tag
#
# A test that is not about several services says `SHOP_SERVICES=web` before make_shop: a host then starts a third of the containers.
REGISTRY=''
SHOP_SERVICES='web api proxy'

# make_shop ENV=HOST,HOST...: the order is the pipeline's; "+ENV=..." stands outside it. $SHOP_SETTINGS, if set, goes into
# `defaults`.
make_shop() {
  local pair environments='' image images=''
  REGISTRY=$(fleet registry address)
  for image in $(own_images); do images+="${images:+, }$image: $REGISTRY/shop/$image"; done
  for pair in "$@"; do
    [[ $pair == +* ]] || environments+="${environments:+, }${pair%%=*}"
  done
  {
    echo "app: shop"
    echo "images: {$images}"
    echo "pipeline: [$environments]"
    echo "compose: compose.yml"
    echo "history: history.db"
    echo "insecure_registries: [\"$REGISTRY\"]"
    echo "defaults:"
    echo "  ssh: $(ssh_settings)"
    echo "  health: {deadline: 30s, settle: 300ms}"
    [ -z "${SHOP_SETTINGS-}" ] || echo "$SHOP_SETTINGS"
    echo "environments:"
    for pair in "${@#+}"; do
      echo "  ${pair%%=*}:"
      echo "    variables: {GREETING: \"hello from ${pair%%=*}\"}"
      echo "    hosts:"
      IFS=, read -ra hosts <<<"${pair#*=}"
      host_entries "${hosts[@]}"
    done
  } >slipway.yml
  write_compose
  echo "welcome" >motd
  [[ $SHOP_SERVICES != *proxy* ]] || fleet image library/proxy:stable web sidecar-1 >/dev/null
}

# The services whose images are the shop's own.
own_images() { echo "${SHOP_SERVICES% proxy}"; }

# One environment, ci, on this very machine: `local` is the engine of a fleet host of that name. Compose is this machine's, and so
# would its ~/.slipway be: $HOME is the test's.
start_local_shop() {
  local compose
  start_fleet local
  compose=$("$FLEET_TOOLS/compose-v2")
  mkdir -p home/.docker/cli-plugins
  cp "$compose" home/.docker/cli-plugins/docker-compose
  HOME=$WORK/home
  DOCKER_HOST=unix://$(fleet socket local)
  export HOME DOCKER_HOST
  make_shop ci=local
  sed -i '/name: local/d; s/    hosts:/    hosts: [local]/' slipway.yml
}

# The tags in it are what a laptop uses; slipway replaces them.
write_compose() {
  local service
  {
    printf 'version: "3.8"\nservices:\n'
    for service in $SHOP_SERVICES; do "${service}_service"; done
  } >compose.yml
}

web_service() {
  cat <<YAML
  web:
    image: $REGISTRY/shop/web:dev
    ports: ["80:8080"]
    restart: unless-stopped
    environment: {GREETING: "\${GREETING:-nobody}"}
YAML
}

api_service() {
  cat <<YAML
  api:
    image: $REGISTRY/shop/api:dev
    restart: unless-stopped
    volumes: ["./motd:/etc/motd:ro"]
YAML
}

proxy_service() {
  cat <<YAML
  proxy:
    image: $REGISTRY/library/proxy:\${PROXY_TAG:-stable}
    restart: unless-stopped
YAML
}

# push NAME VERSION [BEHAVIOUR] [OPTION...]: builds and pushes one of the shop's images, tagged with the version.
push() {
  local name=$1 version=$2 behaviour=${3:-web}
  shift "$(($# < 3 ? $# : 3))"
  fleet image "shop/$name:$version" "$behaviour" "$version" "$@"
}

# build VERSION [OPTION...]: the shop's own images.
build() {
  local image
  for image in $(own_images); do push "$image" "$1" web "${@:2}" >/dev/null; done
}

# release VERSION: of what was pushed under that tag; prints r7.
release() { "$SLIPWAY" release create --tag "$1" --version "$1"; }

slipway() { "$SLIPWAY" "$@"; }

# every_id HOST...: the ids of all containers of the shop on these hosts, for before-and-after comparisons.
every_id() {
  local host
  for host in "$@"; do all_containers "$host"; done
}

# expect_version VERSION HOST...: what the web service of each says.
expect_version() {
  local version=$1 host
  shift
  for host in "$@"; do
    run page "$host"
    expect_out "version=$version "
  done
}
