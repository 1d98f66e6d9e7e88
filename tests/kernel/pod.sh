#!/usr/bin/env bash
# `--scope pod` in pods as the kubelet makes them, with runc and AppArmor, inside a real kernel with
# cgroup version 2, against the kernel's own counters.
#
#     tests/kernel/pod.sh BINARY [unittest options]
#
# Boots Debian's cloud kernel in QEMU, in software emulation; takes about a minute. Exits with 3, and says
# why, where it cannot run.
set -euo pipefail
arguments="BINARY [unittest options]"
. "$(dirname "$0")/machine.sh"
shift

libraries=$cache/libraries
if [ ! -s "$cache/runc" ] || [ ! -s "$cache/apparmor_parser" ] || [ ! -d "$libraries" ]; then
  unpack runc apparmor libseccomp2 libc6
  keep runc '*bin/*' runc
  keep apparmor_parser '*bin/*' apparmor_parser
  rm -rf "$libraries"
  mkdir "$libraries"
  # The loader has the path that programs name it by; the others lie beside it.
  for library in ld-linux-x86-64.so.2 libc.so.6 libseccomp.so.2; do
    found=$(find "$unpacked/root" -name $library -path '*/lib*' -print -quit)
    [ -n "$found" ] || cannot "no package has $library"
    cp -L "$found" "$libraries/"
  done
  rm -rf "$unpacked"
fi

begin_root pod
compile meter.c ../docker/neighbour.c
ln "$root/bin/neighbour" "$root/bin/pause"
mkdir "$root/lib64"
ln -s lib64 "$root/lib"
cp "$libraries"/* "$root/lib64/"
cp "$cache/runc" "$cache/apparmor_parser" "$root/bin/"
cp "$binary" "$root/bin/agent"
cp guest/pod "$root/init"
export PYTHONDONTWRITEBYTECODE=1
python3 bundles.py "$root/guest"
pack pod.gz

exec python3 pod.py "$cache" "$@"
