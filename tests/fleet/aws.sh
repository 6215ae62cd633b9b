# shellcheck shell=bash
# An AWS for tests: moto, which checks keys and signatures once it is told to. Source lib.sh first.
#
#   start_aws moto                                     # its address is in $AWS_URL
#   id=$(run_instance eu-west-1 10.0.0.1 Name=web1 App=shop)
#   make_keys                                          # $USER_KEYS and $ROLE_KEYS: "access secret [token]"
#   check_keys                                         # from now on, only those

# shellcheck disable=SC2034 # for the tests
AWS_URL='' USER_KEYS='' ROLE_KEYS=''

# No AWS of the person who runs the tests, nor the machine's own.
forget_aws() {
  local name
  for name in $(compgen -v AWS_ || true); do
    if [[ $name != AWS_URL ]]; then unset "$name"; fi
  done
  export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=$WORK/aws-config AWS_SHARED_CREDENTIALS_FILE=$WORK/aws-credentials
}

# start_aws KIND: of aws_server.py; sets $AWS_URL.
start_aws() {
  local said=$WORK/aws-$1-$RANDOM moto
  moto=$("$FLEET_TOOLS/from-debian-13" python3-moto usr/lib/python3/dist-packages/moto)
  # Debian's own python3 has Debian's modules. On Debian 13 the folder is in its path anyway.
  PYTHONPATH=$(dirname "$moto") INITIAL_NO_AUTH_ACTION_COUNT=1000000 \
    /usr/bin/python3 "$FLEET_TOOLS/aws_server.py" "$1" "$said" >"$WORK/aws-$1.log" 2>&1 &
  wait_until 30 test -s "$said"
  AWS_URL=$(<"$said")
  wait_until 30 curl -s -o "$WORK/.probe" "$AWS_URL/"
}

# ask_aws REGION SERVICE FIELD...: as the administrator; what it answers.
ask_aws() {
  local region=$1 service=$2 field fields=()
  shift 2
  for field in "$@"; do fields+=(--data-urlencode "$field"); done
  curl -fsS --aws-sigv4 "aws:amz:$region:$service" --user "AKIAADMIN:admin-secret" "$AWS_URL/" "${fields[@]}"
}

element() { sed -n "s/.*<$1>\([^<]*\)<\/$1>.*/\1/p" | sed -n 1p; }

# run_instance REGION ADDRESS TAG=VALUE...: prints its id.
run_instance() {
  local region=$1 address=$2 number=0 fields=()
  shift 2
  for tag in "$@"; do
    number=$((number + 1))
    fields+=("TagSpecification.1.Tag.$number.Key=${tag%%=*}" "TagSpecification.1.Tag.$number.Value=${tag#*=}")
  done
  ask_aws "$region" ec2 Action=RunInstances Version=2016-11-15 ImageId=ami-12c6146b MinCount=1 MaxCount=1 \
    "PrivateIpAddress=$address" TagSpecification.1.ResourceType=instance "${fields[@]}" | element instanceId
}

stop_instance() { ask_aws "$1" ec2 Action=StopInstances Version=2016-11-15 "InstanceId.1=$2" >/dev/null; }
terminate_instance() { ask_aws "$1" ec2 Action=TerminateInstances Version=2016-11-15 "InstanceId.1=$2" >/dev/null; }

# May describe instances: a user, and a role that somebody has taken on.
make_keys() {
  local policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}'
  local trust='{"Version":"2012-10-17","Statement":[]}' said
  ask_aws us-east-1 iam Action=CreateUser Version=2010-05-08 UserName=jenkins >/dev/null
  ask_aws us-east-1 iam Action=PutUserPolicy Version=2010-05-08 UserName=jenkins PolicyName=look "PolicyDocument=$policy" >/dev/null
  said=$(ask_aws us-east-1 iam Action=CreateAccessKey Version=2010-05-08 UserName=jenkins)
  USER_KEYS="$(element AccessKeyId <<<"$said") $(element SecretAccessKey <<<"$said")"
  ask_aws us-east-1 iam Action=CreateRole Version=2010-05-08 RoleName=builder "AssumeRolePolicyDocument=$trust" >/dev/null
  ask_aws us-east-1 iam Action=PutRolePolicy Version=2010-05-08 RoleName=builder PolicyName=look "PolicyDocument=$policy" >/dev/null
  said=$(ask_aws us-east-1 sts Action=AssumeRole Version=2011-06-15 RoleArn=arn:aws:iam::123456789012:role/builder RoleSessionName=test)
  ROLE_KEYS="$(element AccessKeyId <<<"$said") $(element SecretAccessKey <<<"$said") $(element SessionToken <<<"$said")"
}

set_checking() { curl -fsS -o "$WORK/.probe" -H 'Content-Type: text/plain' -d "$1" "$AWS_URL/moto-api/reset-auth"; }
check_keys() { set_checking 0; }
trust_everybody() { set_checking 1000000; }
