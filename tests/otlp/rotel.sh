#!/usr/bin/env bash
# Makes target/rotel-venv with the collector rotel, where it is not complete, and prints the path of the
# program. Exits with 3, and says why, where it cannot.
set -euo pipefail
cd "$(dirname "$0")/../.."
cannot() { echo "otlp: no rotel: $*" >&2; exit 3; }
version=0.0.1a15
venv=target/rotel-venv
if ! [ "$(cat $venv/complete 2> /dev/null)" = $version ]; then
  python3 -m venv --clear $venv || cannot "Python has no venv"
  said=$($venv/bin/python -m pip --quiet --disable-pip-version-check install rotel==$version 2>&1) ||
    cannot "rotel $version cannot be installed: $said"
  program=$(echo $venv/lib/python3*/site-packages/rotel/rotel-agent)
  said=$("$program" --version 2>&1) || cannot "it does not run on this machine: $said"
  echo $version > $venv/complete
fi
echo "$PWD"/$venv/lib/python3*/site-packages/rotel/rotel-agent
