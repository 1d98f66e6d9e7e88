#!/usr/bin/env bash
# Runs the agent for so many minutes, sampling every 100 ms and publishing every second over TLS, while
# the endpoint has one fault after another. Fails if it grows, if its descriptors or threads change, or if a
# window is lost.
#
#   scripts/soak.sh MINUTES                   three and a half at least: every fault is met three times. It may
#                                             grow by 64 kB
#   scripts/soak.sh MINUTES --everything      with fifty checks, a store on disk, the API and alarms as well. From
#                                             its first half to the second one it may grow by 256 kB, and by what
#                                             the store holds of the hour by design
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { echo "usage: scripts/soak.sh MINUTES [--everything]" >&2; exit 2; }
scripts/footprint/build.sh
exec python3 -B scripts/footprint/soak.py "$@"
