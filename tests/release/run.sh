#!/usr/bin/env bash
# A release as scripts/release.sh makes it, of the newest commit: what is in it, that it installs and
# runs, that another run in another folder gives the same bytes, and, signed with a key that is made for that,
# that apt and dnf take its repositories and refuse what was changed.
#
# Compared is each file of the release without signatures: archives, packages, SBOMs, both repositories and the
# sums. Signatures have the time at which they are made, and so are no part of that: they and what they are in
# (the RPM packages, the metadata for dnf, the file of both repositories, and the sums) differ in each signed release.
#
#     tests/release/run.sh [--once | --of FOLDER] [unittest options]
#
# Takes half an hour on two cores; with --once half of that, and nothing is compared; with --of, some minutes
# for a release that is there. Needs root, to install packages into a folder and, for the role of Ansible, on a machine
# that it starts. Installs on Debian what is not there.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
made=$root/target/release-test
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)

# Another one may come while this runs.
commit=$(git rev-parse HEAD)
# make FOLDER: a release from a clone there. The tools and their own build are shared.
make() {
  rm -rf "$1"
  git clone --quiet --no-checkout "$root" "$1"
  git -C "$1" checkout --quiet --detach "$commit"
  mkdir -p "$1/target" target/tools
  ln -s "$root/target/tools" "$1/target/tools"
  # Signed is a copy, by the tests.
  env -u RELEASE_GPG_KEY -u RELEASE_GPG_PASSPHRASE "$1/scripts/release.sh" "$version"
}

case ${1:-} in
  --of) DIST=$(realpath "$2"); shift 2 ;;
  --once) shift; make "$made/one"; DIST=$made/one/target/dist ;;
  *)
    make "$made/one"
    make "$made/another/place"
    diff --recursive "$made/one/target/dist" "$made/another/place/target/dist" ||
      { echo "two releases of one commit are not the same" >&2; exit 1; }
    DIST=$made/one/target/dist
    ;;
esac

needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
need rpm rpm
need rpmsign rpm
need gpg gnupg
need dnf dnf
need createrepo_c createrepo-c
need apt-ftparchive apt-utils
need qemu-aarch64-static qemu-user-static
need readelf binutils
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${needs[@]}" > /dev/null
fi

with_role=
[ $# -gt 0 ] || { with_role=yes; set -- packages repositories; }
(
  cd tests/release
  as_root env PATH="$PATH" HOME="$HOME" DIST="$DIST" VERSION="$version" PYTHONDONTWRITEBYTECODE=1 python3 -m unittest "$@"
)
if [ -n "$with_role" ]; then
  cargo build --quiet --locked --package fake-cloudwatch
  tests/examples/ansible.sh --dist "$DIST" target/debug/fake-cloudwatch
fi
