#!/bin/bash
# prod is reachable through one host only: by proxy_jump, by proxy_command, with the user's own ssh program, with an RSA key.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"

start_fleet bastion prod1:behind=bastion prod2:behind=bastion
SHOP_SERVICES=web
make_shop prod=prod1,prod2
cp slipway.yml direct.yml
build 1.0
release 1.0 >/dev/null

# settings WORD TEXT: more keys of `ssh:`, and a greeting, so that there is something to deploy.
settings() { sed "s|^  ssh: {|&$2, |; s|hello from prod|hello $1|" direct.yml >slipway.yml; }

expect_greeting() {
  local host
  for host in prod1 prod2; do
    expect_exit 0 fleet exec "$host" curl -fsS http://localhost/
    expect_out "version=1.0 .*$1"
  done
}

# How often somebody logged in to the bastion.
logins() { grep -c 'Accepted publickey' "$FLEET/hosts/bastion/sshd.log" || true; }

begin "the direct way leads nowhere"
settings nobody 'connect_timeout: 5s'
expect_exit 4 slipway deploy prod 1.0
expect_err 'cannot connect to .*(No route to host|timed out)'

begin "proxy_jump: both hosts through one connection"
jump="deploy@$(fleet address bastion)"
settings jumped "proxy_jump: $jump"
before=$(logins)
expect_exit 0 slipway deploy prod 1.0
expect_same $((before + 1)) "$(logins)"
expect_greeting jumped

begin "proxy_jump: a bastion that does not let us in is named"
settings nobody "proxy_jump: nobody@$(fleet address bastion)"
expect_exit 4 slipway deploy prod 1.0
expect_err "bastion nobody@$(fleet address bastion): .* let user nobody in with none of the keys"

begin "proxy_command"
settings commanded "proxy_command: ssh -F $FLEET/ssh_config -W %h:%p bastion"
expect_exit 0 slipway deploy prod 1.0
expect_greeting commanded
settings nobody "proxy_command: \"sh -c 'echo no such instance >\\&2; exit 1'\""
expect_exit 4 slipway deploy prod 1.0
expect_err 'the proxy command says: no such instance'

begin "client: openssh"
settings typed "proxy_jump: $jump, client: openssh"
expect_exit 0 slipway deploy prod 1.0
expect_greeting typed
expect_exit 0 slipway rollback prod
expect_greeting commanded

begin "an RSA key, as EC2 makes them"
ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f ec2.pem
for host in bastion prod1 prod2; do cp ec2.pem.pub "$FLEET/hosts/$host/home/deploy/.ssh/authorized_keys"; done
settings signed "proxy_jump: $jump"
sed -i "s|$FLEET/client_key|$WORK/ec2.pem|" slipway.yml
expect_exit 0 slipway deploy prod 1.0
said=$(grep -c 'the ssh program is used instead' "$WORK/.stderr" || true)
expect_greeting signed
# A libssh2 that cannot do it is not used, and that is said once.
if ! pkg-config --atleast-version=1.11 libssh2; then
  expect_same 1 "$said"
  sed -i 's/proxy_jump/client: libssh2, proxy_jump/' slipway.yml
  expect_exit 4 slipway deploy prod 1.0
  expect_err 'use an ed25519 or ECDSA key'
fi
