#!/usr/bin/env bash
# The rows of the fault matrix that set the clock or suspend the machine, in one of their own: a
# kernel in QEMU, with the program that runs the matrix as all that is in it.
#
#     tests/kernel/clock.sh BINARY FAULT_MATRIX ROWS
#
# BINARY is the agent, FAULT_MATRIX the test program, both static; the rows are written to the file
# ROWS. Takes about a minute. Exits with 3, and says why, where it cannot run.
set -euo pipefail
[ $# = 3 ] || { echo "usage: $0 BINARY FAULT_MATRIX ROWS" >&2; exit 2; }
binary=$(realpath "$1")
matrix=$(realpath "$2")
rows=$(realpath -m "$3")
cd "$(dirname "$0")"
cache=$(realpath -m ../../target/kernel)
mkdir -p "$cache"
. ./machine.sh

root=$cache/clock
rm -rf "$root"
mkdir -p "$root/bin"
cp "$cache/busybox" "$root/bin/busybox"
cp "$binary" "$root/agent"
strip -o "$root/fault_matrix" "$matrix"
cp guest/clock "$root/init"
(cd "$root" && find . | cpio --quiet --create --format=newc --owner=0:0) | gzip -1 > "$cache/clock.gz"

PYTHONDONTWRITEBYTECODE=1 exec python3 clock.py "$cache/vmlinuz" "$cache/clock.gz" "$rows"
