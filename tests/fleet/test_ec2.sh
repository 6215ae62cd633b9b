#!/bin/bash
# Hosts that EC2 tells: exactly those, with credentials from each of the places where the AWS SDKs look; a host that joined is brought
# along, one that left is let go; AWS out of reach stops neither `status` nor `rollback`.
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/shop.sh
. "$(dirname "$0")/shop.sh"
# shellcheck source=tests/fleet/aws.sh
. "$(dirname "$0")/aws.sh"

start_fleet one two
SHOP_SERVICES=web
make_shop prod=one live=one
cat >compose.yml <<YAML
services:
  web:
    image: $REGISTRY/shop/web:dev
    ports: ["80:8080"]
YAML
# Keys are remembered by the instance's id: nothing is known of the addresses.
sed -i -e '/^    hosts:/,/^      - /d' -e "s|known_hosts: .*}|known_hosts: $WORK/known_hosts, host_keys: accept-new}|" slipway.yml
for environment in prod live; do
  ec2="{ec2: {region: [eu-west-1, us-east-1], tags: {App: shop, Environment: $environment}}}"
  sed -i "s|^  $environment:|&\n    hosts: $ec2|" slipway.yml
done
forget_aws
start_aws moto
export AWS_ENDPOINT_URL=$AWS_URL

found() { jq -r "[.environments[] | select(.name == \"$1\") | .hosts[].name] | join(\" \")" "$WORK/.stdout"; }
use_keys() {
  read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<<"$1"
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
}
lose_keys() { unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN; }

for number in 3 1 5 2 4; do
  run_instance eu-west-1 "10.1.0.$number" "Name=web$number" App=shop Environment=prod >/dev/null
done
twin=$(run_instance us-east-1 10.2.0.1 Name=web1 App=shop Environment=prod)
run_instance us-east-1 10.2.0.2 Name=queue1 App=shop Environment=prod >/dev/null
run_instance eu-west-1 10.1.0.6 Name=other App=shop Environment=test >/dev/null
stopped=$(run_instance eu-west-1 10.1.0.7 Name=stopped App=shop Environment=prod)
stop_instance eu-west-1 "$stopped"
first=$(ask_aws eu-west-1 ec2 Action=DescribeInstances Version=2016-11-15 Filter.1.Name=tag:Name Filter.1.Value.1=web1 | element instanceId)
make_keys
check_keys

begin "the instances of three pages and two regions that run and have the tags, always in the same order"
expected=$(printf '%s\n' queue1 web2 web3 web4 web5 "$twin" "$first" | LC_ALL=C sort | tr '\n' ' ')
use_keys "$USER_KEYS"
for _ in 1 2; do
  expect_exit 0 slipway status prod --json
  expect_same "${expected% }" "$(found prod)"
  refute_err .
done

begin "a key that AWS does not know: AWS's own words; status warns, everything else stops (4)"
use_keys "AKIAWRONG1234567890 not-the-secret-key"
expect_exit 4 slipway plan prod
expect_err 'prod: EC2 in eu-west-1: AuthFailure: AWS was not able to validate the provided access credentials'
expect_err 'asked with the keys of the environment'
use_keys "${USER_KEYS% *} not-the-secret-key"
expect_exit 0 slipway status prod
expect_err 'AuthFailure.*its hosts are not known'
refute_err not-the-secret-key
lose_keys
expect_exit 4 slipway check prod
expect_out 'inventory +NOT OK .*there are no AWS credentials; looked in this order:'

begin "credentials from each of the places where the AWS SDKs look"
expect_found() {
  expect_exit 0 slipway status prod --json
  expect_same "${expected% }" "$(found prod)"
  refute_err .
}
read -r access secret <<<"$USER_KEYS"
use_keys "$ROLE_KEYS" && expect_found && lose_keys
printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$access" "$secret" >aws-credentials
expect_found
printf '[profile ops]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$access" "$secret" >aws-config
rm aws-credentials
AWS_PROFILE=ops expect_found
jq -n --arg keys "$ROLE_KEYS" '$keys | split(" ") | {Version: 1, AccessKeyId: .[0], SecretAccessKey: .[1], SessionToken: .[2]}' >keys.json
printf '[default]\ncredential_process = cat "%s"\n' "$WORK/keys.json" >aws-config
expect_found
rm aws-config
ENDPOINT_KEYS=$ROLE_KEYS start_aws endpoints
AWS_CONTAINER_CREDENTIALS_FULL_URI=$AWS_URL/container AWS_CONTAINER_AUTHORIZATION_TOKEN=container-token expect_found
unset AWS_EC2_METADATA_DISABLED
AWS_EC2_METADATA_SERVICE_ENDPOINT=$AWS_URL expect_found
export AWS_EC2_METADATA_DISABLED=true AWS_URL=$AWS_ENDPOINT_URL

