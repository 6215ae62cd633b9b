#!/bin/bash
# history export and import --file between two histories: what goes through, and what is refused. No host is asked.
. "$(dirname "$0")/lib.sh"
write_config
start_registry
export BUILD_USER_ID=anna
there() { run "$1" --history there.db "${@:2}"; }
here() { run "$1" --history here.db "${@:2}"; }

there 0 release create --tag 2.0 --version 0.9
there 0 release create --tag 1.0 --revision 0123456789abcdef --build-url https://jenkins.example.org/job/7/
there 0 approve prod 1.0 --reason 'tests are green'
(
  unset BUILD_USER_ID
  export BUILD_URL=https://jenkins.example.org/job/7/
  there 0 approve prod 1.0 --as bob
)
there 2 history export 7.0
there 0 history export 1.0
err_has 'r2 is verified nowhere'
cp out export.json
out_json '.[0] | .slipway_export == 1 and .app == "journal" and .name == "r2" and .release.version == "1.0" and
  .deployments == [] and (.sha256 | length == 64)'
there 0 history export r2 --json
cmp -s out export.json || jq -se '.[0] == .[1]' out export.json >/dev/null || fail 'with --json it is another document'

# What becomes of it, twice.
here 0 history import --file export.json
out_has 'r2 there is r1 here (1.0)'
out_has '2 approvals'
here 0 release show r1 --json
out_json '.[0] | .version == "1.0" and .revision == "0123456789abcdef" and
  .build_url == "https://jenkins.example.org/job/7/" and
  (.approvals | map(.person) == ["anna", "bob"]) and .approvals[0].reason == "tests are green" and
  .approvals[1].claimed_by == "https://jenkins.example.org/job/7/"'
here 0 history import --file export.json --json
out_json '.[0] | .there == "r2" and .release.id == "r1" and .imported == [] and .approvals == 0'
here 0 release list --json
out_json '.[0] | length == 1'

# A history that made the release itself knows it as the same one.
run 0 --history own.db release create --tag 1.0
run 0 --history own.db history import --file export.json
out_has 'r2 there is r1 here'
run 0 --history own.db release list --json
out_json '.[0] | length == 1'

# No host is asked, so none has to be known.
cat >hosts <<'SH'
#!/bin/sh
echo asked >>asked
SH
chmod +x hosts
sed '0,/hosts: .local./s//hosts: {command: [.\/hosts]}/' slipway.yml >dynamic.yml
run 0 -c dynamic.yml --history own.db history import --file export.json
[ ! -e asked ] || fail 'the inventory was asked'

# The same version with other images.
run 0 --history other.db release create --tag 2.0 --version 1.0
run 3 --history other.db history import --file export.json
err_has 'r2 there is version 1.0, which r1 is here, with other images'
run 0 --history other.db release show r1 --json
out_json '.[0].approvals == []'

# Damaged, changed, foreign, of another kind: nothing is taken in.
refused() {
  run 2 --history new.db history import --file "$1"
  err_has "$2"
}
refused missing.json 'missing.json'
: >empty.json
refused empty.json 'damaged, or no export of a release at all'
head -c 300 export.json >half.json
refused half.json 'damaged, or no export of a release at all'
sed 's/"version":"1.0"/"version":"1.1"/' export.json >changed.json
refused changed.json 'its checksum is wrong'
echo '{"app": "journal"}' >other.json
refused other.json 'that is no export of a release'
sed 's/"slipway_export":1/"slipway_export":2/' export.json >newer.json
refused newer.json 'written by a newer slipway (format 2'
sed 's/^app: .*/app: shop/' slipway.yml >shop.yml
run 2 -c shop.yml --history new.db history import --file export.json
err_has 'a release of journal, and this is shop'
truncate -s 65M huge.json
refused huge.json 'huge.json'

# A right checksum does not make sense of nonsense.
forge() {
  jq -cS "del(.sha256) | $1" export.json | tr -d '\n' >body
  jq -c --arg sum "$(sha256sum <body | cut -d ' ' -f 1)" '. + {sha256: $sum}' body >forged.json
}
forge '.'
run 0 --history forged.db history import --file forged.json
for change in '.release.uid = "../../etc"' '.release.images.web = "journal/web:latest"' '.release = null'; do
  forge "$change"
  refused forged.json 'damaged: its release makes no sense'
done
forge '.approvals[0].approved_at = "yesterday"'
refused forged.json 'damaged: an approval makes no sense'
forge '.deployments = [{uid: "x"}]'
refused forged.json 'damaged: a deployment makes no sense'
forge '.blobs = {"'"$(printf 'a' | sha256sum | cut -d ' ' -f 1)"'": "Yg=="}'
refused forged.json 'damaged: a file of it makes no sense'
forge '.pins = {nginx: "nginx:stable"}'
refused forged.json 'damaged: its list of pins makes no sense'
[ ! -e new.db ] || { run 0 --history new.db release list --json && out_json '. == [[]]'; }

run 2 --history new.db history import
err_has 'from where?'
run 2 --history new.db history import ci --file export.json
err_has 'one of both'
for option in --skip-unreachable '--wait-lock 10s' '--force --reason x' '--reason x'; do
  # shellcheck disable=SC2086 # an option and its value
  here 2 history import --file export.json $option
  err_has 'no host is asked with --file'
done

# What cannot be recorded whole is not recorded at all.
run 0 --history torn.db release create --tag 2.0 --version 0.1
python3 - torn.db <<'PY'
import sqlite3, sys
sqlite3.connect(sys.argv[1]).execute("CREATE TRIGGER stop BEFORE INSERT ON approval BEGIN SELECT RAISE(ABORT, 'stop'); END")
PY
run 6 --history torn.db history import --file export.json
err_has 'stop'
run 0 --history torn.db release list --json
out_json '.[0] | length == 1'
