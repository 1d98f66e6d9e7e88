# shellcheck shell=bash
#
# Sourced by what boots a machine, whose first argument is the agent and whose $arguments name all that it
# takes. Goes to this folder, and leaves behind:
#
#     $binary   the agent
#     $cache    the folder of what is made, with a kernel (vmlinuz), its one module that is needed (loop.ko)
#               and a static busybox
#     $OLDPWD   where the script was called, for other paths that it was given
#
# Installs the packages that it takes. `cannot TEXT` ends the script with 3.

read -ra required <<< "${arguments%%[*}"
more=${arguments#"${arguments%%[*}"}
if [ $# -lt ${#required[@]} ] || { [ -z "$more" ] && [ $# -gt ${#required[@]} ]; }; then
  echo "usage: $0 $arguments" >&2
  exit 2
fi
binary=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"
cache=$(realpath -m ../../target/kernel)
mkdir -p "$cache"

cannot() { echo "kernel test: $*" >&2; exit 3; }

[ "$(uname -sm)" = "Linux x86_64" ] || cannot "it needs Linux on x86_64, and this is $(uname -sm)"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
updated=
update() {
  [ -z "$updated" ] || return 0
  command -v apt-get > /dev/null || cannot "there is no apt-get to get packages with"
  as_root apt-get update -qq || cannot "apt-get update failed"
  updated=yes
}

needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
need qemu-system-x86_64 qemu-system-x86
need cpio cpio
need musl-gcc musl-tools
need python3 python3
need xz xz-utils
if [ ${#needs[@]} -gt 0 ]; then
  update
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends \
    "${needs[@]}" > /dev/null || cannot "these packages cannot be installed: ${needs[*]}"
fi

# unpack PACKAGE...: into $unpacked, which is a new folder.
unpack() {
  update
  unpacked=$(mktemp -d "$cache/XXXXXX")
  trap 'rm -rf "$unpacked"' EXIT
  local package
  for package in "$@"; do
    (cd "$unpacked" && apt-get download -qq "$package" 2> /dev/null) ||
      cannot "$package cannot be downloaded"
    dpkg-deb -x "$unpacked/$package"_*.deb "$unpacked/root"
  done
}
# keep NAME PATH AS: moves an unpacked file to $cache.
keep() { mv "$(find "$unpacked/root" -type f -name "$1" -path "$2" -print -quit)" "$cache/$3"; }

# What runs in the guest is unpacked and not installed: a kernel, its one module that is needed,
# and a static busybox.
if [ ! -s "$cache/vmlinuz" ] || [ ! -s "$cache/loop.ko" ] || [ ! -s "$cache/busybox" ]; then
  update
  kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9]\)/\1/p')
  [ -n "$kernel" ] || cannot "there is no package linux-image-cloud-amd64"
  unpack "$kernel" busybox-static
  xz -dfq "$unpacked"/root/{,usr/}lib/modules/*/kernel/drivers/block/loop.ko.xz 2> /dev/null || true
  keep loop.ko '*' loop.ko
  keep busybox '*/bin/*' busybox
  keep 'vmlinuz-*' '*/boot/*' vmlinuz
  rm -rf "$unpacked"
fi

# begin_root NAME: makes the folder $root anew, for what the guest has, with busybox.
begin_root() {
  root=$cache/$1
  rm -rf "$root"
  mkdir -p "$root/bin" "$root/guest"
  cp "$cache/busybox" "$root/bin/busybox"
}
# compile FILE...: programs of C, into its bin.
compile() {
  local program
  for program in "$@"; do
    musl-gcc -static -O2 -Wall -Wextra -Werror -o "$root/bin/$(basename "$program" .c)" "$program"
  done
}
# pack NAME: makes the RAM disk $cache/NAME of it.
pack() {
  (cd "$root" && find . | cpio --quiet --create --format=newc --owner=0:0) | gzip -1 > "$cache/$1"
}
