#!/usr/bin/env bash
# Makes a release, in target/dist: for x86_64 and aarch64 an archive, a Debian and an RPM package and
# an SBOM, repositories of the packages, and the sums of all. Two runs on one commit give the same bytes,
# wherever they are made.
#
#     scripts/release.sh VERSION
#
# With RELEASE_GPG_KEY it is signed: scripts/release/finish.sh has the variables, and what then differs.
# Installs on Debian what is not there. Takes about ten minutes, mostly to compile.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022
cd "$(dirname "$0")/.."
# What is built here runs programs of others, which have no use for it.
gpg_key=${RELEASE_GPG_KEY:-} gpg_passphrase=${RELEASE_GPG_PASSPHRASE:-}
unset RELEASE_GPG_KEY RELEASE_GPG_PASSPHRASE

fail() { echo "$0: $*" >&2; exit 1; }
step() { printf '\n==> %s\n' "$*"; }
[ $# = 1 ] || { echo "usage: $0 VERSION" >&2; exit 2; }
version=$1
stated=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)
[ "$version" = "$stated" ] || fail "the version of Cargo.toml is $stated, and not $version"
changes=$(git status --porcelain) || fail "this is no git repository"
[ -z "$changes" ] || fail "there are changes that are not committed:"$'\n'"$changes"
# The time of everything that bears one.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

step "tools"
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
need cc build-essential
need python3 python3
python3 -c 'import ensurepip' 2> /dev/null || needs+=(python3-venv)
need qemu-aarch64-static qemu-user-static
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${needs[@]}" > /dev/null
fi
tools=$PWD/target/tools
# tool NAME VERSION: without optimisation, because each runs for a second. Does nothing if it is there.
tool() {
  cargo install "$1" --version "$2" --locked --debug --quiet --root "$tools" --target-dir "$tools/build"
}
tool cargo-deb 3.8.0
tool cargo-generate-rpm 0.21.1
tool cargo-cyclonedx 0.5.9
PATH=$tools/bin:$PATH

name=cloudwatch_metrics_agent
work=$PWD/target/release-work dist=$PWD/target/dist
rm -rf "$work" "$dist"
mkdir -p "$work/source" "$dist"
# What is in the commit, and nothing else.
git archive HEAD | tar -x -C "$work/source"

step "man page and shell completions"
# Where Cargo.toml has them for the packages.
reference=target/reference
mkdir -p $reference
cargo run --quiet --locked --package reference -- man > $reference/$name.1
for shell in bash zsh fish; do
  cargo run --quiet --locked --package reference -- completions $shell > $reference/$name.$shell
done

cargo build --quiet --locked --package fake-cloudwatch
for architecture in x86_64 aarch64; do
  target=$architecture-unknown-linux-musl
  title=$name-$version-$target

  step "$target: binary"
  scripts/release/build.sh $architecture "$work/$title"
  emulator=()
  [ "$(uname -m)" = $architecture ] || emulator=("qemu-$architecture-static")
  python3 tests/release/delivers.py target/debug/fake-cloudwatch "${emulator[@]}" "$work/$title/$name"
  "${emulator[@]}" "$work/$title/$name" --version | grep -qx "$name $version" || fail "the binary is of another version"

  step "$target: archive, packages, SBOM"
  cp README.md LICENSE CHANGELOG.md $reference/$name.* "$work/$title/"
  tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
    -C "$work" -c "$title" | gzip -9n > "$dist/$title.tar.gz"
  cargo deb --quiet --no-build --no-strip --target $target --output "$dist/"
  cargo generate-rpm --target $target --output "$dist/"
  python3 scripts/release/sbom.py "$work/source" $target > "$dist/$title.cdx.json"
done

step "repositories, sums, signatures"
RELEASE_GPG_KEY=$gpg_key RELEASE_GPG_PASSPHRASE=$gpg_passphrase scripts/release/finish.sh "$dist"