begin "signatures are botocore's, for ten requests"
ORACLE_KEYS="AKIDEXAMPLE /a+b=c/d IQoJb3JpZ2luX2VjE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ==" start_aws oracle
plain=$AWS_ENDPOINT_URL
export AWS_ENDPOINT_URL=$AWS_URL
use_keys "AKIDEXAMPLE /a+b=c/d IQoJb3JpZ2luX2VjE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="
cp slipway.yml kept.yml
number=0
for tag in 'App: shop' '"a b": "c d"' 'App: "*"' 'App: "ü~é"' '"x/y:z": "=&%"'; do
  for region in eu-west-1 ap-southeast-2; do
    sed "s|{ec2: .*prod}}}|{ec2: {region: $region, tags: {$tag}}}|" kept.yml >slipway.yml
    expect_exit 0 slipway status prod --json
    expect_same "i-$region" "$(found prod)"
    number=$((number + 1))
  done
done
expect_same 10 "$number"
use_keys "AKIDEXAMPLE /a+b=c/e x"
expect_exit 4 slipway plan prod
expect_err 'SignatureDoesNotMatch'
mv kept.yml slipway.yml
export AWS_ENDPOINT_URL=$plain AWS_URL=$plain
use_keys "$USER_KEYS"

begin "a deployment to what EC2 says; keys of hosts are remembered by the instance's id"
trust_everybody
web_one=$(run_instance eu-west-1 "$(fleet address one)" Name=web-one App=shop Environment=live)
push web 1.0 >/dev/null
release 1.0 >/dev/null
expect_exit 0 slipway deploy live 1.0 --force --reason 'straight to it'
expect_version 1.0 one
grep -q "^$web_one ssh-" known_hosts || fail "no line of $web_one in known_hosts: $(<known_hosts)"
expect_exit 0 slipway status live --json
expect_json '.environments[0] | [.joined, .left]' '[[],[]]'

begin "a host that joined since is named by status, and brought along by deploy --as-is"
run_instance us-east-1 "$(fleet address two)" Name=web-two App=shop Environment=live >/dev/null
expect_exit 0 slipway status live
expect_out 'joined: web-two +slipway deploy live --as-is brings web-two along'
before=$(container_id one web)
expect_exit 0 slipway deploy live --as-is
expect_version 1.0 one two
expect_same "$before" "$(container_id one web)"
expect_exit 0 slipway status live --json
expect_json '.environments[0] | [.joined, .left]' '[[],[]]'

begin "another instance with the name and the address of one before is a new host, and no changed key"
terminate_instance eu-west-1 "$web_one"
again=$(run_instance eu-west-1 "$(fleet address one)" Name=web-one App=shop Environment=live)
expect_exit 0 slipway status live --json
expect_json '.environments[0].joined' '["web-one"]'
sed -i "s|^$web_one ssh-.*|$web_one $(cut -d' ' -f1,2 "$FLEET/client_key.pub")|" known_hosts
expect_exit 0 slipway deploy live --as-is
grep -q "^$again ssh-" known_hosts || fail "no line of $again in known_hosts: $(<known_hosts)"
expect_exit 0 slipway status live --json
expect_json '.environments[0].joined' '[]'

begin "a host that left is named, and let go without a word by the next deployment"
terminate_instance eu-west-1 "$again"
expect_exit 0 slipway status live
expect_out 'left: web-one'
expect_exit 0 slipway deploy live --as-is
expect_exit 0 slipway history live --json
expect_json '[.[0].status, (.[0].hosts | map(.name + " " + .status))]' '["succeeded",["web-two unchanged"]]'
expect_exit 0 slipway status live
refute_out 'left:|joined:|skipped:'

begin "AWS out of reach: status warns, rollback and down go to the last deployment's hosts; a deployment does not begin (4)"
push web 2.0 >/dev/null
release 2.0 >/dev/null
expect_exit 0 slipway deploy live 2.0 --force --reason 'straight to it'
expect_version 2.0 two
export AWS_ENDPOINT_URL=http://127.0.0.1:1
expect_exit 0 slipway status live --json
expect_err 'EC2 in eu-west-1: .*using the hosts of d[0-9]+ instead'
expect_same web-two "$(found live)"
expect_exit 4 slipway deploy live --as-is
expect_err 'live: EC2 in eu-west-1: '
expect_exit 0 slipway rollback live
expect_err 'using the hosts of d[0-9]+ instead'
expect_version 1.0 two
expect_exit 0 slipway down live --yes
expect_same '' "$(containers two web)"
