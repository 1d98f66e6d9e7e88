#!/usr/bin/env bash
# The agent's history beside RRDtool, Graphite's whisper and Prometheus: the same points, the same
# plots, side by side in one run. A benchmark: it prints a table, writes target/history/history.json,
# and fails only if it cannot measure.
#
#   scripts/history.sh [--runs N] [--only NAMES] [--ours COMMAND]
#       NAMES are some of ours,rrdtool,whisper,prometheus. COMMAND is what measures the agent's own
#       store, `cargo bench --quiet --bench history` if not given. Three runs take about 15 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
needs=()
command -v rrdtool > /dev/null || needs+=(rrdtool)
python3 -c 'import ensurepip' 2> /dev/null || needs+=(python3-venv)
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${needs[@]}" > /dev/null
fi
scripts/history/prometheus.sh
venv=target/history-venv
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/python -m pip install --quiet --disable-pip-version-check -r scripts/history/requirements.txt
exec $venv/bin/python -B scripts/history/compare.py "$@"
