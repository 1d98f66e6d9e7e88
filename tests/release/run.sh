#!/usr/bin/env bash
# A release as scripts/release.sh makes it, of the newest commit: what is in it, that it installs and
# runs, and that another run in another folder gives the same bytes.
#
#     tests/release/run.sh [--once | --of FOLDER] [unittest options]
#
# Takes about ten minutes; with --once half of that, and nothing is compared; with --of, a few seconds
# for a release that is there. Needs root, to install packages into a folder. Installs on Debian what is
# not there.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
made=$root/target/release-test
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)

# make FOLDER: a release from a clone there. The tools and their own build are shared.
make() {
  rm -rf "$1"
  git clone --quiet "$root" "$1"
  mkdir -p "$1/target" target/tools
  ln -s "$root/target/tools" "$1/target/tools"
  "$1/scripts/release.sh" "$version"
}

case ${1:-} in
  --of) DIST=$(realpath "$2"); shift 2 ;;
  --once) shift; make "$made/one"; DIST=$made/one/target/dist ;;
  *)
    make "$made/one"
    make "$made/another/place"
    diff "$made/one/target/dist/SHA256SUMS" "$made/another/place/target/dist/SHA256SUMS" ||
      { echo "two releases of one commit are not the same" >&2; exit 1; }
    DIST=$made/one/target/dist
    ;;
esac

needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
need rpm rpm
need qemu-aarch64-static qemu-user-static
need readelf binutils
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${needs[@]}" > /dev/null
fi

cd tests/release
[ $# -gt 0 ] || set -- packages
as_root env PATH="$PATH" HOME="$HOME" DIST="$DIST" VERSION="$version" PYTHONDONTWRITEBYTECODE=1 python3 -m unittest "$@"
