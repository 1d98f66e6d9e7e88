#!/usr/bin/env bash
# Runs the agent for so many minutes, sampling every 100 ms and publishing every second over TLS, while
# the endpoint has one fault after another. Fails if it grows by more than 64 kB, if its descriptors
# or threads change, or if a window is lost.
#
#   scripts/soak.sh MINUTES      two at least: that is how long meeting every fault twice takes
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:?"usage: scripts/soak.sh MINUTES"}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
need python3 python3
need openssl openssl
need musl-gcc musl-tools
[ -s /etc/ssl/certs/ca-certificates.crt ] || needs+=(ca-certificates)
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq "${needs[@]}" > /dev/null
fi

cargo build --quiet --release --locked --target x86_64-unknown-linux-musl
exec python3 scripts/footprint/soak.py "$minutes"
