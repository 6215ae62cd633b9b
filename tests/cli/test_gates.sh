#!/bin/bash
# approvals, windows and the command gate: refused with the reason (3), then let in, which here means as far as the engine
# that does not exist (4).
# shellcheck disable=SC2016 # backquotes are slipway's own words
. "$(dirname "$0")/lib.sh"
write_config
start_registry
run 0 release create --tag 1.0
run 0 release create --tag 2.0
export BUILD_USER_ID=anna
cp slipway.yml plain.yml

# gates YAML: what ci asks for.
gates() {
  sed "/^  ci:/a\\    gates: $1" plain.yml >slipway.yml
}

# ---- approvals: distinct people
gates '{approvals: 2}'
run 3 deploy ci r1
err_has 'r1 is approved by 0 of 2 for ci; `slipway approve ci r1` by another person, or --force --reason TEXT passes'
run 0 approve ci r1 --reason 'tests are green'
out_has 'is approved for ci by anna: 1 of 2'
run 0 approve ci r1
err_has 'anna approved it already'
out_has '1 of 2'
BUILD_USER_ID=Anna run 0 approve ci r1 --json
out_json '.[0].existed and .[0].given == 1 and .[0].needed == 2'
run 3 promote ci
err_has 'r2 is approved by 0 of 2 for ci'
run 3 promote ci r1
err_has 'r1 is approved by 1 of 2 for ci: anna; `slipway approve ci r1` by another person'
run 0 status --json
out_json '.[0].environments[0] | .promotable == null and .waiting == "r2" and .waiting_until == null and
  .waiting_for == "r2: approved by 0 of 2"'
run 0 plan ci r1 --json
out_json '.[0].gates[] | select(.name == "approvals") | .passes == false and (.answer | test("1 of 2"))'

# A build has to say who; what it says is on record as that.
(
  unset BUILD_USER_ID
  export BUILD_URL=https://jenkins.example.org/job/7/
  run 2 approve ci r1
  err_has '--as NAME'
  run 0 approve ci r1 --as bob
  out_has 'by bob: 2 of 2'
)
run 0 release show r1
out_has 'bob, so says https://jenkins.example.org/job/7/'
out_has 'tests are green'
run 0 release show r1 --json
out_json '.[0].approvals | length == 2 and .[0].claimed_by == null and .[1].person == "bob" and
  .[1].claimed_by == "https://jenkins.example.org/job/7/"'
# r1 may go, though the newer r2 waits.
run 4 promote ci
run 0 history ci --json
out_json '.[0][0].release == "r1"'
# Whoever has a name gives no other.
run 2 approve ci r1 --as carol
err_has 'anna approves in their own name: leave out --as'
run 2 approve ci r9
err_has 'release r9'
run 2 approve staging r1
run 0 approve prod r1
err_has 'prod asks for no approvals'

# ---- a window: closed three days from now for an hour and open for the rest of the week
day=$(LC_ALL=C date -u -d '+3 days' +%a)
gates "{window: \"$day 12:00-13:00\"}"
run 3 deploy ci r1
err_has "the window of ci ($day 12:00-13:00) is closed until $(date -u -d '+3 days' +%Y-%m-%d)T12:00:00"
run 3 promote ci
err_has 'the window of ci'
run 0 status --json
out_json '.[0].environments[0] | .waiting == "r2" and (.waiting_for | test("^r2: the window opens ")) and
  (.waiting_until | test("T12:00:00.000Z$"))'
run 3 rollback ci
! grep -q 'window' err || fail 'a rollback was stopped by a window'
gates "{window: [\"$day 12:00-13:00\", \"Mon-Sun 00:00-24:00\"]}"
run 4 deploy ci r1
gates '{window: "Mon-Fri 09:00-17:00 Europe/Londn"}'
run 2 deploy ci r1
err_has 'window: expected days, hours and a time zone'

# ---- a command: the plan on its stdin, its output when it refuses; asked last
cat >ticket <<'SH'
#!/bin/sh
echo asked >>asked
cat >plan.json
env | grep ^SLIPWAY_ >variables
echo "no change ticket for $SLIPWAY_VERSION in $1"
exit "$(cat answer)"
SH
chmod +x ticket
echo 1 >answer
gates '{command: [./ticket, ci]}'
run 3 deploy ci r1
err_has './ticket does not let it in'
err_has 'exit status 1'
err_has 'no change ticket for 1.0 in ci'
jq -e '.environment == "ci" and .kind == "deploy" and .release.id == "r1" and .release.images.web and
  (.gates | map(.name) | index("verified")) != null and (.gates[-1] | .name == "command" and .passes == null) and
  (.images | map(.subject) | index("fpm")) != null and .hosts[0].name == "local"' plan.json >out ||
  fail 'that is not the plan'
grep -qx 'SLIPWAY_RELEASE=r1' variables || fail 'no SLIPWAY_RELEASE'
grep -qx 'SLIPWAY_KIND=deploy' variables || fail 'no SLIPWAY_KIND'
run 0 plan ci r1 --json
out_json '.[0].gates[-1] | .name == "command" and .passes == false and (.answer | test("no change ticket"))'
run 0 plan ci r1
out_has 'CLOSED'
run 4 deploy ci r1 --force --reason 'the ticket system is down'
err_has 'forced past: ./ticket does not let it in'
run 0 history ci --json
out_json '.[0][0] | .forced and .reason == "the ticket system is down"'
run 0 history ci
out_has 'the ticket system is down'
echo 0 >answer
run 4 deploy ci r1
run 0 plan ci r1 --json
out_json '.[0].gates[-1].passes'
# What was a variable, and is a secret by now.
echo hunter-2222 >key
sed -i '/^  ci:/a\    secrets: {KEY: {command: [./give]}}\n    variables: {PLAIN: hunter-2222}' slipway.yml
printf '#!/bin/sh\necho given >>given\ncat key\n' >give
chmod +x give
rm plan.json
run 4 deploy ci r1
grep -q '"variable PLAIN".*\*\*\*' plan.json || fail 'the command does not see that PLAIN changes'
! grep -q hunter plan.json || fail 'the command is shown a secret'
[ "$(wc -l <given)" = 1 ] || fail 'the provider was asked more than once'
run 0 plan ci r1
out_has 'variable PLAIN'
! grep -q hunter out err plan.json || fail 'a plan shows a secret'
gates '{command: [./ticket, ci]}'
rm asked
run 0 status --json
out_json '.[0].environments[0] | .promotable == "r2" and .asks_command'
run 0 status
out_has "r2 can be promoted, if the gate's command agrees"
[ ! -e asked ] || fail 'status asked the command'
gates '{command: [./ticket, ci], approvals: 1}'
run 3 deploy ci r2
[ ! -e asked ] || fail 'the command was asked although another gate was closed'
run 0 plan ci r2 --json
out_json '.[0].gates[-1] | .passes == null and (.answer | test("not asked"))'
gates '{command: [./no-such-program]}'
run 2 deploy ci r1
err_has 'gates.command: ./no-such-program: not found'
run 4 deploy ci r1 --force --reason 'production is down'
err_has 'forced past: ./no-such-program does not let it in'
err_has 'not found'
# shellcheck disable=SC2016 # for the shell that it is
gates '{command: [sh, -c, "echo $$ >pid; exec sleep 100"], timeout: 200ms}'
run 3 deploy ci r1
err_has 'it took longer than 200ms and was ended'
! kill -0 "$(cat pid)" 2>/dev/null || fail 'the command still runs'
