#!/usr/bin/env bash
# What needs the processors and no quiet: the static builds, the fault matrix for an emulated machine, the compilation for
# macOS, the licences of all dependencies, and the packages of Python and Node.js for later tests. `scripts/test.sh` runs it beside the
# tests, which wait most of their time, and it gives way to them; and what needs ten minutes and little of the machine:
# the agent among faults.
#
#     scripts/beside_tests.sh TARGET
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '==> %s (after %d s)\n' "$*" "$SECONDS"; }

step "static builds"
nice -n 19 scripts/static.sh "$1"

# A copy, since a build puts the sidecar there for a moment.
install -D "target/$1/release/cloudwatch_metrics_agent" target/soak/cloudwatch_metrics_agent
# In place of its shell, which is what the trap ends.
soak() { BINARY=$PWD/target/soak/cloudwatch_metrics_agent exec scripts/soak.sh 10 "$@"; }
soak > target/soak.log 2>&1 &
soak=$!
soak --everything > target/soak_everything.log 2>&1 &
soak_everything=$!
trap 'kill $soak $soak_everything 2> /dev/null || true' EXIT

step "the fault matrix for an emulated machine"
nice -n 19 scripts/faults.sh --build

step "macOS, as far as that goes without a Mac"
nice -n 19 scripts/check_macos.sh

step "licences, bans and sources of all dependencies"
deny=$(command -v cargo-deny || echo target/tools/bin/cargo-deny)
if ! [ -x "$deny" ]; then
  # Without optimisation, because it is built anew on a fresh machine and runs for a second.
  nice -n 19 cargo install cargo-deny --version 0.20.2 --locked --debug --quiet --root target/tools
fi
"$deny" --locked check --hide-inclusion-graph bans licenses sources

# All of them, since parts that run side by side later use the same ones. Where these cannot be had, the tests that need
# them say so.
step "packages for the tests of the API, of OTLP, of the examples and from end to end"
tests/api/venv.sh || true
tests/otlp/venv.sh > /dev/null || true
tests/examples/packages.sh || true
tests/e2e/venv.sh || true

step "ten minutes among faults"
wait $soak || { cat target/soak.log; exit 1; }
cat target/soak.log

step "ten minutes with everything on"
wait $soak_everything || { cat target/soak_everything.log; exit 1; }
cat target/soak_everything.log
