#!/usr/bin/env bash
# Makes target/ansible-venv, with what checks and runs the role of examples/ansible. Exits with 3, and says why, where
# it cannot.
set -euo pipefail
cd "$(dirname "$0")/../.."
cannot() { echo "ansible: $*" >&2; exit 3; }

python=
for name in python3.13 python3.12 python3.11 python3; do
  command -v $name > /dev/null || continue
  $name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || continue
  python=$name
  break
done
[ -n "$python" ] || cannot "there is no Python of at least 3.11"
venv=target/ansible-venv
# A folder that was moved here from elsewhere does not work.
$venv/bin/python -c '' 2> /dev/null || { rm -rf $venv && "$python" -m venv $venv; } || cannot "Python has no venv"
$venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/examples/ansible.txt
