#!/bin/bash
# How run and exec end: as the command does, and 125 when it could not be run. No engine is there.
. "$(dirname "$0")/lib.sh"
write_config
cat >tasks.yml <<'YAML'
    tasks:
      run:
        - {name: seven, command: [sh, -c, 'echo "of ${SLIPWAY_RELEASE-none}"; exit 7']}
        - {name: killed, command: [sh, -c, 'kill -KILL $$']}
        - {name: slow, timeout: 1s, command: [sleep, "1000"]}
        - {name: lost, command: [no-such-program]}
YAML
sed -i '/^  ci:/r tasks.yml' slipway.yml

# ---- a task on the controller
run 7 run ci seven
out_has 'of none'
run 137 run ci killed
run 125 run ci slow
err_has 'it took longer than 1s'
run 125 run ci lost
err_has 'no-such-program'

# A history that cannot be read is no reason not to run what may be needed then.
echo 'not a history' >history.db
run 7 run ci seven
err_has 'SLIPWAY_RELEASE and SLIPWAY_VERSION are not set'
rm history.db

# ---- no host can be asked: each is tried, the last is the error
sed -i '/^  prod:/,$ s/hosts: .*/hosts: [local, {name: web2, address: 127.0.0.1, ssh: {port: 1}}]/' slipway.yml
for verb in run exec; do
  run 125 "$verb" prod web -- true
  err_has 'warning: local: '
  err_has 'slipway: web2: '
  run 125 "$verb" prod web --host local -- true
  err_has 'slipway: local: '
done
