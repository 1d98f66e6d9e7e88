#!/usr/bin/env bash
# Builds the two static binaries: the sidecar alone (--no-default-features) into target/sidecar, and the
# whole agent where Cargo puts it.
#
#     scripts/static.sh TARGET
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release --locked --target "$1" --no-default-features
install -D "target/$1/release/cloudwatch_metrics_agent" target/sidecar/cloudwatch_metrics_agent
cargo build --quiet --release --locked --target "$1"
