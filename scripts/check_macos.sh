#!/usr/bin/env bash
# Compiles the agent for macOS as far as that goes without a Mac, with lints: all but the linking.
#
#     scripts/check_macos.sh
#
# Needs rustup and Python with venv. Takes about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
target=aarch64-apple-darwin
rustup --quiet target add $target
source scripts/release/zig.sh
cargo-zigbuild clippy --quiet --locked --target $target -- -D warnings
