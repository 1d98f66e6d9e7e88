#!/usr/bin/env bash
# What the agent costs, beside what people would use in its place. A benchmark: it prints tables in Markdown
# and the targets, writes target/footprint/footprint.json and local.json, and fails only if it cannot measure.
#
#   scripts/footprint.sh [--period SECONDS] [--rounds N] [SECONDS]
#       the agent as a sidecar, by PutMetricData and OTLP, and what else publishes: each runs for SECONDS (120) after
#       its first publish, publishing every 60 s, in 3 rounds. Then the agent with everything on, and what else
#       keeps a history of one machine, side by side: rounds of at least 180 s. About 75 minutes.
#       `--period 10 --rounds 1 20` is a try of ten.
#   scripts/footprint.sh --kernel
#       what the kernel's part of a sample is, source by source, and the least that a sample can cost: three minutes.
#   scripts/footprint.sh --ours
#       the agent alone, in half a minute, against scripts/footprint/limits.json: fails if over.
#   scripts/footprint.sh --order
#       makes order.ld anew, of what ordinary runs call: see scripts/footprint/order.py.
#
# With BINARY=FILE in the environment, FILE is measured in place of what is built here.
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
if [ "${1:-}" = --kernel ]; then
  exec python3 -B scripts/footprint/kernel.py
fi
command -v rrdtool > /dev/null || scripts/footprint/build.sh rrdtool
scripts/footprint/peers.sh
python3 -B scripts/footprint/compare.py "$@"
exec python3 -B scripts/footprint/local.py "$@"
