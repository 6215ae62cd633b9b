#!/bin/bash
# Wrong command lines: exit status 2, one clear error, how to get help, and nothing done.
. "$(dirname "$0")/lib.sh"
write_config

wrong() {
  local fragment=$1
  shift
  run 2 "$@"
  err_has "$fragment"
  err_has 'slipway: '
  out_is_empty
}

wrong 'no command was given'
wrong 'did you mean "deploy"' deplyo prod
wrong 'did you mean "release create"' release craete --tag x
wrong 'did you mean "--force"' deploy prod --frce
wrong 'help: slipway deploy --help' deploy prod --frce
wrong 'ENV is missing' deploy
wrong '"r8" is one argument too many' deploy prod r7 r8
wrong 'ENV is empty' deploy ''
wrong 'the value of "--tag" is empty' deploy ci --tag ''
wrong '--force wants --reason' deploy ci r1 --force
wrong '--force wants --reason' promote prod --force
wrong 'both a release' deploy ci r1 --tag 1.0
wrong 'add --tag or --image' deploy ci r1 --version 1
wrong 'did you mean "prod"' deploy prood
wrong 'did you mean "web"' deploy ci --image wbe=:1.0
wrong '--image wants NAME=REF' deploy ci --image web
wrong 'given twice' release create --image web=:1 --image web=:2
wrong 'which images?' release create
wrong 'd1, d2' show r1
wrong 'there is no deployment d1' show d1
wrong 'there are ci, prod' history nosuch
wrong 'for bash, zsh and fish' completion tcsh
wrong 'ENV is missing' logs
wrong 'expected a duration' logs prod --since yesterday
wrong 'wants a number from 1 on' logs prod --tail none
wrong '--host web9: prod has no such host' logs prod --host web9
wrong 'expected KEY=VALUE' deploy ci r1 --set LEVEL
wrong 'DEPLOYMENT is missing' show --config
wrong 'A is missing' diff
# What later issues bring is not silently accepted today.
wrong 'no option "--live"' status --live
wrong 'it has local' deploy ci --host web1
wrong 'leave the release' deploy ci r1 --as-is
wrong 'wants --reason' rollback ci --force

run 2 deploy ci r1 --force --json
out_json '.[0].error.kind == "usage"'
out_json '.[0].event == "result" and .[0].exit_code == 2'
