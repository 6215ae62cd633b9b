# shellcheck shell=bash
# Many SSH endpoints: one host of the fleet, whose sshd listens on every address of its loopback, and whose engine is behind them
# all. Source lib.sh first.
#
#   bench_start NAME "$ENDPOINT"         # that host; "$ENDPOINT$WITH_OWN_HOMES": what is uploaded to one is in nobody's way
#   make_endpoints 200                   # writes addresses.200, known_hosts.200 and slipway.200.yml into $WORK
#   inside CMD...                        # runs it in the host's network, where these addresses are
#   run_ansible_raw 200                  # `true` on all of them
#
# 127.0.0.0/8 needs no set-up. sshd has one key for all, as known_hosts says in a line for each.
# shellcheck disable=SC2034 # for who sources this
# shellcheck disable=SC2016 # the host's shell expands it
ENDPOINT='one:sshd.MaxStartups=5000'
WITH_OWN_HOMES=',sshd.ForceCommand=set -- $SSH_CONNECTION; HOME=$HOME/$3; [ -d "$HOME" ] || mkdir "$HOME"; exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"'
THREADS=$(sed -n 's/^enum { CREW_THREADS = \([0-9]*\) };/\1/p' "$BENCH/../deployer/rollout/crew.h")

inside() { nsenter --net="/proc/$(<"$FLEET/hosts/one/pid")/ns/net" "$@"; }

# 127.0.1.1 …, 250 to a network.
endpoint_addresses() {
  local i
  for ((i = 0; i < $1; i++)); do echo "127.0.$((i / 250 + 1)).$((i % 250 + 1))"; done
}

make_endpoints() {
  local count=$1 key
  key=$(cut -d' ' -f1,2 "$FLEET/hosts/one/host_key.pub")
  endpoint_addresses "$count" >"addresses.$count"
  sed "s|\$| $key|" "addresses.$count" >"known_hosts.$count"
  write_endpoints_yml "$count" >"slipway.$count.yml"
  [ -e compose.yml ] || write_endpoints_compose
}

write_endpoints_compose() {
  echo "services: {web: {image: $(fleet registry address)/endpoints/web:1}}" >compose.yml
  fleet image endpoints/web:1 web 1 >/dev/null
}

write_endpoints_yml() {
  cat <<YAML
app: endpoints
images: {web: $(fleet registry address)/endpoints/web}
pipeline: [prod]
compose: compose.yml
history: history.$1.db
insecure_registries: ["$(fleet registry address)"]
defaults:
  ssh: {user: deploy, key: $FLEET/client_key, agent: false, known_hosts: known_hosts.$1}
environments:
  prod:
    hosts:
$(sed 's/^/      - /' "addresses.$1")
YAML
}

# Of addresses.$1. What all programs that use ssh are told; each takes it in its own way. The default key exchange costs eight times
# as much, and with one task a master process for each connection would only be more work.
ssh_options() {
  printf '%s\n' BatchMode=yes IdentitiesOnly=yes "IdentityFile=$FLEET/client_key" "UserKnownHostsFile=$WORK/known_hosts.$1" \
    GlobalKnownHostsFile=none KexAlgorithms=curve25519-sha256 HostKeyAlgorithms=ssh-ed25519 ControlMaster=no
}

run_ansible_raw() {
  local options
  options=$(ssh_options "$1" | sed 's/^/-o /' | tr '\n' ' ')
  ANSIBLE_SSH_ARGS=$options ANSIBLE_PIPELINING=True ANSIBLE_HOME=$WORK/.ansible \
    inside "${@:2}" ansible all -i "addresses.$1" -u deploy -f "$THREADS" -m raw -a true
}
