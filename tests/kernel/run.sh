#!/usr/bin/env bash
# The agent inside real kernels: with cgroup v1, v2 and both, against the kernel's own counters.
#
#     tests/kernel/run.sh BINARY [unittest options]
#
# Boots Debian's cloud kernel in QEMU, in software emulation; takes about three minutes. Installs
# on Debian what is not there. Exits with 3, and says why, where it cannot run.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 BINARY [unittest options]" >&2; exit 1; }
binary=$(realpath "$1")
shift
cd "$(dirname "$0")"
cache=$(realpath -m ../../target/kernel)

cannot() { echo "kernel test: $*" >&2; exit 3; }

[ "$(uname -sm)" = "Linux x86_64" ] || cannot "it needs Linux on x86_64, and this is $(uname -sm)"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
updated=
update() {
  [ -z "$updated" ] || return 0
  updated=yes
  command -v apt-get > /dev/null || cannot "there is no apt-get to install packages with"
  as_root apt-get update -qq || cannot "apt-get update failed"
}

needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
need qemu-system-x86_64 qemu-system-x86
need cpio cpio
need musl-gcc musl-tools
need python3 python3
need xz xz-utils
# A dynamic busybox would not start in the guest.
busybox=/bin/busybox
! ldd $busybox > /dev/null 2>&1 && [ -x $busybox ] || needs+=(busybox-static)
if [ ${#needs[@]} -gt 0 ]; then
  update
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends \
    "${needs[@]}" > /dev/null || cannot "these packages cannot be installed: ${needs[*]}"
fi

# The kernel is only unpacked. loop.ko is its one module that the guest needs.
mkdir -p "$cache"
if [ ! -s "$cache/vmlinuz" ] || [ ! -s "$cache/loop.ko" ]; then
  update
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9]\)/\1/p' | head -n 1)
  [ -n "$package" ] || cannot "there is no package linux-image-cloud-amd64"
  unpacked=$(mktemp -d "$cache/XXXXXX")
  trap 'rm -rf "$unpacked"' EXIT
  (cd "$unpacked" && apt-get download -qq "$package" 2> /dev/null) || cannot "$package cannot be downloaded"
  dpkg-deb -x "$unpacked"/*.deb "$unpacked/root"
  module=$(find "$unpacked/root" -name 'loop.ko*')
  case $module in
    *.xz) xz -dc "$module" > "$cache/loop.ko" ;;
    *) cp "$module" "$cache/loop.ko" ;;
  esac
  cp "$unpacked"/root/boot/vmlinuz-* "$cache/vmlinuz"
fi

root=$cache/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/guest"
cp $busybox "$root/bin/busybox"
for program in load meter private; do
  musl-gcc -static -O2 -Wall -Wextra -Werror -o "$root/bin/$program" $program.c
done
cp guest/init "$root/init"
cp guest/cgroups.sh guest/container.sh "$cache/loop.ko" "$root/guest/"
cp "$binary" "$root/guest/agent"
(cd "$root" && find . | cpio --quiet --create --format=newc --owner=0:0) | gzip -1 > "$cache/initramfs.gz"

PYTHONDONTWRITEBYTECODE=1 exec python3 check.py "$cache/vmlinuz" "$cache/initramfs.gz" "$@"
