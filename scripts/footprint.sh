#!/usr/bin/env bash
# What the agent costs, beside what people would use in its place. A benchmark: it prints a table
# and the targets, writes target/footprint/footprint.json, and fails only if it cannot measure.
#
#   scripts/footprint.sh [--period SECONDS] [--rounds N] [SECONDS]
#       each runs for SECONDS (120) after its first publish, publishing every 60 s, in 3 rounds:
#       about 35 minutes. `--period 10 --rounds 1 20` is a try of four.
#   scripts/footprint.sh --ours
#       the agent alone, in half a minute, against scripts/footprint/limits.json: fails if over.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
need python3 python3
need openssl openssl
need strace strace
need valgrind valgrind
need strip binutils
need musl-gcc musl-tools
[ -s /etc/ssl/certs/ca-certificates.crt ] || needs+=(ca-certificates)
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq "${needs[@]}" > /dev/null
fi

cargo build --quiet --release --locked --target x86_64-unknown-linux-musl
if [ "${1:-}" = --ours ]; then
  exec python3 scripts/footprint/guard.py
fi
scripts/footprint/peers.sh
exec python3 scripts/footprint/compare.py "$@"
