#!/usr/bin/env bash
# /metrics by Prometheus' own rules, and scraped by a real one: each series is there with its value.
#
#   tests/api/prometheus.sh BASE_URL TOKEN
#
# Unpacks Debian's Prometheus below target/, once. Exits with 3 where this machine cannot run it.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 BASE_URL TOKEN" >&2; exit 1; }
cd "$(dirname "$0")/../.."
scripts/history/prometheus.sh || { echo "api: Debian's Prometheus cannot be had here" >&2; exit 3; }
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/api/scraped.py target/prometheus/usr/bin "$@"
