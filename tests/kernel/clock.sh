#!/usr/bin/env bash
# The rows of the fault matrix that set the clock or suspend the machine, in one of their own: a
# kernel in QEMU, with the program that runs the matrix as all that is in it.
#
#     tests/kernel/clock.sh BINARY FAULT_MATRIX ROWS
#
# BINARY is the agent, FAULT_MATRIX the test program, both static; the rows are written to the file
# ROWS. Takes about a minute. Exits with 3, and says why, where it cannot run.
set -euo pipefail
arguments="BINARY FAULT_MATRIX ROWS"
. "$(dirname "$0")/machine.sh"
matrix=$(cd "$OLDPWD" && realpath "$2")
rows=$(cd "$OLDPWD" && realpath -m "$3")

begin_root clock
cp "$binary" "$root/agent"
strip -o "$root/fault_matrix" "$matrix"
cp guest/clock "$root/init"
pack clock.gz

PYTHONDONTWRITEBYTECODE=1 exec python3 clock.py "$cache/vmlinuz" "$cache/clock.gz" "$rows"
