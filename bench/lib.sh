# shellcheck shell=bash
# For benchmarks: what they compare is installed, the release build made, a fleet started and taken down. Source it, then:
#
#   bench_options 7 "$@"                      # --runs N (7 unless told), --json FILE, --help (the script's head comment)
#   no_words                                  # ends it when there are others; only_words --all: others than these, in $REST
#   bench_start deploy [HOST...]              # packages, $BUILD (release), $SLIPWAY, $WORK, and a fleet, if it has hosts
#   for_each_run one_run                      # calls `one_run 0` (not counted: caches fill), `one_run 1` … `one_run N`
#     sample "3 hosts" slipway CMD...         # within a run: CMD's time is a sample of that case and side
#     note "3 hosts" slipway ms 12.5          # the same for a figure measured otherwise; units: ms, MiB, round trips …
#   ratio "deploy / floor, 3 hosts" "3 hosts/slipway" "3 hosts/floor" "<=" 1.15    # of the medians; with a goal or without
#   figure "memory, 200 hosts" "200 hosts/slipway" "<=" 64                         # a median that has a goal
#   bench_report                              # prints medians, ratios, goals; and writes them to the --json FILE
#
# Both sides are measured in turn within each run, so that a noisy minute hits both. A command that fails ends the bench.
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly BENCH
# shellcheck source=../tests/fleet/lib.sh
. "$BENCH/../tests/fleet/lib.sh"
RUNS=0 JSON='' RUN=0
REST=() # arguments that are the script's own

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# The comment at the script's head is its help.
print_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

bench_options() {
  RUNS=$1
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --runs | --json)
        [ $# -ge 2 ] || die "$1 wants a value"
        if [ "$1" = --runs ]; then RUNS=$2; else JSON=$(realpath -m "$2"); fi
        shift
        ;;
      -h | --help) print_help && exit 0 ;;
      *) REST+=("$1") ;;
    esac
    shift
  done
  [[ $RUNS =~ ^[1-9][0-9]*$ ]] || die "--runs wants a number above 0, not \"$RUNS\""
}

# What a script does not know would be measured without, for minutes.
unknown_word() { die "what is \"$1\"? See --help"; }

no_words() { [ ${#REST[@]} = 0 ] || unknown_word "${REST[0]}"; }

# only_words WORD...
only_words() {
  local given word
  for given in "${REST[@]}"; do
    for word in "$@"; do [ "$given" != "$word" ] || continue 2; done
    unknown_word "$given"
  done
}

# bench_start NAME [HOST...]
bench_start() {
  NAME=$1
  shift
  [ "$(id -u)" = 0 ] || die "this needs root: network namespaces and engines"
  "$BENCH/../support/install-packages" build run fleet bench
  (cd "$BENCH/.." && cmake --preset release >/dev/null && cmake --build --preset release --target all >/dev/null) ||
    die "the release build failed"
  BUILD=$(realpath "$BENCH/../build/release")
  SLIPWAY=$BUILD/slipway
  export SLIPWAY BUILD
  if [ $# -gt 0 ]; then
    start_fleet "$@"
  else
    WORK=$(mktemp -d)
    trap end_test EXIT
    trap 'exit 130' INT TERM HUP
    cd "$WORK"
  fi
  : >"$WORK/.samples"
  : >"$WORK/.goals"
}

# for_each_run FUNCTION: run 0 is not counted.
for_each_run() {
  for ((RUN = 0; RUN <= RUNS; RUN++)); do
    echo "run $RUN of $RUNS" >&2
    "$@" "$RUN"
  done
}

now_us() { echo "${EPOCHREALTIME/[.,]/}"; }

# note CASE SIDE UNIT VALUE
note() {
  [ "$RUN" = 0 ] || printf '%s\t%s\t%s\t%s\n' "$@" >>"$WORK/.samples"
}

# sample CASE SIDE CMD...
sample() {
  local case=$1 side=$2 start end
  shift 2
  start=$(now_us)
  "$@" </dev/null >"$WORK/.stdout" 2>"$WORK/.stderr" || {
    cat "$WORK/.stdout" "$WORK/.stderr" >&2
    die "\"$case\", $side: failed: $*"
  }
  end=$(now_us)
  note "$case" "$side" ms "$(((end - start) / 1000)).$(printf %03d $(((end - start) % 1000)))"
}

# ratio LABEL CASE/SIDE CASE/SIDE [<=|>= LIMIT]
ratio() { printf 'ratio\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4-}" "${5-}" >>"$WORK/.goals"; }

# figure LABEL CASE/SIDE [<=|>= LIMIT]
figure() { printf 'figure\t%s\t%s\t\t%s\t%s\n' "$1" "$2" "${3-}" "${4-}" >>"$WORK/.goals"; }

machine() {
  echo "$(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)"
}

bench_report() {
  local report
  report=$(jq -n --rawfile samples "$WORK/.samples" --rawfile goals "$WORK/.goals" \
    --arg bench "$NAME" --arg runs "$RUNS" --arg machine "$(machine)" --arg version "$("$SLIPWAY" --version)" \
    -f "$BENCH/report.jq")
  if [ -n "$JSON" ]; then echo "$report" >"$JSON"; fi
  jq -r -f "$BENCH/table.jq" <<<"$report"
}
