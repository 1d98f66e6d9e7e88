#!/usr/bin/env bash
# The numbers beside CPU and memory inside a real kernel with cgroup version 2, a disk and swap, against
# its own files.
#
#     tests/kernel/others.sh BINARY [unittest options]
#
# Boots Debian's cloud kernel in QEMU, in software emulation, with PSI and without; takes about two
# minutes. Exits with 3, and says why, where it cannot run.
set -euo pipefail
arguments="BINARY [unittest options]"
. "$(dirname "$0")/machine.sh"
shift

begin_root others
compile load.c meter.c
cp guest/others "$root/init"
cp guest/transfer.sh "$root/guest/"
cp "$binary" "$root/guest/agent"
pack others.gz
for disk in data swap; do truncate -s 256M "$cache/$disk.disk"; done

PYTHONDONTWRITEBYTECODE=1 exec python3 others.py "$cache" "$@"
