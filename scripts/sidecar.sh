#!/usr/bin/env bash
# The build without the host agent (--no-default-features): what it has not, it says, and what it has is
# tried by the tests of the whole agent.
#
#     scripts/sidecar.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/.."
AGENT_BINARY=$(realpath "$1")
export AGENT_BINARY
tests=(sidecar publishing task right_size)
arguments=()
for test in "${tests[@]}"; do arguments+=(--test "$test"); done
# This one asks the API, which it has not.
cargo test --locked "${arguments[@]}" -- --skip what_was_not_asked_for_is_not_listed_as_unavailable
