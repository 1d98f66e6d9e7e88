#!/usr/bin/env bash
# The agent inside real kernels: with cgroup v1, v2 and both, against the kernel's own counters.
#
#     tests/kernel/run.sh BINARY [unittest options]
#
# Boots Debian's cloud kernel in QEMU, in software emulation; takes about three minutes. Installs on
# Debian what is not there. Exits with 3, and says why, where it cannot run.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 BINARY [unittest options]" >&2; exit 2; }
binary=$(realpath "$1")
shift
cd "$(dirname "$0")"
cache=$(realpath -m ../../target/kernel)
mkdir -p "$cache"

. ./machine.sh

root=$cache/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/guest"
cp "$cache/busybox" "$root/bin/busybox"
for program in load meter private; do
  musl-gcc -static -O2 -Wall -Wextra -Werror -o "$root/bin/$program" $program.c
done
cp guest/init "$root/init"
cp guest/cgroups.sh guest/container.sh "$cache/loop.ko" "$root/guest/"
cp "$binary" "$root/guest/agent"
(cd "$root" && find . | cpio --quiet --create --format=newc --owner=0:0) | gzip -1 > "$cache/initramfs.gz"

PYTHONDONTWRITEBYTECODE=1 exec python3 check.py "$cache/vmlinuz" "$cache/initramfs.gz" "$@"
