#!/usr/bin/env bash
# What the agent costs, beside what people would use in its place. A benchmark: it prints a table
# and the targets, writes target/footprint/footprint.json, and fails only if it cannot measure.
#
#   scripts/footprint.sh [--period SECONDS] [--rounds N] [SECONDS]
#       each runs for SECONDS (120) after its first publish, publishing every 60 s, in 3 rounds:
#       about 35 minutes. `--period 10 --rounds 1 20` is a try of five.
#   scripts/footprint.sh --ours
#       the agent alone, in half a minute, against scripts/footprint/limits.json: fails if over.
#   scripts/footprint.sh --order
#       makes order.ld anew, of what ordinary runs call: see scripts/footprint/order.py.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --order ]; then
  scripts/footprint/build.sh valgrind
  # With the names of the functions.
  cargo rustc --quiet --release --locked --target x86_64-unknown-linux-musl --bin cloudwatch_metrics_agent -- -C strip=none
  exec python3 -B scripts/footprint/order.py target/x86_64-unknown-linux-musl/release/cloudwatch_metrics_agent
fi
scripts/footprint/build.sh strace valgrind strip:binutils
if [ "${1:-}" = --ours ]; then
  exec python3 -B scripts/footprint/guard.py
fi
scripts/footprint/peers.sh
exec python3 -B scripts/footprint/compare.py "$@"
