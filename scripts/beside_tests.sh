#!/usr/bin/env bash
# What needs the processors and no quiet: the static builds, the compilation for macOS, the licences of all
# dependencies, and the packages of Python and Node.js for later tests. `scripts/test.sh` runs it beside the
# tests, which wait most of their time.
#
#     scripts/beside_tests.sh TARGET
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '==> %s (after %d s)\n' "$*" "$SECONDS"; }

step "static builds"
scripts/static.sh "$1"

step "macOS, as far as that goes without a Mac"
scripts/check_macos.sh

step "licences, bans and sources of all dependencies"
deny=$(command -v cargo-deny || echo target/tools/bin/cargo-deny)
if ! [ -x "$deny" ]; then
  # Without optimisation, because it is built anew on a fresh machine and runs for a second.
  cargo install cargo-deny --version 0.20.2 --locked --debug --quiet --root target/tools
fi
"$deny" --locked check --hide-inclusion-graph bans licenses sources

# Where these cannot be had, the tests that need them say so.
step "packages for the tests of the API, of OTLP and of the examples"
tests/api/venv.sh || true
tests/otlp/venv.sh > /dev/null || true
tests/examples/packages.sh || true
