#!/usr/bin/env bash
# Runs the agent for so many minutes, sampling every 100 ms and publishing every second over TLS, while
# the endpoint has one fault after another. Fails if it grows by more than 64 kB, if its descriptors
# or threads change, or if a window is lost.
#
#   scripts/soak.sh MINUTES      three and a half at least: every fault is met three times
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:?"usage: scripts/soak.sh MINUTES"}
scripts/footprint/build.sh
exec python3 -B scripts/footprint/soak.py "$minutes"
