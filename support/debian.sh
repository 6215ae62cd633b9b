# shellcheck shell=bash
# What scripts need to know about the Debian they run on. Sourced; uses nothing that a bare Debian lacks.

# The release's number: 12, 13. Empty on anything that is not Debian.
debian_release() {
  (
    ID='' VERSION_ID=''
    # shellcheck disable=SC1091
    . /etc/os-release
    if [ "$ID" = debian ]; then echo "$VERSION_ID"; fi
  )
}

# The codename of a release number.
debian_codename() {
  case $1 in
    12) echo bookworm ;;
    13) echo trixie ;;
    *) return 1 ;;
  esac
}

# The mirror that this machine's own apt uses, whichever way its sources are written.
debian_mirror() {
  local codename
  codename=$(debian_codename "$(debian_release)") || return 1
  apt-get update --print-uris 2>/dev/null |
    sed -n "s#^'\([^']*\)/dists/$codename/InRelease'.*#\1#p" | sed -n 1p
}

# debian_private_apt FOLDER RELEASE: sets up FOLDER so that APT_CONFIG=FOLDER/apt.conf sees only RELEASE,
# from the system's own mirror, and leaves the system's lists and state alone.
debian_private_apt() {
  local folder=$1 codename mirror
  codename=$(debian_codename "$2") || return 1
  mirror=$(debian_mirror) || return 1
  [ -n "$mirror" ] || return 1
  mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $codename main" \
    >"$folder/sources.list"
  cat >"$folder/apt.conf" <<EOF
Dir::State "$folder";
Dir::State::Lists "$folder/lists";
Dir::State::status "/dev/null";
Dir::Cache "$folder/cache";
Dir::Etc::SourceList "$folder/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Sandbox::User "root";
EOF
  APT_CONFIG=$folder/apt.conf apt-get -qq update
}
