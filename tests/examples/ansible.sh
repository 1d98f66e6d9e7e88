#!/usr/bin/env bash
# The role of examples/ansible in a machine whose first process is systemd: it installs, configures and starts the
# agent, changes nothing when it runs again, and refuses what is wrong.
#
#     tests/examples/ansible.sh BINARY FAKE_CLOUDWATCH [CASE...]
#     tests/examples/ansible.sh --dist FOLDER FAKE_CLOUDWATCH [CASE...]
#
# The machine is a container of systemd-nspawn: this one's files below a file system in memory, which takes all that
# is written, and a network of its own with nothing but loopback. FOLDER has the packages of a release; of BINARY
# packages are made like those. Needs root. Installs on Debian what is not there, and below target/ what comes from
# the registry of Python. Exits with 3, and says why, where it cannot run.
set -euo pipefail
dist=
if [ "${1:-}" = --dist ]; then dist=yes; shift; fi
[ $# -ge 2 ] || { echo "usage: $0 BINARY|--dist FOLDER FAKE_CLOUDWATCH [CASE...]" >&2; exit 2; }
made=$(realpath "$1") fake=$(realpath "$2")
shift 2
cd "$(dirname "$0")/../.."
cannot() { echo "ansible: $*" >&2; exit 3; }
[ "$(uname -s)" = Linux ] || cannot "it needs Linux, and this is $(uname -s)"
if [ "$(id -u)" != 0 ]; then
  sudo -n true 2> /dev/null || cannot "it needs root, to start a container"
  exec sudo -n env PATH="$PATH" "$(realpath "$0")" ${dist:+--dist} "$made" "$fake" "$@"
fi

needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
need systemd-nspawn systemd-container
need apt-ftparchive apt-utils
need createrepo_c createrepo-c
need dnf dnf
need gpg gnupg
need rpmbuild rpm
/usr/bin/python3 -c 'import apt' 2> /dev/null || needs+=(python3-apt)
if [ ${#needs[@]} -gt 0 ]; then
  command -v apt-get > /dev/null || cannot "there is no apt-get to install ${needs[*]} with"
  apt-get update -qq || cannot "apt-get update failed"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${needs[@]}" > /dev/null ||
    cannot "these packages cannot be installed: ${needs[*]}"
fi
tests/examples/ansible_packages.sh

work=$PWD/target/ansible
rm -rf "$work"
mkdir -p "$work"/{root,out}
if [ -n "$dist" ]; then
  cp -r "$made" "$work/dist"
else
  python3 -B tests/examples/stand_in.py "$made" "$work/dist"
fi
# Signed with a key that is made here; and another one, that the repository is not signed with.
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
for name in right wrong; do
  gpg --batch --quiet --passphrase '' --quick-generate-key "$name <$name@example.com>" rsa3072 sign never
done
gpg --batch --armor --export wrong@example.com > "$work/wrong.asc"
RELEASE_GPG_KEY=$(gpg --batch --armor --export-secret-keys right@example.com) \
  scripts/release/finish.sh --signed "$work/dist" > "$work/finish.log" 2>&1 || { cat "$work/finish.log" >&2; exit 1; }

cat > "$work/role-test.service" << END
[Unit]
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
Environment=HOME=/root PATH=$PATH PYTHONDONTWRITEBYTECODE=1
ExecStart=$PWD/target/ansible-venv/bin/python $PWD/tests/examples/role.py $work $fake $*
StandardOutput=file:$work/out/log
StandardError=file:$work/out/log
END

# Where no systemd runs that gives the container a control group, it gets one here.
group=role-test
hierarchies=()
if ! [ -d /run/systemd/system ]; then
  for folder in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    [ ! -e $folder/cgroup.procs ] || hierarchies+=("$folder/$group")
  done
fi
remove_groups() {
  local folder
  for folder in "${hierarchies[@]}"; do
    [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} +
  done
}
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"; remove_groups' EXIT

# The mounts are in a namespace that ends with the container.
code=0
# shellcheck disable=SC2016 # the inner shell's
timeout 1800 unshare --mount bash -c '
  set -eu
  work=$1 repository=$2
  shift 2
  for folder; do
    mkdir -p "$folder"
    echo $$ > "$folder/cgroup.procs"
  done
  mount --make-rprivate /
  mount --bind / "$work/root"
  exec systemd-nspawn --quiet --directory="$work/root" --volatile=overlay --boot --private-network --register=no \
    ${1:+--keep-unit} --machine=role-test --console=pipe --link-journal=no --bind-ro="$repository" --bind="$work/out" \
    --bind-ro=/dev/null:/etc/fstab --bind-ro="$work/role-test.service:/etc/systemd/system/role-test.service" \
    -- --unit=role-test.service
' ansible "$work" "$PWD" "${hierarchies[@]}" < /dev/null > "$work/console" 2>&1 || code=$?
if ! [ -e "$work/out/log" ]; then
  tail -n 5 "$work/console" >&2
  cannot "no container with systemd can be started here: it ended with $code"
fi
cat "$work/out/log"
[ "$(tail -n 1 "$work/out/log")" = "ansible: all passed" ] || exit 1
