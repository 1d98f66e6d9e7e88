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
cargo test --locked "${arguments[@]}"
