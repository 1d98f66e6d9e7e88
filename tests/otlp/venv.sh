#!/usr/bin/env bash
# Makes target/otlp-venv, where it is not complete, and prints the path of its Python. Exits with 3, and
# says why, where it cannot.
set -euo pipefail
cd "$(dirname "$0")/../.."
cannot() { echo "otlp: $*" >&2; exit 3; }
venv=target/otlp-venv
if ! [ -e $venv/complete ] || ! cmp -s tests/otlp/requirements.txt $venv/complete; then
  python3 -m venv --clear $venv || cannot "Python has no venv"
  $venv/bin/python -m pip --quiet --disable-pip-version-check install -r tests/otlp/requirements.txt >&2 ||
    cannot "the packages of tests/otlp/requirements.txt cannot be had here"
  cp tests/otlp/requirements.txt $venv/complete
fi
echo "$PWD/$venv/bin/python"
