#!/bin/sh
# compose.sh FOLDER UID PROJECT KIND SOCKET ACTION [ARGUMENT…]: runs Compose for FOLDER/releases/UID, which upload.sh made.
# KIND is v1 or v2, SOCKET the engine's socket. ACTION is a word of the table below; ARGUMENTs follow it. Compose's output is
# printed when it has ended, its exit status is this script's; 2 for a wrong call, 127 when this Compose is not there.
set -eu
folder=$1 uid=$2 project=$3 kind=$4 socket=$5 action=$6
shift 6
cd "$folder/releases/$uid"

# No registry may be asked: all images are here. v1 has no such option, and asks only for an image that is missing.
if [ "$action" = up ] && [ "$kind" = v2 ]; then
  set -- --pull never "$@"
fi

# hash prints "SERVICE HASH" lines, the hash that `up` labels its containers with. v1 counts the image's id in, so the images have
# to be there. v2 (2.26) leaves out what env_files say unless it hashes its own effective configuration.
case $action.$kind in
  config.* | hash.v2) set -- config "$@" ;;
  hash.v1) set -- config --hash '*' "$@" ;;
  up.*) set -- up -d --no-build --remove-orphans "$@" ;;
  down.*) set -- down --remove-orphans "$@" ;;
  # A container of a service for a command to come: `template --name NAME SERVICE`. Compose knows only how to make and start it
  # in one go; its start fails, before anything of the image runs, at a mount that no engine can make (engine_one_off.c).
  template.*) set -- run -d -T --no-deps -v /proc/slipway-template:/slipway-template "$@" ;;
  down-volumes.*) set -- down --remove-orphans --volumes "$@" ;;
  *)
    echo "compose.sh: no action is called $action" >&2
    exit 2
    ;;
esac

# v2 is a plugin of the docker client; it also runs by itself, which saves starting the client.
find_compose() {
  if [ "$kind" = v2 ]; then
    for place in "${HOME:-/}/.docker" /usr/local/lib/docker /usr/local/libexec/docker /usr/lib/docker /usr/libexec/docker; do
      program=$place/cli-plugins/docker-compose
      [ ! -x "$program" ] || return 0
    done
  fi
  program=$(command -v docker-compose)
}
find_compose || {
  echo "Compose $kind was not found on this host" >&2
  exit 127
}

# Both Composes let paths of the release into a service's configuration hash (v2 those of env_file, v1 the build context), and
# another hash is another container. So they are shown the release as /proc/self/cwd, which is the same for every release.
here=/proc/self/cwd
action_words=$#
first=
while IFS= read -r file; do
  [ -n "$first" ] || first=$here/project/$file
  set -- "$@" -f "$here/project/$file"
done <compose.list
set -- "$@" -f "$here/images.yml"
while [ "$action_words" -gt 0 ]; do # the action goes behind the files
  word=$1
  shift
  set -- "$@" "$word"
  action_words=$((action_words - 1))
done

# Those that this host was deployed with; a service of another profile does not run here.
host_profiles=
if [ -f profiles ]; then IFS= read -r host_profiles <profiles; fi

# The environment is the release's and nothing else, so that both Composes see the same values, newlines and $ included.
# What the shell itself exports is taken away: PWD names the release.
run_compose() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  env -i PATH="$PATH" HOME="${HOME:-/}" sh -c '
    set -a; . ./env; DOCKER_HOST=unix://$1 COMPOSE_PROFILES=$2; set +a
    shift 2
    unset PWD OLDPWD SHLVL
    [ -n "$COMPOSE_PROFILES" ] || unset COMPOSE_PROFILES
    exec "$@"' sh "$socket" "$host_profiles" "$program" --ansi never -p "$project" \
    --env-file "$here/empty.env" --project-directory "${first%/*}" "$@"
}

# What only prints goes its own way: nothing is lost when it is cut off.
case $action in config | hash)
  if [ "$action.$kind" = hash.v2 ]; then
    run_compose "$@" </dev/null | run_compose -f - config --hash '*'
    exit "$?"
  fi
  run_compose "$@" </dev/null
  exit "$?"
  ;;
esac

# Written to files that have no name any more: neither a cut connection nor a full pipe stops Compose half-way.
said=$(mktemp -d "$folder/compose.XXXXXX")
exec 3>"$said/out" 5>"$said/err"
exec 4<"$said/out" 6<"$said/err"
rm -rf "$said"

status=0
run_compose "$@" </dev/null >&3 2>&5 || status=$?
[ ! -s /proc/self/fd/4 ] || cat <&4
[ ! -s /proc/self/fd/6 ] || cat <&6 >&2
exit "$status"
