# shellcheck shell=bash
# For benchmarks that deploy: the application, the sides' projects on the hosts, and the floor. Source it after lib.sh.
#
# The application is two services: web, which changes, with a HEALTHCHECK whose interval is two seconds; and a sidecar that
# stays. Each side has a project of its own on each host, so that all begin alike: web runs the version before, and the
# image of the next is not there. Only the project that is measured runs; the others are paused, or their health checks
# would take processor time from it.
LAYER_MB=4 # of the layer that changes
REGISTRY=''
SIDECAR='' # by digest, so that no side has to ask for it

# host_names 3: h1 h2 h3
host_names() { seq -f 'h%g' 1 "$1"; }

prepare_app() {
  REGISTRY=$(fleet registry address)
  SIDECAR=$(fleet image bench/sidecar:1 plain 1)
  cp "$BENCH/deploy_floor" "$FLEET/deploy_floor" # hosts may hide the checkout
}

# push_version VERSION: prints web's REPOSITORY@DIGEST.
push_version() {
  fleet image "bench/web:$1" web "$1" --interval 2 --size "$LAYER_MB"
}

# write_compose FILE PORT: the image of web is the variable's.
write_compose() {
  cat >"$1" <<YAML
services:
  web:
    image: \${WEB:-$REGISTRY/bench/web:dev}
    ports: ["$2:8080"]
    restart: unless-stopped
  sidecar:
    image: $SIDECAR
    restart: unless-stopped
YAML
}

# write_slipway_yml HOSTS PORT: an application of its own for each number of hosts, in the folder we are in.
write_slipway_yml() {
  local -a hosts
  mapfile -t hosts < <(host_names "$1")
  cat >slipway.yml <<YAML
app: bench$1
images: {web: $REGISTRY/bench/web}
pipeline: [prod]
compose: compose.yml
history: history.db
insecure_registries: ["$REGISTRY"]
environments:
  prod:
    ssh: $(ssh_settings)
    health: {deadline: 60s, settle: 0s}
    hosts:
$(host_entries "${hosts[@]}")
YAML
  write_compose compose.yml "$2"
}

# make_slipway_side HOSTS PORT: in a folder of its own.
make_slipway_side() {
  mkdir "slipway$1"
  (cd "slipway$1" && write_slipway_yml "$1" "$2")
}

slipway_project() { echo "bench$1--prod"; }

# slipway_release HOSTS VERSION REFERENCE
slipway_release() {
  (cd "slipway$1" && "$SLIPWAY" release create --image "web=$3" --version "$2")
}

# slipway_do HOSTS COMMAND...
slipway_do() {
  cd "slipway$1" || return
  shift
  "$SLIPWAY" "$@"
}

### all hosts at once

# on_hosts HOSTS FUNCTION ARG...: calls it with each host's name before ARGs.
on_hosts() {
  local host failed='' pid
  local -a pids=()
  for host in $(host_names "$1"); do
    "$2" "$host" "${@:3}" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=yes; done
  [ -z "$failed" ]
}

# engine_do HOST PATH: a POST; a container that is so already is well.
engine_do() {
  local status
  status=$(curl -sS -o /dev/null -w '%{http_code}' --unix-socket "$FLEET/hosts/$1/run/docker.sock" -X POST "http://docker$2")
  [[ $status =~ ^(2..|304|404|409|500)$ ]]
}

pause_project() {
  local service
  for service in web sidecar; do engine_do "$1" "/containers/$3-$service-1/$2"; done
}

# wake HOSTS PROJECT, rest HOSTS PROJECT: around a measurement.
wake() { on_hosts "$1" pause_project unpause "$2"; }
rest() { on_hosts "$1" pause_project pause "$2"; }

### the floor

# enter_floor HOST PORT VERSION [REFERENCE]
enter_floor() {
  local pid
  read -r pid <"$FLEET/hosts/$1/pid"
  exec nsenter --target "$pid" --mount --net --pid --uts --ipc \
    env -i PATH=/usr/bin:/bin HOME=/root "$FLEET/deploy_floor" "$FLEET/floor.yml" "${@:2}"
}

make_floor_side() { write_compose "$FLEET/floor.yml" "$1"; }

# run_floor HOSTS PORT VERSION REFERENCE [pull]
run_floor() { on_hosts "$1" enter_floor "${@:2}"; }
