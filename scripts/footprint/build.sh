#!/usr/bin/env bash
# Builds the static releases, and installs what a script needs on Debian. With BINARY=FILE in the environment
# nothing is built, and FILE is what is measured.
#
#   build.sh COMMAND[:PACKAGE]...      the package has the name of the command, if none is given
set -euo pipefail
cd "$(dirname "$0")/../.."
target=x86_64-unknown-linux-musl

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
missing=()
for need in cc:build-essential musl-gcc:musl-tools python3 openssl "$@"; do
  command -v "${need%:*}" > /dev/null || missing+=("${need#*:}")
done
[ -s /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
if [ ${#missing[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq "${missing[@]}" > /dev/null
fi
[ -z "${BINARY:-}" ] || exit 0
# The toolchain, its components and targets are those of rust-toolchain.toml.
rustup show active-toolchain > /dev/null || rustup toolchain install
rustup target add $target 2> /dev/null
scripts/static.sh $target
