#!/usr/bin/env bash
# The agent inside real kernels: with cgroup v1, v2 and both, against the kernel's own counters.
#
#     tests/kernel/run.sh BINARY [unittest options]
#
# Boots Debian's cloud kernel in QEMU, in software emulation; takes about three minutes. Installs on
# Debian what is not there. Exits with 3, and says why, where it cannot run.
set -euo pipefail
arguments="BINARY [unittest options]"
. "$(dirname "$0")/machine.sh"
shift

begin_root root
compile load.c meter.c private.c
cp guest/init "$root/init"
cp guest/cgroups.sh guest/container.sh "$cache/loop.ko" "$root/guest/"
cp "$binary" "$root/guest/agent"
pack initramfs.gz

PYTHONDONTWRITEBYTECODE=1 exec python3 check.py "$cache/vmlinuz" "$cache/initramfs.gz" "$@"
