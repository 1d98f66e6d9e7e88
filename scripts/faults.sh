#!/usr/bin/env bash
# The fault matrix: the released binary with every fault, and SIGTERM at every moment.
#
#     scripts/faults.sh [--docs] [FILTER...]
#     scripts/faults.sh --clock       the rows of the clock alone, in an emulated machine
#     scripts/faults.sh --here [FILTER...]
#                                     the others alone, also in the table
#     scripts/faults.sh --build       only builds what both need
#
# Builds what it needs, prints the table, and writes it to target/faults.md; --docs puts it into
# docs/reliability.md as well. A filter is a part of a cell's name, such as `TLS` or `mid-window`;
# the rows of the clock run without one only. Takes about five minutes, and two more to build.
# Exits with 3, and says why, where a part of it cannot run.
set -euo pipefail
cd "$(dirname "$0")/.."
target=x86_64-unknown-linux-musl
docs= only=
case ${1:-} in
  --docs) docs=docs/reliability.md; shift ;;
  --clock | --here | --build) only=$1; shift ;;
esac

# The program that runs the matrix, built for the machine named by the arguments.
matrix() { # matrix CARGO_OPTIONS...
  local said
  said=$(cargo test --no-run --locked --test fault_matrix "$@" 2>&1) || { echo "$said" >&2; exit 1; }
  sed -n 's/^ *Executable .*(\(.*\))$/\1/p' <<< "$said"
}

case $only in
  --clock | --build) [ $# = 0 ] || { echo "$0: $only takes no filter: $*" >&2; exit 2; } ;;
esac
for filter in "$@"; do
  [[ $filter != --* ]] || { echo "$0: $filter: expected one option, in front of all filters" >&2; exit 2; }
done

cargo build --quiet --release --locked --target $target
binary=$PWD/target/$target/release/cloudwatch_metrics_agent
options=(--markdown target/faults.md)
skipped=0
if [ "$only" = --build ]; then
  matrix > /dev/null
  matrix --target $target > /dev/null
  exit 0
fi
if [ $# = 0 ] && [ "$only" != --here ]; then
  # First and alone: an emulator beside it would bend the times of the other cells.
  rows=target/faults-clock.rows
  rm -f $rows
  code=0
  guest=$(matrix --target $target)
  tests/kernel/clock.sh "$binary" "$guest" $rows || code=$?
  case $code in
    0) options+=(--rows $rows) ;;
    3) skipped=3 ;;
    *) exit 1 ;;
  esac
fi
[ "$only" != --clock ] || exit $skipped
here=$(matrix)
code=0
FAULT_MATRIX_BINARY=$binary "$here" "${options[@]}" "$@" || code=$?
if [ -n "$docs" ]; then
  sed -i -e '/^<!-- measured -->$/,/^<!-- end -->$/{//!d}' -e '/^<!-- measured -->$/r target/faults.md' $docs
fi
[ $code != 0 ] || code=$skipped
exit $code
