#!/usr/bin/env bash
# The numbers beside CPU and memory inside a real kernel with cgroup version 2, a disk and swap, against
# its own files.
#
#     tests/kernel/others.sh BINARY [unittest options]
#
# Boots Debian's cloud kernel in QEMU, in software emulation, with PSI and without; takes about two
# minutes. Exits with 3, and says why, where it cannot run.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 BINARY [unittest options]" >&2; exit 2; }
binary=$(realpath "$1")
shift
cd "$(dirname "$0")"
cache=$(realpath -m ../../target/kernel)
mkdir -p "$cache"
. ./machine.sh

root=$cache/others
rm -rf "$root"
mkdir -p "$root/bin" "$root/guest"
cp "$cache/busybox" "$root/bin/busybox"
for program in load meter; do
  musl-gcc -static -O2 -Wall -Wextra -Werror -o "$root/bin/$program" $program.c
done
cp guest/others "$root/init"
cp guest/transfer.sh "$root/guest/"
cp "$binary" "$root/guest/agent"
(cd "$root" && find . | cpio --quiet --create --format=newc --owner=0:0) | gzip -1 > "$cache/others.gz"
for disk in data swap; do truncate -s 256M "$cache/$disk.disk"; done

PYTHONDONTWRITEBYTECODE=1 exec python3 others.py "$cache" "$@"
