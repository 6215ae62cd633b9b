#!/bin/bash
# A command in a one-off container of what is deployed, and in one that runs.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet one:compose=v1 two
SHOP_SERVICES='web api'
make_shop prod=one,two
cat >tasks.yml <<'YAML'
    tasks:
      run:
        - {name: count, service: web, on: all, command: [sh, -c, 'echo "$GREETING"; exit 6']}
        - {name: errand, service: tool, on: all, command: [echo, done]}
        - {name: here, command: [sh, -c, 'echo "$SLIPWAY_RELEASE $SLIPWAY_VERSION"; exit 8']}
        - {name: slow, service: web, timeout: 1s, command: [sh, -c, 'trap exit TERM; sleep 1000 & wait']}
YAML
sed -i '/^  prod:/r tasks.yml' slipway.yml
echo "  tool: {image: $REGISTRY/shop/api:dev, profiles: [tool]}" >>compose.yml
for version in 1.0 2.0; do
  build "$version"
  release "$version" >/dev/null
done

# piped TEXT CMD...: as expect_exit, with that on stdin. expect_status N afterwards.
piped() {
  local text=$1
  shift
  COMMAND=$(printf '%q ' "$@")
  STATUS=0
  printf %s "$text" | "$@" >"$WORK/.stdout" 2>"$WORK/.stderr" || STATUS=$?
}
expect_status() { [ "$STATUS" = "$1" ] || fail "expected exit status $1"; }

cat >in_terminal.py <<'PY'
import fcntl, os, pty, select, struct, sys, termios, time
def size(rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 77, 0, 0))
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
size(33)
shown, stage, deadline = b"", 0, time.monotonic() + 60
while time.monotonic() < deadline:
    if stage == 0 and b"ready 33" in shown:
        size(44)
        stage = 1
    if stage == 1 and b"now 44" in shown:
        os.write(terminal, b"\x03")
        stage = 2
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
sys.stdout.write(shown.decode().replace("\r", ""))
echoes = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "echo", echoes)
PY
# in_terminal CMD...: under a terminal of 33 rows, which becomes one of 44 when "ready" appears; then Ctrl-C is typed. What it
# showed, its exit status, and whether the terminal echoes afterwards.
in_terminal() { run python3 in_terminal.py "$@"; }

# In busybox, `stty size` says nothing as long as the size is not known.
# shellcheck disable=SC2016 # for the container's shell
IN_TERMINAL='rows() { stty size 2>/dev/null | cut -d" " -f1; }
  trap "echo interrupted; exit 9" INT
  until [ -n "$(rows)" ]; do :; done; echo "ready $(rows)"
  until [ "$(rows)" = 44 ]; do :; done; echo "now 44"
  while :; do sleep 0.1; done'

begin "nothing is deployed: there is nowhere to run it (125)"
expect_exit 125 slipway run prod web -- true
expect_err 'no host has a container of web'

expect_exit 0 slipway deploy prod 1.0
before=$(every_id one two)

for host in one two; do
  begin "on $host, run: the service's image, variables and mounts, stdin to its end, the command's own exit status"
  # shellcheck disable=SC2016 # for the container's shell
  piped $'typed\n' slipway run prod api --host "$host" -- sh -c 'cat; cat /etc/motd; echo "$VERSION"; echo oh >&2; exit 42'
  expect_status 42
  expect_same "$(printf 'typed\nwelcome\n1.0')" "$(cat "$WORK/.stdout")"
  expect_same oh "$(cat "$WORK/.stderr")"

  begin "on $host, exec: the same in the container that runs"
  piped $'typed\n' slipway exec prod web --host "$host" -- sh -c 'cat; hostname; exit 43'
  expect_status 43
  expect_same "$(printf 'typed\n%.12s' "$(container_id "$host" web)")" "$(cat "$WORK/.stdout")"

  begin "on $host, in a terminal: its size follows, Ctrl-C goes to the command, the terminal is put back"
  for verb in run exec; do
    in_terminal "$SLIPWAY" "$verb" prod web --host "$host" -- sh -c "$IN_TERMINAL"
    expect_out '^(\^C)?interrupted$'
    expect_out '^status 9 echo True$'
  done
done

begin "a program that the image lacks (127), a service that there is not (125), no command (2)"
expect_exit 127 slipway run prod web -- nosuch
expect_err 'executable file not found'
expect_exit 125 slipway run prod nosuch -- true
expect_err '[Nn]o such service'
expect_exit 125 slipway exec prod nosuch -- true
expect_err 'no host has a running container of nosuch'
expect_exit 2 slipway exec prod web ls
expect_err 'a command stands behind "--"'
expect_exit 2 slipway run prod nosuch
expect_err 'prod has no task nosuch'

begin "a task by name: on all hosts, whose names stand before its lines, with its exit status"
expect_exit 6 slipway run prod count
expect_same "$(printf 'one | hello from prod\ntwo | hello from prod')" "$(cat "$WORK/.stdout")"

begin "on all hosts, a service of a profile that only tasks use"
expect_exit 0 slipway run prod errand
expect_same "$(printf 'one | done\ntwo | done')" "$(cat "$WORK/.stdout")"

begin "on the controller: with what the environment runs, and with its exit status"
expect_exit 8 slipway run prod here
expect_out '^r1 1\.0$'

begin "a task that takes too long is stopped (125)"
expect_exit 125 slipway run prod slow
expect_err 'it took longer than 1s'

expect_same "$before" "$(every_id one two)"

begin "a deployment leaves a command that runs alone"
mkfifo typing
"$SLIPWAY" run prod web --host two -- sh -c 'echo up; cat; exit 5' <typing >first.out 2>first.err &
exec 7>typing
wait_until 60 grep -q up first.out
expect_exit 0 slipway deploy prod 2.0
echo "still here" >&7
exec 7>&-
STATUS=0 COMMAND='the command in the background'
wait $! || STATUS=$?
cp first.out "$WORK/.stdout"
cp first.err "$WORK/.stderr"
expect_status 5
expect_out '^still here$'

begin "told to stop: the command is stopped and its container gone (130)"
"$SLIPWAY" run prod web -- sh -c 'echo up; sleep 1000' >first.out 2>first.err &
wait_until 60 grep -q up first.out
kill -TERM $!
STATUS=0
wait $! || STATUS=$?
cp first.out "$WORK/.stdout"
cp first.err "$WORK/.stderr"
expect_status 130
expect_err 'the command was stopped and its container removed'
expect_same '' "$(fleet docker one ps -aq --filter label=com.docker.compose.oneoff=True)"

begin "nobody reads what it writes any more: it is stopped"
"$SLIPWAY" run prod web --host two -- sh -c yes 2>first.err </dev/null | head -c 4 >first.out || true
expect_same "$(printf 'y\ny')" "$(cat first.out)"
expect_same '' "$(fleet docker two ps -aq --filter label=com.docker.compose.oneoff=True)"

begin "the first host's engine is down: the next one that runs it; but not when that host is wished"
fleet fault one kill-engine
for verb in run exec; do
  # shellcheck disable=SC2016 # for the container's shell
  expect_exit 0 slipway "$verb" prod web -- sh -c 'echo "$VERSION"'
  expect_out '^2\.0$'
  expect_err 'warning: one: '
  expect_exit 125 slipway "$verb" prod web --host one -- true
  expect_err '^slipway: one: '
done
expect_exit 125 slipway run prod count
